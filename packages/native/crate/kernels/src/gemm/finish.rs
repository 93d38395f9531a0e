//! Finishes the 32 x 32 (or smaller) result of a microkernel: adds earlier blocks of depth and the bias, applies the
//! activation, rounds to the storage of the target.

use crate::activation::{Activation, apply};
use crate::bf16::{Bf16, Element};
use crate::simd::simd;

/// Bias and activation, applied before a product is stored.
#[derive(Clone, Copy)]
pub struct Epilogue<'a> {
    /// Added to each row. [N]
    pub bias: Option<&'a [f32]>,
    pub activation: Activation,
}

impl Epilogue<'_> {
    pub const NONE: Epilogue<'static> = Epilogue { bias: None, activation: Activation::None };
}

/// The target of the result, row-major [left lanes, right lanes].
#[derive(Clone, Copy)]
pub enum Target {
    F32(*mut f32),
    Bf16(*mut Bf16),
}

/// Numbers in the result of the largest microkernel: 32 x 32.
pub const RESULT: usize = 1024;

/// The part of the target that a microkernel's result goes to.
pub struct Tile<'a> {
    pub rows: usize,
    pub columns: usize,
    /// Columns of the microkernel's result, at least `columns`.
    pub width: usize,
    /// Stride of rows in `partial` and `target`.
    pub stride: usize,
    /// The sum of earlier blocks of depth; unused if this is the first.
    pub partial: *const f32,
    pub target: Target,
    pub first: bool,
    /// [columns]
    pub bias: Option<&'a [f32]>,
    pub activation: Activation,
}

impl Tile<'_> {
    /// The target itself, if a whole result of `rows` rows can be written there unchanged, or added to what is there if `adds`.
    #[inline(always)]
    pub fn direct(&self, rows: usize, adds: bool) -> Option<*mut f32> {
        let whole = self.rows == rows && self.columns == self.width && (self.first || adds);
        match self.target {
            Target::F32(out) if whole && self.bias.is_none() && self.activation == Activation::None => Some(out),
            _ => None,
        }
    }

    /// Whether rows are whole, and all there is to do is to round it to bf16.
    #[inline(always)]
    pub fn plain(&self) -> bool {
        let whole = (self.columns, self.width) == (32, 32);
        let rounds = matches!(self.target, Target::Bf16(_));
        whole && rounds && self.first && self.bias.is_none() && self.activation == Activation::None
    }

    /// Prefetches the target's memory while the product is computed.
    #[inline(always)]
    pub fn prefetch(&self) {
        #[cfg(target_arch = "x86_64")]
        for row in 0..self.rows {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let start: *const i8 = match self.target {
                Target::F32(start) => start.wrapping_add(row * self.stride).cast(),
                Target::Bf16(start) => start.wrapping_add(row * self.stride).cast(),
            };
            // SAFETY: a prefetch never faults.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(start);
                _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(64));
            }
        }
    }
}

/// `Kernel::finish` for any instruction set.
///
/// # Safety
/// As there.
pub unsafe fn finish(tile: &Tile, result: &[f32; RESULT]) {
    match tile.target {
        Target::F32(out) => finish_lines(tile, result, out),
        Target::Bf16(out) => finish_lines(tile, result, out),
    }
}

simd! {
    fn finish_lines[S, T: Element](tile: &Tile, result: &[f32; RESULT], out: *mut T) {
        let mut line = [0.0f32; 32];
        let line = &mut line[..tile.columns];
        for row in 0..tile.rows {
            line.copy_from_slice(&result[row * tile.width..][..tile.columns]);
            // SAFETY: the caller owns this part of the product.
            unsafe {
                if !tile.first {
                    let earlier = tile.partial.add(row * tile.stride);
                    for (column, x) in line.iter_mut().enumerate() {
                        *x += *earlier.add(column);
                    }
                }
                for (x, b) in line.iter_mut().zip(tile.bias.unwrap_or(&[])) {
                    *x += b;
                }
                apply::<S>(tile.activation, line);
                let out = out.add(row * tile.stride);
                for (column, &x) in line.iter().enumerate() {
                    *out.add(column) = T::put(x);
                }
            }
        }
    }
}

/// `Kernel::finish` for results of 32 columns, with AVX-512 masks at the right edge.
///
/// # Safety
/// As there; AVX-512 is present.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma,avx2")]
pub unsafe fn finish_512(tile: &Tile, result: &[f32; RESULT]) {
    use std::arch::x86_64::*;
    debug_assert_eq!(tile.width, 32);
    let mask = if tile.columns == 32 { u32::MAX } else { (1u32 << tile.columns) - 1 };
    let masks = [mask as __mmask16, (mask >> 16) as __mmask16];
    let mut bias = [_mm512_setzero_ps(); 2];
    if let Some(start) = tile.bias {
        for half in 0..2 {
            bias[half] = unsafe { _mm512_maskz_loadu_ps(masks[half], start.as_ptr().wrapping_add(half * 16)) };
        }
    }
    for row in 0..tile.rows {
        let mut halves = [_mm512_setzero_ps(); 2];
        for half in 0..2 {
            let mut x = unsafe { _mm512_loadu_ps(result.as_ptr().add(row * 32 + half * 16)) };
            if !tile.first {
                let earlier = tile.partial.wrapping_add(row * tile.stride + half * 16);
                x = _mm512_add_ps(x, unsafe { _mm512_maskz_loadu_ps(masks[half], earlier) });
            }
            halves[half] = _mm512_add_ps(x, bias[half]);
        }
        if tile.activation != Activation::None {
            // SAFETY: the same 32 numbers either way.
            let line: &mut [f32; 32] = unsafe { &mut *(&raw mut halves).cast() };
            apply::<crate::simd::Fused>(tile.activation, line);
        }
        for half in 0..2 {
            let at = row * tile.stride + half * 16;
            match tile.target {
                Target::F32(out) => unsafe { _mm512_mask_storeu_ps(out.wrapping_add(at), masks[half], halves[half]) },
                Target::Bf16(out) => {
                    let bits = round_to_bf16(halves[half]);
                    unsafe { _mm256_mask_storeu_epi16(out.wrapping_add(at).cast(), masks[half], bits) };
                }
            }
        }
    }
}

/// `Kernel::finish` for whole rows of 32 that are only rounded to bf16, with the instruction for that, which takes
/// subnormal numbers for zeros as products do.
///
/// # Safety
/// As there; AVX-512 BF16 is present and `plain` has said so.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub unsafe fn finish_plain(tile: &Tile, result: &[f32; RESULT]) {
    use std::arch::x86_64::*;
    let Target::Bf16(out) = tile.target else { unreachable!("a result of bf16") };
    for row in 0..tile.rows {
        unsafe {
            let low = _mm512_loadu_ps(result.as_ptr().add(row * 32));
            let high = _mm512_loadu_ps(result.as_ptr().add(row * 32 + 16));
            let rounded: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(high, low));
            _mm512_storeu_si512(out.wrapping_add(row * tile.stride).cast(), rounded);
        }
    }
}

/// Sixteen numbers rounded to nearest even; NaN stays NaN.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
fn round_to_bf16(x: std::arch::x86_64::__m512) -> std::arch::x86_64::__m256i {
    use std::arch::x86_64::*;
    let bits = _mm512_castps_si512(x);
    let upper = _mm512_srli_epi32::<16>(bits);
    let odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
    let rounded = _mm512_srli_epi32::<16>(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))));
    let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
    _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, nan, upper, _mm512_set1_epi32(0x40)))
}
