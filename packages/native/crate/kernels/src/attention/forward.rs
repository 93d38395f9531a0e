//! Forward attention for some rows of queries (Dao et al. 2022, "FlashAttention"): iterates over blocks of keys and
//! values with an online softmax, so that only one block of scores exists at a time.

use super::arena::{Arena, aligned};
use super::bias::BiasRoom;
use super::dropout::keep_bits;
use super::forward_block::{Panel, Round};
use super::layout::KeyBlocks;
use super::pack::{fill, load_row, store_row, transpose_rows};
use super::problem::{BLOCK, Problem};
use super::product::{Block, Products, Rows};
use super::ranges::{Masks, PanelRanges};
use super::softmax::{Running, Scales};
use super::stored::Stored;
use crate::vectors::Vectors;
use std::f32::consts::LOG2_E;

/// Maximum number of panels per task: keys and values are packed once for all of them.
pub(super) const PANELS: usize = 16;

/// Rows `first_row..first_row + rows` (at most `PANELS * P::PANEL`) of one key head.
#[derive(Clone, Copy)]
pub(super) struct QueryRows {
    pub batch: usize,
    pub group: usize,
    pub first_row: usize,
    pub rows: usize,
}

/// Floats of scratch for a task of `panels` panels.
pub(super) fn arena_size<P: Products>(head_size: usize, panels: usize) -> usize {
    let padded = P::padded(head_size);
    let panel = aligned(P::right_room(P::PANEL, padded)) + padded * P::PANEL + 2 * P::PANEL;
    let block = 2 * BLOCK * padded + aligned(P::left_room(BLOCK, padded)) + aligned(P::left_room(padded, BLOCK));
    let scores = BLOCK * P::PANEL + aligned(P::right_room(P::PANEL, BLOCK)) + 2 * P::PANEL;
    panels * panel + block + scores + P::PANEL * padded + BiasRoom::SIZE
}

/// Returns false, with nothing written, if there are infinities or NaN and `P` cannot multiply them.
///
/// # Safety
/// `out` and `log_sum_exp` must hold [B, T, H, D] and [B, H, T], no other task may use these rows, and the processor must
/// have the instruction set.
#[inline(always)]
pub(super) unsafe fn forward_rows<P: Products, E: Stored>(
    problem: &Problem<E>,
    task: QueryRows,
    (out, log_sum_exp): (*mut E, *mut f32),
    arena: &mut Arena,
) -> bool {
    let _session = P::session();
    let QueryRows { batch, group, .. } = task;
    let head_size = problem.shape.head_size;
    let padded = P::padded(head_size);
    let keys = Rows { start: arena.take(BLOCK * padded), stride: padded };
    let values = Rows { start: arena.take(BLOCK * padded), stride: padded };
    let key_room = arena.take(P::left_room(BLOCK, padded));
    let value_room = arena.take(P::left_room(padded, BLOCK));
    // [BLOCK, SLICE_COLUMNS], slice after slice
    let score_rows = Rows { start: arena.take(BLOCK * P::PANEL), stride: P::SLICE_COLUMNS };
    let score_room = arena.take(P::right_room(P::PANEL, BLOCK));
    let (correction, base) = (arena.take(P::PANEL), arena.take(P::PANEL));
    let staging = Rows { start: arena.take(P::PANEL * padded), stride: padded };

    let bias_room = BiasRoom::take(arena);

    // The running maximum needs a positive scale; for bf16 operands q * scale must not be rounded.
    let (sign, scale) = match problem.options.scale {
        0.0 => (0.0, 1.0),
        scale => (scale.signum(), scale.abs()),
    };
    let (scales, natural) = if problem.is_biased() {
        (Scales { product: scale, score: LOG2_E }, 1.0)
    } else {
        (Scales { product: 1.0, score: scale * LOG2_E }, scale)
    };
    let mut ranges = [PanelRanges::NOTHING; PANELS];
    let mut panels: [Option<Panel<P>>; PANELS] = [const { None }; PANELS];
    for (index, start) in (0..task.rows).step_by(P::PANEL).enumerate() {
        let (first_row, rows) = (task.first_row + start, P::PANEL.min(task.rows - start));
        ranges[index] = PanelRanges::new(problem, batch, first_row, rows);
        let room = arena.take(P::right_room(P::PANEL, padded));
        let output = Rows { start: arena.take(padded * P::PANEL), stride: P::PANEL };
        let running = Running { maximum: arena.take(P::PANEL), sum: arena.take(P::PANEL), correction, base };
        unsafe {
            let mut zeros = P::Vectors::splat(0.0);
            for row in 0..rows {
                let from = problem.q.as_ptr().add(problem.query_at(batch, group, first_row + row));
                let to = staging.start.add(row * padded);
                load_row::<P::Vectors, E>(to, from, (head_size, padded), sign, &mut zeros);
            }
            if !P::ANY_NUMBER && P::Vectors::sum(zeros) != 0.0 {
                return false;
            }
            fill::<P::Vectors>(staging.start.add(rows * padded), (P::PANEL - rows) * padded, 0.0);
            let query = P::right_transposed(staging, P::PANEL, padded, room);
            fill::<P::Vectors>(output.start, padded * P::PANEL, 0.0);
            fill::<P::Vectors>(running.maximum, P::PANEL, f32::NEG_INFINITY);
            fill::<P::Vectors>(running.sum, P::PANEL, 0.0);
            for row in 0..rows {
                // The sink is the first score of its row.
                let Some(sink) = problem.sink(group, first_row + row) else { break };
                *running.maximum.add(row) = sink / natural;
                *running.sum.add(row) = if sink / natural == f32::NEG_INFINITY { 0.0 } else { 1.0 };
            }
            panels[index] = Some(Panel { first_row, rows, query, output, running });
        }
    }
    let panels = || panels.iter().flatten().zip(&ranges);

    let first_key = ranges.iter().map(|r| r.extremes().0).min().unwrap_or(0);
    let last_key = ranges.iter().map(|r| r.extremes().1).max().unwrap_or(0);
    for start in KeyBlocks::new(problem, (batch, group), (task.first_row, task.rows), (first_key, last_key)) {
        let visible = start.max(first_key)..last_key.min(start + BLOCK);
        let length = (visible.end - start).next_multiple_of(P::ROWS);
        // Infinite or NaN values must not reach queries that do not see them through 0 * NaN.
        let mut odd_values = 0u64;
        let (key_operand, value_operand) = unsafe {
            let (mut key_zeros, mut value_zeros) = (P::Vectors::splat(0.0), P::Vectors::splat(0.0));
            for key in 0..length {
                let (to_key, to_value) = (keys.start.add(key * padded), values.start.add(key * padded));
                if visible.contains(&(start + key)) {
                    let at = problem.key_at(batch, group, start + key);
                    let (k, v) = (problem.k.as_ptr().add(at), problem.v.as_ptr().add(at));
                    load_row::<P::Vectors, E>(to_key, k, (head_size, padded), 1.0, &mut key_zeros);
                    load_row::<P::Vectors, E>(to_value, v, (head_size, padded), 1.0, &mut value_zeros);
                } else {
                    // Keys that no query sees may hold anything.
                    fill::<P::Vectors>(to_key, padded, 0.0);
                    fill::<P::Vectors>(to_value, padded, 0.0);
                }
            }
            if P::Vectors::sum(P::Vectors::add(key_zeros, value_zeros)) != 0.0 {
                if !P::ANY_NUMBER {
                    return false;
                }
                odd_values = take_odd_rows(values, length, head_size);
            }
            (P::left(keys, length, padded, key_room), P::left_transposed(values, padded, length, value_room))
        };
        for (panel, ranges) in panels() {
            let place = (batch, group, panel.first_row, panel.rows);
            let Some(view) = ranges.view(problem, place, start, length) else { continue };
            let mut dropped = None;
            if let Some(dropout) = &problem.options.dropout {
                dropped = Some(keep_bits(problem, dropout, place, start, length));
            }
            let biased = start..problem.shape.keys.min(start + BLOCK);
            let bias = unsafe { bias_room.load::<P::Vectors, E>(problem, place, biased) };
            let masks = Masks { visible: view.mask(), dropout: dropped.as_ref(), bias };
            let block = Block { rows: score_rows, keys: length, left: None, right: Some(score_room) };
            let round = Round { key_operand, value_operand, panel, view: &view, padded, block: &block, scales, masks };
            unsafe {
                round.run();
                for key in (0..length).filter(|key| odd_values >> key & 1 == 1) {
                    let value = problem.v.as_ptr().add(problem.key_at(batch, group, start + key));
                    for row in (0..panel.rows).filter(|&row| view.sees(row, key)) {
                        let probability = *score_rows.start.add(key * P::PANEL + row);
                        for d in 0..head_size {
                            *panel.output.start.add(d * P::PANEL + row) += probability * (*value.add(d)).get();
                        }
                    }
                }
            }
        }
    }

    let kept = problem.options.dropout.map_or(1.0, |dropout| dropout.factor());
    for (panel, _) in panels() {
        unsafe {
            transpose_rows::<P::Vectors>(panel.output, staging, (padded, P::PANEL));
            for row in 0..panel.rows {
                let (maximum, sum) = (*panel.running.maximum.add(row), *panel.running.sum.add(row));
                let factor = if sum == 0.0 { 0.0 } else { kept / sum };
                let at = problem.query_at(batch, group, panel.first_row + row);
                store_row::<P::Vectors, E>(out.add(at), staging.start.add(row * padded), head_size, factor);
                let statistic = problem.statistic_at(batch, group, panel.first_row + row);
                *log_sum_exp.add(statistic) = maximum * natural + sum.ln();
            }
        }
    }
    true
}

/// Clears the rows that hold infinity or NaN and returns them as bits.
unsafe fn take_odd_rows(values: Rows, rows: usize, length: usize) -> u64 {
    let mut bits = 0;
    for row in 0..rows {
        // SAFETY: the caller's rows are ours to write.
        let row_values = unsafe { std::slice::from_raw_parts_mut(values.start.add(row * values.stride), length) };
        if row_values.iter().any(|value| !value.is_finite()) {
            row_values.fill(0.0);
            bits |= 1 << row;
        }
    }
    bits
}
