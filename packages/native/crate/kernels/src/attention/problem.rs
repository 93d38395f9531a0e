//! The arguments of one attention call, and the layout of its numbers: rows of queries, pages of keys, visible ranges.
//! All query heads that share a key head are treated as additional rows of it (row = token * heads per group + head in
//! group), so grouped-query attention reads its keys once and sums their gradients in one pass.

use super::layout::BlockLayout;
use crate::view::View;

/// The sizes of one attention call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    pub batch: usize,
    /// Query tokens T.
    pub queries: usize,
    /// Key tokens S; with pages, pages per row times page size.
    pub keys: usize,
    /// Query heads H, a multiple of `kv_heads`.
    pub heads: usize,
    /// Key and value heads G.
    pub kv_heads: usize,
    /// Head size D.
    pub head_size: usize,
}

/// Keys and values in pages: key j of row b is in page `table[b * pages_per_row + j / page_size]`, slot `j % page_size`.
#[derive(Clone, Copy)]
pub struct Pages<'a> {
    /// [B, P] page numbers; only those with visible keys are read.
    pub table: &'a [i32],
    pub pages_per_row: usize,
    pub page_size: usize,
}

/// Dropout of the probabilities, as a function of the element's index in the unsplit [B, H, T, S] tensor.
#[derive(Clone, Copy, Debug)]
pub struct AttentionDropout {
    /// In [0, 1).
    pub rate: f64,
    pub key: [u32; 2],
    pub origin: [usize; 4],
    pub global_shape: [usize; 4],
}

/// Added to the scaled scores. Minus infinity hides a key.
#[derive(Clone, Copy)]
pub struct Bias<'a> {
    /// [batch, heads, T, S]
    pub numbers: View<'a>,
    /// B, or 1 if all rows share it.
    pub batch: usize,
    /// H, or 1 if all heads share it.
    pub heads: usize,
}

/// Added to the scaled scores by the distance of key and query.
#[derive(Clone, Copy)]
pub struct DistanceBias<'a> {
    /// [heads, T + S - 1]: the score of query t and key j gets element T - 1 - t + j.
    pub numbers: &'a [f32],
    /// H, or 1 if all heads share it.
    pub heads: usize,
}

#[derive(Clone, Copy, Default)]
pub struct AttentionOptions<'a> {
    /// The scores are multiplied by this, usually 1 / sqrt(D).
    pub scale: f32,
    pub bias: Option<Bias<'a>>,
    pub distance_bias: Option<DistanceBias<'a>>,
    /// [H]: one logit a head that takes part in the softmax but has no value.
    pub sinks: Option<&'a [f32]>,
    /// [B, T, 2]: query t of row b sees keys `from <= j < to`; all keys if absent.
    pub ranges: Option<&'a [i32]>,
    /// Queries see only keys that are in this layout too.
    pub layout: Option<BlockLayout<'a>>,
    pub pages: Option<Pages<'a>>,
    pub dropout: Option<AttentionDropout>,
}

/// Queries per panel: the width of every score block.
pub(super) const PANEL: usize = 64;
/// Keys per block: the height of every score block.
pub(super) const BLOCK: usize = 64;

pub(super) struct Problem<'a, E> {
    pub shape: AttentionShape,
    pub options: AttentionOptions<'a>,
    pub q: &'a [E],
    pub k: &'a [E],
    pub v: &'a [E],
}

impl<E> Problem<'_, E> {
    /// Query heads per key head.
    pub fn group_size(&self) -> usize {
        self.shape.heads / self.shape.kv_heads
    }

    /// Key heads of the whole batch.
    pub fn units(&self) -> usize {
        self.shape.batch * self.shape.kv_heads
    }

    /// The batch row and the key head of a unit.
    pub fn unit(&self, index: usize) -> (usize, usize) {
        (index / self.shape.kv_heads, index % self.shape.kv_heads)
    }

    /// Query rows of one key head.
    pub fn rows(&self) -> usize {
        self.shape.queries * self.group_size()
    }

    /// Where row `row` starts in a [B, T, H, D] tensor.
    pub fn query_at(&self, batch: usize, group: usize, row: usize) -> usize {
        let (token, head) = self.token_and_head(group, row);
        ((batch * self.shape.queries + token) * self.shape.heads + head) * self.shape.head_size
    }

    /// The index of row `row` in a [B, H, T] tensor.
    pub fn statistic_at(&self, batch: usize, group: usize, row: usize) -> usize {
        let (token, head) = self.token_and_head(group, row);
        (batch * self.shape.heads + head) * self.shape.queries + token
    }

    /// Where key `key` starts in the key tensor, paged or [B, S, G, D].
    pub fn key_at(&self, batch: usize, group: usize, key: usize) -> usize {
        let slot = match self.options.pages {
            None => batch * self.shape.keys + key,
            Some(pages) => {
                let page = pages.table[batch * pages.pages_per_row + key / pages.page_size];
                page as usize * pages.page_size + key % pages.page_size
            }
        };
        (slot * self.shape.kv_heads + group) * self.shape.head_size
    }

    /// The keys that row `row` sees, as (from, to) with from <= to <= S; (0, 0) if it sees none.
    pub fn range(&self, batch: usize, row: usize) -> (usize, usize) {
        let Some(ranges) = self.options.ranges else { return (0, self.shape.keys) };
        let at = 2 * (batch * self.shape.queries + row / self.group_size());
        let from = ranges[at].max(0) as usize;
        let to = (ranges[at + 1].max(0) as usize).min(self.shape.keys);
        if from < to { (from, to) } else { (0, 0) }
    }

    /// The unit with this index among those that share no bias, and this rank among those that share one. The gradient of
    /// a bias is summed rank by rank.
    pub fn unit_of_rank(&self, rank: usize, index: usize) -> usize {
        let (_, group_ranks) = self.sharing();
        let groups = self.shape.kv_heads / group_ranks;
        let (batch, group) = (rank / group_ranks + index / groups, rank % group_ranks + index % groups);
        batch * self.shape.kv_heads + group
    }

    pub fn ranks(&self) -> usize {
        let (batch_ranks, group_ranks) = self.sharing();
        batch_ranks * group_ranks
    }

    /// How many rows of the batch, and how many key heads, share a bias.
    fn sharing(&self) -> (usize, usize) {
        let AttentionShape { batch, kv_heads, .. } = self.shape;
        self.options.bias.map_or((1, 1), |bias| {
            (if bias.batch == 1 { batch } else { 1 }, if bias.heads == 1 { kv_heads } else { 1 })
        })
    }

    /// Distances between a query and a key.
    pub fn distances(&self) -> usize {
        (self.shape.queries + self.shape.keys).saturating_sub(1)
    }

    pub fn token_and_head(&self, group: usize, row: usize) -> (usize, usize) {
        (row / self.group_size(), group * self.group_size() + row % self.group_size())
    }
}
