//! The biases of the scores, [B or 1, H or 1, T, S] and by distance, and the sinks. A block of scores has a row per key, the
//! bias a row per query, so it is transposed when it is read.

use super::arena::Arena;
use super::pack::{add_row, fill, load_row, transpose_rows};
use super::problem::{AttentionOptions, BLOCK, Bias, DistanceBias, PANEL, Problem};
use super::product::Rows;
use crate::bf16::{Bf16, Element};
use crate::vectors::Vectors;
use crate::view::View;
use std::f32::consts::{LN_2, LOG2_E};
use std::ops::Range;

/// Batch row, key head, first row and number of rows of a panel.
pub(super) type Place = (usize, usize, usize, usize);

/// The units of scores.
#[derive(Clone, Copy)]
pub(super) struct ScoreUnits {
    pub per_natural: f32,
    /// The natural logarithm that a unit stands for, and the binary one.
    pub natural: f32,
    pub log2: f32,
}

impl<E> Problem<'_, E> {
    /// Where the biases of row `row` start in [batch, heads, T, S].
    pub fn bias_at(&self, bias: &Bias, (batch, group): (usize, usize), row: usize) -> usize {
        let (token, head) = self.token_and_head(group, row);
        let batch = if bias.batch == 1 { 0 } else { batch };
        let head = if bias.heads == 1 { 0 } else { head };
        ((batch * bias.heads + head) * self.shape.queries + token) * self.shape.keys
    }

    /// Where the biases of row `row` start in [heads, T + S - 1].
    fn distance_bias_at(&self, bias: &DistanceBias, group: usize, row: usize) -> usize {
        let (token, head) = self.token_and_head(group, row);
        let head = if bias.heads == 1 { 0 } else { head };
        head * self.distances() + self.shape.queries - 1 - token
    }

    /// Adds the biases of keys `keys` to their scores.
    pub fn add_bias(&self, head: (usize, usize), row: usize, keys: Range<usize>, scores: &mut [f32]) {
        if let Some(bias) = self.options.bias {
            let at = self.bias_at(&bias, head, row) + keys.start;
            match bias.numbers.part(at, keys.len()) {
                View::F32(numbers) => scores.iter_mut().zip(numbers).for_each(|(score, bias)| *score += bias),
                View::Bf16(numbers) => scores.iter_mut().zip(numbers).for_each(|(score, bias)| *score += bias.get()),
            }
        }
        if let Some(bias) = &self.options.distance_bias {
            let at = self.distance_bias_at(bias, head.1, row) + keys.start;
            let numbers = &bias.numbers[at..at + keys.len()];
            scores.iter_mut().zip(numbers).for_each(|(score, bias)| *score += bias);
        }
    }

    pub fn is_biased(&self) -> bool {
        self.options.bias.is_some() || self.options.distance_bias.is_some()
    }

    /// The sink of a row, if there are sinks.
    pub fn sink(&self, group: usize, row: usize) -> Option<f32> {
        self.options.sinks.map(|sinks| sinks[self.token_and_head(group, row).1])
    }

    /// Without a bias, scores are in units of log 2, so that only 2^x remains. With one they stay natural: if huge biases
    /// cancel, their rounding must cancel too.
    pub fn score_units(&self) -> ScoreUnits {
        if self.is_biased() {
            ScoreUnits { per_natural: 1.0, natural: 1.0, log2: LOG2_E }
        } else {
            ScoreUnits { per_natural: LOG2_E, natural: LN_2, log2: 1.0 }
        }
    }

    /// Whether every query sees every key, as far as that can be told without reading a layout.
    pub fn everything_is_seen(&self) -> bool {
        if self.options.layout.is_some() {
            return false;
        }
        let rows = (0..self.rows()).step_by(self.group_size());
        (0..self.shape.batch).all(|batch| rows.clone().all(|row| self.range(batch, row) == (0, self.shape.keys)))
    }
}

/// Room for the bias of one block, reused by its gradient.
#[derive(Clone, Copy)]
pub(super) struct BiasRoom {
    /// [BLOCK, PANEL], in the layout of the scores.
    pub block: Rows,
    /// [PANEL, BLOCK], in the layout of the tensor.
    pub turned: Rows,
}

impl BiasRoom {
    /// Floats of scratch.
    pub const SIZE: usize = 2 * BLOCK * PANEL;

    pub fn take(arena: &mut Arena) -> Self {
        let [block, turned] = [PANEL, BLOCK].map(|stride| Rows { start: arena.take(BLOCK * PANEL), stride });
        BiasRoom { block, turned }
    }

    /// The bias of at most `BLOCK` keys, [BLOCK, PANEL], 0 beyond the keys and rows; `None` without any.
    #[inline(always)]
    pub unsafe fn load<S: Vectors, E>(&self, problem: &Problem<E>, place: Place, keys: Range<usize>) -> Option<Rows> {
        let AttentionOptions { bias, distance_bias, .. } = problem.options;
        if !problem.is_biased() {
            return None;
        }
        let (batch, group, first_row, rows) = place;
        let extent = (keys.len(), BLOCK);
        // If a whole block has its rows at equal distances, the tensor's own rows are used instead of copies.
        if let (Some(bias @ Bias { numbers: View::F32(numbers), .. }), None) = (bias, distance_bias)
            && (rows, keys.len(), problem.group_size()) == (PANEL, BLOCK, 1)
        {
            let at = problem.bias_at(&bias, (batch, group), first_row) + keys.start;
            unsafe {
                let from = Rows { start: numbers.as_ptr().add(at).cast_mut(), stride: problem.shape.keys };
                transpose_rows::<S>(from, self.block, (PANEL, BLOCK));
            }
            return Some(self.block);
        }
        unsafe {
            let mut zeros = S::splat(0.0);
            for row in 0..rows {
                let to = self.turned.start.add(row * BLOCK);
                if let Some(bias) = &bias {
                    let at = problem.bias_at(bias, (batch, group), first_row + row) + keys.start;
                    match bias.numbers {
                        View::F32(numbers) => load_row::<S, f32>(to, numbers.as_ptr().add(at), extent, 1.0, &mut zeros),
                        View::Bf16(numbers) => {
                            load_row::<S, Bf16>(to, numbers.as_ptr().add(at), extent, 1.0, &mut zeros)
                        }
                    }
                }
                if let Some(distance) = &distance_bias {
                    let at = problem.distance_bias_at(distance, group, first_row + row) + keys.start;
                    let from = distance.numbers.as_ptr().add(at);
                    match bias {
                        None => load_row::<S, f32>(to, from, extent, 1.0, &mut zeros),
                        Some(_) => add_row::<S>(to, from, keys.len()),
                    }
                }
            }
            fill::<S>(self.turned.start.add(rows * BLOCK), (PANEL - rows) * BLOCK, 0.0);
            transpose_rows::<S>(self.turned, self.block, (PANEL, BLOCK));
        }
        Some(self.block)
    }
}
