//! Splits a call into tasks. Where the split affects the order of sums it depends only on shapes, so that results do not
//! depend on the number of threads.

use super::arena::with_arena;
use super::backward::{CHUNK, KeyChunk, Outputs, Upstream};
use super::bias::BiasGradient;
use super::decode::{self, KeyPart, PART, merge_row, partial_size};
use super::dispatch::Kernels;
use super::forward::{PANELS, QueryRows};
use super::problem::{PANEL, Problem};
use super::ranges::PanelSpans;
use super::stored::Stored;
use super::{AttentionGradients, AttentionUpstream};
use crate::parallel::{Disjoint, for_each, threads};
use crate::scratch;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Pointer to a tensor in which every task writes its own elements.
struct Shared<T>(*mut T);

// SAFETY: only a pointer; the tasks that write through it use disjoint parts.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn start(&self) -> *mut T {
        self.0
    }
}

/// Calls with fewer multiplications run on the calling thread.
const PARALLEL_FROM: usize = 1 << 17;
/// `for_each`, unless there is too little work to wake other threads.
fn spread<E>(problem: &Problem<E>, tasks: usize, body: impl Fn(usize) + Sync) {
    let shape = problem.shape;
    if shape.batch * shape.heads * shape.queries * shape.keys * shape.head_size < PARALLEL_FROM {
        (0..tasks).for_each(body);
    } else {
        for_each(tasks, body);
    }
}

pub(super) fn forward<E: Stored>(
    problem: &Problem<E>,
    (fast, plain): (&Kernels<E>, &Kernels<E>),
    out: &mut [E],
    log_sum_exp: &mut [f32],
) {
    let (units, rows, head_size) = (problem.units(), problem.rows(), problem.shape.head_size);
    // Rows per task; their number does not affect the result.
    let mut panels = PANELS;
    while panels > 1 && units * rows.div_ceil(panels * PANEL) < 4 * threads() {
        panels /= 2;
    }
    let size = panels * PANEL;
    let blocks = rows.div_ceil(size);
    let (out, log_sum_exp) = (Shared(out.as_mut_ptr()), Shared(log_sum_exp.as_mut_ptr()));
    let run = |kernels: &Kernels<E>, unit: usize, block: usize| {
        let (batch, group) = problem.unit(unit);
        let first_row = block * size;
        let rows = QueryRows { batch, group, first_row, rows: size.min(rows - first_row) };
        let mut done = false;
        // SAFETY: each row of each head belongs to one task; `Problem::check` has checked the shapes.
        with_arena((kernels.forward_arena)(head_size, panels), |arena| unsafe {
            done = (kernels.forward)(problem, rows, (out.start(), log_sum_exp.start()), arena);
        });
        done
    };
    let refused: Vec<AtomicBool> = (0..units).map(|_| AtomicBool::new(false)).collect();
    spread(problem, units * blocks, |task| {
        // With causal attention the last queries see the most keys, so they start first.
        let (unit, block) = (task % units, blocks - 1 - task / units);
        if !run(fast, unit, block) {
            refused[unit].store(true, Relaxed);
        }
    });
    let again: Vec<usize> = (0..units).filter(|&unit| refused[unit].load(Relaxed)).collect();
    spread(problem, again.len() * blocks, |task| {
        run(plain, again[task / blocks], task % blocks);
    });
}

pub(super) fn decode<E: Stored>(problem: &Problem<E>, kernels: &Kernels<E>, out: &mut [E], log_sum_exp: &mut [f32]) {
    let (units, rows, head_size) = (problem.units(), problem.rows(), problem.shape.head_size);
    let parts = problem.shape.keys.div_ceil(PART);
    // [rows, D + 2] per part
    let stride = rows * partial_size(head_size);
    scratch::with_zeros(units * parts * stride, |partials| {
        let shared = Disjoint::new(partials);
        spread(problem, units * parts, |task| {
            let (batch, group) = problem.unit(task / parts);
            let first_key = task % parts * PART;
            let part = KeyPart { batch, group, first_key, last_key: (first_key + PART).min(problem.shape.keys) };
            // SAFETY: each task has its own part; `Problem::check` has checked the shapes.
            with_arena(decode::arena_size(head_size), |arena| unsafe {
                (kernels.decode)(problem, part, shared.part(task * stride, stride), arena);
            });
        });
        let (out, log_sum_exp) = (Disjoint::new(out), Disjoint::new(log_sum_exp));
        spread(problem, units, |unit| {
            let (batch, group) = problem.unit(unit);
            for row in 0..rows {
                let skipped = row * partial_size(head_size);
                // SAFETY: each unit has its own parts and rows, and handles its rows one after the other.
                unsafe {
                    let partials = shared.part(unit * parts * stride, parts * stride);
                    let partials = partials.get_mut(skipped..).unwrap_or_default();
                    let out = out.part(problem.query_at(batch, group, row), head_size);
                    let total = merge_row(partials, stride, out, problem.score_units());
                    log_sum_exp.part(problem.statistic_at(batch, group, row), 1)[0] = total;
                }
            }
        });
    });
}

pub(super) fn backward<E: Stored>(
    problem: &Problem<E>,
    (fast, plain): (&Kernels<E>, &Kernels<E>),
    upstream: AttentionUpstream<E>,
    gradients: AttentionGradients<E>,
) {
    let shape = problem.shape;
    let (units, head_size) = (problem.units(), shape.head_size);
    let mut delta = vec![0.0; shape.batch * shape.heads * shape.queries];
    let mut finite = vec![false; units];
    {
        let (delta, finite) = (Shared(delta.as_mut_ptr()), Disjoint::new(&mut finite));
        spread(problem, units, |unit| {
            let tensors = (upstream.dout, upstream.out);
            // SAFETY: each head's rows belong to one task.
            unsafe {
                finite.part(unit, 1)[0] = (fast.prepare)(problem, problem.unit(unit), tensors, delta.start());
            }
        });
    }
    let saved = Upstream { dout: upstream.dout, log_sum_exp: upstream.log_sum_exp, delta: &delta };
    let (dk, dv) = (Shared(gradients.dk.as_mut_ptr()), Shared(gradients.dv.as_mut_ptr()));
    let clear = units == 0 || !problem.everything_is_seen();
    let dbias = gradients.dbias.map(|to| BiasGradient::new(to, clear));
    if units == 0 {
        return;
    }
    let spans = PanelSpans::new(problem);
    let chunk_of = |unit: usize, index: usize| {
        let (batch, group) = problem.unit(unit);
        let (first_key, last_key) = (index * CHUNK, ((index + 1) * CHUNK).min(shape.keys));
        KeyChunk { batch, group, first_key, last_key, rows: spans.rows_that_see(batch, first_key, last_key) }
    };
    let dq = Disjoint::new(gradients.dq);
    let finish = |unit: usize, sums: &[f32]| {
        let (batch, group) = problem.unit(unit);
        for (row, sums) in sums.chunks_exact(head_size).enumerate() {
            // SAFETY: each head's rows belong to one task.
            let to = unsafe { dq.part(problem.query_at(batch, group, row), head_size) };
            to.iter_mut().zip(sums).for_each(|(to, sum)| *to = E::put(sum * problem.options.scale));
        }
    };
    let ranks = problem.ranks();
    for rank in 0..ranks {
        let unit_of = |index: usize| problem.unit_of_rank(rank, index);
        let run = |index: usize, chunk: KeyChunk, dq: &mut [f32]| {
            let kernels = if finite[unit_of(index)] { fast } else { plain };
            let dbias = dbias.map(|gradient| gradient.adding(rank > 0));
            // SAFETY: each chunk of keys belongs to one task, and so do `dq` and, within a rank, the chunk's biases.
            with_arena((kernels.backward_arena)(head_size), |arena| unsafe {
                let outputs = Outputs { dq: dq.as_mut_ptr(), dk: dk.start(), dv: dv.start(), dbias };
                (kernels.backward)(problem, &saved, chunk, outputs, arena);
            });
        };
        let chunk_of = |index: usize, chunk: usize| chunk_of(unit_of(index), chunk);
        each_chunk(problem, units / ranks, (&chunk_of, &run), |index, sums| finish(unit_of(index), sums));
    }
}

/// Runs all chunks of some heads, and calls `finish` with each head's sum over them, [rows, D].
fn each_chunk<E: Stored>(
    problem: &Problem<E>,
    heads: usize,
    (chunk_of, run): (&(impl Fn(usize, usize) -> KeyChunk + Sync), &(impl Fn(usize, KeyChunk, &mut [f32]) + Sync)),
    finish: impl Fn(usize, &[f32]) + Sync,
) {
    let (rows, head_size) = (problem.rows(), problem.shape.head_size);
    let chunks = problem.shape.keys.div_ceil(CHUNK);
    let size = rows * head_size;
    if chunks <= 1 || heads >= 4 * threads() {
        spread(problem, heads, |head| {
            scratch::with_zeros(size, |sums| {
                (0..chunks).for_each(|index| run(head, chunk_of(head, index), sums));
                finish(head, sums);
            });
        });
        return;
    }
    // Few heads: the chunks of a head run in parallel, each with its own sum, and the sums are added in order. The result
    // is bit-identical to the one above, where each chunk is added to zero or to its predecessors.
    let wave = (4 * threads()).div_ceil(heads).min(chunks);
    let mut sums = vec![0.0; heads * size];
    scratch::with_zeros(heads * wave * size, |partials| {
        for first in (0..chunks).step_by(wave) {
            let count = wave.min(chunks - first);
            let shared = Disjoint::new(partials);
            spread(problem, heads * count, |task| {
                let (head, index) = (task % heads, task / heads);
                // SAFETY: each task has its own part.
                let part = unsafe { shared.part((head * wave + index) * size, size) };
                let chunk = chunk_of(head, first + index);
                part[chunk.rows.start * head_size..chunk.rows.end * head_size].fill(0.0);
                run(head, chunk, part);
            });
            let panels = rows.div_ceil(PANEL);
            let total = Disjoint::new(&mut sums);
            spread(problem, heads * panels, |task| {
                let (head, first_row) = (task / panels, task % panels * PANEL);
                let last_row = (first_row + PANEL).min(rows);
                let range = first_row * head_size..last_row * head_size;
                // SAFETY: each panel of each head belongs to one task.
                let total = unsafe { total.part(head * size + range.start, range.len()) };
                for index in 0..count {
                    if chunk_of(head, first + index).rows.contains(&first_row) {
                        let part = unsafe { shared.part((head * wave + index) * size + range.start, range.len()) };
                        total.iter_mut().zip(part).for_each(|(total, x)| *total += *x);
                    }
                }
            });
        }
    });
    spread(problem, heads, |head| finish(head, &sums[head * size..][..size]));
}
