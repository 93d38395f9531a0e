//! The backward pass for one block of keys and one panel of queries: five products, and the derivative of softmax between the
//! first two and the other three. Knows nothing of tensors, only of packed operands.

use super::gradient::{Derivative, Factors, Saved};
use super::product::{Block, Extent, Products, Rows, Start};
use super::ranges::{Masks, Strip, Strips, View};
use std::ops::Range;

/// One block of the chunk, packed.
pub(super) struct KeyBlock<P: Products> {
    pub keys: P::Left,
    pub keys_transposed: P::Left,
    pub values: P::Left,
    /// [keys, D]
    pub key_gradient: Rows,
    pub value_gradient: Rows,
}

/// A panel of queries, packed.
pub(super) struct Panel<P: Products> {
    pub query: P::Right,
    pub query_columns: P::Right,
    pub dout: P::Right,
    pub dout_columns: P::Right,
    /// [D, P::PANEL]
    pub query_gradient: Rows,
    pub saved: Saved,
}

/// One block of keys for one panel.
pub(super) struct Round<'a, P: Products> {
    pub keys: &'a KeyBlock<P>,
    pub panel: &'a Panel<P>,
    pub view: &'a View,
    pub padded: usize,
    pub scores: Block,
    pub gradient: Block,
    pub factors: Factors,
    pub masks: Masks<'a>,
}

impl<P: Products> Round<'_, P> {
    #[inline(always)]
    pub unsafe fn run(&self) {
        // While the vectors differentiate one slice, tiles compute the next.
        let mut work: Option<Derivative<P>> = None;
        let mut parity = 0;
        for column in (0..P::PANEL).step_by(P::SLICE_COLUMNS) {
            let seen = self.seen(column);
            for row in seen.step_by(P::SLICE_ROWS) {
                unsafe {
                    let next = self.slice(row, column, parity, &mut work);
                    if let Some(work) = work {
                        work.finish();
                    }
                    work = Some(next);
                }
                parity ^= 1;
            }
        }
        if let Some(work) = work {
            unsafe { work.finish() };
        }
        unsafe { self.sum_up() };
    }

    /// The keys of the block that some of a slice's queries see.
    #[inline(always)]
    pub fn seen(&self, column: usize) -> Range<usize> {
        self.view.seen(column..column + P::SLICE_COLUMNS, self.scores.keys, P::SLICE_ROWS)
    }

    /// Columns that a product takes at a time, and the keys that some of them see; the mask hides others.
    #[inline(always)]
    fn strips(&self, column: usize) -> Strips<'_> {
        self.view.strips((column, P::SLICE_COLUMNS, P::STRIP), self.scores.keys, P::ROWS)
    }

    /// The scores of a slice and the gradient of its probabilities.
    #[inline(always)]
    unsafe fn slice(
        &self,
        row: usize,
        column: usize,
        parity: usize,
        beside: &mut Option<Derivative<P>>,
    ) -> Derivative<'_, P> {
        let rows = P::SLICE_ROWS.min(self.scores.keys - row);
        let whole = Extent { m: rows, n: P::SLICE_COLUMNS, k: self.padded };
        let part = |rows: Rows| Rows {
            start: rows.start.wrapping_add(parity * P::SLICE_ROWS * P::SLICE_COLUMNS),
            stride: P::SLICE_COLUMNS,
        };
        let from = (part(self.scores.rows), part(self.gradient.rows));
        for Strip { first, columns, keys } in self.strips(column) {
            let seen = keys.start.max(row)..keys.end.min(row + rows);
            let part = |rows: Rows| Rows {
                start: rows.start.wrapping_add((seen.start - row) * rows.stride + first - column),
                ..rows
            };
            let extent = Extent { m: seen.len(), n: columns, k: self.padded };
            let keys = (P::left_from(self.keys.keys, seen.start, 0), P::left_from(self.keys.values, seen.start, 0));
            let queries = P::right_from(self.panel.query_columns, first, 0);
            let douts = P::right_from(self.panel.dout_columns, first, 0);
            unsafe {
                P::multiply(extent, (keys.0, queries), part(from.0), Start::Zero, beside);
                P::multiply(extent, (keys.1, douts), part(from.1), Start::Zero, beside);
            }
        }
        let to = (&self.scores, &self.gradient);
        Derivative::new(
            from,
            to,
            ((row, column), rows),
            self.panel.saved,
            self.factors,
            self.masks,
            2 * P::steps(whole),
        )
    }

    /// Adds this block to the three gradients.
    #[inline(always)]
    unsafe fn sum_up(&self) {
        let KeyBlock { keys_transposed, key_gradient, value_gradient, .. } = *self.keys;
        // Whole slices where all queries see the same keys.
        let alike = (0..P::PANEL).step_by(P::SLICE_COLUMNS).all(|column| self.strips(column).count() == 1);
        let step = if alike { P::SLICE_ROWS } else { P::STRIP.min(P::SLICE_ROWS) };
        for row in (0..self.scores.keys).step_by(step) {
            let m = step.min(self.scores.keys - row);
            // Queries that see some of these keys.
            let (mut first, mut last) = (P::PANEL, 0);
            for column in (0..P::PANEL).step_by(P::SLICE_COLUMNS) {
                for strip in self.strips(column) {
                    if strip.keys.start < row + m && strip.keys.end > row {
                        first = first.min(strip.first);
                        last = strip.first + strip.columns;
                    }
                }
            }
            if first >= last {
                continue;
            }
            let extent = Extent { m, n: self.padded, k: last - first };
            let part = |rows: Rows| Rows { start: rows.start.wrapping_add(row * rows.stride), ..rows };
            let dout = P::right_from(self.panel.dout, 0, first);
            let query = P::right_from(self.panel.query, 0, first);
            unsafe {
                let probabilities = P::left_from(P::put_left(&self.scores), row, first);
                let gradient = P::left_from(P::put_left(&self.gradient), row, first);
                let idle = &mut None::<Derivative<P>>;
                P::multiply(extent, (probabilities, dout), part(value_gradient), Start::Itself, idle);
                P::multiply(extent, (gradient, query), part(key_gradient), Start::Itself, idle);
            }
        }
        for column in (0..P::PANEL).step_by(P::SLICE_COLUMNS) {
            for Strip { first, columns, keys } in self.strips(column) {
                let extent = Extent { m: self.padded, n: columns, k: keys.len() };
                let gradient = P::right_from(P::put_right(&self.gradient), first, keys.start);
                let operand = P::left_from(keys_transposed, 0, keys.start);
                let to = self.panel.query_gradient;
                let to = Rows { start: to.start.wrapping_add(first), ..to };
                unsafe { P::multiply(extent, (operand, gradient), to, Start::Itself, &mut None::<Derivative<P>>) };
            }
        }
    }
}
