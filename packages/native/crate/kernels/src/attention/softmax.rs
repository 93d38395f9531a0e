//! Softmax of a block of scores and its derivative. Scores lie transposed, a row per key: everything runs along vectors
//! of queries and there is not one horizontal operation.

use super::dropout::KeepBits;
use super::problem::PANEL;
use super::product::{Products, Rows, Scores};
use super::ranges::RelativeRanges;
use super::vectors::Vectors;

/// The running softmax of a panel's rows (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax").
/// [PANEL] each.
#[derive(Clone, Copy)]
pub(super) struct Running {
    /// Of the scores as they come from the product.
    pub maximum: *mut f32,
    pub sum: *mut f32,
}

/// Which scores count.
#[derive(Clone, Copy)]
pub(super) struct Masks<'a> {
    /// Queries that see only some of the keys.
    pub ranges: Option<&'a RelativeRanges>,
    pub dropout: Option<&'a KeepBits>,
}

/// Vectors of queries that are handled side by side, to hide the latency of their sums.
const WIDE: usize = 4;

/// Scores to probabilities relative to the new running maximum; leaves in `correction` [PANEL] what earlier sums must
/// be multiplied by. `scale` > 0 takes scores to units of log 2. What dropout multiplies the kept ones by is left out.
#[inline(always)]
pub(super) unsafe fn softmax_block<P: Products>(
    scores: &Scores,
    running: Running,
    correction: *mut f32,
    scale: f32,
    masks: Masks,
) {
    unsafe {
        for column in (0..PANEL).step_by(WIDE * P::Vectors::LANES) {
            let maximum = block_maximum::<P::Vectors>(scores, running, column, masks.ranges);
            probabilities::<P>(scores, running, maximum, correction, scale, column, masks.dropout);
        }
    }
}

/// The maximum so far and of this block; scores that do not count become minus infinity.
#[inline(always)]
unsafe fn block_maximum<S: Vectors>(
    scores: &Scores,
    running: Running,
    column: usize,
    ranges: Option<&RelativeRanges>,
) -> [S::Vector; WIDE] {
    unsafe {
        let mut maximum = [S::splat(0.0); WIDE];
        for (v, maximum) in maximum.iter_mut().enumerate() {
            *maximum = S::load(running.maximum.add(column + v * S::LANES));
        }
        for key in 0..scores.keys {
            for (v, maximum) in maximum.iter_mut().enumerate() {
                let at = column + v * S::LANES;
                let place = scores.rows.start.add(key * PANEL + at);
                let mut score = S::load(place);
                if let Some(ranges) = ranges {
                    score = S::select(ranges.visible::<S>(key, at), score, S::splat(f32::NEG_INFINITY));
                    S::store(place, score);
                }
                *maximum = S::max(score, *maximum);
            }
        }
        maximum
    }
}

#[inline(always)]
unsafe fn probabilities<P: Products>(
    scores: &Scores,
    running: Running,
    maximum: [<P::Vectors as Vectors>::Vector; WIDE],
    correction: *mut f32,
    scale: f32,
    column: usize,
    dropout: Option<&KeepBits>,
) {
    unsafe {
        let (scale, zero) = (P::Vectors::splat(scale), P::Vectors::splat(0.0));
        // Minus the maximum, in units of log 2.
        let mut base = [zero; WIDE];
        let mut sum = [zero; WIDE];
        for v in 0..WIDE {
            let at = column + v * P::Vectors::LANES;
            // A row that has seen nothing yet must not subtract infinity from infinity.
            let seen = P::Vectors::less(P::Vectors::splat(f32::NEG_INFINITY), maximum[v]);
            let safe = P::Vectors::select(seen, maximum[v], zero);
            let old = P::Vectors::load(running.maximum.add(at));
            let factor = P::Vectors::exp2(P::Vectors::mul(P::Vectors::sub(old, safe), scale));
            P::Vectors::store(running.maximum.add(at), maximum[v]);
            P::Vectors::store(correction.add(at), factor);
            sum[v] = P::Vectors::mul(P::Vectors::load(running.sum.add(at)), factor);
            base[v] = P::Vectors::sub(zero, P::Vectors::mul(safe, scale));
        }
        for group in (0..scores.keys).step_by(2 * P::PAIR) {
            for row in group..group + P::PAIR {
                for v in (0..WIDE).step_by(2) {
                    let mut patch = [[zero; 2]; 2];
                    for (i, key) in [row, row + P::PAIR].into_iter().enumerate() {
                        for j in 0..2 {
                            let at = column + (v + j) * P::Vectors::LANES;
                            let score = P::Vectors::load(scores.rows.start.add(key * PANEL + at));
                            let mut p = P::Vectors::exp2(P::Vectors::fma(score, scale, base[v + j]));
                            sum[v + j] = P::Vectors::add(sum[v + j], p);
                            if let Some(bits) = dropout {
                                p = P::Vectors::select(P::Vectors::mask_of_bits(bits[key] >> at), p, zero);
                            }
                            patch[i][j] = p;
                        }
                    }
                    P::put(patch, row, column + v * P::Vectors::LANES, scores);
                }
            }
        }
        for (v, sum) in sum.into_iter().enumerate() {
            P::Vectors::store(running.sum.add(column + v * P::Vectors::LANES), sum);
        }
    }
}

/// What the derivative needs of each row of a panel. [PANEL] each.
#[derive(Clone, Copy)]
pub(super) struct Saved {
    /// In units of log 2; minus infinity for rows that see nothing.
    pub minus_log_sum_exp: *mut f32,
    pub minus_delta: *mut f32,
}

/// `scores` to probabilities p after dropout, and `gradient`, that of those, to the gradient of the scores,
/// p (kept * gradient - delta). `scale` takes scores to units of log 2; what dropout multiplies the kept probabilities by is
/// `kept`, and left out of the result.
#[inline(always)]
pub(super) unsafe fn differentiate<P: Products>(
    scores: &Scores,
    gradient: &Scores,
    saved: Saved,
    (scale, kept): (f32, f32),
    masks: Masks,
) {
    unsafe {
        let lanes = P::Vectors::LANES;
        let zero = P::Vectors::splat(0.0);
        let (scale, kept) = (P::Vectors::splat(scale), P::Vectors::splat(kept));
        for group in (0..scores.keys).step_by(2 * P::PAIR) {
            for row in group..group + P::PAIR {
                for column in (0..PANEL).step_by(2 * lanes) {
                    let (mut p_patch, mut g_patch) = ([[zero; 2]; 2], [[zero; 2]; 2]);
                    for (i, key) in [row, row + P::PAIR].into_iter().enumerate() {
                        for j in 0..2 {
                            let at = column + j * lanes;
                            let place = |rows: Rows| rows.start.wrapping_add(key * PANEL + at);
                            let score = P::Vectors::load(place(scores.rows));
                            let log_sum_exp = P::Vectors::load(saved.minus_log_sum_exp.add(at));
                            let p = P::Vectors::exp2(P::Vectors::fma(score, scale, log_sum_exp));
                            let mut incoming = P::Vectors::load(place(gradient.rows));
                            let mut dropped = p;
                            if let Some(bits) = masks.dropout {
                                let keep = P::Vectors::mask_of_bits(bits[key] >> at);
                                dropped = P::Vectors::select(keep, p, zero);
                                incoming = P::Vectors::select(keep, incoming, zero);
                            }
                            let delta = P::Vectors::load(saved.minus_delta.add(at));
                            let mut outgoing = P::Vectors::mul(p, P::Vectors::fma(incoming, kept, delta));
                            if let Some(ranges) = masks.ranges {
                                let visible = ranges.visible::<P::Vectors>(key, at);
                                dropped = P::Vectors::select(visible, dropped, zero);
                                outgoing = P::Vectors::select(visible, outgoing, zero);
                            }
                            p_patch[i][j] = dropped;
                            g_patch[i][j] = outgoing;
                        }
                    }
                    P::put(p_patch, row, column, scores);
                    P::put(g_patch, row, column, gradient);
                }
            }
        }
    }
}
