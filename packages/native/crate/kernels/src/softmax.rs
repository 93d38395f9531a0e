//! Softmax of rows, and softmax cross-entropy, which stores neither probabilities nor one-hot labels.

use crate::bf16::Element;
use crate::math::{exp, exp_of_negative, ln};
use crate::parallel::{Disjoint, for_each};
use crate::simd::{Simd, simd};
use crate::view::{View, ViewMut, typed, typed_mut};

const LANES: usize = 64;
/// Minimum number of elements per task.
const TASK: usize = 1 << 14;

fn rows_per_task(width: usize) -> usize {
    (TASK / width.max(1)).max(1)
}

/// (maximum, sum of exp(x - maximum)) of a row.
#[inline(always)]
fn statistics<S: Simd, T: Element>(row: &[T]) -> (f32, f32) {
    let mut highest = [f32::NEG_INFINITY; LANES];
    let mut chunks = row.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (highest, x) in highest.iter_mut().zip(chunk) {
            let x = x.get();
            *highest = if x > *highest { x } else { *highest };
        }
    }
    let rest = chunks.remainder();
    let highest = highest.into_iter().chain(rest.iter().map(|x| x.get())).fold(f32::NEG_INFINITY, f32::max);
    // A row of minus infinities.
    let shift = if highest == f32::NEG_INFINITY { 0.0 } else { highest };
    let mut sums = [0.0f32; LANES];
    for chunk in row.chunks_exact(LANES) {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += exp_of_negative::<S>(x.get() - shift);
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += exp_of_negative::<S>(x.get() - shift);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    (highest, sums[0])
}

/// The sum of a row.
#[inline(always)]
fn total<T: Element>(row: &[T]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += x.get();
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += x.get();
    }
    sums.iter().sum()
}

/// out = softmax of the rows of x [N, width], or its logarithm, in the storage of out.
pub fn softmax(x: View, width: usize, logarithm: bool, out: ViewMut) {
    assert!(
        x.len() == out.len() && (width == 0 || x.len().is_multiple_of(width)),
        "softmax: {} elements are no rows of {width}",
        x.len()
    );
    if x.is_empty() {
        return;
    }
    let rows = x.len() / width;
    let group = rows_per_task(width);
    typed!([x] typed_mut!([out] {
        let out = Disjoint::new(out);
        for_each(rows.div_ceil(group), |task| {
            let from = task * group * width;
            let count = (group * width).min(x.len() - from);
            // SAFETY: tasks have their own rows.
            softmax_rows(&x[from..from + count], width, logarithm, unsafe { out.part(from, count) });
        });
    }))
}

simd! {
    fn softmax_rows[S, A: Element, B: Element](x: &[A], width: usize, logarithm: bool, out: &mut [B]) {
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            let (highest, sum) = statistics::<S, A>(x);
            if logarithm {
                let shift = highest + ln::<S>(sum);
                for (out, x) in out.iter_mut().zip(x) {
                    *out = B::put(x.get() - shift);
                }
            } else {
                let factor = 1.0 / sum;
                for (out, x) in out.iter_mut().zip(x) {
                    *out = B::put(exp::<S>(x.get() - highest) * factor);
                }
            }
        }
    }
}

/// The first label that is not less than `vocabulary`.
pub fn label_outside(labels: &[i32], vocabulary: usize) -> Option<i32> {
    labels.iter().copied().find(|&label| i64::from(label) >= vocabulary as i64)
}

/// What each row is to predict.
#[derive(Clone, Copy)]
pub struct Targets<'a> {
    /// A row with a negative label does not count.
    pub labels: &'a [i32],
    /// The share of each label that is spread over the vocabulary.
    pub smoothing: f32,
}

/// loss [N] = logSumExp(logits) - (1 - smoothing) logits[label] - smoothing mean(logits), 0 for negative labels, and
/// logSumExp [N], of logits [N, V].
pub fn cross_entropy(logits: View, targets: Targets, loss: &mut [f32], log_sum_exp: &mut [f32]) {
    let Targets { labels, smoothing } = targets;
    let rows = labels.len();
    assert!(
        loss.len() == rows && log_sum_exp.len() == rows && logits.len().is_multiple_of(rows.max(1)),
        "cross-entropy of {} logits and {rows} labels",
        logits.len()
    );
    if rows == 0 {
        return;
    }
    let width = logits.len() / rows;
    assert!(label_outside(labels, width).is_none(), "a label is outside the vocabulary of {width}");
    let group = rows_per_task(width);
    let (loss, log_sum_exp) = (Disjoint::new(loss), Disjoint::new(log_sum_exp));
    typed!([logits] for_each(rows.div_ceil(group), |task| {
        let from = task * group;
        let count = group.min(rows - from);
        // SAFETY: tasks have their own rows.
        let (loss, sums) = unsafe { (loss.part(from, count), log_sum_exp.part(from, count)) };
        let targets = Targets { labels: &labels[from..from + count], smoothing };
        cross_entropy_rows(&logits[from * width..][..count * width], targets, width, loss, sums);
    }))
}

simd! {
    fn cross_entropy_rows[S, T: Element](logits: &[T], targets: Targets, width: usize, loss: &mut [f32], sums: &mut [f32]) {
        let smoothing = targets.smoothing;
        for (row, &label) in targets.labels.iter().enumerate() {
            let logits = &logits[row * width..][..width];
            let (highest, sum) = statistics::<S, T>(logits);
            sums[row] = highest + ln::<S>(sum);
            loss[row] = if label < 0 {
                0.0
            } else if smoothing == 0.0 {
                sums[row] - logits[label as usize].get()
            } else {
                sums[row] - (1.0 - smoothing) * logits[label as usize].get() - smoothing / width as f32 * total::<T>(logits)
            };
        }
    }
}

/// dlogits [N, V] = (softmax - (1 - smoothing) onehot(label) - smoothing / V) dloss, 0 in rows whose label is negative.
pub fn cross_entropy_gradient(dloss: &[f32], logits: View, targets: Targets, log_sum_exp: &[f32], dlogits: ViewMut) {
    let Targets { labels, smoothing } = targets;
    let rows = labels.len();
    assert!(
        dloss.len() == rows
            && log_sum_exp.len() == rows
            && logits.len() == dlogits.len()
            && (logits.is_empty() || rows > 0 && logits.len().is_multiple_of(rows)),
        "gradient of the cross-entropy of {} logits and {rows} labels",
        logits.len()
    );
    if logits.is_empty() {
        return;
    }
    let width = logits.len() / rows;
    assert!(label_outside(labels, width).is_none(), "a label is outside the vocabulary of {width}");
    let group = rows_per_task(width);
    typed!([logits] typed_mut!([dlogits] {
        let dlogits = Disjoint::new(dlogits);
        for_each(rows.div_ceil(group), |task| {
            for row in (task * group..rows).take(group) {
                // SAFETY: rows do not overlap.
                let out = unsafe { dlogits.part(row * width, width) };
                let logits = &logits[row * width..][..width];
                let target = (labels[row], smoothing);
                gradient_row(logits, target, log_sum_exp[row], dloss[row], out);
            }
        });
    }))
}

simd! {
    fn gradient_row[S, A: Element, B: Element](logits: &[A], target: (i32, f32), log_sum_exp: f32, dloss: f32, out: &mut [B]) {
        let (label, smoothing) = target;
        if label < 0 {
            out.fill(B::put(0.0));
            return;
        }
        let share = smoothing / logits.len() as f32;
        for (out, x) in out.iter_mut().zip(logits) {
            *out = B::put((exp_of_negative::<S>(x.get() - log_sum_exp) - share) * dloss);
        }
        let label = label as usize;
        let probability = exp_of_negative::<S>(logits[label].get() - log_sum_exp);
        out[label] = B::put((probability - share - (1.0 - smoothing)) * dloss);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_is_minus_the_log_of_softmax() {
        let (rows, width) = (5, 301);
        let logits: Vec<f32> = (0..rows * width).map(|i| ((i * 31) % 97) as f32 / 10.0).collect();
        let labels = [3, -1, 300, 0, 77];
        let (mut loss, mut sums, mut logs) = ([0.0; 5], [0.0; 5], vec![0.0; rows * width]);
        let targets = Targets { labels: &labels, smoothing: 0.0 };
        cross_entropy(View::F32(&logits), targets, &mut loss, &mut sums);
        softmax(View::F32(&logits), width, true, ViewMut::F32(&mut logs));
        let mut gradient = vec![f32::NAN; rows * width];
        cross_entropy_gradient(&[2.0; 5], View::F32(&logits), targets, &sums, ViewMut::F32(&mut gradient));
        for row in 0..rows {
            let label = labels[row];
            let expected = if label < 0 { 0.0 } else { -logs[row * width + label as usize] };
            assert!((loss[row] - expected).abs() < 1e-5);
            for column in 0..width {
                let hot = if column as i32 == label { 1.0 } else { 0.0 };
                let expected = if label < 0 { 0.0 } else { (logs[row * width + column].exp() - hot) * 2.0 };
                assert!((gradient[row * width + column] - expected).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn rows_with_infinities_and_nan() {
        let (low, nan) = (f32::NEG_INFINITY, f32::NAN);
        let mut out = [0.0; 6];
        softmax(View::F32(&[low, 0.0, low, nan, 1.0, 2.0]), 3, false, ViewMut::F32(&mut out));
        assert_eq!(out[..3], [0.0, 1.0, 0.0]);
        assert!(out[3..].iter().all(|x| x.is_nan()));
    }
}
