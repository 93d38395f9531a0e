//! Softmax of a block of scores and its derivative. Scores lie transposed, [keys, PANEL]: everything runs along vectors
//! of queries and there is not one horizontal operation.

use super::dropout::KeepBits;
use super::problem::PANEL;
use super::ranges::RelativeRanges;
use super::vectors::Vectors;

/// The running softmax of a panel's rows (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"),
/// in units of log 2. [PANEL] each.
#[derive(Clone, Copy)]
pub(super) struct Running {
    pub maximum: *mut f32,
    pub sum: *mut f32,
}

/// Vectors of queries that are handled side by side, to hide the latency of their sums.
const WIDE: usize = 4;

/// Scores to probabilities relative to the new running maximum; leaves in `correction` [PANEL] what earlier sums must
/// be multiplied by.
#[inline(always)]
pub(super) unsafe fn softmax_block<S: Vectors>(
    scores: *mut f32,
    keys: usize,
    running: Running,
    correction: *mut f32,
    mask: Option<&RelativeRanges>,
) {
    unsafe {
        for column in (0..PANEL).step_by(WIDE * S::LANES) {
            let at = |v: usize| column + v * S::LANES;
            let mut old = [S::splat(0.0); WIDE];
            for v in 0..WIDE {
                old[v] = S::load(running.maximum.add(at(v)));
            }
            let mut maximum = old;
            if let Some(ranges) = mask {
                for key in 0..keys {
                    for v in 0..WIDE {
                        let place = scores.add(key * PANEL + at(v));
                        let visible = ranges.visible::<S>(key, at(v));
                        let score = S::select(visible, S::load(place), S::splat(f32::NEG_INFINITY));
                        S::store(place, score);
                        maximum[v] = S::max(score, maximum[v]);
                    }
                }
            } else {
                for key in 0..keys {
                    for v in 0..WIDE {
                        maximum[v] = S::max(S::load(scores.add(key * PANEL + at(v))), maximum[v]);
                    }
                }
            }
            let mut sum = [S::splat(0.0); WIDE];
            for v in 0..WIDE {
                S::store(running.maximum.add(at(v)), maximum[v]);
                // A row that has seen nothing yet must not subtract infinity from infinity.
                let seen = S::less(S::splat(f32::NEG_INFINITY), maximum[v]);
                maximum[v] = S::select(seen, maximum[v], S::splat(0.0));
                let factor = S::exp2(S::sub(old[v], maximum[v]));
                S::store(correction.add(at(v)), factor);
                sum[v] = S::mul(S::load(running.sum.add(at(v))), factor);
            }
            for key in 0..keys {
                for v in 0..WIDE {
                    let place = scores.add(key * PANEL + at(v));
                    let probability = S::exp2(S::sub(S::load(place), maximum[v]));
                    sum[v] = S::add(sum[v], probability);
                    S::store(place, probability);
                }
            }
            for v in 0..WIDE {
                S::store(running.sum.add(at(v)), sum[v]);
            }
        }
    }
}

/// Zeros where dropout drops; what the kept ones are multiplied by is applied once, to the sums made of them.
#[inline(always)]
pub(super) unsafe fn drop<S: Vectors>(block: *mut f32, keys: usize, bits: &KeepBits) {
    for (key, word) in bits.iter().enumerate().take(keys) {
        for column in (0..PANEL).step_by(S::LANES) {
            unsafe {
                let place = block.add(key * PANEL + column);
                S::store(place, S::select(S::mask_of_bits(word >> column), S::load(place), S::splat(0.0)));
            }
        }
    }
}

/// What the derivative needs of each row of a panel. [PANEL] each.
#[derive(Clone, Copy)]
pub(super) struct Saved {
    /// In units of log 2; infinity for rows that see nothing.
    pub log_sum_exp: *mut f32,
    pub delta: *mut f32,
}

/// `scores` to probabilities p, and `gradient`, that of the probabilities after dropout, to p (kept * gradient - delta), that
/// of the scores. `scale` takes scores to units of log 2.
#[inline(always)]
pub(super) unsafe fn differentiate<S: Vectors>(
    (scores, gradient): (*mut f32, *mut f32),
    keys: usize,
    saved: Saved,
    (scale, kept): (f32, f32),
    mask: Option<&RelativeRanges>,
) {
    unsafe {
        let (scale, kept, zero) = (S::splat(scale), S::splat(kept), S::splat(0.0));
        for key in 0..keys {
            for column in (0..PANEL).step_by(S::LANES) {
                let place = key * PANEL + column;
                let exponent =
                    S::sub(S::mul(S::load(scores.add(place)), scale), S::load(saved.log_sum_exp.add(column)));
                let incoming = S::mul(S::load(gradient.add(place)), kept);
                let mut p = S::exp2(exponent);
                let mut result = S::mul(p, S::sub(incoming, S::load(saved.delta.add(column))));
                if let Some(ranges) = mask {
                    let visible = ranges.visible::<S>(key, column);
                    p = S::select(visible, p, zero);
                    result = S::select(visible, result, zero);
                }
                S::store(scores.add(place), p);
                S::store(gradient.add(place), result);
            }
        }
    }
}
