//! Small matrix products on Intel's AMX tiles: bf16 inputs, f32 sums, 32 x 32 results.
//!
//! With `PARTS` = 3 an f32 number is cut into three bf16 parts, which together hold its 24 bits, and the six products of
//! parts that matter in f32 are summed; what is left out is below f32's own rounding. With `PARTS` = 1 operands are rounded
//! to bf16. Infinity and NaN do not survive the cut.
//!
//! An operand is a sequence of (32 lanes, 32 deep) blocks, depth first: part (largest first), tile of 16 lanes, 16 rows of
//! 64 bytes. A row is a lane (A) or a pair of depths (B). Depth j is paired with j + 16, not with its neighbour: then
//! pairs are made of whole vectors without a shuffle.

use super::problem::PANEL;
use super::product::{Extent, Patch, Products, Rows, Scores, Start};
use super::vectors::{Avx512, Vectors};
use crate::gemm::amx::Tiles;
use std::arch::asm;
use std::arch::x86_64::*;

pub(super) struct Tiled<const PARTS: usize>;

const LANES: usize = 32;
const STEP: usize = 32;
/// Floats of a tile.
const TILE: usize = 256;

/// Floats of a block.
const fn block<const PARTS: usize>() -> usize {
    2 * PARTS * TILE
}

/// A vector of numbers in parts: the upper halves of these words are the bf16 parts, the lower ones are to be ignored.
/// Cutting off the lower half is exact: three parts of 8 bits hold 24. A single part is rounded.
#[inline(always)]
unsafe fn cut<const PARTS: usize>(numbers: __m512) -> [__m512i; PARTS] {
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
unsafe fn store_pairs<const PARTS: usize>(to: *mut f32, low: [__m512i; PARTS], high: [__m512i; PARTS]) {
    unsafe {
        let upper = _mm512_set1_epi32(0xffff_0000u32 as i32);
        for part in 0..PARTS {
            let words = _mm512_ternarylogic_epi32::<0xca>(upper, high[part], _mm512_srli_epi32::<16>(low[part]));
            _mm512_store_si512(to.add(part * 2 * TILE).cast(), words);
        }
    }
}

#[inline(always)]
unsafe fn store_row<const PARTS: usize>(to: *mut f32, low: *const f32, high: *const f32) {
    unsafe { store_pairs::<PARTS>(to, cut(_mm512_loadu_ps(low)), cut(_mm512_loadu_ps(high))) };
}

/// A lane per row of memory, words along it.
#[inline(always)]
unsafe fn pack_rows<const PARTS: usize>(rows: Rows, lanes: usize, depth: usize, room: *mut f32) {
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

/// A lane per column of memory, words of two rows of it.
#[inline(always)]
unsafe fn pack_columns<const PARTS: usize>(rows: Rows, lanes: usize, depth: usize, room: *mut f32) {
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

/// Transposes the words of every tile: a tile of A becomes one of B, and the other way round.
#[inline(always)]
unsafe fn transpose_tiles<const PARTS: usize>(room: *mut f32, lanes: usize, depth: usize) {
    let mut copy = [0.0f32; TILE];
    for tile in 0..lanes / 16 * (depth / STEP) * PARTS {
        unsafe {
            let tile = room.add(tile * TILE);
            std::ptr::copy_nonoverlapping(tile, copy.as_mut_ptr(), TILE);
            Avx512::transpose(copy.as_ptr(), 16, tile, 16);
        }
    }
}

/// C = C * factor of its column, unless all factors are 1, as they soon are.
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

macro_rules! four_products {
    () => {
        "tdpbf16ps tmm0, tmm4, tmm6
         tdpbf16ps tmm1, tmm4, tmm7
         tdpbf16ps tmm2, tmm5, tmm6
         tdpbf16ps tmm3, tmm5, tmm7"
    };
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

/// Adds the products of one block of A and one of B.
#[inline(always)]
unsafe fn add_block<const PARTS: usize>(left: *const f32, right: *const f32) {
    unsafe {
        if PARTS == 1 {
            asm!(
                "tileloadd tmm4, [{left} + {row}]",
                "tileloadd tmm6, [{right} + {row}]",
                "tileloadd tmm7, [{right} + {row} + 1024]",
                "tileloadd tmm5, [{left} + {row} + 1024]",
                four_products!(),
                left = in(reg) left,
                right = in(reg) right,
                row = in(reg) 64usize,
                options(nostack, readonly),
            );
        } else {
            asm!(
                // hi * lo
                "tileloadd tmm4, [{left} + {row}]",
                "tileloadd tmm6, [{right} + {row} + 4096]",
                "tileloadd tmm7, [{right} + {row} + 5120]",
                "tileloadd tmm5, [{left} + {row} + 1024]",
                four_products!(),
                // hi * mid
                "tileloadd tmm6, [{right} + {row} + 2048]",
                "tileloadd tmm7, [{right} + {row} + 3072]",
                four_products!(),
                // mid * mid
                "tileloadd tmm4, [{left} + {row} + 2048]",
                "tileloadd tmm5, [{left} + {row} + 3072]",
                four_products!(),
                // mid * hi
                "tileloadd tmm6, [{right} + {row}]",
                "tileloadd tmm7, [{right} + {row} + 1024]",
                four_products!(),
                // lo * hi
                "tileloadd tmm4, [{left} + {row} + 4096]",
                "tileloadd tmm5, [{left} + {row} + 5120]",
                four_products!(),
                // hi * hi
                "tileloadd tmm4, [{left} + {row}]",
                "tileloadd tmm5, [{left} + {row} + 1024]",
                four_products!(),
                left = in(reg) left,
                right = in(reg) right,
                row = in(reg) 64usize,
                options(nostack, readonly),
            );
        }
    }
}

impl<const PARTS: usize> Products for Tiled<PARTS> {
    type Vectors = Avx512;
    type Left = *const f32;
    type Right = *const f32;
    type Session = Tiles;
    const ROWS: usize = LANES;
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
    unsafe fn left(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> *const f32 {
        unsafe { pack_rows::<PARTS>(rows, lanes, depth, room) };
        room
    }

    #[inline(always)]
    unsafe fn left_transposed(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> *const f32 {
        unsafe {
            pack_columns::<PARTS>(rows, lanes, depth, room);
            transpose_tiles::<PARTS>(room, lanes, depth);
        }
        room
    }

    #[inline(always)]
    unsafe fn right(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> *const f32 {
        unsafe { pack_columns::<PARTS>(rows, lanes, depth, room) };
        room
    }

    #[inline(always)]
    unsafe fn right_transposed(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> *const f32 {
        unsafe {
            pack_rows::<PARTS>(rows, lanes, depth, room);
            transpose_tiles::<PARTS>(room, lanes, depth);
        }
        room
    }

    #[inline(always)]
    unsafe fn put(patch: Patch<Self>, row: usize, column: usize, to: &Scores) {
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
    unsafe fn put_left(scores: &Scores) -> *const f32 {
        scores.left.map_or(std::ptr::null(), |room| room.cast_const())
    }

    #[inline(always)]
    unsafe fn put_right(scores: &Scores) -> *const f32 {
        scores.right.map_or(std::ptr::null(), |room| room.cast_const())
    }

    /// All of m, n and k must be multiples of 32.
    #[inline(always)]
    unsafe fn multiply(extent: Extent, left: *const f32, right: *const f32, c: Rows, start: Start) {
        let Extent { m, n, k } = extent;
        if let Start::Rescaled(factors) = start {
            unsafe { scale_columns(c, m, n, factors) };
        }
        let zero = matches!(start, Start::Zero);
        let (steps, size) = (k / STEP, block::<PARTS>());
        for column in 0..n / LANES {
            for row in 0..m / LANES {
                unsafe {
                    let c = Rows { start: c.start.add(row * LANES * c.stride + column * LANES), ..c };
                    start_result(c, zero);
                    for step in 0..steps {
                        let (left, right) =
                            (left.add((row * steps + step) * size), right.add((column * steps + step) * size));
                        add_block::<PARTS>(left, right);
                    }
                    store_result(c);
                }
            }
        }
    }
}
