//! The bias of the scores, [B or 1, H or 1, T, S], a block at a time. A block of scores has a row per key, the bias a row
//! per query, so it is transposed when it is read, and its gradient when it is written.

use super::arena::Arena;
use super::pack::{add_row, fill, load_row, store_row, transpose_rows};
use super::problem::{BLOCK, Bias, PANEL, Problem};
use super::product::Rows;
use crate::bf16::{Bf16, Element};
use crate::parallel::for_each_chunk;
use crate::vectors::Vectors;
use crate::view::{CHUNK, View, ViewMut};
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
    fn bias_at(&self, bias: &Bias, (batch, group): (usize, usize), row: usize) -> usize {
        let (token, head) = self.token_and_head(group, row);
        let batch = if bias.batch == 1 { 0 } else { batch };
        let head = if bias.heads == 1 { 0 } else { head };
        ((batch * bias.heads + head) * self.shape.queries + token) * self.shape.keys
    }

    /// Adds the biases of keys `keys` to their scores.
    pub fn add_bias(&self, head: (usize, usize), row: usize, keys: Range<usize>, scores: &mut [f32]) {
        let Some(bias) = self.options.bias else { return };
        let at = self.bias_at(&bias, head, row) + keys.start;
        match bias.numbers.part(at, keys.len()) {
            View::F32(numbers) => scores.iter_mut().zip(numbers).for_each(|(score, bias)| *score += bias),
            View::Bf16(numbers) => scores.iter_mut().zip(numbers).for_each(|(score, bias)| *score += bias.get()),
        }
    }

    /// Without a bias, scores are in units of log 2, so that only 2^x remains. With one they stay natural: if huge biases
    /// cancel, their rounding must cancel too.
    pub fn score_units(&self) -> ScoreUnits {
        match self.options.bias {
            Some(_) => ScoreUnits { per_natural: 1.0, natural: 1.0, log2: LOG2_E },
            None => ScoreUnits { per_natural: LOG2_E, natural: LN_2, log2: 1.0 },
        }
    }

    /// Whether every query sees every key.
    pub fn everything_is_seen(&self) -> bool {
        let rows = (0..self.rows()).step_by(self.group_size());
        (0..self.shape.batch).all(|batch| rows.clone().all(|row| self.range(batch, row) == (0, self.shape.keys)))
    }
}

/// Room for the bias of one block, reused by its gradient.
#[derive(Clone, Copy)]
pub(super) struct BiasRoom {
    /// [BLOCK, PANEL], in the layout of the scores.
    block: Rows,
    /// [PANEL, BLOCK], in the layout of the tensor.
    turned: Rows,
}

impl BiasRoom {
    /// Floats of scratch.
    pub const SIZE: usize = 2 * BLOCK * PANEL;

    pub fn take(arena: &mut Arena) -> Self {
        let [block, turned] = [PANEL, BLOCK].map(|stride| Rows { start: arena.take(BLOCK * PANEL), stride });
        BiasRoom { block, turned }
    }

    /// The bias of at most `BLOCK` keys, [BLOCK, PANEL], 0 beyond the keys and rows; `None` without a bias.
    #[inline(always)]
    pub unsafe fn load<S: Vectors, E>(&self, problem: &Problem<E>, place: Place, keys: Range<usize>) -> Option<Rows> {
        let bias = problem.options.bias?;
        let (batch, group, first_row, rows) = place;
        let extent = (keys.len(), BLOCK);
        // If a whole block has its rows at equal distances, the tensor's own rows are used instead of copies.
        if let (View::F32(numbers), PANEL, BLOCK, 1) = (bias.numbers, rows, keys.len(), problem.group_size()) {
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
                let at = problem.bias_at(&bias, (batch, group), first_row + row) + keys.start;
                let to = self.turned.start.add(row * BLOCK);
                match bias.numbers {
                    View::F32(numbers) => load_row::<S, f32>(to, numbers.as_ptr().add(at), extent, 1.0, &mut zeros),
                    View::Bf16(numbers) => load_row::<S, Bf16>(to, numbers.as_ptr().add(at), extent, 1.0, &mut zeros),
                }
            }
            fill::<S>(self.turned.start.add(rows * BLOCK), (PANEL - rows) * BLOCK, 0.0);
            transpose_rows::<S>(self.turned, self.block, (PANEL, BLOCK));
        }
        Some(self.block)
    }

    /// Writes or adds the gradient that replaced the bias: `columns` of the panel, `keys` of the block from `start` on.
    #[inline(always)]
    pub unsafe fn store<S: Vectors, E>(
        &self,
        problem: &Problem<E>,
        gradient: &BiasGradient,
        place: Place,
        columns: Range<usize>,
        (start, keys): (usize, Range<usize>),
    ) {
        let Some(bias) = problem.options.bias else { return };
        let (batch, group, first_row, rows) = place;
        unsafe {
            let from = Rows { start: self.block.start.add(columns.start), ..self.block };
            let to = Rows { start: self.turned.start.add(columns.start * BLOCK), ..self.turned };
            transpose_rows::<S>(from, to, (BLOCK, columns.len()));
            for row in columns.start..columns.end.min(rows) {
                let at = problem.bias_at(&bias, (batch, group), first_row + row) + start + keys.start;
                let from = self.turned.start.add(row * BLOCK + keys.start);
                let first_head = bias.heads > 1 || (first_row + row).is_multiple_of(problem.group_size());
                match gradient.to {
                    To::F32(to) if gradient.add || !first_head => add_row::<S>(to.add(at), from, keys.len()),
                    To::F32(to) => store_row::<S, f32>(to.add(at), from, keys.len(), 1.0),
                    To::Bf16(to) => store_row::<S, Bf16>(to.add(at), from, keys.len(), 1.0),
                }
            }
        }
    }
}

/// The target of the gradient of a bias. Every task writes its own elements.
#[derive(Clone, Copy)]
pub(super) struct BiasGradient {
    to: To,
    /// Whether an earlier rank has written the same elements.
    add: bool,
}

#[derive(Clone, Copy)]
enum To {
    F32(*mut f32),
    Bf16(*mut Bf16),
}

// SAFETY: only pointers; the tasks that write through them use disjoint parts.
unsafe impl Sync for BiasGradient {}

impl BiasGradient {
    /// Clears the target first if `clear`: nothing is written for keys that no query sees.
    pub fn new(to: ViewMut, clear: bool) -> Self {
        let to = match to {
            ViewMut::F32(numbers) => {
                if clear {
                    for_each_chunk(numbers, CHUNK, |_, piece| piece.fill(0.0));
                }
                To::F32(numbers.as_mut_ptr())
            }
            ViewMut::Bf16(numbers) => {
                if clear {
                    for_each_chunk(numbers, CHUNK, |_, piece| piece.fill(Bf16::put(0.0)));
                }
                To::Bf16(numbers.as_mut_ptr())
            }
        };
        BiasGradient { to, add: false }
    }

    pub fn adding(self, add: bool) -> Self {
        BiasGradient { add, ..self }
    }
}
