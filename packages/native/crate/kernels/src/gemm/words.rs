//! Reads an operand as 16 x 16 words of 32 bits, which are f32 numbers or pairs of bf16 adjacent in depth: the first step
//! of packing for AVX-512 and AMX.

use std::arch::x86_64::*;

use super::operand::Operand;
use crate::view::Source;

/// Prefetch distance, in blocks of 32 in depth. The processor does not predict these jumps.
const AHEAD: usize = 2;

pub type Rows = [__m512i; 16];

/// Sixteen rows for each of PARTS bf16 parts, a part every `PART` rows.
pub const PART: usize = 32;

/// The largest exponents seen in first parts: all ones means infinity or NaN.
#[derive(Clone, Copy)]
pub struct Exponents(__m512i);

impl Exponents {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn none() -> Exponents {
        Exponents(_mm512_setzero_si512())
    }

    #[inline]
    #[target_feature(enable = "avx512bw")]
    pub fn all_finite(self) -> bool {
        _mm512_cmpeq_epi16_mask(self.0, _mm512_set1_epi16(0x7f80)) == 0
    }
}

/// Splits 32 numbers into bf16 parts that add up to them, the largest first, and stores part p at `out + p * PART`.
/// `low` and `high` become the halves of each part; `order` rearranges its words.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
unsafe fn cut<const PARTS: usize>(
    mut low: __m512,
    mut high: __m512,
    order: Option<__m512i>,
    out: *mut __m512i,
    exponents: &mut Exponents,
) {
    for index in 0..PARTS {
        // SAFETY: both are 512 bits of plain numbers.
        let part: __m512i = unsafe { std::mem::transmute(_mm512_cvtne2ps_pbh(high, low)) };
        if PARTS > 1 && index == 0 {
            exponents.0 = _mm512_max_epu16(exponents.0, _mm512_and_si512(part, _mm512_set1_epi16(0x7f80)));
        }
        let ordered = order.map_or(part, |order| _mm512_permutexvar_epi16(order, part));
        unsafe { _mm512_store_si512(out.add(index * PART), ordered) };
        if index + 1 < PARTS {
            low = _mm512_sub_ps(low, widen(_mm512_castsi512_si256(part)));
            high = _mm512_sub_ps(high, widen(_mm512_extracti64x4_epi64::<1>(part)));
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn widen(half: __m256i) -> __m512 {
    _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(half)))
}

/// Reads the pairs of `count` <= 16 lanes from `lane`, `width` <= 32 deep from `at`, as 16 rows of each of PARTS bf16
/// parts, padded with zeros. A row holds one lane when depth is contiguous in memory (returns true), else one
/// pair of depth.
///
/// # Safety
/// Lanes and depth are within the operand, `out` has room for the rows, AVX-512 BF16 is present.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
pub unsafe fn read_pairs<const PARTS: usize>(
    operand: &Operand,
    (lane, count): (usize, usize),
    (at, width): (usize, usize),
    out: *mut __m512i,
    exponents: &mut Exponents,
) -> bool {
    let corner = lane * operand.lane_stride + at * operand.depth_stride;
    let rows_are_lanes = operand.depth_stride == 1;
    let rows = if rows_are_lanes { count } else { width.div_ceil(2) };
    if rows_are_lanes {
        let mask = if width == 32 { u32::MAX } else { (1u32 << width) - 1 };
        for row in 0..rows {
            let offset = corner + row * operand.lane_stride;
            let out = unsafe { out.add(row) };
            operand.prefetch(offset + AHEAD * 32);
            match operand.source {
                Source::F32(start) => unsafe {
                    let low = _mm512_maskz_loadu_ps(mask as u16, start.add(offset));
                    let high = _mm512_maskz_loadu_ps((mask >> 16) as u16, start.wrapping_add(offset + 16));
                    cut::<PARTS>(low, high, None, out, exponents);
                },
                Source::Bf16(start) => unsafe {
                    only_part::<PARTS>(_mm512_maskz_loadu_epi16(mask, start.add(offset).cast()), out);
                },
            }
        }
    } else {
        let lanes = (((1u32 << count) - 1) & 0xffff) as __mmask16;
        // Words 0, 16, 1, 17, ...: the two halves of a pair come from two rows of memory.
        let interleave = _mm512_set_epi16(
            31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17,
            1, 16, 0,
        );
        for row in 0..rows {
            let even_at = corner + 2 * row * operand.depth_stride;
            let odd_at = even_at + operand.depth_stride;
            let odd_lanes = if 2 * row + 1 < width { lanes } else { 0 };
            let out = unsafe { out.add(row) };
            operand.prefetch(even_at + AHEAD * 32 * operand.depth_stride);
            operand.prefetch(odd_at + AHEAD * 32 * operand.depth_stride);
            match operand.source {
                Source::F32(start) => unsafe {
                    let even = _mm512_maskz_loadu_ps(lanes, start.add(even_at));
                    let odd = _mm512_maskz_loadu_ps(odd_lanes, start.wrapping_add(odd_at));
                    cut::<PARTS>(even, odd, Some(interleave), out, exponents);
                },
                Source::Bf16(start) => unsafe {
                    let even = _mm256_maskz_loadu_epi16(lanes, start.add(even_at).cast());
                    let odd = _mm256_maskz_loadu_epi16(odd_lanes, start.wrapping_add(odd_at).cast());
                    let both = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(even), odd);
                    only_part::<PARTS>(_mm512_permutexvar_epi16(interleave, both), out);
                },
            }
        }
    }
    for row in rows..16 {
        unsafe { only_part::<PARTS>(_mm512_setzero_si512(), out.add(row)) };
    }
    rows_are_lanes
}

/// Stores numbers that are a single part; the other parts are zero.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn only_part<const PARTS: usize>(part: __m512i, out: *mut __m512i) {
    unsafe { _mm512_store_si512(out, part) };
    for index in 1..PARTS {
        unsafe { _mm512_store_si512(out.add(index * PART), _mm512_setzero_si512()) };
    }
}

/// Transposes 16 rows of 16 words in place.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn transpose(rows: &mut Rows) {
    let mut pairs = [_mm512_setzero_si512(); 16];
    for i in (0..16).step_by(2) {
        pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    let mut fours = [_mm512_setzero_si512(); 16];
    for i in (0..16).step_by(4) {
        fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
        fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
        fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    // fours[4 b + c] holds, in its 128-bit quarter q, column 4 q + c of the rows 4 b .. 4 b + 4.
    for c in 0..4 {
        let low02 = _mm512_shuffle_i32x4::<0x88>(fours[c], fours[4 + c]);
        let low13 = _mm512_shuffle_i32x4::<0xdd>(fours[c], fours[4 + c]);
        let high02 = _mm512_shuffle_i32x4::<0x88>(fours[8 + c], fours[12 + c]);
        let high13 = _mm512_shuffle_i32x4::<0xdd>(fours[8 + c], fours[12 + c]);
        rows[c] = _mm512_shuffle_i32x4::<0x88>(low02, high02);
        rows[8 + c] = _mm512_shuffle_i32x4::<0xdd>(low02, high02);
        rows[4 + c] = _mm512_shuffle_i32x4::<0x88>(low13, high13);
        rows[12 + c] = _mm512_shuffle_i32x4::<0xdd>(low13, high13);
    }
}
