//! The keys that the queries of a panel see, block by block: none, all, or by a mask. Blocks that no query sees are
//! skipped, and blocks that all see need no mask.

use super::bias::Place;
use super::dropout::KeepBits;
use super::layout::{Listed, transpose_bits};
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
const SPAN: usize = 16;
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

    /// What the panel at `place` sees of the `length` keys from `start` on; `None` if nothing.
    #[inline(always)]
    pub fn view<E>(&self, problem: &Problem<E>, place: Place, start: usize, length: usize) -> Option<View> {
        let coverage = self.coverage(start, start + length);
        if coverage == Coverage::None {
            return None;
        }
        if let Some(layout) = &problem.options.layout {
            match problem.listed(layout, place, start / BLOCK) {
                Listed::No => return None,
                Listed::Whole => {}
                Listed::Masked(mut words) => {
                    if coverage == Coverage::Partial {
                        self.narrow(&mut words, start);
                    }
                    return View::of_words(words);
                }
            }
        }
        let relative = |key: usize| key.max(start).min(start + length) - start;
        let spans = self.spans.map(|span| (relative(span.first), relative(span.last)));
        let visible =
            if coverage == Coverage::Partial { Visible::Between(self.relative_to(start)) } else { Visible::All };
        Some(View { spans, visible })
    }

    /// Clears the bits of keys outside each row's range.
    pub fn narrow(&self, words: &mut [u64], start: usize) {
        for (row, word) in words.iter_mut().enumerate() {
            // The bits of keys from this one on.
            let from = |key: u32| (!0u64).checked_shl((key as usize).saturating_sub(start) as u32).unwrap_or(0);
            *word &= from(self.from[row]) & !from(self.to[row]);
        }
    }

    /// Each row's range relative to key `start`, such that key `start + j` is visible iff `lower < j` and `j < upper`.
    fn relative_to(&self, start: usize) -> RelativeRanges {
        let clamp = |key: u32| ((key as usize).max(start) - start).min(BLOCK) as f32;
        RelativeRanges { lower: self.from.map(|key| clamp(key) - 0.5), upper: self.to.map(clamp) }
    }
}

/// What the queries of a panel see of a block of keys. Keys are counted from the start of the block.
pub(super) struct View {
    /// From the first to the last key that some queries of a span see.
    spans: [(usize, usize); SPANS],
    pub visible: Visible,
}

/// Neighbouring queries of a panel, and the keys of a block that some of them see.
pub(super) struct Strip {
    pub first: usize,
    pub columns: usize,
    pub keys: Range<usize>,
}

/// Strips in order.
pub(super) struct Strips<'a> {
    view: &'a View,
    next: usize,
    end: usize,
    width: usize,
    length: usize,
    granule: usize,
}

impl Iterator for Strips<'_> {
    type Item = Strip;

    #[inline(always)]
    fn next(&mut self) -> Option<Strip> {
        let first = self.next;
        if first >= self.end {
            return None;
        }
        self.next += self.width;
        let keys = self.view.seen(first..self.next, self.length, self.granule);
        Some(Strip { first, columns: self.width, keys })
    }
}

/// Which queries of a panel see which keys of a block.
pub(super) enum Visible {
    All,
    Between(RelativeRanges),
    /// Bit q of word j: does query q see key j?
    Bits([u64; BLOCK]),
}

impl View {
    /// From the bits of keys that each row sees; `None` if there are none.
    #[inline(always)]
    fn of_words(mut words: [u64; PANEL]) -> Option<View> {
        let mut spans = [(0, 0); SPANS];
        for (span, words) in spans.iter_mut().zip(words.chunks_exact(SPAN)) {
            let seen = words.iter().fold(0, |seen, word| seen | word);
            if seen != 0 {
                *span = (seen.trailing_zeros() as usize, BLOCK - seen.leading_zeros() as usize);
            }
        }
        transpose_bits(&mut words);
        spans.iter().any(|(first, last)| first < last).then_some(View { spans, visible: Visible::Bits(words) })
    }

    /// The keys that some of the queries `columns` see: whole multiples of `granule`, or up to the block's `length`.
    pub fn seen(&self, columns: Range<usize>, length: usize, granule: usize) -> Range<usize> {
        let spans = || {
            let spans = &self.spans[columns.start / SPAN..columns.end.div_ceil(SPAN)];
            spans.iter().filter(|(first, last)| first < last)
        };
        let Some(first) = spans().map(|span| span.0).min() else { return 0..0 };
        let last = spans().map(|span| span.1).max().unwrap_or(0);
        first / granule * granule..last.next_multiple_of(granule).min(length)
    }

    /// Cuts `count` columns from `column` on into strips of `width`, or into one if all see the same keys.
    #[inline(always)]
    pub fn strips(&self, (column, count, width): (usize, usize, usize), length: usize, granule: usize) -> Strips<'_> {
        let spans = &self.spans[column / SPAN..(column + count).div_ceil(SPAN)];
        let alike = spans.iter().all(|span| *span == spans[0]);
        Strips {
            view: self,
            next: column,
            end: column + count,
            width: if alike { count } else { width },
            length,
            granule,
        }
    }

    pub fn sees(&self, row: usize, key: usize) -> bool {
        match &self.visible {
            Visible::All => true,
            Visible::Between(ranges) => ranges.lower[row] < key as f32 && (key as f32) < ranges.upper[row],
            Visible::Bits(bits) => bits[key] >> row & 1 == 1,
        }
    }

    /// The mask, unless every query sees every key.
    pub fn mask(&self) -> Option<&Visible> {
        match self.visible {
            Visible::All => None,
            _ => Some(&self.visible),
        }
    }
}

impl Visible {
    /// Whether key `key` of the block is visible to the queries from `column` on.
    #[inline(always)]
    pub unsafe fn to<S: Vectors>(&self, key: usize, column: usize) -> S::Mask {
        match self {
            Visible::Between(ranges) => unsafe { ranges.visible::<S>(key, column) },
            Visible::Bits(bits) => unsafe { S::mask_of_bits(bits[key] >> column) },
            Visible::All => unsafe { S::mask_of_bits(!0) },
        }
    }
}

/// The mask and the bias of a block of scores.
#[derive(Clone, Copy)]
pub(super) struct Masks<'a> {
    /// If queries see only some of the keys.
    pub visible: Option<&'a Visible>,
    pub dropout: Option<&'a KeepBits>,
    /// [BLOCK, PANEL]
    pub bias: Option<Rows>,
}

/// For each query, between which keys of a block those lie that it sees.
pub(super) struct RelativeRanges {
    lower: [f32; PANEL],
    upper: [f32; PANEL],
}

impl RelativeRanges {
    /// Whether key `key` of the block is visible to the queries from `column` on.
    #[inline(always)]
    unsafe fn visible<S: Vectors>(&self, key: usize, column: usize) -> S::Mask {
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
