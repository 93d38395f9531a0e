//! Rotary positions (Su et al. 2021): turns pairs of coordinates of each head, a half of the turned ones apart.

use crate::bf16::Element;
use crate::parallel::{Disjoint, for_each};
use crate::simd::simd;
use crate::view::{View, ViewMut, typed, typed_mut};

/// Elements per task.
const TASK: usize = 1 << 13;

/// The sizes of x [tokens, heads, size].
#[derive(Clone, Copy, Debug)]
pub struct RotaryShape {
    pub heads: usize,
    pub size: usize,
}

/// out = x with coordinates i and half + i of each head turned by the angle i of its token, whose cosines and sines are
/// [tokens, half]; backwards if `inverse`. Coordinates beyond 2 half stay.
pub fn rotate(
    x: View,
    (cosines, sines): (&[f32], &[f32]),
    shape: RotaryShape,
    half: usize,
    inverse: bool,
    out: ViewMut,
) {
    let width = shape.heads * shape.size;
    let tokens = x.len() / width.max(1);
    assert!(x.len() == tokens * width && out.len() == x.len(), "{} elements are no tokens of {width}", x.len());
    assert!(cosines.len() == tokens * half && sines.len() == tokens * half, "angles of {tokens} tokens");
    assert!(2 * half <= shape.size, "{half} pairs in heads of {}", shape.size);
    if x.is_empty() {
        return;
    }
    let group = (TASK / width).max(1);
    typed!([x] typed_mut!([out] {
        let out = Disjoint::new(out);
        for_each(tokens.div_ceil(group), |task| {
            let from = task * group;
            let count = group.min(tokens - from);
            // SAFETY: tasks have their own tokens.
            let out = unsafe { out.part(from * width, count * width) };
            let angles = from * half..(from + count) * half;
            rotate_tokens(&x[from * width..][..count * width], &cosines[angles.clone()], &sines[angles], shape, half, inverse, out);
        });
    }))
}

simd! {
    fn rotate_tokens[S, A: Element, B: Element](
        x: &[A],
        cosines: &[f32],
        sines: &[f32],
        shape: RotaryShape,
        half: usize,
        inverse: bool,
        out: &mut [B],
    ) {
        let width = shape.heads * shape.size;
        let sign = if inverse { -1.0 } else { 1.0 };
        for (token, (x, out)) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)).enumerate() {
            let (cosines, sines) = (&cosines[token * half..][..half], &sines[token * half..][..half]);
            for (x, out) in x.chunks_exact(shape.size).zip(out.chunks_exact_mut(shape.size)) {
                let (first, rest) = x.split_at(half);
                let (second, still) = rest.split_at(half);
                let (to_first, rest) = out.split_at_mut(half);
                let (to_second, to_still) = rest.split_at_mut(half);
                for (((((a, b), c), s), to_a), to_b) in
                    first.iter().zip(second).zip(cosines).zip(sines).zip(to_first).zip(to_second)
                {
                    let (a, b, s) = (a.get(), b.get(), sign * s);
                    *to_a = B::put(S::fma(a, *c, -(b * s)));
                    *to_b = B::put(S::fma(b, *c, a * s));
                }
                for (x, out) in still.iter().zip(to_still) {
                    *out = B::put(x.get());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Pool;
    use crate::testing::numbers;

    #[test]
    fn turns_pairs_and_back() {
        let (tokens, half) = (300, 3);
        let shape = RotaryShape { heads: 5, size: 7 };
        let x = numbers(tokens * 35, 1);
        let angles = numbers(tokens * half, 2);
        let (cosines, sines): (Vec<f32>, Vec<f32>) = angles.iter().map(|angle| (angle.cos(), angle.sin())).unzip();
        let mut turned = vec![f32::NAN; x.len()];
        let mut back = turned.clone();
        Pool::new(3).install(|| {
            rotate(View::F32(&x), (&cosines, &sines), shape, half, false, ViewMut::F32(&mut turned));
            rotate(View::F32(&turned), (&cosines, &sines), shape, half, true, ViewMut::F32(&mut back));
        });
        for (i, &value) in turned.iter().enumerate() {
            let (token, at) = (i / 35, i % 7);
            let angle = |pair: usize| (f64::from(cosines[token * half + pair]), f64::from(sines[token * half + pair]));
            let expected = match at {
                0..3 => f64::from(x[i]) * angle(at).0 - f64::from(x[i + half]) * angle(at).1,
                3..6 => f64::from(x[i]) * angle(at - half).0 + f64::from(x[i - half]) * angle(at - half).1,
                _ => f64::from(x[i]),
            };
            assert!((f64::from(value) - expected).abs() < 1e-6, "{i}");
        }
        assert!(back.iter().zip(&x).all(|(back, x)| (back - x).abs() < 1e-6));
    }
}
