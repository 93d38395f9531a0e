//! The forward pass for one block of keys and one panel of queries: scores, softmax, weighted values. Knows nothing of
//! tensors, only of packed operands.

use super::problem::BLOCK;
use super::product::{Block, Extent, Products, Rows, Start};
use super::ranges::{Masks, Strip, Strips, View};
use super::softmax::{Running, Scales, Softmax};
use std::ops::Range;

/// The rows of one panel and their running sums.
pub(super) struct Panel<P: Products> {
    pub first_row: usize,
    pub rows: usize,
    pub query: P::Right,
    /// [D, P::PANEL], not yet divided by the sum.
    pub output: Rows,
    pub running: Running,
}

/// One block of keys for one panel.
pub(super) struct Round<'a, P: Products> {
    pub key_operand: P::Left,
    pub value_operand: P::Left,
    pub panel: &'a Panel<P>,
    pub view: &'a View,
    pub padded: usize,
    pub block: &'a Block,
    pub scales: Scales,
    pub masks: Masks<'a>,
}

impl<P: Products> Round<'_, P> {
    /// While the vectors turn the scores of one slice of queries into probabilities, tiles compute the next scores, or
    /// the sums of the last values.
    #[inline(always)]
    pub unsafe fn run(&self) {
        unsafe {
            self.scores(0, &mut None);
            if P::SLICE_COLUMNS == P::PANEL {
                self.softmax(0, 0).finish();
                return self.values(0, &mut None);
            }
            let last = P::PANEL - P::SLICE_COLUMNS;
            let mut work = Some(self.softmax(0, P::steps(self.score_extent(last))));
            for column in (P::SLICE_COLUMNS..P::PANEL).step_by(P::SLICE_COLUMNS) {
                self.scores(column, &mut work);
                if let Some(work) = work {
                    work.finish();
                }
                let before = column - P::SLICE_COLUMNS;
                work = Some(self.softmax(column, P::steps(self.value_extent(before))));
                self.values(before, &mut work);
            }
            if let Some(work) = work {
                work.finish();
            }
            self.values(last, &mut None);
        }
    }

    /// The keys of the block that some of the slice's queries see.
    #[inline(always)]
    fn seen(&self, column: usize) -> Range<usize> {
        self.view.seen(column..column + P::SLICE_COLUMNS, self.block.keys, P::ROWS)
    }

    /// Columns of a slice that a product takes at a time, and the keys that some of them see: all at once where these are the same.
    /// Scores of other keys are not computed; the mask hides them.
    #[inline(always)]
    fn strips(&self, column: usize) -> Strips<'_> {
        self.view.strips((column, P::SLICE_COLUMNS, P::STRIP), self.block.keys, P::ROWS)
    }

    /// [BLOCK, SLICE_COLUMNS]
    #[inline(always)]
    fn score_rows(&self, column: usize) -> Rows {
        Rows { start: self.block.rows.start.wrapping_add(column * BLOCK), stride: P::SLICE_COLUMNS }
    }

    #[inline(always)]
    fn score_extent(&self, column: usize) -> Extent {
        Extent { m: self.seen(column).len(), n: P::SLICE_COLUMNS, k: self.padded }
    }

    #[inline(always)]
    fn value_extent(&self, column: usize) -> Extent {
        Extent { m: self.padded, n: P::SLICE_COLUMNS, k: self.seen(column).len() }
    }

    #[inline(always)]
    unsafe fn scores(&self, column: usize, beside: &mut Option<Softmax<P>>) {
        let rows = self.score_rows(column);
        for Strip { first, columns, keys } in self.strips(column) {
            let operands = (P::left_from(self.key_operand, keys.start, 0), P::right_from(self.panel.query, first, 0));
            let rows = Rows { start: rows.start.wrapping_add(keys.start * rows.stride + first - column), ..rows };
            let extent = Extent { m: keys.len(), n: columns, k: self.padded };
            unsafe { P::multiply(extent, operands, rows, Start::Zero, beside) };
        }
    }

    #[inline(always)]
    unsafe fn softmax(&self, column: usize, steps: usize) -> Softmax<'_, P> {
        let to = (self.block, column, self.seen(column));
        unsafe { Softmax::begin(self.score_rows(column), to, self.panel.running, self.scales, self.masks, steps) }
    }

    #[inline(always)]
    unsafe fn values(&self, column: usize, beside: &mut Option<Softmax<P>>) {
        for Strip { first, columns, keys } in self.strips(column) {
            let probabilities = P::right_from(P::put_right(self.block), first, keys.start);
            let operands = (P::left_from(self.value_operand, 0, keys.start), probabilities);
            let output = self.panel.output;
            let output = Rows { start: output.start.wrapping_add(first), ..output };
            let start = Start::Rescaled(self.panel.running.correction.wrapping_add(first));
            let extent = Extent { m: self.padded, n: columns, k: keys.len() };
            unsafe { P::multiply(extent, operands, output, start, beside) };
        }
    }
}
