//! Small matrix products with plain vectors, in registers of `MR` rows by `NR` vectors. A is read one number at a time,
//! with any strides, B and C as vectors along n, so only the panel of queries has to be transposed. Panels are `PANEL` wide, a multiple
//! of two vectors: what few queries there are of a short text should fill them.

use super::pack::transpose_rows;
use super::problem::BLOCK;
use super::product::{Beside, Block, Extent, Patch, Products, Rows, Start};
use crate::vectors::Vectors;
use std::marker::PhantomData;

pub(super) struct Broadcast<S, const MR: usize, const NR: usize, const PANEL: usize>(PhantomData<S>);

/// Element (lane, depth) is at `start + lane * row + depth * step`.
#[derive(Clone, Copy)]
pub(super) struct Strided {
    start: *const f32,
    row: usize,
    step: usize,
}

impl<S: Vectors, const MR: usize, const NR: usize, const PANEL: usize> Products for Broadcast<S, MR, NR, PANEL> {
    type Vectors = S;
    type Left = Strided;
    type Right = Rows;
    type Session = ();
    const ROWS: usize = MR;
    const PANEL: usize = PANEL;
    const SLICE_ROWS: usize = BLOCK;
    const SLICE_COLUMNS: usize = PANEL;
    const STRIP: usize = NR * S::LANES;
    const PAIR: usize = 1;
    const ANY_NUMBER: bool = true;

    fn session() {}

    #[inline(always)]
    fn padded(head_size: usize) -> usize {
        head_size.next_multiple_of(S::LANES)
    }

    fn left_room(_: usize, _: usize) -> usize {
        0
    }

    fn right_room(lanes: usize, depth: usize) -> usize {
        lanes * depth
    }

    #[inline(always)]
    unsafe fn left(rows: Rows, _: usize, _: usize, _: *mut f32) -> Strided {
        Strided { start: rows.start, row: rows.stride, step: 1 }
    }

    #[inline(always)]
    unsafe fn left_transposed(rows: Rows, _: usize, _: usize, _: *mut f32) -> Strided {
        Strided { start: rows.start, row: 1, step: rows.stride }
    }

    #[inline(always)]
    unsafe fn right(rows: Rows, _: usize, _: usize, _: *mut f32) -> Rows {
        rows
    }

    #[inline(always)]
    unsafe fn right_transposed(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> Rows {
        let columns = Rows { start: room, stride: lanes };
        unsafe { transpose_rows::<S>(rows, columns, (lanes, depth)) };
        columns
    }

    #[inline(always)]
    unsafe fn put(patch: Patch<Self>, row: usize, column: usize, to: &Block) {
        let start = to.rows.start.wrapping_add(row * PANEL + column);
        unsafe {
            S::store(start, patch[0][0]);
            S::store(start.add(S::LANES), patch[0][1]);
            S::store(start.add(PANEL), patch[1][0]);
            S::store(start.add(PANEL + S::LANES), patch[1][1]);
        }
    }

    #[inline(always)]
    fn left_from(left: Strided, lane: usize, depth: usize) -> Strided {
        Strided { start: left.start.wrapping_add(lane * left.row + depth * left.step), ..left }
    }

    #[inline(always)]
    fn right_from(right: Rows, lane: usize, depth: usize) -> Rows {
        Rows { start: right.start.wrapping_add(depth * right.stride + lane), ..right }
    }

    #[inline(always)]
    fn put_left(block: &Block) -> Strided {
        Strided { start: block.rows.start, row: PANEL, step: 1 }
    }

    #[inline(always)]
    fn put_right(block: &Block) -> Rows {
        block.rows
    }

    fn steps(_: Extent) -> usize {
        0
    }

    /// m must be a multiple of `MR` and n of `S::LANES`.
    #[inline(always)]
    unsafe fn multiply<B: Beside>(extent: Extent, (left, right): (Strided, Rows), c: Rows, start: Start, _: &mut B) {
        unsafe {
            match start {
                Start::Zero => columns::<S, _, MR, NR>(extent, left, right, c, Zero),
                Start::Itself => columns::<S, _, MR, NR>(extent, left, right, c, Itself),
                Start::Rescaled(factors) => columns::<S, _, MR, NR>(extent, left, right, c, Rescaled(factors)),
            }
        }
    }
}

/// `Start` as a compile-time constant.
trait First: Copy {
    unsafe fn vector<S: Vectors>(self, c: *const f32, column: usize) -> S::Vector;
}

#[derive(Clone, Copy)]
struct Zero;
#[derive(Clone, Copy)]
struct Itself;
#[derive(Clone, Copy)]
struct Rescaled(*const f32);

impl First for Zero {
    #[inline(always)]
    unsafe fn vector<S: Vectors>(self, _: *const f32, _: usize) -> S::Vector {
        unsafe { S::splat(0.0) }
    }
}

impl First for Itself {
    #[inline(always)]
    unsafe fn vector<S: Vectors>(self, c: *const f32, _: usize) -> S::Vector {
        unsafe { S::load(c) }
    }
}

impl First for Rescaled {
    #[inline(always)]
    unsafe fn vector<S: Vectors>(self, c: *const f32, column: usize) -> S::Vector {
        unsafe { S::mul(S::load(c), S::load(self.0.add(column))) }
    }
}

#[inline(always)]
unsafe fn columns<S: Vectors, F: First, const MR: usize, const NR: usize>(
    extent: Extent,
    left: Strided,
    right: Rows,
    c: Rows,
    first: F,
) {
    let mut column = 0;
    unsafe {
        while column + NR * S::LANES <= extent.n {
            strip::<S, F, MR, NR>(extent, left, right, c, first, column);
            column += NR * S::LANES;
        }
        match (extent.n - column) / S::LANES {
            0 => {}
            1 => strip::<S, F, MR, 1>(extent, left, right, c, first, column),
            2 => strip::<S, F, MR, 2>(extent, left, right, c, first, column),
            _ => strip::<S, F, MR, 3>(extent, left, right, c, first, column),
        }
    }
}

/// All rows of C, `NR` vectors from `column` on.
#[inline(always)]
unsafe fn strip<S: Vectors, F: First, const MR: usize, const NR: usize>(
    extent: Extent,
    left: Strided,
    right: Rows,
    c: Rows,
    first: F,
    column: usize,
) {
    for row in (0..extent.m).step_by(MR) {
        unsafe {
            let left = Strided { start: left.start.add(row * left.row), ..left };
            let c = Rows { start: c.start.add(row * c.stride), ..c };
            tile::<S, F, MR, NR>(extent.k, left, right, c, first, column);
        }
    }
}

#[inline(always)]
unsafe fn tile<S: Vectors, F: First, const MR: usize, const NR: usize>(
    depth: usize,
    left: Strided,
    right: Rows,
    c: Rows,
    first: F,
    column: usize,
) {
    unsafe {
        let place = |row: usize, vector: usize| c.start.add(row * c.stride + column + vector * S::LANES);
        let mut sums = [[S::splat(0.0); NR]; MR];
        for (i, row) in sums.iter_mut().enumerate() {
            for (v, sum) in row.iter_mut().enumerate() {
                *sum = first.vector::<S>(place(i, v), column + v * S::LANES);
            }
        }
        let mut a = left.start;
        let mut b = right.start.add(column);
        for _ in 0..depth {
            let mut vectors = [S::splat(0.0); NR];
            for (v, vector) in vectors.iter_mut().enumerate() {
                *vector = S::load(b.add(v * S::LANES));
            }
            for (i, row) in sums.iter_mut().enumerate() {
                let value = S::splat(*a.add(i * left.row));
                for (sum, vector) in row.iter_mut().zip(vectors) {
                    *sum = S::fma(value, vector, *sum);
                }
            }
            a = a.add(left.step);
            b = b.add(right.stride);
        }
        for (i, row) in sums.iter().enumerate() {
            for (v, sum) in row.iter().enumerate() {
                S::store(place(i, v), *sum);
            }
        }
    }
}
