//! For each chunk of keys the panels of queries that see some of it: the transpose of a layout, built in linear time, or the
//! extremes of the visible ranges.

use super::backward::CHUNK;
use super::layout::BlockLayout;
use super::problem::{BLOCK, PANEL, Problem};
use super::ranges::PanelSpans;
use std::ops::Range;
use std::slice::Iter;

/// A block of queries, and which blocks of a chunk it lists, as bits.
#[derive(Clone, Copy)]
struct Listing {
    query_block: u32,
    blocks: u8,
}

/// The panels of every chunk.
pub(super) enum ChunkLists {
    Spans(PanelSpans),
    Transposed(Transposed),
}

pub(super) struct Transposed {
    /// [rows of the layout, its key heads, chunks] + 1: where each chunk's listings start.
    offsets: Vec<usize>,
    /// Ascending within a chunk.
    listings: Vec<Listing>,
    /// Rows of the batch and key heads with lists of their own, or 1.
    batch: usize,
    groups: usize,
    chunks: usize,
    /// Query rows of a block, and of all.
    rows_per_block: usize,
    rows: usize,
}

/// Panels in ascending order: the first row, the number of rows, and which blocks of the chunk they may see, as bits.
#[derive(Clone)]
pub(super) struct ChunkPanels<'a> {
    rows: Range<usize>,
    blocks: u8,
    listed: Iter<'a, Listing>,
    rows_per_block: usize,
    last_row: usize,
}

impl Iterator for ChunkPanels<'_> {
    type Item = (usize, usize, u8);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rows.is_empty() {
            let listing = self.listed.next()?;
            let first_row = listing.query_block as usize * self.rows_per_block;
            self.rows = first_row..(first_row + self.rows_per_block).min(self.last_row);
            self.blocks = listing.blocks;
        }
        let first_row = self.rows.start;
        let count = PANEL.min(self.rows.end - first_row);
        self.rows.start += count;
        Some((first_row, count, self.blocks))
    }
}

impl ChunkPanels<'_> {
    /// Whether the panel that starts at this row is one of these.
    pub fn contains(&self, first_row: usize) -> bool {
        let block = (first_row / self.rows_per_block.max(1)) as u32;
        self.rows.contains(&first_row)
            || self.listed.as_slice().binary_search_by_key(&block, |listing| listing.query_block).is_ok()
    }

    /// From the first to the last row.
    pub fn extent(&self) -> Range<usize> {
        match self.listed.as_slice() {
            [] => self.rows.clone(),
            [first, .., last] | [first @ last] => {
                let start = |listing: &Listing| listing.query_block as usize * self.rows_per_block;
                start(first)..(start(last) + self.rows_per_block).min(self.last_row)
            }
        }
    }
}

impl ChunkLists {
    pub fn new<E>(problem: &Problem<E>) -> Self {
        match &problem.options.layout {
            None => ChunkLists::Spans(PanelSpans::new(problem)),
            Some(layout) => ChunkLists::Transposed(Transposed::new(problem, layout)),
        }
    }

    pub fn panels(&self, (batch, group): (usize, usize), chunk: usize, keys: Range<usize>) -> ChunkPanels<'_> {
        match self {
            ChunkLists::Spans(spans) => {
                let rows = spans.rows_that_see(batch, keys.start, keys.end);
                ChunkPanels { rows, blocks: !0, listed: [].iter(), rows_per_block: 0, last_row: 0 }
            }
            ChunkLists::Transposed(lists) => ChunkPanels {
                rows: 0..0,
                blocks: 0,
                listed: lists.of((batch, group), chunk).iter(),
                rows_per_block: lists.rows_per_block,
                last_row: lists.rows,
            },
        }
    }

    /// Chunks of a head in the order in which they run and the gradient of a query is summed: by a layout, those with the
    /// most work first, so that threads finish together.
    pub fn order(&self, unit: (usize, usize), chunks: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..chunks).collect();
        if let ChunkLists::Transposed(lists) = self {
            order.sort_by_key(|&chunk| std::cmp::Reverse(lists.work(unit, chunk)));
        }
        order
    }
}

impl Transposed {
    fn new<'a, E>(problem: &Problem<'a, E>, layout: &BlockLayout<'a>) -> Self {
        let chunks = problem.shape.keys.div_ceil(CHUNK);
        let groups = if layout.heads == 1 { 1 } else { problem.shape.kv_heads };
        let mut lists = Transposed {
            offsets: vec![0; layout.batch * groups * chunks + 1],
            listings: vec![],
            batch: layout.batch,
            groups,
            chunks,
            rows_per_block: BLOCK * problem.group_size(),
            rows: problem.rows(),
        };
        if problem.units() == 0 {
            return lists;
        }
        // Counts the listings of each chunk, then writes them.
        each_listing(problem, layout, groups, |list, _| lists.offsets[list + 1] += 1);
        for list in 1..lists.offsets.len() {
            lists.offsets[list] += lists.offsets[list - 1];
        }
        let mut next = lists.offsets.clone();
        lists.listings = vec![Listing { query_block: 0, blocks: 0 }; lists.offsets[lists.offsets.len() - 1]];
        each_listing(problem, layout, groups, |list, listing| {
            lists.listings[next[list]] = listing;
            next[list] += 1;
        });
        lists
    }

    fn of(&self, (batch, group): (usize, usize), chunk: usize) -> &[Listing] {
        let batch = if self.batch == 1 { 0 } else { batch };
        let group = if self.groups == 1 { 0 } else { group };
        let list = (batch * self.groups + group) * self.chunks + chunk;
        &self.listings[self.offsets[list]..self.offsets[list + 1]]
    }

    fn work(&self, unit: (usize, usize), chunk: usize) -> u32 {
        self.of(unit, chunk).iter().map(|listing| listing.blocks.count_ones()).sum()
    }
}

/// Calls back once for every chunk and block of queries that lists some of it, ascending in the latter.
fn each_listing<'a, E>(
    problem: &Problem<'a, E>,
    layout: &BlockLayout<'a>,
    groups: usize,
    mut visit: impl FnMut(usize, Listing),
) {
    let chunks = problem.shape.keys.div_ceil(CHUNK);
    let mut bits = vec![0u8; chunks];
    let mut touched = Vec::new();
    for set in 0..layout.batch * groups {
        for query_block in 0..problem.query_blocks() {
            problem.each_listed(layout, (set / groups, set % groups), query_block, |block| {
                let chunk = block * BLOCK / CHUNK;
                if bits[chunk] == 0 {
                    touched.push(chunk);
                }
                bits[chunk] |= 1 << (block % (CHUNK / BLOCK));
            });
            for chunk in touched.drain(..) {
                let listing = Listing { query_block: query_block as u32, blocks: std::mem::take(&mut bits[chunk]) };
                visit(set * chunks + chunk, listing);
            }
        }
    }
}
