//! Matrix products of bf16 with f32 sums on AVX-512 BF16: 14 x 32 results in 28 registers.
//! A panel stores, for each pair of depths, a word of 32 bits of each of its lanes.

use std::arch::x86_64::*;

use super::driver::{Kernel, Side};
use super::finish::{RESULT, Tile, finish_512, finish_plain};
use super::operand::Operand;
use super::words::{Exponents, Rows, read_pairs, transpose};

const LEFT: usize = 14;
const RIGHT: usize = 32;

/// Writes 16 words of depth of up to 16 lanes; `words` is the number of depth words that the panel still has room for.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store_words(rows: &Rows, words: usize, stride: usize, room: usize, out: *mut i32) {
    let mask = (((1u32 << room.min(16)) - 1) & 0xffff) as __mmask16;
    for (word, &value) in rows.iter().enumerate().take(words) {
        unsafe { _mm512_mask_storeu_epi32(out.add(word * stride), mask, value) };
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
unsafe fn pack(
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

/// `result` (14 x 32, row-major) = left panel x right panel, `words` deep.
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn multiply(words: usize, left: *const u8, right: *const u8, result: *mut f32) {
    let mut sums = [[_mm512_setzero_ps(); 2]; LEFT];
    let (mut left, mut right) = (left as *const f32, right as *const f32);
    for _ in 0..words {
        let columns = unsafe { [_mm512_load_ps(right), _mm512_load_ps(right.add(16))] };
        for (row, sums) in sums.iter_mut().enumerate() {
            let pair = _mm512_set1_ps(unsafe { *left.add(row) });
            for (sum, column) in sums.iter_mut().zip(columns) {
                // SAFETY of the casts: 512 bits of plain numbers either way.
                *sum = unsafe {
                    _mm512_dpbf16_ps(
                        *sum,
                        std::mem::transmute::<__m512, __m512bh>(pair),
                        std::mem::transmute::<__m512, __m512bh>(column),
                    )
                };
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

/// bf16 x bf16.
pub struct Avx512Bf16;

impl Kernel for Avx512Bf16 {
    const LEFT: usize = LEFT;
    const RIGHT: usize = RIGHT;
    const STEP: usize = 2;
    const DEPTH: usize = 768;
    type Session = ();

    fn session() {}

    fn panel_bytes(side: Side, depth: usize) -> usize {
        Self::lanes(side) * depth.div_ceil(2) * 4
    }

    unsafe fn pack_panels(
        operand: &Operand,
        side: Side,
        (lane, lanes): (usize, usize),
        depth: (usize, usize),
        (start, stride): (*mut u8, usize),
    ) -> bool {
        let width = Self::lanes(side);
        for first in (0..lanes).step_by(width) {
            let lanes = (lane + first, width.min(lanes - first));
            unsafe { pack(operand, width, lanes, depth, start.add(first / width * stride)) };
        }
        true
    }

    unsafe fn multiply(
        depth: usize,
        (left, _): (*const u8, usize),
        right: *const u8,
        _: *const u8,
        (result, _): (*mut f32, usize),
        _: bool,
    ) {
        unsafe { multiply(depth.div_ceil(2), left, right, result) }
    }

    unsafe fn finish(tile: &Tile, result: &[f32; RESULT]) {
        if tile.plain() { unsafe { finish_plain(tile, result) } } else { unsafe { finish_512(tile, result) } }
    }
}
