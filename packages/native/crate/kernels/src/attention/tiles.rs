//! Small matrix products on Intel's AMX tiles: bf16 inputs, f32 sums, 32 x 32 results.
//!
//! With `PARTS` = 3 an f32 number is cut into three bf16 parts, which together hold its 24 bits, and the six products of
//! parts that matter in f32 are summed; what is left out is below f32's own rounding. With `PARTS` = 1 operands are rounded
//! to bf16. Infinity and NaN do not survive the split.

use super::problem::PANEL;
use super::product::{Beside, Block, Extent, Patch, Products, Rows, Start};
use super::tile_pack::{LANES, STEP, TILE, block, cut, pack_columns, pack_rows, store_pairs, transpose_tiles};
use crate::amx::Tiles;
use crate::vectors::Avx512;
use std::arch::asm;
use std::arch::x86_64::*;

pub(super) struct Tiled<const PARTS: usize>;

/// A packed operand, or the part of it from some block on.
#[derive(Clone, Copy)]
pub(super) struct Packed {
    start: *const f32,
    /// Blocks from 32 lanes to the next.
    blocks: usize,
}

/// C = C * factor of its column, unless all factors are 1, as they usually are after a few blocks.
#[inline(always)]
unsafe fn scale_columns(c: Rows, m: usize, n: usize, factors: *const f32) {
    unsafe {
        for column in (0..n).step_by(16) {
            let factor = _mm512_loadu_ps(factors.add(column));
            if _mm512_cmpneq_ps_mask(factor, _mm512_set1_ps(1.0)) == 0 {
                continue;
            }
            for row in 0..m {
                let place = c.start.add(row * c.stride + column);
                _mm512_storeu_ps(place, _mm512_mul_ps(_mm512_loadu_ps(place), factor));
            }
        }
    }
}

/// The tiles of one 32 x 32 result, in registers 0 to 3.
#[inline(always)]
unsafe fn start_result(c: Rows, zero: bool) {
    unsafe {
        if zero {
            asm!("tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3", options(nostack));
        } else {
            asm!(
                "tileloadd tmm0, [{upper} + {stride}]",
                "tileloadd tmm1, [{upper} + {stride} + 64]",
                "tileloadd tmm2, [{lower} + {stride}]",
                "tileloadd tmm3, [{lower} + {stride} + 64]",
                upper = in(reg) c.start,
                lower = in(reg) c.start.add(16 * c.stride),
                stride = in(reg) c.stride * 4,
                options(nostack, readonly),
            );
        }
    }
}

#[inline(always)]
unsafe fn store_result(c: Rows) {
    unsafe {
        asm!(
            "tilestored [{upper} + {stride}], tmm0",
            "tilestored [{upper} + {stride} + 64], tmm1",
            "tilestored [{lower} + {stride}], tmm2",
            "tilestored [{lower} + {stride} + 64], tmm3",
            upper = in(reg) c.start,
            lower = in(reg) c.start.add(16 * c.stride),
            stride = in(reg) c.stride * 4,
            options(nostack),
        );
    }
}

/// Loads the two tiles of one part of a block.
macro_rules! load_tiles {
    ($first:literal, $second:literal, $from:expr) => {
        asm!(
            concat!("tileloadd ", $first, ", [{from} + {row}]"),
            concat!("tileloadd ", $second, ", [{from} + {row} + 1024]"),
            from = in(reg) $from,
            row = in(reg) 64usize,
            options(nostack, readonly),
        )
    };
}

#[inline(always)]
unsafe fn four_products() {
    unsafe {
        asm!(
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            options(nostack, nomem),
        );
    }
}

/// Adds the products of one block of A and one of B, the smallest first.
#[inline(always)]
unsafe fn add_block<const PARTS: usize, B: Beside>(left: *const f32, right: *const f32, beside: &mut B) {
    unsafe {
        let part = |index: usize| index * 2 * TILE;
        if PARTS == 1 {
            load_tiles!("tmm4", "tmm5", left);
            load_tiles!("tmm6", "tmm7", right);
            four_products();
            beside.step();
            return;
        }
        // hi * lo
        load_tiles!("tmm4", "tmm5", left);
        load_tiles!("tmm6", "tmm7", right.add(part(2)));
        four_products();
        beside.step();
        // hi * mid
        load_tiles!("tmm6", "tmm7", right.add(part(1)));
        four_products();
        beside.step();
        // mid * mid
        load_tiles!("tmm4", "tmm5", left.add(part(1)));
        four_products();
        beside.step();
        // mid * hi
        load_tiles!("tmm6", "tmm7", right);
        four_products();
        beside.step();
        // lo * hi
        load_tiles!("tmm4", "tmm5", left.add(part(2)));
        four_products();
        beside.step();
        // hi * hi
        load_tiles!("tmm4", "tmm5", left);
        four_products();
        beside.step();
    }
}

impl<const PARTS: usize> Products for Tiled<PARTS> {
    type Vectors = Avx512;
    type Left = Packed;
    type Right = Packed;
    type Session = Tiles;
    const ROWS: usize = LANES;
    const PANEL: usize = PANEL;
    const SLICE_ROWS: usize = LANES;
    const SLICE_COLUMNS: usize = LANES;
    const STRIP: usize = LANES;
    const PAIR: usize = 16;
    const ANY_NUMBER: bool = false;

    fn session() -> Tiles {
        Tiles::configure()
    }

    fn padded(head_size: usize) -> usize {
        head_size.next_multiple_of(LANES)
    }

    fn left_room(lanes: usize, depth: usize) -> usize {
        lanes * depth / 2 * PARTS
    }

    fn right_room(lanes: usize, depth: usize) -> usize {
        lanes * depth / 2 * PARTS
    }

    #[inline(always)]
    unsafe fn left(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> Packed {
        unsafe { pack_rows::<PARTS>(rows, lanes, depth, room) };
        Packed { start: room, blocks: depth / STEP }
    }

    #[inline(always)]
    unsafe fn left_transposed(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> Packed {
        unsafe {
            pack_columns::<PARTS>(rows, lanes, depth, room);
            transpose_tiles::<PARTS>(room, lanes, depth);
        }
        Packed { start: room, blocks: depth / STEP }
    }

    #[inline(always)]
    unsafe fn right(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> Packed {
        unsafe { pack_columns::<PARTS>(rows, lanes, depth, room) };
        Packed { start: room, blocks: depth / STEP }
    }

    #[inline(always)]
    unsafe fn right_transposed(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> Packed {
        unsafe {
            pack_rows::<PARTS>(rows, lanes, depth, room);
            transpose_tiles::<PARTS>(room, lanes, depth);
        }
        Packed { start: room, blocks: depth / STEP }
    }

    #[inline(always)]
    fn left_from(left: Packed, lane: usize, depth: usize) -> Packed {
        let blocks = lane / LANES * left.blocks + depth / STEP;
        Packed { start: left.start.wrapping_add(blocks * block::<PARTS>()), ..left }
    }

    #[inline(always)]
    fn right_from(right: Packed, lane: usize, depth: usize) -> Packed {
        Self::left_from(right, lane, depth)
    }

    #[inline(always)]
    unsafe fn put(patch: Patch<Self>, row: usize, column: usize, to: &Block) {
        let size = block::<PARTS>();
        unsafe {
            let [[a, b], [c, d]] = patch;
            let [a, b, c, d] = [cut::<PARTS>(a), cut(b), cut(c), cut(d)];
            if let Some(room) = to.left {
                let tile = room.add((row / LANES * (PANEL / STEP) + column / STEP) * size + row % LANES * 16);
                store_pairs(tile, a, b);
                store_pairs(tile.add(TILE), c, d);
            }
            if let Some(room) = to.right {
                let tile = room.add((column / LANES * (to.keys / STEP) + row / STEP) * size + row % STEP * 16);
                store_pairs(tile, a, c);
                store_pairs(tile.add(TILE), b, d);
            }
        }
    }

    #[inline(always)]
    fn put_left(block: &Block) -> Packed {
        Packed { start: block.left.unwrap_or(std::ptr::null_mut()), blocks: PANEL / STEP }
    }

    #[inline(always)]
    fn put_right(block: &Block) -> Packed {
        Packed { start: block.right.unwrap_or(std::ptr::null_mut()), blocks: block.keys / STEP }
    }

    fn steps(Extent { m, n, k }: Extent) -> usize {
        m / LANES * (n / LANES) * (k / STEP) * if PARTS == 1 { 1 } else { 6 }
    }

    /// All of m, n and k must be multiples of 32.
    #[inline(always)]
    unsafe fn multiply<B: Beside>(
        Extent { m, n, k }: Extent,
        (left, right): (Packed, Packed),
        c: Rows,
        start: Start,
        beside: &mut B,
    ) {
        if let Start::Rescaled(factors) = start {
            unsafe { scale_columns(c, m, n, factors) };
        }
        for column in (0..n).step_by(LANES) {
            for row in (0..m).step_by(LANES) {
                unsafe {
                    let c = Rows { start: c.start.add(row * c.stride + column), ..c };
                    start_result(c, matches!(start, Start::Zero));
                    for depth in (0..k).step_by(STEP) {
                        let left = Self::left_from(left, row, depth).start;
                        let right = Self::right_from(right, column, depth).start;
                        add_block::<PARTS, B>(left, right, beside);
                    }
                    store_result(c);
                }
            }
        }
    }
}
