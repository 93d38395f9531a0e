//! Activation functions and their derivatives, for single numbers and for lines of them.

use crate::math::{erf, exp, sigmoid, tanh};
use crate::simd::Simd;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    None,
    GeluTanh,
    GeluErf,
    Relu,
    SquaredRelu,
    Silu,
}

/// sqrt(2 / pi)
const ROOT: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

#[inline(always)]
pub fn gelu_tanh<S: Simd>(x: f32) -> f32 {
    // 0.5 x (1 + tanh u) = x sigmoid(2 u)
    let u = ROOT * S::fma(CUBIC * x * x, x, x);
    0.5 * x * (1.0 + tanh::<S>(u))
}

#[inline(always)]
pub fn gelu_tanh_derivative<S: Simd>(x: f32) -> f32 {
    let square = x * x;
    let t = tanh::<S>(ROOT * S::fma(CUBIC * square, x, x));
    let slope = ROOT * S::fma(3.0 * CUBIC, square, 1.0);
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope
}

#[inline(always)]
pub fn gelu_erf<S: Simd>(x: f32) -> f32 {
    0.5 * x * (1.0 + erf::<S>(x * std::f32::consts::FRAC_1_SQRT_2))
}

#[inline(always)]
pub fn gelu_erf_derivative<S: Simd>(x: f32) -> f32 {
    // Phi(x) + x phi(x); 1 / sqrt(2 pi) = 0.3989...
    let density = 0.398_942_3 * exp::<S>(-0.5 * x * x);
    S::fma(x, density, 0.5 * (1.0 + erf::<S>(x * std::f32::consts::FRAC_1_SQRT_2)))
}

#[inline(always)]
pub fn silu<S: Simd>(x: f32) -> f32 {
    x * sigmoid::<S>(x)
}

#[inline(always)]
pub fn relu(x: f32) -> f32 {
    // A comparison, since `max` would drop NaN.
    if x < 0.0 { 0.0 } else { x }
}

#[inline(always)]
pub fn squared_relu(x: f32) -> f32 {
    relu(x) * relu(x)
}

/// Applies an activation to a line of numbers, choosing it once per line.
#[inline(always)]
pub fn apply<S: Simd>(activation: Activation, line: &mut [f32]) {
    match activation {
        Activation::None => {}
        Activation::GeluTanh => line.iter_mut().for_each(|x| *x = gelu_tanh::<S>(*x)),
        Activation::GeluErf => line.iter_mut().for_each(|x| *x = gelu_erf::<S>(*x)),
        Activation::Relu => line.iter_mut().for_each(|x| *x = relu(*x)),
        Activation::SquaredRelu => line.iter_mut().for_each(|x| *x = squared_relu(*x)),
        Activation::Silu => line.iter_mut().for_each(|x| *x = silu::<S>(*x)),
    }
}
