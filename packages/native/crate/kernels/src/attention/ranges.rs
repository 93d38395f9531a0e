//! The keys that the queries of a panel see, block by block: none, all, or by a mask. Blocks that no query sees are
//! skipped, and blocks that all see need no mask.

use super::dropout::KeepBits;
use super::problem::{BLOCK, PANEL, Problem};
use super::product::Rows;
use crate::vectors::Vectors;
use std::ops::Range;

/// Visibility of a block of keys for the queries of a panel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coverage {
    None,
    Partial,
    Full,
}

/// Queries that share extremes.
const SPAN: usize = 32;
const SPANS: usize = PANEL / SPAN;

/// From the first to the last key that some queries see, and the keys that all of them see.
#[derive(Clone, Copy)]
struct Span {
    first: usize,
    last: usize,
    full_from: usize,
    full_to: usize,
}

impl Span {
    const NOTHING: Span = Span { first: usize::MAX, last: 0, full_from: 0, full_to: usize::MAX };

    fn add(&mut self, from: usize, to: usize) {
        self.full_from = self.full_from.max(from);
        self.full_to = self.full_to.min(to);
        if from < to {
            self.first = self.first.min(from);
            self.last = self.last.max(to);
        }
    }
}

/// The visible ranges of up to `PANEL` rows, and their extremes.
#[derive(Clone, Copy)]
pub(super) struct PanelRanges {
    from: [u32; PANEL],
    to: [u32; PANEL],
    all: Span,
    spans: [Span; SPANS],
}

impl PanelRanges {
    /// No rows.
    pub const NOTHING: PanelRanges =
        PanelRanges { from: [0; PANEL], to: [0; PANEL], all: Span::NOTHING, spans: [Span::NOTHING; SPANS] };

    pub fn new<E>(problem: &Problem<E>, batch: usize, first_row: usize, rows: usize) -> Self {
        let mut ranges = Self::NOTHING;
        for row in 0..rows {
            let (from, to) = problem.range(batch, first_row + row);
            ranges.from[row] = from as u32;
            ranges.to[row] = to as u32;
            ranges.all.add(from, to);
            ranges.spans[row / SPAN].add(from, to);
        }
        ranges
    }

    pub fn sees(&self, row: usize, key: usize) -> bool {
        self.from[row] as usize <= key && key < self.to[row] as usize
    }

    /// The first key that some row sees, and the end of the last.
    pub fn extremes(&self) -> (usize, usize) {
        (self.all.first, self.all.last)
    }

    /// The visibility of keys `from..to` for the panel.
    pub fn coverage(&self, from: usize, to: usize) -> Coverage {
        if self.all.first >= to || self.all.last <= from {
            Coverage::None
        } else if self.all.full_from <= from && self.all.full_to >= to {
            Coverage::Full
        } else {
            Coverage::Partial
        }
    }

    /// The part of a block, `length` keys from `start` on, that some of the queries `columns` see: whole multiples of
    /// `granule`, counted from `start`, or up to the end.
    pub fn seen_part(&self, columns: Range<usize>, start: usize, length: usize, granule: usize) -> Range<usize> {
        let spans = &self.spans[columns.start / SPAN..columns.end.div_ceil(SPAN)];
        let first = spans.iter().map(|span| span.first).min().unwrap_or(usize::MAX);
        let last = spans.iter().map(|span| span.last).max().unwrap_or(0);
        if first >= start + length || last <= start {
            return 0..0;
        }
        let from = (first.max(start) - start) / granule * granule;
        from..(last.min(start + length) - start).next_multiple_of(granule).min(length)
    }

    /// Each row's range relative to key `start`, such that key `start + j` is visible iff `lower < j` and `j < upper`.
    pub fn relative_to(&self, start: usize) -> RelativeRanges {
        let clamp = |key: u32| ((key as usize).max(start) - start).min(BLOCK) as f32;
        RelativeRanges { lower: self.from.map(|key| clamp(key) - 0.5), upper: self.to.map(clamp) }
    }
}

/// The mask and the bias of a block of scores.
#[derive(Clone, Copy)]
pub(super) struct Masks<'a> {
    /// If queries see only some of the keys.
    pub ranges: Option<&'a RelativeRanges>,
    pub dropout: Option<&'a KeepBits>,
    /// [BLOCK, PANEL]
    pub bias: Option<Rows>,
}

/// Which queries of a panel see which keys of a block.
pub(super) struct RelativeRanges {
    lower: [f32; PANEL],
    upper: [f32; PANEL],
}

impl RelativeRanges {
    /// Whether key `key` of the block is visible to the queries from `column` on.
    #[inline(always)]
    pub unsafe fn visible<S: Vectors>(&self, key: usize, column: usize) -> S::Mask {
        unsafe {
            let position = S::splat(key as f32);
            let lower = S::load(self.lower.as_ptr().add(column));
            let upper = S::load(self.upper.as_ptr().add(column));
            S::and(S::less(lower, position), S::less(position, upper))
        }
    }
}

/// The first and last key that each panel of each batch row sees.
pub(super) struct PanelSpans {
    spans: Vec<(usize, usize)>,
    panels: usize,
    rows: usize,
}

impl PanelSpans {
    pub fn new<E>(problem: &Problem<E>) -> Self {
        let rows = problem.rows();
        let panels = rows.div_ceil(PANEL);
        let span = |index: usize| {
            let first_row = index % panels * PANEL;
            let ranges = PanelRanges::new(problem, index / panels, first_row, PANEL.min(rows - first_row));
            ranges.extremes()
        };
        PanelSpans { spans: (0..problem.shape.batch * panels).map(span).collect(), panels, rows }
    }

    /// Whole panels of rows, from the first to the last that sees one of the keys `from..to`.
    pub fn rows_that_see(&self, batch: usize, from: usize, to: usize) -> Range<usize> {
        let spans = &self.spans[batch * self.panels..][..self.panels];
        let sees = |span: &(usize, usize)| span.0 < to && span.1 > from;
        let first = spans.iter().position(sees).unwrap_or(0);
        let last = spans.iter().rposition(sees).map_or(0, |index| index + 1);
        first * PANEL..(last * PANEL).min(self.rows)
    }
}
