//! AdamW (Loshchilov and Hutter 2019) over many tensors in one pass, in place.

use crate::bf16::Element;
use crate::parallel::{Disjoint, for_each};
use crate::simd::simd;
use crate::view::{CHUNK, View, typed};

/// The four parts of one tensor, all of the same size.
pub struct AdamTensor<'a> {
    pub parameter: &'a mut [f32],
    pub gradient: View<'a>,
    pub first_moment: &'a mut [f32],
    pub second_moment: &'a mut [f32],
    pub weight_decay: f64,
}

#[derive(Clone, Copy, Debug)]
pub struct AdamOptions {
    pub learning_rate: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    /// 1 for the first update.
    pub step: f64,
    pub bias_correction: bool,
    pub gradient_scale: f64,
}

/// Factors of a step, the same for all elements of a tensor.
#[derive(Clone, Copy)]
struct Factors {
    decay: f32,
    gradient: f32,
    beta1: f32,
    rest1: f32,
    beta2: f32,
    rest2: f32,
    /// 1 / sqrt(1 - beta2^t)
    root: f32,
    /// learning rate / (1 - beta1^t)
    rate: f32,
    epsilon: f32,
}

/// p <- p (1 - lr wd) - lr m^ / (sqrt(v^) + epsilon), as in torch.optim.AdamW.
pub fn adam_w(tensors: Vec<AdamTensor>, options: AdamOptions) {
    let correction = |beta: f64| if options.bias_correction { 1.0 - beta.powf(options.step) } else { 1.0 };
    let (correction1, correction2) = (correction(options.beta1), correction(options.beta2));
    let mut pieces = Vec::new();
    for tensor in tensors {
        let length = tensor.parameter.len();
        let alike = [tensor.gradient.len(), tensor.first_moment.len(), tensor.second_moment.len()];
        assert!(alike.iter().all(|&other| other == length), "a parameter of {length} with {alike:?}");
        let factors = Factors {
            decay: (1.0 - options.learning_rate * tensor.weight_decay) as f32,
            gradient: options.gradient_scale as f32,
            beta1: options.beta1 as f32,
            rest1: (1.0 - options.beta1) as f32,
            beta2: options.beta2 as f32,
            rest2: (1.0 - options.beta2) as f32,
            root: (1.0 / correction2.sqrt()) as f32,
            rate: (options.learning_rate / correction1) as f32,
            epsilon: options.epsilon as f32,
        };
        let shared =
            (Disjoint::new(tensor.parameter), Disjoint::new(tensor.first_moment), Disjoint::new(tensor.second_moment));
        pieces.extend(
            (0..length).step_by(CHUNK).map(|from| (shared, tensor.gradient, factors, from, CHUNK.min(length - from))),
        );
    }
    for_each(pieces.len(), |task| {
        let ((p, m, v), gradient, factors, from, length) = pieces[task];
        // SAFETY: pieces of a tensor do not overlap, and tensors are borrowed mutably.
        let (p, m, v) = unsafe { (p.part(from, length), m.part(from, length), v.part(from, length)) };
        let gradient = gradient.part(from, length);
        typed!([gradient] update(p, gradient, m, v, factors));
    });
}

simd! {
    fn update[S, T: Element](p: &mut [f32], g: &[T], m: &mut [f32], v: &mut [f32], f: Factors) {
        for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            let gradient = g.get() * f.gradient;
            *m = S::fma(f.beta1, *m, f.rest1 * gradient);
            *v = S::fma(f.beta2, *v, f.rest2 * gradient * gradient);
            let denominator = S::fma(v.sqrt(), f.root, f.epsilon);
            *p = S::fma(*p, f.decay, -(f.rate * *m / denominator));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn against_the_formula() {
        let n = if cfg!(miri) { 701 } else { 70_001 };
        let gradient: Vec<f32> = (0..n).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
        let (mut p, mut m, mut v) = (vec![1.0f32; n], vec![0.1f32; n], vec![0.2f32; n]);
        let options = AdamOptions {
            learning_rate: 1e-2,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-8,
            step: 3.0,
            bias_correction: true,
            gradient_scale: 0.5,
        };
        let tensor = AdamTensor {
            parameter: &mut p,
            gradient: View::F32(&gradient),
            first_moment: &mut m,
            second_moment: &mut v,
            weight_decay: 0.1,
        };
        adam_w(vec![tensor], options);
        for i in 0..n {
            let g = f64::from(gradient[i]) * 0.5;
            let (m64, v64) = (0.09 + 0.1 * g, 0.198 + 0.01 * g * g);
            let update = 1e-2 * m64 / (1.0 - 0.9f64.powi(3)) / ((v64 / (1.0 - 0.99f64.powi(3))).sqrt() + 1e-8);
            assert!((f64::from(p[i]) - (0.999 - update)).abs() < 1e-6);
            assert!((f64::from(m[i]) - m64).abs() < 1e-6 && (f64::from(v[i]) - v64).abs() < 1e-6);
        }
    }
}
