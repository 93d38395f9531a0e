//! Exponential moving averages of many tensors in one pass, in place.

use crate::bf16::Element;
use crate::parallel::{Disjoint, for_each};
use crate::simd::simd;
use crate::view::{CHUNK, View, typed};

/// average <- average decay + value (1 - decay), for pairs of equal length.
pub fn moving_average(pairs: Vec<(&mut [f32], View)>, decay: f64) {
    let mut pieces = Vec::new();
    for (average, value) in pairs {
        let length = average.len();
        assert_eq!(length, value.len(), "an average of as many numbers");
        let shared = Disjoint::new(average);
        pieces.extend((0..length).step_by(CHUNK).map(|from| (shared, value, from, CHUNK.min(length - from))));
    }
    for_each(pieces.len(), |task| {
        let (average, value, from, length) = pieces[task];
        // SAFETY: pieces of an average do not overlap, and averages are borrowed mutably.
        let average = unsafe { average.part(from, length) };
        let value = value.part(from, length);
        typed!([value] mix(average, value, decay as f32, (1.0 - decay) as f32));
    });
}

simd! {
    fn mix[S, T: Element](average: &mut [f32], value: &[T], decay: f32, rest: f32) {
        for (average, value) in average.iter_mut().zip(value) {
            *average = S::fma(*average, decay, value.get() * rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn against_the_formula() {
        let n = if cfg!(miri) { 70 } else { 70_001 };
        let mut average: Vec<f32> = (0..n).map(|i| (i % 7) as f32).collect();
        let value: Vec<f32> = (0..n).map(|i| (i % 5) as f32).collect();
        moving_average(vec![(&mut average, View::F32(&value)), (&mut [], View::F32(&[]))], 0.75);
        assert!((0..n).all(|i| average[i] == 0.75 * (i % 7) as f32 + 0.25 * (i % 5) as f32));
    }
}
