//! The dropout mask of a panel of queries and a block of keys, as one word of bits per key.

use super::problem::{AttentionDropout, BLOCK, PANEL, Problem};
use crate::philox::{philox, threshold};

/// Counters computed together.
const WIDTH: usize = 16;
/// Four numbers per counter; a block may start in the middle of one.
const NUMBERS: usize = BLOCK + 4;

/// Bit q of word j: is the probability of query q for key j of the block kept?
pub(super) type KeepBits = [u64; BLOCK];

impl AttentionDropout {
    /// The factor of kept probabilities.
    pub(super) fn factor(&self) -> f32 {
        (1.0 / (1.0 - self.rate)) as f32
    }

    /// The index of (batch, head, query, key 0) in the unsplit tensor.
    fn element(&self, batch: usize, head: usize, query: usize) -> u64 {
        let [_, heads, queries, keys] = self.global_shape;
        let row = ((self.origin[0] + batch) * heads + self.origin[1] + head) * queries + self.origin[2] + query;
        row as u64 * keys as u64 + self.origin[3] as u64
    }
}

/// The bits of keys `first_key..first_key + keys` for the `rows` rows of a panel.
#[inline(always)]
pub(super) fn keep_bits<E>(
    problem: &Problem<E>,
    dropout: &AttentionDropout,
    panel: (usize, usize, usize, usize),
    first_key: usize,
    keys: usize,
) -> KeepBits {
    let (batch, group, first_row, rows) = panel;
    let mut block = [0u64; PANEL];
    // Which rows start at number 0, 1, 2, 3 of their first counter.
    let mut phase = [0u64; 4];
    for (row, block) in block.iter_mut().enumerate().take(rows) {
        let (token, head) = problem.token_and_head(group, first_row + row);
        let element = dropout.element(batch, head, token) + first_key as u64;
        *block = element / 4;
        phase[(element % 4) as usize] |= 1 << row;
    }
    let threshold = threshold(dropout.rate);
    let mut numbers = [0u64; NUMBERS];
    for (step, four) in numbers.chunks_exact_mut(4).take((keys + 3).div_ceil(4)).enumerate() {
        for lane in (0..rows.next_multiple_of(WIDTH)).step_by(WIDTH) {
            let mut low = [0u32; WIDTH];
            let mut high = [0u32; WIDTH];
            for i in 0..WIDTH {
                let counter = block[lane + i] + step as u64;
                low[i] = counter as u32;
                high[i] = (counter >> 32) as u32;
            }
            for (bits, words) in four.iter_mut().zip(philox(low, high, dropout.key)) {
                let mut kept = 0u64;
                for (i, word) in words.into_iter().enumerate() {
                    kept |= u64::from(u64::from(word) >= threshold) << i;
                }
                *bits |= kept << lane;
            }
        }
    }
    std::array::from_fn(|key| (0..4).fold(0, |bits, start| bits | phase[start] & numbers[key + start]))
}
