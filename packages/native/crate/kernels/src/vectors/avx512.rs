//! `Vectors` for AVX-512 (F, BW, DQ, VL): sixteen lanes, mask registers.

use super::{Vectors, exp2_fraction};
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub struct Avx512;

impl Vectors for Avx512 {
    type Vector = __m512;
    type Mask = __mmask16;
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: __m512) {
        unsafe { _mm512_storeu_ps(to, value) }
    }
    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn exp2(x: __m512) -> __m512 {
        // `reduce` gives 0 at infinities and `scalef` then 0 or infinity: no clamping is needed.
        unsafe { _mm512_scalef_ps(exp2_fraction::<Self>(_mm512_reduce_ps::<0b0001>(x)), x) }
    }
    #[inline(always)]
    unsafe fn sum(value: __m512) -> f32 {
        unsafe { _mm512_reduce_add_ps(value) }
    }
    #[inline(always)]
    unsafe fn less(a: __m512, b: __m512) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
    }
    #[inline(always)]
    unsafe fn and(a: __mmask16, b: __mmask16) -> __mmask16 {
        a & b
    }
    #[inline(always)]
    unsafe fn mask_of_bits(bits: u64) -> __mmask16 {
        bits as __mmask16
    }
    #[inline(always)]
    unsafe fn select(mask: __mmask16, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mask_blend_ps(mask, b, a) }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        unsafe {
            let mut r = [_mm512_setzero_ps(); 16];
            for (i, row) in r.iter_mut().enumerate() {
                *row = _mm512_loadu_ps(from.add(i * from_stride));
            }
            // Pairs of rows, then pairs of pairs: each group of four rows holds transposed 4 x 4 blocks.
            let mut s = r;
            for i in (0..16).step_by(4) {
                let a = _mm512_castps_pd(_mm512_unpacklo_ps(r[i], r[i + 1]));
                let b = _mm512_castps_pd(_mm512_unpackhi_ps(r[i], r[i + 1]));
                let c = _mm512_castps_pd(_mm512_unpacklo_ps(r[i + 2], r[i + 3]));
                let d = _mm512_castps_pd(_mm512_unpackhi_ps(r[i + 2], r[i + 3]));
                s[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
                s[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
                s[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
                s[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
            }
            // Then the 4 x 4 matrix of 128-bit blocks.
            for i in 0..4 {
                let a = _mm512_shuffle_f32x4::<0x88>(s[i], s[4 + i]);
                let b = _mm512_shuffle_f32x4::<0xdd>(s[i], s[4 + i]);
                let c = _mm512_shuffle_f32x4::<0x88>(s[8 + i], s[12 + i]);
                let d = _mm512_shuffle_f32x4::<0xdd>(s[8 + i], s[12 + i]);
                r[i] = _mm512_shuffle_f32x4::<0x88>(a, c);
                r[4 + i] = _mm512_shuffle_f32x4::<0x88>(b, d);
                r[8 + i] = _mm512_shuffle_f32x4::<0xdd>(a, c);
                r[12 + i] = _mm512_shuffle_f32x4::<0xdd>(b, d);
            }
            for (i, row) in r.into_iter().enumerate() {
                _mm512_storeu_ps(to.add(i * to_stride), row);
            }
        }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> __m512 {
        unsafe {
            let half = _mm256_loadu_si256(from.cast());
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(half)))
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, value: __m512) {
        unsafe {
            let bits = _mm512_castps_si512(value);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
            // Rounding could carry a NaN into infinity: a NaN keeps its upper half, made quiet.
            let quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x0040_0000));
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value, value);
            let chosen = _mm512_mask_blend_epi32(nan, rounded, quiet);
            _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(chosen)));
        }
    }
}
