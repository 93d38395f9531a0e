//! Splits a call into tasks. Where the split affects the order of sums it depends only on shapes, so that results do not
//! depend on the number of threads.

use super::arena::with_arena;
use super::backward::{CHUNK, KeyChunk, Outputs, Upstream};
use super::bias_gradient::{BiasGradient, DistanceSums, ScoreGradients};
use super::chunks::ChunkLists;
use super::decode::{self, KeyPart, PART, merge_row, partial_size};
use super::dispatch::Kernels;
use super::forward::{PANELS, QueryRows};
use super::problem::{AttentionShape, PANEL, Problem};
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
    // With causal attention the last queries see the most keys, so they start first.
    let mut tasks: Vec<(usize, usize)> =
        (0..blocks).rev().flat_map(|b| (0..units).map(move |unit| (unit, b))).collect();
    if let Some(layout) = &problem.options.layout {
        let work = |&(unit, block): &(usize, usize)| {
            let first_row = block * size;
            problem.listed_work(layout, problem.unit(unit), first_row, size.min(rows - first_row))
        };
        tasks.sort_by_cached_key(|task| std::cmp::Reverse(work(task)));
    }
    spread(problem, tasks.len(), |task| {
        let (unit, block) = tasks[task];
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
                    let total = merge_row(partials, stride, problem.sink(group, row), out, problem.score_units());
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
    if let Some(to) = gradients.dsinks {
        sum_sinks(problem, &saved, to);
    }
    // [B, H, T + S - 1]
    let distances = if gradients.ddistance_bias.is_some() { problem.distances() } else { 0 };
    let mut distance_sums = vec![0.0; shape.batch * shape.heads * distances];
    if units > 0 {
        let lists = ChunkLists::new(problem);
        let heads = Heads { problem, lists: &lists, distances };
        let dq = Disjoint::new(gradients.dq);
        let finish = |unit: usize, sums: &[f32]| {
            let (batch, group) = problem.unit(unit);
            for (row, sums) in sums.chunks_exact(head_size).enumerate() {
                // SAFETY: each head's rows belong to one task.
                let to = unsafe { dq.part(problem.query_at(batch, group, row), head_size) };
                to.iter_mut().zip(sums).for_each(|(to, sum)| *to = E::put(sum * problem.options.scale));
            }
        };
        for rank in 0..problem.ranks() {
            let run = |unit: usize, chunk: KeyChunk, dq: &mut [f32], distance: Option<DistanceSums>| {
                let kernels = if finite[unit] { fast } else { plain };
                let scores = ScoreGradients { bias: dbias.map(|gradient| gradient.adding(rank > 0)), distance };
                // SAFETY: each chunk of keys belongs to one task, and so do `dq` and, within a rank, the chunk's biases.
                with_arena((kernels.backward_arena)(head_size), |arena| unsafe {
                    let outputs = Outputs { dq: dq.as_mut_ptr(), dk: dk.start(), dv: dv.start(), scores };
                    (kernels.backward)(problem, &saved, chunk, outputs, arena);
                });
            };
            let units: Vec<usize> = (0..units / problem.ranks()).map(|i| problem.unit_of_rank(rank, i)).collect();
            heads.each_chunk(&units, &run, &mut distance_sums, finish);
        }
    }
    if let Some(to) = gradients.ddistance_bias {
        to.fill(0.0);
        // A bias of all heads is the sum over them.
        for (index, sums) in distance_sums.chunks_exact(distances.max(1)).enumerate() {
            let at = index % shape.heads * distances % to.len();
            to[at..at + distances].iter_mut().zip(sums).for_each(|(to, sum)| *to += sum);
        }
    }
}

/// The gradient of each sink: minus the sum of its probability times delta, over rows and queries.
fn sum_sinks<E>(problem: &Problem<E>, saved: &Upstream<E>, to: &mut [f32]) {
    let AttentionShape { batch, heads, queries, .. } = problem.shape;
    let sinks = problem.options.sinks.unwrap_or(&[]);
    let to = Disjoint::new(to);
    spread(problem, heads, |head| {
        let mut sum = 0.0;
        for row in (0..batch).flat_map(|b| (b * heads + head) * queries..(b * heads + head + 1) * queries) {
            if sinks[head] > f32::NEG_INFINITY {
                sum -= f64::from((sinks[head] - saved.log_sum_exp[row]).exp()) * f64::from(saved.delta[row]);
            }
        }
        // SAFETY: each head has its own sum.
        unsafe { to.part(head, 1)[0] = sum as f32 };
    });
}

/// The chunks of keys of some heads, and what is summed over them: the gradients of queries and of biases by distance.
struct Heads<'a, E> {
    problem: &'a Problem<'a, E>,
    lists: &'a ChunkLists,
    /// 0 without such a bias.
    distances: usize,
}

impl<E: Stored> Heads<'_, E> {
    fn chunk(&self, unit: usize, index: usize) -> KeyChunk<'_> {
        let (batch, group) = self.problem.unit(unit);
        let (first_key, last_key) = (index * CHUNK, ((index + 1) * CHUNK).min(self.problem.shape.keys));
        let panels = self.lists.panels((batch, group), index, first_key..last_key);
        KeyChunk { batch, group, first_key, last_key, panels }
    }

    /// Floats for the sums of a chunk over distances, of all heads of a group.
    fn distance_room(&self) -> usize {
        if self.distances == 0 { 0 } else { self.problem.group_size() * (self.problem.shape.queries + CHUNK) }
    }

    /// Where a chunk's sums over distances go.
    fn distance_sums(&self, chunk: &KeyChunk, room: &mut [f32]) -> Option<DistanceSums> {
        let rows = chunk.panels.extent();
        if self.distances == 0 || rows.is_empty() {
            return None;
        }
        let group_size = self.problem.group_size();
        let (first_token, last_token) = (rows.start / group_size, (rows.end - 1) / group_size);
        let stride = last_token - first_token + chunk.last_key - chunk.first_key;
        Some(DistanceSums { start: room.as_mut_ptr(), stride, first_key: chunk.first_key, last_token })
    }

    /// The same, cleared.
    fn clear_distances(&self, chunk: &KeyChunk, room: &mut [f32]) -> Option<DistanceSums> {
        let sums = self.distance_sums(chunk, room)?;
        room[..self.problem.group_size() * sums.stride].fill(0.0);
        Some(sums)
    }

    /// Adds a chunk's sums over distances to those of its heads.
    fn add_distances(&self, unit: usize, sums: Option<DistanceSums>, room: &[f32], total: &Disjoint<f32>) {
        let Some(DistanceSums { stride, first_key, last_token, .. }) = sums else { return };
        let (batch, group) = self.problem.unit(unit);
        let group_size = self.problem.group_size();
        let first = self.problem.shape.queries - 1 - last_token + first_key;
        for (head, sums) in room[..group_size * stride].chunks_exact(stride).enumerate() {
            let head = batch * self.problem.shape.heads + group * group_size + head;
            // SAFETY: each unit has its own heads, and adds its chunks one after the other.
            let total = unsafe { total.part(head * self.distances + first, stride) };
            total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
    }

    /// Runs all chunks of some units, and calls `finish` with each unit's sum over them, [rows, D].
    fn each_chunk(
        &self,
        units: &[usize],
        run: &(impl Fn(usize, KeyChunk, &mut [f32], Option<DistanceSums>) + Sync),
        distance_sums: &mut [f32],
        finish: impl Fn(usize, &[f32]) + Sync,
    ) {
        let problem = self.problem;
        let (heads, rows, head_size) = (units.len(), problem.rows(), problem.shape.head_size);
        let chunks = problem.shape.keys.div_ceil(CHUNK);
        let size = rows * head_size;
        let distance_total = Disjoint::new(distance_sums);
        let order = |unit: usize| self.lists.order(problem.unit(unit), chunks);
        if chunks <= 1 || heads >= 4 * threads() {
            spread(problem, heads, |head| {
                let unit = units[head];
                scratch::with_zeros(size, |sums| {
                    scratch::with_zeros(self.distance_room(), |room| {
                        for index in order(unit) {
                            let chunk = self.chunk(unit, index);
                            let distance = self.clear_distances(&chunk, room);
                            run(unit, chunk, sums, distance);
                            self.add_distances(unit, distance, room, &distance_total);
                        }
                    });
                    finish(unit, sums);
                });
            });
            return;
        }
        // Few heads: the chunks of a head run in parallel, each with its own sums, and those are added in order. The result
        // is bit-identical to the one above, where each chunk is added to zero or to its predecessors.
        let wave = (4 * threads()).div_ceil(heads).min(chunks);
        let orders: Vec<Vec<usize>> = units.iter().map(|&unit| order(unit)).collect();
        let mut sums = vec![0.0; heads * size];
        let (room, tasks) = (self.distance_room(), heads * wave);
        scratch::with_zeros(tasks * (size + room), |partials| {
            let (partials, rooms) = partials.split_at_mut(tasks * size);
            let (shared, rooms) = (Disjoint::new(partials), Disjoint::new(rooms));
            for first in (0..chunks).step_by(wave) {
                let count = wave.min(chunks - first);
                let chunk_of = |head: usize, index: usize| self.chunk(units[head], orders[head][first + index]);
                // SAFETY: each task has its own parts.
                let part = |head: usize, index: usize| unsafe { shared.part((head * wave + index) * size, size) };
                let room_of = |head: usize, index: usize| unsafe { rooms.part((head * wave + index) * room, room) };
                spread(problem, heads * count, |task| {
                    let (head, index) = (task % heads, task / heads);
                    let (chunk, part) = (chunk_of(head, index), part(head, index));
                    for (first_row, rows, _) in chunk.panels.clone() {
                        part[first_row * head_size..(first_row + rows) * head_size].fill(0.0);
                    }
                    let distance = self.clear_distances(&chunk, room_of(head, index));
                    run(units[head], chunk, part, distance);
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
                        if chunk_of(head, index).panels.contains(first_row) {
                            let part = unsafe { shared.part((head * wave + index) * size + range.start, range.len()) };
                            total.iter_mut().zip(part).for_each(|(total, x)| *total += *x);
                        }
                    }
                });
                if self.distances > 0 {
                    spread(problem, heads, |head| {
                        for index in 0..count {
                            let room = room_of(head, index);
                            let sums = self.distance_sums(&chunk_of(head, index), room);
                            self.add_distances(units[head], sums, room, &distance_total);
                        }
                    });
                }
            }
        });
        spread(problem, heads, |head| finish(units[head], &sums[head * size..][..size]));
    }
}
