//! Matrix products on AVX-512: 14 x 32 results in 28 registers; f32, or pairs of bf16 with f32 sums (AVX-512 BF16).
//! A panel is, for each word of depth (one f32 or one bf16 pair), the words of its lanes.

use std::arch::x86_64::*;

use super::driver::{Kernel, Piece, Side};
use super::finish::{RESULT, Tile, finish_512};
use super::operand::Operand;
use super::words::{Rows, read_f32, read_pairs, transpose};

const LEFT: usize = 14;
const RIGHT: usize = 32;

fn lanes_of(side: Side) -> usize {
    if side == Side::Left { LEFT } else { RIGHT }
}

/// Writes 16 lanes of some words of depth into a panel, of which `first` is the first of these lanes.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store_words(rows: &Rows, words: usize, (first, stride): (usize, usize), panel: *mut i32) {
    let mask = (((1u32 << (stride - first).min(16)) - 1) & 0xffff) as __mmask16;
    for (word, &value) in rows.iter().enumerate().take(words) {
        unsafe { _mm512_mask_storeu_epi32(panel.add(word * stride + first), mask, value) };
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
unsafe fn pack_f32(operand: &Operand, side: Side, piece: Piece) {
    let stride = lanes_of(side);
    piece.walk(operand, (stride, 16), |group, step| {
        let width = (piece.depth - step * 16).min(16);
        let panel = piece.panels.wrapping_add(group * piece.stride) as *mut i32;
        for first in (0..stride).step_by(16) {
            let lane = (group * stride + first).min(piece.lanes);
            let lanes = (piece.lane + lane, (piece.lanes - lane).min(16).min(stride - first));
            let mut rows = [_mm512_setzero_si512(); 16];
            unsafe {
                if read_f32(operand, lanes, (piece.at + step * 16, width), &mut rows) {
                    transpose(&mut rows);
                }
                store_words(&rows, width, (first, stride), panel.add(step * 16 * stride));
            }
        }
    });
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
unsafe fn pack_bf16(operand: &Operand, side: Side, piece: Piece) {
    let stride = lanes_of(side);
    piece.walk(operand, (stride, 32), |group, step| {
        let width = (piece.depth - step * 32).min(32);
        let panel = piece.panels.wrapping_add(group * piece.stride) as *mut i32;
        for first in (0..stride).step_by(16) {
            let lane = (group * stride + first).min(piece.lanes);
            let lanes = (piece.lane + lane, (piece.lanes - lane).min(16).min(stride - first));
            let mut rows = [_mm512_setzero_si512(); 16];
            unsafe {
                if read_pairs(operand, lanes, (piece.at + step * 32, width), &mut rows) {
                    transpose(&mut rows);
                }
                store_words(&rows, width.div_ceil(2), (first, stride), panel.add(step * 16 * stride));
            }
        }
    });
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

/// f32 x f32.
pub struct Avx512F32;
/// bf16 x bf16.
pub struct Avx512Bf16;

impl Kernel for Avx512F32 {
    const LEFT: usize = LEFT;
    const RIGHT: usize = RIGHT;
    const STEP: usize = 1;
    const DEPTH: usize = 384;
    const DIRECT: bool = false;
    type Session = ();

    fn session() {}

    fn panel_bytes(side: Side, depth: usize) -> usize {
        lanes_of(side) * depth * 4
    }

    unsafe fn pack(operand: &Operand, side: Side, piece: Piece) -> bool {
        unsafe { pack_f32(operand, side, piece) };
        true
    }

    unsafe fn multiply(depth: usize, left: *const u8, right: *const u8, result: *mut f32, _: usize) {
        unsafe { multiply_f32(depth, left, right, result) }
    }

    unsafe fn finish(tile: &Tile, result: &[f32; RESULT]) {
        unsafe { finish_512(tile, result) }
    }
}

impl Kernel for Avx512Bf16 {
    const LEFT: usize = LEFT;
    const RIGHT: usize = RIGHT;
    const STEP: usize = 2;
    const DEPTH: usize = 768;
    const DIRECT: bool = false;
    type Session = ();

    fn session() {}

    fn panel_bytes(side: Side, depth: usize) -> usize {
        lanes_of(side) * depth.div_ceil(2) * 4
    }

    unsafe fn pack(operand: &Operand, side: Side, piece: Piece) -> bool {
        unsafe { pack_bf16(operand, side, piece) };
        true
    }

    unsafe fn multiply(depth: usize, left: *const u8, right: *const u8, result: *mut f32, _: usize) {
        unsafe { multiply_bf16(depth.div_ceil(2), left, right, result) }
    }

    unsafe fn finish(tile: &Tile, result: &[f32; RESULT]) {
        unsafe { finish_512(tile, result) }
    }
}
