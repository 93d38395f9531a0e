//! Packs operands for AMX tiles: splits f32 into bf16 parts and arranges them.
//!
//! An operand is a sequence of blocks, 32 lanes and 32 deep, depth first. In a block: part (largest first), tile of 16
//! lanes, 16 rows of 64 bytes. A row is a lane (A) or a pair of depths (B). Depth j is paired with j + 16, not with its
//! neighbour, so that pairs are built from whole vectors without a shuffle.

use super::product::Rows;
use crate::vectors::{Avx512, Vectors};
use std::arch::x86_64::*;

pub(super) const LANES: usize = 32;
pub(super) const STEP: usize = 32;
/// Floats of a tile.
pub(super) const TILE: usize = 256;

/// Floats of a block.
pub(super) const fn block<const PARTS: usize>() -> usize {
    2 * PARTS * TILE
}

/// A vector of numbers in parts: the upper halves of these words are the bf16 parts, the lower ones are ignored.
/// Cutting off the lower half is exact: three parts of 8 bits hold 24. A single part is rounded.
#[inline(always)]
pub(super) unsafe fn cut<const PARTS: usize>(numbers: __m512) -> [__m512i; PARTS] {
    unsafe {
        if PARTS == 1 {
            return [_mm512_add_epi32(_mm512_castps_si512(numbers), _mm512_set1_epi32(0x8000)); PARTS];
        }
        let upper = _mm512_set1_epi32(0xffff_0000u32 as i32);
        let mut rest = numbers;
        let mut parts = [_mm512_castps_si512(rest); PARTS];
        for part in parts.iter_mut().skip(1) {
            rest = _mm512_sub_ps(rest, _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(rest), upper)));
            *part = _mm512_castps_si512(rest);
        }
        parts
    }
}

/// Words of pairs: the parts of `low` move down, those of `high` stay. One row of a tile per part.
#[inline(always)]
pub(super) unsafe fn store_pairs<const PARTS: usize>(to: *mut f32, low: [__m512i; PARTS], high: [__m512i; PARTS]) {
    unsafe {
        let upper = _mm512_set1_epi32(0xffff_0000u32 as i32);
        for part in 0..PARTS {
            let words = _mm512_ternarylogic_epi32::<0xca>(upper, high[part], _mm512_srli_epi32::<16>(low[part]));
            _mm512_store_si512(to.add(part * 2 * TILE).cast(), words);
        }
    }
}

#[inline(always)]
pub(super) unsafe fn store_row<const PARTS: usize>(to: *mut f32, low: *const f32, high: *const f32) {
    unsafe { store_pairs::<PARTS>(to, cut(_mm512_loadu_ps(low)), cut(_mm512_loadu_ps(high))) };
}

/// One lane per row of memory, with words along it.
#[inline(always)]
pub(super) unsafe fn pack_rows<const PARTS: usize>(rows: Rows, lanes: usize, depth: usize, room: *mut f32) {
    for lane in 0..lanes {
        for step in 0..depth / STEP {
            unsafe {
                let to = room.add((lane / LANES * (depth / STEP) + step) * block::<PARTS>() + lane % LANES * 16);
                let from = rows.start.add(lane * rows.stride + step * STEP);
                store_row::<PARTS>(to, from, from.add(16));
            }
        }
    }
}

/// One lane per column of memory, with words from two rows of it.
#[inline(always)]
pub(super) unsafe fn pack_columns<const PARTS: usize>(rows: Rows, lanes: usize, depth: usize, room: *mut f32) {
    for step in 0..depth / STEP {
        for pair in 0..16 {
            for lane in (0..lanes).step_by(16) {
                unsafe {
                    let to = room.add((lane / LANES * (depth / STEP) + step) * block::<PARTS>());
                    let from = rows.start.add((step * STEP + pair) * rows.stride + lane);
                    store_row::<PARTS>(to.add(lane % LANES * 16 + pair * 16), from, from.add(16 * rows.stride));
                }
            }
        }
    }
}

/// Transposes the words of every tile: a tile of A becomes one of B, and vice versa.
#[inline(always)]
pub(super) unsafe fn transpose_tiles<const PARTS: usize>(room: *mut f32, lanes: usize, depth: usize) {
    let mut copy = [0.0f32; TILE];
    for tile in 0..lanes / 16 * (depth / STEP) * PARTS {
        unsafe {
            let tile = room.add(tile * TILE);
            std::ptr::copy_nonoverlapping(tile, copy.as_mut_ptr(), TILE);
            Avx512::transpose(copy.as_ptr(), 16, tile, 16);
        }
    }
}
