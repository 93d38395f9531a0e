//! The gradients of biases: of each score, or summed over equal distances. A block of gradients has a row per key, a bias a
//! row per query, so it is transposed before it is written.

use super::bias::{BiasRoom, Place};
use super::pack::{add_row, store_row, transpose_rows};
use super::problem::{BLOCK, Problem};
use super::product::Rows;
use crate::bf16::{Bf16, Element};
use crate::parallel::for_each_chunk;
use crate::vectors::Vectors;
use crate::view::{CHUNK, ViewMut};
use std::ops::Range;

/// Where the gradients of the scores of a chunk of keys go, besides those of queries and keys.
#[derive(Clone, Copy)]
pub(super) struct ScoreGradients {
    pub bias: Option<BiasGradient>,
    pub distance: Option<DistanceSums>,
}

impl ScoreGradients {
    pub fn is_none(&self) -> bool {
        self.bias.is_none() && self.distance.is_none()
    }
}

/// The sums of one chunk over equal distances, to which its blocks are added.
#[derive(Clone, Copy)]
pub(super) struct DistanceSums {
    /// [heads of the group, stride]: `first_key` and `last_token` meet in element 0.
    pub start: *mut f32,
    pub stride: usize,
    pub first_key: usize,
    pub last_token: usize,
}

impl BiasRoom {
    /// Writes or adds the gradients that replaced the bias: `columns` of the panel, `keys` of the block from `start` on.
    #[inline(always)]
    pub unsafe fn store<S: Vectors, E>(
        &self,
        problem: &Problem<E>,
        gradients: &ScoreGradients,
        place: Place,
        columns: Range<usize>,
        (start, keys): (usize, Range<usize>),
    ) {
        let (batch, group, first_row, rows) = place;
        unsafe {
            let from = Rows { start: self.block.start.add(columns.start), ..self.block };
            let to = Rows { start: self.turned.start.add(columns.start * BLOCK), ..self.turned };
            transpose_rows::<S>(from, to, (BLOCK, columns.len()));
            for row in columns.start..columns.end.min(rows) {
                let from = self.turned.start.add(row * BLOCK + keys.start);
                if let (Some(bias), Some(gradient)) = (&problem.options.bias, &gradients.bias) {
                    let at = problem.bias_at(bias, (batch, group), first_row + row) + start + keys.start;
                    let first_head = bias.heads > 1 || (first_row + row).is_multiple_of(problem.group_size());
                    match gradient.to {
                        To::F32(to) if gradient.add || !first_head => add_row::<S>(to.add(at), from, keys.len()),
                        To::F32(to) => store_row::<S, f32>(to.add(at), from, keys.len(), 1.0),
                        To::Bf16(to) => store_row::<S, Bf16>(to.add(at), from, keys.len(), 1.0),
                    }
                }
                if let Some(sums) = &gradients.distance {
                    let (token, head) = problem.token_and_head(0, first_row + row);
                    let at = head * sums.stride + (sums.last_token - token) + (start + keys.start - sums.first_key);
                    add_row::<S>(sums.start.add(at), from, keys.len());
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
