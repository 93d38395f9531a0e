//! Dropout whose mask is a function of (key, index in the unsplit tensor).

use crate::bf16::Element;
use crate::parallel::{Disjoint, for_each};
use crate::philox::{philox, threshold};
use crate::simd::simd;
use crate::view::{View, ViewMut};

/// The rate and key, and which part of the unsplit tensor this tensor is.
pub struct Dropout<'a> {
    /// In [0, 1).
    pub rate: f64,
    pub key: [u32; 2],
    /// The shape of this tensor, the index of its first element in the unsplit tensor, and the shape of that.
    pub shape: &'a [usize],
    pub origin: &'a [usize],
    pub global_shape: &'a [usize],
}

/// Counters computed at a time.
const COUNTERS: usize = 16;
/// Minimum number of elements per task.
const TASK: usize = 1 << 14;

impl Dropout<'_> {
    /// (rows, length) of the longest pieces that are contiguous in the unsplit tensor as well.
    fn rows(&self) -> (usize, usize) {
        let whole = (0..self.shape.len()).rev().take_while(|&d| self.shape[d] == self.global_shape[d]).count();
        let inner = (whole + 1).min(self.shape.len());
        let length = self.shape[self.shape.len() - inner..].iter().product();
        let rows = self.shape[..self.shape.len() - inner].iter().product();
        (rows, length)
    }

    /// Index in the unsplit tensor of the local element `at`.
    fn global_index(&self, mut at: usize) -> u64 {
        let mut stride = 1u64;
        let mut index = 0;
        for d in (0..self.shape.len()).rev() {
            index += (self.origin[d] + at % self.shape[d]) as u64 * stride;
            stride *= self.global_shape[d] as u64;
            at /= self.shape[d];
        }
        index
    }
}

/// y = x / (1 - rate) for elements that are kept, else 0, in the storage of x. The gradient is the same function.
pub fn dropout(options: &Dropout, x: View, out: ViewMut) {
    let count: usize = options.shape.iter().product();
    assert!(x.len() == count && out.len() == count, "dropout of a tensor {:?}", options.shape);
    match (x, out) {
        _ if count == 0 => {}
        (View::F32(x), ViewMut::F32(out)) => run(options, x, out),
        (View::Bf16(x), ViewMut::Bf16(out)) => run(options, x, out),
        _ => panic!("dropout keeps the storage"),
    }
}

fn run<T: Element>(options: &Dropout, x: &[T], out: &mut [T]) {
    let (rows, length) = options.rows();
    let out = Disjoint::new(out);
    let factor = (1.0 / (1.0 - options.rate)) as f32;
    let limit = threshold(options.rate);
    // Long rows are split, short ones grouped.
    let pieces = length.div_ceil(TASK);
    let group = (TASK / length).max(1);
    for_each(rows.div_ceil(group) * pieces, |task| {
        for row in (task / pieces * group..rows).take(group) {
            let from = row * length + task % pieces * TASK;
            let count = (length - task % pieces * TASK).min(TASK);
            // SAFETY: pieces of rows do not overlap.
            let out = unsafe { out.part(from, count) };
            drop_run(&x[from..from + count], out, options.global_index(from), options.key, limit, factor);
        }
    });
}

simd! {
    fn drop_run[S, T: Element](x: &[T], out: &mut [T], first: u64, key: [u32; 2], limit: u64, factor: f32) {
        const WORDS: usize = 4 * COUNTERS;
        let mut at = 0;
        while at < out.len() {
            let element = first + at as u64;
            let skip = (element % 4) as usize;
            let low: [u32; COUNTERS] = std::array::from_fn(|i| (element / 4 + i as u64) as u32);
            let high: [u32; COUNTERS] = std::array::from_fn(|i| ((element / 4 + i as u64) >> 32) as u32);
            let drawn = philox(low, high, key);
            let mut words = [0u32; WORDS];
            for i in 0..COUNTERS {
                for (lane, drawn) in drawn.iter().enumerate() {
                    words[4 * i + lane] = drawn[i];
                }
            }
            let count = (WORDS - skip).min(out.len() - at);
            let words = &words[skip..skip + count];
            for ((out, x), &word) in out[at..at + count].iter_mut().zip(&x[at..at + count]).zip(words) {
                // A product, not a selection: dropping infinity or NaN gives NaN, as in the reference.
                *out = T::put(x.get() * if u64::from(word) >= limit { factor } else { 0.0 });
            }
            at += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drop_ones(shape: &[usize], origin: &[usize], global_shape: &[usize]) -> Vec<f32> {
        let count = shape.iter().product();
        let mut out = vec![-1.0; count];
        let options = Dropout { rate: 0.3, key: [7, 9], shape, origin, global_shape };
        dropout(&options, View::F32(&vec![1.0; count]), ViewMut::F32(&mut out));
        out
    }

    #[test]
    fn a_part_is_dropped_as_in_the_whole() {
        let whole = drop_ones(&[6, 5, 7], &[0, 0, 0], &[6, 5, 7]);
        let part = drop_ones(&[2, 3, 4], &[3, 1, 2], &[6, 5, 7]);
        for i in 0..2 {
            for j in 0..3 {
                for k in 0..4 {
                    assert_eq!(part[(i * 3 + j) * 4 + k], whole[((i + 3) * 5 + j + 1) * 7 + k + 2]);
                }
            }
        }
        assert_eq!(drop_ones(&[3, 5, 7], &[2, 0, 0], &[6, 5, 7]), whole[70..175]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "a hundred thousand numbers")]
    fn the_rate_is_kept() {
        let out = drop_ones(&[100_003], &[0], &[100_003]);
        let dropped = out.iter().filter(|&&y| y == 0.0).count() as f64 / out.len() as f64;
        assert!((dropped - 0.3).abs() < 0.01, "{dropped}");
        assert!(out.iter().all(|&y| y == 0.0 || y == 1.0 / 0.7));
    }
}
