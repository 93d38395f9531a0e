//! Matrix products on AVX-512: 14 x 32 results in 28 registers; f32, or pairs of bf16 with f32 sums (AVX-512 BF16).
//! A panel stores, for each word of depth (one f32 or one pair of bf16), the words of its lanes.

use std::arch::x86_64::*;

use super::driver::{Kernel, Side};
use super::finish::{RESULT, Tile, finish_512, finish_plain};
use super::operand::Operand;
use super::words::{Exponents, Rows, read_f32, read_pairs, transpose};

const LEFT: usize = 14;
const RIGHT: usize = 32;

/// The number of words in a depth.
fn words_of<const BF16: bool>(depth: usize) -> usize {
    if BF16 { depth.div_ceil(2) } else { depth }
}

/// Writes 16 words of depth of up to 16 lanes; `words` is the number of depth words that the panel still has room for.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store_words(rows: &Rows, words: usize, stride: usize, room: usize, out: *mut i32) {
    let mask = (((1u32 << room.min(16)) - 1) & 0xffff) as __mmask16;
    for (word, &value) in rows.iter().enumerate().take(words) {
        unsafe { _mm512_mask_storeu_epi32(out.add(word * stride), mask, value) };
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
unsafe fn pack_f32(
    operand: &Operand,
    stride: usize,
    (lane, lanes): (usize, usize),
    (from, depth): (usize, usize),
    panel: *mut u8,
) {
    for first in (0..stride).step_by(16) {
        let count = lanes.saturating_sub(first).min(16);
        for at in (0..depth).step_by(16) {
            let width = (depth - at).min(16);
            let mut rows = [_mm512_setzero_si512(); 16];
            if count > 0 && unsafe { read_f32(operand, (lane + first, count), (from + at, width), &mut rows) } {
                transpose(&mut rows);
            }
            unsafe { store_words(&rows, width, stride, stride - first, (panel as *mut i32).add(at * stride + first)) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
unsafe fn pack_bf16(
    operand: &Operand,
    stride: usize,
    (lane, lanes): (usize, usize),
    (from, depth): (usize, usize),
    panel: *mut u8,
) {
    for first in (0..stride).step_by(16) {
        let count = lanes.saturating_sub(first).min(16);
        for at in (0..depth).step_by(32) {
            let width = (depth - at).min(32);
            let mut rows = [_mm512_setzero_si512(); 16];
            let place = if count > 0 { (lane + first, count) } else { (lane, 0) };
            let start = rows.as_mut_ptr();
            if unsafe { read_pairs::<1>(operand, place, (from + at, width), start, &mut Exponents::none()) } {
                transpose(&mut rows);
            }
            let out = unsafe { (panel as *mut i32).add(at / 2 * stride + first) };
            unsafe { store_words(&rows, width.div_ceil(2), stride, stride - first, out) };
        }
    }
}

macro_rules! microkernel {
    ($name:ident, $features:literal, |$sum:ident, $left:ident, $right:ident| $step:expr) => {
        /// `result` (14 x 32, row-major) = left panel x right panel, `words` deep.
        #[target_feature(enable = $features)]
        unsafe fn $name(words: usize, left: *const u8, right: *const u8, result: *mut f32) {
            let mut sums = [[_mm512_setzero_ps(); 2]; LEFT];
            let (mut left, mut right) = (left as *const f32, right as *const f32);
            for _ in 0..words {
                let columns = unsafe { [_mm512_load_ps(right), _mm512_load_ps(right.add(16))] };
                for (row, sums) in sums.iter_mut().enumerate() {
                    let $left = _mm512_set1_ps(unsafe { *left.add(row) });
                    for ($sum, $right) in sums.iter_mut().zip(columns) {
                        *$sum = $step;
                    }
                }
                left = unsafe { left.add(LEFT) };
                right = unsafe { right.add(RIGHT) };
            }
            for (row, sums) in sums.iter().enumerate() {
                for (half, &sum) in sums.iter().enumerate() {
                    unsafe { _mm512_storeu_ps(result.add(row * RIGHT + half * 16), sum) };
                }
            }
        }
    };
}

microkernel!(multiply_f32, "avx512f", |sum, left, right| _mm512_fmadd_ps(left, right, *sum));
// SAFETY of the casts: 512 bits of plain numbers either way.
microkernel!(multiply_bf16, "avx512f,avx512bf16", |sum, left, right| unsafe {
    _mm512_dpbf16_ps(
        *sum,
        std::mem::transmute::<__m512, __m512bh>(left),
        std::mem::transmute::<__m512, __m512bh>(right),
    )
});

/// f32 x f32, or bf16 x bf16.
pub struct Avx512<const BF16: bool>;
pub type Avx512F32 = Avx512<false>;
pub type Avx512Bf16 = Avx512<true>;

impl<const BF16: bool> Kernel for Avx512<BF16> {
    const LEFT: usize = LEFT;
    const RIGHT: usize = RIGHT;
    const STEP: usize = if BF16 { 2 } else { 1 };
    const DEPTH: usize = if BF16 { 768 } else { 384 };
    type Session = ();

    fn session() {}

    fn panel_bytes(side: Side, depth: usize) -> usize {
        Self::lanes(side) * words_of::<BF16>(depth) * 4
    }

    unsafe fn pack(
        operand: &Operand,
        side: Side,
        lanes: (usize, usize),
        depth: (usize, usize),
        panel: *mut u8,
    ) -> bool {
        let pack = if BF16 { pack_bf16 } else { pack_f32 };
        unsafe { pack(operand, Self::lanes(side), lanes, depth, panel) };
        true
    }

    unsafe fn multiply(
        depth: usize,
        (left, _): (*const u8, usize),
        right: *const u8,
        _: *const u8,
        result: *mut f32,
        _: usize,
    ) {
        let multiply = if BF16 { multiply_bf16 } else { multiply_f32 };
        unsafe { multiply(words_of::<BF16>(depth), left, right, result) }
    }

    unsafe fn finish(tile: &Tile, result: &[f32; RESULT]) {
        if BF16 && tile.plain() { unsafe { finish_plain(tile, result) } } else { unsafe { finish_512(tile, result) } }
    }
}
