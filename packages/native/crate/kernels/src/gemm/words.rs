//! Reading an operand as 16 x 16 words of 32 bits, f32 numbers or pairs of bf16 in depth, and cutting f32 into bf16 parts:
//! the first step of packing for AVX-512 and AMX.

use std::arch::x86_64::*;

use super::operand::{Operand, Source};

/// How far ahead in depth numbers are asked from memory. The processor does not foresee the jumps of packing.
const AHEAD: usize = 64;

pub type Rows = [__m512i; 16];

/// Sixteen rows for each of PARTS bf16 parts, a part every `PART` rows.
pub const PART: usize = 32;

/// The largest magnitude seen, as the bits of an f32.
#[derive(Clone, Copy)]
pub struct Largest(__m512i);

impl Largest {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn none() -> Largest {
        Largest(_mm512_setzero_si512())
    }

    /// Whether all first parts are finite: what rounds up to infinity counts as infinite.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn all_finite(self) -> bool {
        _mm512_cmpge_epu32_mask(self.0, _mm512_set1_epi32(0x7f7f_8000)) == 0
    }
}

/// Cuts 16 numbers into three bf16 parts that add up to them, the largest first: each is the upper half of its words.
#[inline]
#[target_feature(enable = "avx512f")]
fn cut(x: __m512i, largest: &mut Largest) -> [__m512i; 3] {
    let upper_half = _mm512_set1_epi32(0xffff_0000u32 as i32);
    let half_unit = _mm512_set1_epi32(0x8000);
    let rounded = |x| _mm512_and_si512(_mm512_add_epi32(x, half_unit), upper_half);
    let rest = |x, part| _mm512_castps_si512(_mm512_sub_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(part)));
    largest.0 = _mm512_max_epu32(largest.0, _mm512_and_si512(x, _mm512_set1_epi32(i32::MAX)));
    let high = rounded(x);
    let below = rest(x, high);
    let middle = rounded(below);
    [high, middle, rest(below, middle)]
}

/// Stores the three parts of 16 pairs of numbers, the first of each pair in the lower half of a word.
///
/// # Safety
/// `out` has room for a row of each part; AVX-512 is present.
#[inline]
#[target_feature(enable = "avx512f")]
pub unsafe fn store_parts(first: __m512i, second: __m512i, out: *mut __m512i, largest: &mut Largest) {
    let upper_half = _mm512_set1_epi32(0xffff_0000u32 as i32);
    let parts = cut(first, largest).into_iter().zip(cut(second, largest));
    for (part, (first, second)) in parts.enumerate() {
        // first >> 16 | (second & upper half): below the normal numbers, last parts have bits in the lower half too.
        let pairs = _mm512_ternarylogic_epi32::<0xf8>(_mm512_srli_epi32::<16>(first), second, upper_half);
        unsafe { _mm512_store_si512(out.add(part * PART), pairs) };
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn widen(half: __m256i) -> __m512 {
    _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(half)))
}

/// Reads `count` <= 16 lanes from `lane`, `width` <= 32 deep from `at`, as pairs of neighbours in depth, in bf16, zeros
/// where there is nothing. A row holds one lane when depth is contiguous in memory (returns true), else one pair of depth.
///
/// # Safety
/// Lanes and depth are within the operand, AVX-512 BF16 is present.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
pub unsafe fn read_pairs(
    operand: &Operand,
    (lane, count): (usize, usize),
    (at, width): (usize, usize),
    out: &mut Rows,
) -> bool {
    let corner = lane * operand.lane_stride + at * operand.depth_stride;
    let rows_are_lanes = operand.depth_stride == 1;
    let rows = if rows_are_lanes { count } else { width.div_ceil(2) };
    let round = |low, high| -> __m512i {
        // SAFETY: 512 bits of plain numbers either way.
        unsafe { std::mem::transmute(_mm512_cvtne2ps_pbh(high, low)) }
    };
    if rows_are_lanes {
        let mask = if width == 32 { u32::MAX } else { (1u32 << width) - 1 };
        for (row, out) in out.iter_mut().enumerate().take(rows) {
            let offset = corner + row * operand.lane_stride;
            operand.prefetch(offset + AHEAD);
            *out = match operand.source {
                Source::F32(start) => unsafe {
                    let low = _mm512_maskz_loadu_ps(mask as u16, start.add(offset));
                    let high = _mm512_maskz_loadu_ps((mask >> 16) as u16, start.wrapping_add(offset + 16));
                    round(low, high)
                },
                Source::Bf16(start) => unsafe { _mm512_maskz_loadu_epi16(mask, start.add(offset).cast()) },
            };
        }
    } else {
        let lanes = (((1u32 << count) - 1) & 0xffff) as __mmask16;
        // Words 0, 16, 1, 17, ...: the two halves of a pair come from two rows of memory.
        let interleave = _mm512_set_epi16(
            31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17,
            1, 16, 0,
        );
        for (row, out) in out.iter_mut().enumerate().take(rows) {
            let even_at = corner + 2 * row * operand.depth_stride;
            let odd_at = even_at + operand.depth_stride;
            let odd_lanes = if 2 * row + 1 < width { lanes } else { 0 };
            operand.prefetch(even_at + AHEAD * operand.depth_stride);
            operand.prefetch(odd_at + AHEAD * operand.depth_stride);
            let both = match operand.source {
                Source::F32(start) => unsafe {
                    let even = _mm512_maskz_loadu_ps(lanes, start.add(even_at));
                    round(even, _mm512_maskz_loadu_ps(odd_lanes, start.wrapping_add(odd_at)))
                },
                Source::Bf16(start) => unsafe {
                    let even = _mm256_maskz_loadu_epi16(lanes, start.add(even_at).cast());
                    let odd = _mm256_maskz_loadu_epi16(odd_lanes, start.wrapping_add(odd_at).cast());
                    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(even), odd)
                },
            };
            *out = _mm512_permutexvar_epi16(interleave, both);
        }
    }
    out[rows..].fill(_mm512_setzero_si512());
    rows_are_lanes
}

/// Reads `count` <= 16 lanes from `lane`, `width` <= 16 deep from `at`, as f32, zeros where there is nothing. A row holds
/// one lane when depth is contiguous in memory (returns true), else one depth.
///
/// # Safety
/// Lanes and depth are within the operand; AVX-512 is present.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
pub unsafe fn read_f32(
    operand: &Operand,
    (lane, count): (usize, usize),
    (at, width): (usize, usize),
    rows: &mut Rows,
) -> bool {
    let corner = lane * operand.lane_stride + at * operand.depth_stride;
    let rows_are_lanes = operand.depth_stride == 1;
    let (length, stride, across) =
        if rows_are_lanes { (count, operand.lane_stride, width) } else { (width, operand.depth_stride, count) };
    let mask = (((1u32 << across) - 1) & 0xffff) as __mmask16;
    for (row, slot) in rows.iter_mut().enumerate().take(length) {
        let offset = corner + row * stride;
        operand.prefetch(offset + AHEAD * operand.depth_stride);
        let value = match operand.source {
            Source::F32(start) => unsafe { _mm512_maskz_loadu_ps(mask, start.add(offset)) },
            Source::Bf16(start) => widen(unsafe { _mm256_maskz_loadu_epi16(mask, start.add(offset) as *const i16) }),
        };
        *slot = _mm512_castps_si512(value);
    }
    rows[length..].fill(_mm512_setzero_si512());
    rows_are_lanes
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
