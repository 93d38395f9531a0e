//! Block layouts: which blocks of keys each block of queries sees, and which of them through a mask. Blocks that are not
//! listed cost nothing.

use super::bias::Place;
use super::problem::{AttentionShape, BLOCK, PANEL, Problem};

/// A list of blocks of 64 keys for each block of 64 queries.
#[derive(Clone, Copy)]
pub struct BlockLayout<'a> {
    /// 1, or B: rows of the batch with lists of their own.
    pub batch: usize,
    /// 1, or H: query heads with lists of their own.
    pub heads: usize,
    /// [batch * heads * ceil(T / 64) + 1]: where each list starts in `blocks`.
    pub offsets: &'a [i32],
    /// [N, 2]: a block of keys, ascending within a list, and its mask, or -1 if every query sees every key.
    pub blocks: &'a [i32],
    /// [M, 64, 2]: for each mask and query the bits of 64 keys, the lower half first.
    pub masks: &'a [i32],
}

/// A block of keys and its mask or -1.
type Entry = [i32; 2];

/// What a layout says about a panel and a block of keys. Made for every block on the way, so the masks are not boxed.
#[allow(clippy::large_enum_variant)]
pub(super) enum Listed {
    No,
    /// Every query sees every key.
    Whole,
    /// Bit j of word r: does row r see key j?
    Masked([u64; PANEL]),
}

impl<'a> BlockLayout<'a> {
    fn list(&self, index: usize) -> &'a [Entry] {
        let entries = self.blocks.as_chunks::<2>().0;
        &entries[self.offsets[index] as usize..self.offsets[index + 1] as usize]
    }

    /// Whether heads that share keys have lists of their own.
    fn differs_within(&self, group_size: usize) -> bool {
        self.heads > 1 && group_size > 1
    }

    /// The bits of a query, the same for every block that has this mask.
    fn word(&self, mask: i32, query: usize) -> u64 {
        let at = (mask as usize * BLOCK + query) * 2;
        u64::from(self.masks[at] as u32) | u64::from(self.masks[at + 1] as u32) << 32
    }

    /// Checks everything that the kernels rely on.
    pub fn check(&self, shape: &AttentionShape) {
        let AttentionShape { batch, queries, keys, heads, .. } = *shape;
        let (rows, each) = (self.batch, self.heads);
        assert!(
            (rows == 1 || rows == batch) && (each == 1 || each == heads),
            "attention: a layout of {rows} rows and {each} heads for {batch} rows and {heads} heads"
        );
        super::check::length("offsets", self.offsets.len(), rows * each * queries.div_ceil(BLOCK) + 1);
        let (count, key_blocks) = (self.blocks.len() / 2, keys.div_ceil(BLOCK));
        super::check::length("blocks", self.blocks.len(), 2 * count);
        let masks = self.masks.len() / (2 * BLOCK);
        super::check::length("masks", self.masks.len(), masks * 2 * BLOCK);
        for (list, &from) in self.offsets.iter().enumerate() {
            let to = self.offsets.get(list + 1).map_or(count as i64, |&to| i64::from(to));
            assert!(
                (list > 0 || from == 0) && i64::from(from) <= to && to <= count as i64,
                "attention: the layout's offsets must ascend from 0 to {count}, but offset {list} is {from}"
            );
        }
        for list in 1..self.offsets.len() {
            self.check_list(list - 1, key_blocks, masks);
        }
    }

    fn check_list(&self, list: usize, key_blocks: usize, masks: usize) {
        let mut last = -1;
        for &[block, mask] in self.list(list) {
            assert!(
                usize::try_from(block).is_ok_and(|block| block < key_blocks),
                "attention: the layout's list {list} has block {block}, but there are {key_blocks} blocks of keys"
            );
            assert!(
                block > last,
                "attention: the layout's list {list} must ascend, but block {block} comes after block {last}"
            );
            assert!(
                mask >= -1 && i64::from(mask) < masks as i64,
                "attention: the layout's list {list} has mask {mask}, but there are {masks} masks"
            );
            last = block;
        }
    }
}

impl<'a, E> Problem<'a, E> {
    /// The list of one head and block of queries.
    fn list(&self, layout: &BlockLayout<'a>, (batch, head): (usize, usize), query_block: usize) -> &'a [Entry] {
        let batch = if layout.batch == 1 { 0 } else { batch };
        let head = if layout.heads == 1 { 0 } else { head };
        layout.list((batch * layout.heads + head) * self.query_blocks() + query_block)
    }

    /// Blocks of queries. The rows of one of them are `group_size` whole panels, so a panel lies in one block.
    pub fn query_blocks(&self) -> usize {
        self.shape.queries.div_ceil(BLOCK)
    }

    /// Calls back for every block of keys that some head of the group lists for a block of queries; repeatedly if several
    /// heads do.
    pub fn each_listed(
        &self,
        layout: &BlockLayout<'a>,
        (batch, group): (usize, usize),
        query_block: usize,
        mut visit: impl FnMut(usize),
    ) {
        let heads = if layout.differs_within(self.group_size()) { self.group_size() } else { 1 };
        for head in 0..heads {
            let head = group * self.group_size() + head;
            self.list(layout, (batch, head), query_block).iter().for_each(|entry| visit(entry[0] as usize));
        }
    }

    /// What the layout says about a panel and a block of keys.
    #[inline(always)]
    pub fn listed(&self, layout: &BlockLayout<'a>, (batch, group, first_row, rows): Place, key_block: usize) -> Listed {
        let (first_token, first_head) = self.token_and_head(group, first_row);
        let query_block = first_token / BLOCK;
        let mask_of = |head: usize| {
            let list = self.list(layout, (batch, head), query_block);
            list.binary_search_by_key(&(key_block as i32), |entry| entry[0]).ok().map(|at| list[at][1])
        };
        let mut words = [0; PANEL];
        if !layout.differs_within(self.group_size()) {
            let mask = match mask_of(first_head) {
                None => return Listed::No,
                Some(-1) => return Listed::Whole,
                Some(mask) => mask,
            };
            for (row, word) in words.iter_mut().enumerate().take(rows) {
                *word = layout.word(mask, (first_row + row) / self.group_size() % BLOCK);
            }
            return Listed::Masked(words);
        }
        for head in 0..self.group_size() {
            let Some(mask) = mask_of(group * self.group_size() + head) else { continue };
            // The rows of this head.
            let first = (head + self.group_size() - first_row % self.group_size()) % self.group_size();
            for row in (first..rows).step_by(self.group_size()) {
                words[row] =
                    if mask < 0 { !0 } else { layout.word(mask, (first_row + row) / self.group_size() % BLOCK) };
            }
        }
        Listed::Masked(words)
    }

    /// Blocks of keys listed for the panels from `first_row` on, counted once for each panel: the work of a task.
    pub fn listed_work(&self, layout: &BlockLayout<'a>, unit: (usize, usize), first_row: usize, rows: usize) -> usize {
        let rows_per_block = BLOCK * self.group_size();
        let mut work = 0;
        for row in (first_row..first_row + rows).step_by(PANEL) {
            self.each_listed(layout, unit, row / rows_per_block, |_| work += 1);
        }
        work
    }
}

/// The first keys of the blocks that some rows may see, ascending.
pub(super) struct KeyBlocks {
    next: usize,
    last_key: usize,
    /// One bit per block; all blocks if absent.
    listed: Option<Vec<u64>>,
}

impl KeyBlocks {
    /// The blocks of keys `first_key..last_key` for rows `first_row..first_row + rows` of a unit.
    pub fn new<E>(
        problem: &Problem<E>,
        unit: (usize, usize),
        (first_row, rows): (usize, usize),
        (first_key, last_key): (usize, usize),
    ) -> Self {
        let listed = problem.options.layout.as_ref().map(|layout| {
            let mut bits = vec![0u64; problem.shape.keys.div_ceil(BLOCK).div_ceil(64)];
            let rows_per_block = BLOCK * problem.group_size();
            for query_block in first_row / rows_per_block..(first_row + rows).div_ceil(rows_per_block) {
                problem.each_listed(layout, unit, query_block, |block| bits[block / 64] |= 1 << (block % 64));
            }
            bits
        });
        KeyBlocks { next: first_key / BLOCK, last_key, listed }
    }
}

impl Iterator for KeyBlocks {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if let Some(bits) = &self.listed {
            loop {
                let rest = bits.get(self.next / 64)? >> (self.next % 64);
                if rest != 0 {
                    self.next += rest.trailing_zeros() as usize;
                    break;
                }
                self.next = (self.next / 64 + 1) * 64;
            }
        }
        let start = self.next * BLOCK;
        self.next += 1;
        (start < self.last_key).then_some(start)
    }
}

/// Bit i of word j becomes bit j of word i.
#[inline(always)]
pub(super) fn transpose_bits(words: &mut [u64; 64]) {
    let (mut width, mut mask) = (32, 0xffff_ffffu64);
    while width > 0 {
        for start in (0..64).step_by(2 * width) {
            for row in start..start + width {
                let swapped = ((words[row] >> width) ^ words[row + width]) & mask;
                words[row] ^= swapped << width;
                words[row + width] ^= swapped;
            }
        }
        width /= 2;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_transposed() {
        let mut words: [u64; 64] = std::array::from_fn(|i| (i as u64 + 3).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let before = words;
        transpose_bits(&mut words);
        for (i, word) in words.iter().enumerate() {
            for (j, column) in before.iter().enumerate() {
                assert_eq!(word >> j & 1, column >> i & 1);
            }
        }
    }
}
