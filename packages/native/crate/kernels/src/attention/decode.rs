//! Attention of a few query rows to many keys, as in decoding: it is bound by memory, so keys and values are read once,
//! in place, without packing. A long row of keys is split into parts that are summed independently and merged in order
//! (Dao et al. 2023, "Flash-Decoding"), so that one sequence keeps all threads busy.

use super::arena::{Arena, aligned};
use super::bias::ScoreUnits;
use super::layout::{KeyBlocks, Listed};
use super::pack::{fill, inner_product, load_row};
use super::problem::{self, PANEL, Problem};
use super::ranges::PanelRanges;
use super::stored::Stored;
use crate::vectors::Vectors;

/// Maximum number of query rows per key head for this path.
pub(super) const MOST_ROWS: usize = 8;
/// Keys per part; fixed, so that the order of the sums does not depend on the number of threads.
pub(super) const PART: usize = 512;
/// Keys whose scores are in memory at once.
const BLOCK: usize = problem::BLOCK;
/// Vectors of the output that are summed in parallel.
const WIDE: usize = 4;

/// Keys `first_key..last_key` of one key head.
#[derive(Clone, Copy)]
pub(super) struct KeyPart {
    pub batch: usize,
    pub group: usize,
    pub first_key: usize,
    pub last_key: usize,
}

/// Floats of one row of a partial result: maximum, sum, output [D].
pub(super) fn partial_size(head_size: usize) -> usize {
    2 + head_size
}

/// Floats of scratch for one part.
pub(super) fn arena_size(head_size: usize) -> usize {
    MOST_ROWS * (2 * aligned(head_size) + BLOCK)
}

/// Writes the partial result of each row, [rows, 2 + D].
///
/// # Safety
/// The problem must have been checked, and the processor must have the instruction set.
#[inline(always)]
pub(super) unsafe fn decode_part<S: Vectors, E: Stored>(
    problem: &Problem<E>,
    part: KeyPart,
    partial: &mut [f32],
    arena: &mut Arena,
) {
    let KeyPart { batch, group, .. } = part;
    let head_size = problem.shape.head_size;
    let (rows, padded) = (problem.rows(), aligned(head_size));
    let queries = arena.take(MOST_ROWS * padded);
    let outputs = arena.take(MOST_ROWS * padded);
    let scores = arena.take(MOST_ROWS * BLOCK);
    let units = problem.score_units();
    let mut visible = [(0, 0); MOST_ROWS];
    let mut maximum = [f32::NEG_INFINITY; MOST_ROWS];
    let mut sum = [0.0f32; MOST_ROWS];
    for (row, visible) in visible.iter_mut().enumerate().take(rows) {
        let (from, to) = problem.range(batch, row);
        *visible = (from.max(part.first_key), to.min(part.last_key));
        unsafe {
            let from = problem.q.as_ptr().add(problem.query_at(batch, group, row));
            let scale = problem.options.scale * units.per_natural;
            load_row::<S, E>(queries.add(row * padded), from, (head_size, padded), scale, &mut S::splat(0.0));
            std::ptr::write_bytes(outputs.add(row * padded), 0, padded);
        }
    }
    let seen = || visible[..rows].iter().filter(|(from, to)| from < to);
    let first_key = seen().map(|range| range.0).min().unwrap_or(part.last_key);
    let last_key = seen().map(|range| range.1).max().unwrap_or(part.first_key);
    // With a layout, rows see what the loop below adds to these.
    let dense_last = if problem.options.layout.is_some() { first_key } else { last_key };
    for start in (first_key..dense_last).step_by(BLOCK) {
        let count = BLOCK.min(last_key - start);
        let mut places = [0; BLOCK];
        unsafe { fill::<S>(scores, rows * BLOCK, f32::NEG_INFINITY) };
        for (key, place) in places[..count].iter_mut().enumerate() {
            *place = problem.key_at(batch, group, start + key);
            for (row, &(from, to)) in visible.iter().enumerate().take(rows) {
                // Keys that the row does not see may hold anything, so they are skipped.
                if (from..to).contains(&(start + key)) {
                    unsafe {
                        let (query, other) = (queries.add(row * padded), problem.k.as_ptr().add(*place));
                        *scores.add(row * BLOCK + key) = inner_product::<S, f32, E>(query, other, head_size);
                    }
                }
            }
        }
        for (row, &(from, to)) in visible.iter().enumerate().take(rows) {
            let (from, to) = (from.max(start), to.min(start + count));
            if from < to {
                unsafe {
                    let scores = scores.add(row * BLOCK);
                    let seen_scores = std::slice::from_raw_parts_mut(scores.add(from - start), to - from);
                    problem.add_bias((batch, group), row, from..to, seen_scores);
                    let correction = softmax_row::<S>(scores, (&mut maximum[row], &mut sum[row]), units.log2);
                    let seen = from - start..to - start;
                    let weighted =
                        Weighted { places: &places[seen.clone()], weights: scores.add(seen.start), correction };
                    weighted.add::<S, E>(problem.v, outputs.add(row * padded), head_size);
                }
            }
        }
    }
    if let Some(layout) = &problem.options.layout {
        let place = (batch, group, 0, rows);
        let ranges = PanelRanges::new(problem, batch, 0, rows);
        for start in KeyBlocks::new(problem, (batch, group), (0, rows), (first_key, last_key)) {
            let mut words = match problem.listed(layout, place, start / BLOCK) {
                Listed::No => continue,
                Listed::Whole => [!0; PANEL],
                Listed::Masked(words) => words,
            };
            ranges.narrow(&mut words[..rows], start);
            for (row, &word) in words.iter().enumerate().take(rows).filter(|(_, word)| **word != 0) {
                let (mut places, mut count, mut rest) = ([0; BLOCK], 0, word);
                unsafe {
                    let (query, scores) = (queries.add(row * padded), scores.add(row * BLOCK));
                    fill::<S>(scores, BLOCK, f32::NEG_INFINITY);
                    // Seen keys are moved together, the others are never read.
                    while rest != 0 {
                        let key = start + rest.trailing_zeros() as usize;
                        rest &= rest - 1;
                        places[count] = problem.key_at(batch, group, key);
                        let other = problem.k.as_ptr().add(places[count]);
                        let score = std::slice::from_raw_parts_mut(scores.add(count), 1);
                        score[0] = inner_product::<S, f32, E>(query, other, head_size);
                        problem.add_bias((batch, group), row, key..key + 1, score);
                        count += 1;
                    }
                    let correction = softmax_row::<S>(scores, (&mut maximum[row], &mut sum[row]), units.log2);
                    let weighted = Weighted { places: &places[..count], weights: scores, correction };
                    weighted.add::<S, E>(problem.v, outputs.add(row * padded), head_size);
                }
            }
        }
    }
    for (row, to) in partial.chunks_exact_mut(partial_size(head_size)).enumerate() {
        to[0] = maximum[row];
        to[1] = sum[row];
        to[2..].copy_from_slice(unsafe { std::slice::from_raw_parts(outputs.add(row * padded), head_size) });
    }
}

/// Replaces scores [BLOCK] with probabilities relative to the new maximum, and returns the factor that rescales earlier sums.
/// A score times `log2` is a base-2 logarithm.
#[inline(always)]
unsafe fn softmax_row<S: Vectors>(scores: *mut f32, (maximum, sum): (&mut f32, &mut f32), log2: f32) -> f32 {
    unsafe {
        let mut largest = *maximum;
        for key in 0..BLOCK {
            let score = *scores.add(key);
            largest = if score > largest { score } else { largest };
        }
        // A row that has seen nothing yet must not subtract infinity from infinity.
        let base = if largest > f32::NEG_INFINITY { largest } else { 0.0 };
        let mut sums = S::splat(0.0);
        for key in (0..BLOCK).step_by(S::LANES) {
            let probabilities = S::exp2(S::mul(S::sub(S::load(scores.add(key)), S::splat(base)), S::splat(log2)));
            sums = S::add(sums, probabilities);
            S::store(scores.add(key), probabilities);
        }
        let correction = ((*maximum - base) * log2).exp2();
        *sum = *sum * correction + S::sum(sums);
        *maximum = largest;
        correction
    }
}

/// Values and their weights.
struct Weighted<'a> {
    places: &'a [usize],
    weights: *const f32,
    correction: f32,
}

impl Weighted<'_> {
    /// output [D] = output * correction + sum of weight * value.
    #[inline(always)]
    unsafe fn add<S: Vectors, E: Stored>(&self, values: &[E], output: *mut f32, head_size: usize) {
        unsafe {
            let mut at = 0;
            while at + WIDE * S::LANES <= head_size {
                self.add_strip::<S, E, WIDE>(values, output, at);
                at += WIDE * S::LANES;
            }
            while at + S::LANES <= head_size {
                self.add_strip::<S, E, 1>(values, output, at);
                at += S::LANES;
            }
            while at < head_size {
                let mut total = *output.add(at) * self.correction;
                for (key, &place) in self.places.iter().enumerate() {
                    total += *self.weights.add(key) * (*values.as_ptr().add(place + at)).get();
                }
                *output.add(at) = total;
                at += 1;
            }
        }
    }

    #[inline(always)]
    unsafe fn add_strip<S: Vectors, E: Stored, const N: usize>(&self, values: &[E], output: *mut f32, at: usize) {
        unsafe {
            let mut sums = [S::splat(0.0); N];
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = S::mul(S::load(output.add(at + v * S::LANES)), S::splat(self.correction));
            }
            for (key, &place) in self.places.iter().enumerate() {
                let weight = S::splat(*self.weights.add(key));
                let value = values.as_ptr().add(place + at);
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = S::fma(weight, E::load::<S>(value.add(v * S::LANES)), *sum);
                }
            }
            for (v, sum) in sums.iter().enumerate() {
                S::store(output.add(at + v * S::LANES), *sum);
            }
        }
    }
}

/// Merges the partial results of one row, `stride` apart in `partials`, and its sink, in order and into the first; writes
/// the row of the output and returns the log-sum-exp.
pub(super) fn merge_row<E: Stored>(
    partials: &mut [f32],
    stride: usize,
    sink: Option<f32>,
    out: &mut [E],
    units: ScoreUnits,
) -> f32 {
    let size = partial_size(out.len());
    if partials.is_empty() {
        out.fill(E::put(0.0));
        return sink.unwrap_or(f32::NEG_INFINITY);
    }
    let (first, rest) = partials.split_at_mut(stride.min(partials.len()));
    let total = &mut first[..size];
    for part in rest.chunks(stride) {
        let maximum = if part[0] > total[0] { part[0] } else { total[0] };
        if maximum == f32::NEG_INFINITY {
            // Neither has seen a key, unless the sum is NaN.
            total[1] += part[1];
            continue;
        }
        let (old, new) = (((total[0] - maximum) * units.log2).exp2(), ((part[0] - maximum) * units.log2).exp2());
        total[0] = maximum;
        for (sum, other) in total[1..].iter_mut().zip(&part[1..size]) {
            *sum = *sum * old + other * new;
        }
    }
    if let Some(sink) = sink.map(|sink| sink * units.per_natural).filter(|&sink| sink > f32::NEG_INFINITY) {
        let maximum = if sink > total[0] { sink } else { total[0] };
        let old = ((total[0] - maximum) * units.log2).exp2();
        total[0] = maximum;
        total[1..].iter_mut().for_each(|sum| *sum *= old);
        total[1] += ((sink - maximum) * units.log2).exp2();
    }
    let factor = if total[1] == 0.0 { 0.0 } else { 1.0 / total[1] };
    out.iter_mut().zip(&total[2..]).for_each(|(out, sum)| *out = E::put(sum * factor));
    total[0] * units.natural + total[1].ln()
}
