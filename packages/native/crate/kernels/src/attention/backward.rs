//! Backward attention for a chunk of keys (Dao 2023, "FlashAttention-2"): recomputes the probabilities from the
//! saved log-sum-exp, block by block. The chunk's keys, values and their gradients stay in the L2 cache while it iterates
//! over panels of queries; the gradient of a panel is summed over the chunk before it is added to memory.

use super::arena::{Arena, aligned};
use super::backward_block::{KeyBlock, Panel, Round};
use super::bias::BiasRoom;
use super::bias_gradient::ScoreGradients;
use super::chunks::ChunkPanels;
use super::dropout::keep_bits;
use super::gradient::{Factors, Saved};
use super::pack::{add_row, add_zeros, fill, inner_product, load_row, store_row, transpose_rows};
use super::problem::{BLOCK, Problem};
use super::product::{Block, Products, Rows};
use super::ranges::{Coverage, Masks, PanelRanges};
use super::stored::Stored;
use crate::vectors::Vectors;
use std::ops::Range;

const BLOCKS: usize = 8;
/// Keys per chunk: the unit of work, and of the order in which the gradient of a query is summed.
pub(super) const CHUNK: usize = BLOCKS * BLOCK;

/// The results of the forward pass and the upstream gradient.
pub(super) struct Upstream<'a, E> {
    /// [B, T, H, D]
    pub dout: &'a [E],
    /// [B, H, T]
    pub log_sum_exp: &'a [f32],
    /// [B, H, T]: the inner product of `dout` and `out`.
    pub delta: &'a [f32],
}

/// Keys `first_key..last_key` (at most `CHUNK`) of one key head, and the panels that may see some of them.
#[derive(Clone)]
pub(super) struct KeyChunk<'a> {
    pub batch: usize,
    pub group: usize,
    pub first_key: usize,
    pub last_key: usize,
    pub panels: ChunkPanels<'a>,
}

/// Floats of scratch for one chunk.
pub(super) fn arena_size<P: Products>(head_size: usize) -> usize {
    let padded = P::padded(head_size);
    let block = 4 * BLOCK * padded + 2 * aligned(P::left_room(BLOCK, padded)) + aligned(P::left_room(padded, BLOCK));
    let panel = 2 * (aligned(P::right_room(padded, P::PANEL)) + aligned(P::right_room(P::PANEL, padded)));
    let scores =
        2 * BLOCK * P::PANEL + 2 * aligned(P::left_room(BLOCK, P::PANEL)) + aligned(P::right_room(P::PANEL, BLOCK));
    BLOCKS * block + panel + 3 * P::PANEL * padded + scores + 2 * P::PANEL + BiasRoom::SIZE
}

/// Writes the inner product of each row of `dout` and `out`, for the rows of one key head. Returns whether `P` can multiply all
/// operands of this head's products: any numbers, or finite ones.
///
/// # Safety
/// `delta` must hold [B, H, T], no other task may use these rows, and the processor must have the instruction set.
#[inline(always)]
pub(super) unsafe fn prepare_head<P: Products, E: Stored>(
    problem: &Problem<E>,
    (batch, group): (usize, usize),
    (dout, out): (&[E], &[E]),
    delta: *mut f32,
) -> bool {
    let size = problem.shape.head_size;
    unsafe {
        let mut zeros = P::Vectors::splat(0.0);
        for row in 0..problem.rows() {
            let at = problem.query_at(batch, group, row);
            let dout = dout.as_ptr().add(at);
            let product = inner_product::<P::Vectors, E, E>(dout, out.as_ptr().add(at), size);
            *delta.add(problem.statistic_at(batch, group, row)) = product;
            if !P::ANY_NUMBER {
                add_zeros::<P::Vectors, E>(dout, size, &mut zeros);
                add_zeros::<P::Vectors, E>(problem.q.as_ptr().add(at), size, &mut zeros);
            }
        }
        if P::ANY_NUMBER {
            return true;
        }
        for key in 0..problem.shape.keys {
            let at = problem.key_at(batch, group, key);
            add_zeros::<P::Vectors, E>(problem.k.as_ptr().add(at), size, &mut zeros);
            add_zeros::<P::Vectors, E>(problem.v.as_ptr().add(at), size, &mut zeros);
        }
        P::Vectors::sum(zeros) == 0.0
    }
}

/// Where the gradients of a chunk go.
pub(super) struct Outputs<E> {
    /// [rows, D] of this key head, not yet scaled.
    pub dq: *mut f32,
    /// [B, S, G, D]
    pub dk: *mut E,
    /// [B, S, G, D]
    pub dv: *mut E,
    pub scores: ScoreGradients,
}

/// Adds to `dq`; writes the chunk's rows of `dk` and `dv`, and the gradients of biases for visible keys.
///
/// # Safety
/// The outputs must have their shapes, no other task may use the chunk's parts of them, and the processor must have the
/// instruction set.
#[inline(always)]
pub(super) unsafe fn backward_chunk<P: Products, E: Stored>(
    problem: &Problem<E>,
    upstream: &Upstream<E>,
    chunk: KeyChunk,
    outputs: Outputs<E>,
    arena: &mut Arena,
) {
    let _session = P::session();
    let KeyChunk { batch, group, first_key, last_key, panels } = chunk;
    let head_size = problem.shape.head_size;
    let padded = P::padded(head_size);
    let scale = problem.options.scale;
    let per_natural = problem.score_units().per_natural;
    let kept = problem.options.dropout.map_or(1.0, |dropout| dropout.factor());

    // Loops, not closures: a closure would not be compiled for the instruction set.
    let mut blocks: [Option<KeyBlock<P>>; BLOCKS] = [const { None }; BLOCKS];
    for (block, start) in blocks.iter_mut().zip((first_key..last_key).step_by(BLOCK)) {
        let keys = start..last_key.min(start + BLOCK);
        *block = Some(unsafe { load_block(problem, (batch, group), keys, arena) });
    }
    let matrix = |arena: &mut Arena, stride: usize, rows: usize| Rows { start: arena.take(rows * stride), stride };
    let query = matrix(arena, padded, P::PANEL);
    let dout = matrix(arena, padded, P::PANEL);
    let query_gradient = matrix(arena, P::PANEL, padded);
    let score_rows = matrix(arena, P::PANEL, BLOCK);
    let gradient_rows = matrix(arena, P::PANEL, BLOCK);
    let saved = Saved { minus_log_sum_exp: arena.take(P::PANEL), minus_delta: arena.take(P::PANEL) };
    let query_rooms = (arena.take(P::right_room(padded, P::PANEL)), arena.take(P::right_room(P::PANEL, padded)));
    let dout_rooms = (arena.take(P::right_room(padded, P::PANEL)), arena.take(P::right_room(P::PANEL, padded)));
    let score_room = arena.take(P::left_room(BLOCK, P::PANEL));
    let gradient_rooms = (arena.take(P::left_room(BLOCK, P::PANEL)), arena.take(P::right_room(P::PANEL, BLOCK)));
    let bias_room = BiasRoom::take(arena);

    for (first_row, count, listed) in panels {
        let ranges = PanelRanges::new(problem, batch, first_row, count);
        if ranges.coverage(first_key, last_key) == Coverage::None {
            continue;
        }
        unsafe {
            let mut zeros = P::Vectors::splat(0.0);
            for row in 0..count {
                let at = problem.query_at(batch, group, first_row + row);
                let to = row * padded;
                let (q, upstream_dout) = (problem.q.as_ptr().add(at), upstream.dout.as_ptr().add(at));
                load_row::<P::Vectors, E>(query.start.add(to), q, (head_size, padded), 1.0, &mut zeros);
                load_row::<P::Vectors, E>(dout.start.add(to), upstream_dout, (head_size, padded), 1.0, &mut zeros);
                let statistic = problem.statistic_at(batch, group, first_row + row);
                let log_sum_exp = upstream.log_sum_exp[statistic];
                let sees_something = log_sum_exp != f32::NEG_INFINITY;
                *saved.minus_log_sum_exp.add(row) =
                    if sees_something { log_sum_exp * -per_natural } else { log_sum_exp };
                *saved.minus_delta.add(row) = -upstream.delta[statistic];
            }
            // Rows beyond the end see nothing.
            for row in count..P::PANEL {
                *saved.minus_log_sum_exp.add(row) = f32::NEG_INFINITY;
                *saved.minus_delta.add(row) = 0.0;
            }
            fill::<P::Vectors>(query.start.add(count * padded), (P::PANEL - count) * padded, 0.0);
            fill::<P::Vectors>(dout.start.add(count * padded), (P::PANEL - count) * padded, 0.0);
            fill::<P::Vectors>(query_gradient.start, padded * P::PANEL, 0.0);
        }
        let panel: Panel<P> = unsafe {
            Panel {
                query: P::right(query, padded, P::PANEL, query_rooms.0),
                query_columns: P::right_transposed(query, P::PANEL, padded, query_rooms.1),
                dout: P::right(dout, padded, P::PANEL, dout_rooms.0),
                dout_columns: P::right_transposed(dout, P::PANEL, padded, dout_rooms.1),
                query_gradient,
                saved,
            }
        };
        for (index, block) in blocks.iter().flatten().enumerate() {
            let start = first_key + index * BLOCK;
            let length = (last_key.min(start + BLOCK) - start).next_multiple_of(P::ROWS);
            let place = (batch, group, first_row, count);
            if listed >> index & 1 == 0 {
                continue;
            }
            let Some(view) = ranges.view(problem, place, start, length) else { continue };
            let mut dropped = None;
            if let Some(dropout) = &problem.options.dropout {
                dropped = Some(keep_bits(problem, dropout, place, start, length));
            }
            let end = last_key.min(start + BLOCK);
            let bias = unsafe { bias_room.load::<P::Vectors, E>(problem, place, start..end) };
            let masks = Masks { visible: view.mask(), dropout: dropped.as_ref(), bias };
            let round = Round {
                keys: block,
                panel: &panel,
                view: &view,
                padded,
                scores: Block { rows: score_rows, keys: length, left: Some(score_room), right: None },
                gradient: Block {
                    rows: gradient_rows,
                    keys: length,
                    left: Some(gradient_rooms.0),
                    right: Some(gradient_rooms.1),
                },
                factors: Factors { scale: scale * per_natural, kept },
                masks,
            };
            unsafe { round.run() };
            if outputs.scores.is_none() {
                continue;
            }
            for column in (0..count).step_by(P::SLICE_COLUMNS) {
                let seen = round.seen(column);
                let keys = seen.start..seen.end.min(end - start);
                let columns = column..column + P::SLICE_COLUMNS;
                unsafe { bias_room.store::<P::Vectors, E>(problem, &outputs.scores, place, columns, (start, keys)) };
            }
        }
        unsafe {
            // The panel's rows of queries are no longer needed; the transposed gradient reuses their memory.
            transpose_rows::<P::Vectors>(query_gradient, query, (padded, P::PANEL));
            for row in 0..count {
                let to = outputs.dq.add((first_row + row) * head_size);
                add_row::<P::Vectors>(to, query.start.add(row * padded), head_size);
            }
        }
    }

    for (index, block) in blocks.iter().flatten().enumerate() {
        let start = first_key + index * BLOCK;
        for key in start..last_key.min(start + BLOCK) {
            let at = problem.key_at(batch, group, key);
            let from = (key - start) * padded;
            unsafe {
                store_row::<P::Vectors, E>(outputs.dk.add(at), block.key_gradient.start.add(from), head_size, scale);
                store_row::<P::Vectors, E>(outputs.dv.add(at), block.value_gradient.start.add(from), head_size, kept);
            }
        }
    }
}

/// Packs at most `BLOCK` keys and their values, and clears their gradients.
#[inline(always)]
unsafe fn load_block<P: Products, E: Stored>(
    problem: &Problem<E>,
    (batch, group): (usize, usize),
    range: Range<usize>,
    arena: &mut Arena,
) -> KeyBlock<P> {
    let head_size = problem.shape.head_size;
    let padded = P::padded(head_size);
    let count = range.len();
    let length = count.next_multiple_of(P::ROWS);
    let [keys, values, key_gradient, value_gradient] =
        std::array::from_fn(|_| Rows { start: arena.take(BLOCK * padded), stride: padded });
    unsafe {
        let mut zeros = P::Vectors::splat(0.0);
        for key in 0..count {
            let at = problem.key_at(batch, group, range.start + key);
            let (k, v) = (problem.k.as_ptr().add(at), problem.v.as_ptr().add(at));
            let to = key * padded;
            load_row::<P::Vectors, E>(keys.start.add(to), k, (head_size, padded), 1.0, &mut zeros);
            load_row::<P::Vectors, E>(values.start.add(to), v, (head_size, padded), 1.0, &mut zeros);
        }
        fill::<P::Vectors>(keys.start.add(count * padded), (length - count) * padded, 0.0);
        fill::<P::Vectors>(values.start.add(count * padded), (length - count) * padded, 0.0);
        fill::<P::Vectors>(key_gradient.start, length * padded, 0.0);
        fill::<P::Vectors>(value_gradient.start, length * padded, 0.0);
        KeyBlock {
            keys: P::left(keys, length, padded, arena.take(P::left_room(BLOCK, padded))),
            keys_transposed: P::left_transposed(keys, padded, length, arena.take(P::left_room(padded, BLOCK))),
            values: P::left(values, length, padded, arena.take(P::left_room(BLOCK, padded))),
            key_gradient,
            value_gradient,
        }
    }
}
