//! exp, ln, tanh, erf and sigmoid in f32 without branches, so that loops over them vectorise. Within 2 units in the last
//! place of the true value (3 for tanh, erf and sigmoid); infinities and NaN as in IEEE 754. Polynomials were fitted by
//! reweighted least squares on the intervals given.
// The digits are those of the fit; only the nearest f32 matters.
#![allow(clippy::excessive_precision)]

use crate::simd::Simd;

/// 1.5 * 2^23. Adding it rounds a small number to an integer, which is then in the low bits.
const ROUND: f32 = 12_582_912.0;
const LN2_HIGH: f32 = 0.693_359_375;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// Horner's rule, highest power last in `coefficients`.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    for &coefficient in coefficients[..N - 1].iter().rev() {
        sum = S::fma(sum, x, coefficient);
    }
    sum
}

#[inline(always)]
fn power_of_two(exponent: i32) -> f32 {
    f32::from_bits(((exponent + 127) as u32) << 23)
}

/// x = n ln 2 + r: (n, e^r - 1) with r in +-ln 2 / 2.
#[inline(always)]
fn reduce<S: Simd>(x: f32) -> (i32, f32) {
    let shifted = S::fma(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = S::fma(n, -LN2_LOW, S::fma(n, -LN2_HIGH, x));
    let tail =
        polynomial::<S, 5>(r, [4.999999343e-01, 1.666652040e-01, 4.166839080e-02, 8.368745394e-03, 1.381453999e-03]);
    ((shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32), S::fma(r * r, tail, r))
}

#[inline(always)]
pub fn exp<S: Simd>(x: f32) -> f32 {
    let low = if x < -104.0 { -104.0 } else { x };
    let clamped = if low > 89.0 { 89.0 } else { low };
    let (n, rest) = reduce::<S>(clamped);
    // In two factors, since the result may be subnormal, or larger than a single power of two.
    let half = n >> 1;
    (1.0 + rest) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// e^x for x <= 1, with 0 for what is below 2^-125: a quarter less work than `exp`.
#[inline(always)]
pub fn exp_of_negative<S: Simd>(x: f32) -> f32 {
    let clamped = if x < -87.0 { -87.0 } else { x };
    let (n, rest) = reduce::<S>(clamped);
    let value = (1.0 + rest) * power_of_two(n);
    if x < -87.0 { 0.0 } else { value }
}

/// e^x - 1 for |x| <= 87.
#[inline(always)]
fn exp_minus_1<S: Simd>(x: f32) -> f32 {
    let (n, rest) = reduce::<S>(x);
    let scale = power_of_two(n);
    S::fma(scale, rest, scale - 1.0)
}

#[inline(always)]
pub fn tanh<S: Simd>(x: f32) -> f32 {
    let magnitude = x.abs();
    // Beyond 9.02 the nearest f32 is 1.
    let clamped = if magnitude > 10.0 { 10.0 } else { magnitude };
    let grown = exp_minus_1::<S>(2.0 * clamped);
    (grown / (grown + 2.0)).copysign(x)
}

#[inline(always)]
pub fn sigmoid<S: Simd>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<S>(-x))
}

#[inline(always)]
pub fn erf<S: Simd>(x: f32) -> f32 {
    let magnitude = x.abs();
    let square = x * x;
    // [0, 1]: erf x = x + x P(x^2).
    let near = polynomial::<S, 7>(
        square,
        [
            1.283791657e-01,
            -3.761262582e-01,
            1.128358515e-01,
            -2.685381185e-02,
            5.188327520e-03,
            -8.010192172e-04,
            7.853856555e-05,
        ],
    );
    // [1, 4]: erf x = 1 - e^-Q(x); beyond 3.92 the nearest f32 is 1.
    let clamped = if magnitude > 4.0 { 4.0 } else { magnitude };
    let far = polynomial::<S, 7>(
        clamped,
        [
            3.415088715e-04,
            1.127089249e+00,
            6.381447316e-01,
            1.031068451e-01,
            -2.183810870e-02,
            2.947669822e-03,
            -1.863804023e-04,
        ],
    );
    let far = (1.0 - exp::<S>(-far)).copysign(x);
    if magnitude > 1.0 { far } else { S::fma(x, near, x) }
}

#[inline(always)]
pub fn ln<S: Simd>(x: f32) -> f32 {
    // Subnormal numbers are scaled by 2^23 first.
    let tiny = x < f32::MIN_POSITIVE;
    let normal = if tiny { x * 8_388_608.0 } else { x };
    let bits = normal.to_bits() as i32;
    // mantissa in [sqrt 1/2, sqrt 2)
    let exponent = bits.wrapping_sub(0x3f35_04f3) >> 23;
    let f = f32::from_bits(bits.wrapping_sub(exponent << 23) as u32) - 1.0;
    let n = (if tiny { exponent - 23 } else { exponent }) as f32;
    let tail = polynomial::<S, 9>(
        f,
        [
            3.333331254e-01,
            -2.500000952e-01,
            2.000212355e-01,
            -1.666800488e-01,
            1.421945121e-01,
            -1.240534433e-01,
            1.188871361e-01,
            -1.167749719e-01,
            6.747672482e-02,
        ],
    );
    let square = f * f;
    let low = S::fma(n, LN2_LOW, S::fma(square * f, tail, -0.5 * square));
    let result = S::fma(n, LN2_HIGH, f + low);
    let finite = if x == f32::INFINITY { x } else { result };
    let defined = if x == 0.0 { f32::NEG_INFINITY } else { finite };
    if x < 0.0 || x.is_nan() { f32::NAN } else { defined }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Fused, Plain};

    /// Units in the last place between a result and the true value.
    fn error(result: f32, truth: f64) -> f64 {
        let nearest = truth as f32;
        if result == nearest || (result.is_nan() && nearest.is_nan()) {
            return 0.0;
        }
        let unit =
            f64::max((nearest.abs().next_up() - nearest.abs()) as f64, f32::MIN_POSITIVE as f64 * 2f64.powi(-23));
        (result as f64 - truth).abs() / unit
    }

    /// erf by its series in f64, by the continued fraction of erfc beyond 3.
    fn erf_64(x: f64) -> f64 {
        if x.abs() > 3.0 {
            let fraction = (1..=60).rev().fold(x.abs(), |below, k| x.abs() + k as f64 / 2.0 / below);
            return (1.0 - (-x * x).exp() / fraction / std::f64::consts::PI.sqrt()).copysign(x);
        }
        let mut term = x;
        let mut sum = x;
        for k in 1..120 {
            term *= -x * x / k as f64;
            sum += term / (2 * k + 1) as f64;
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    fn check(name: &str, (from, to): (f32, f32), limit: f64, functions: [fn(f32) -> f32; 2], truth: fn(f64) -> f64) {
        for function in functions {
            let steps = if cfg!(miri) { 100 } else { 200_001 };
            for step in 0..steps {
                let x = from + (to - from) * step as f32 / (steps - 1) as f32;
                let found = error(function(x), truth(x as f64));
                assert!(found <= limit, "{name}({x}) = {}, {found} units from {}", function(x), truth(x as f64));
            }
        }
    }

    #[test]
    fn within_units_in_the_last_place() {
        check("exp", (-104.0, 89.0), 2.0, [exp::<Fused>, exp::<Plain>], f64::exp);
        check("exp", (-1.0, 1.0), 2.0, [exp::<Fused>, exp::<Plain>], f64::exp);
        check("ln", (1e-6, 4.0), 2.0, [ln::<Fused>, ln::<Plain>], f64::ln);
        check("ln", (1e-44, 1e-37), 2.0, [ln::<Fused>, ln::<Plain>], f64::ln);
        check("ln", (1.0, 1e9), 2.0, [ln::<Fused>, ln::<Plain>], f64::ln);
        check("tanh", (-11.0, 11.0), 3.0, [tanh::<Fused>, tanh::<Plain>], f64::tanh);
        check("tanh", (-1e-3, 1e-3), 3.0, [tanh::<Fused>, tanh::<Plain>], f64::tanh);
        check("erf", (-4.5, 4.5), 3.0, [erf::<Fused>, erf::<Plain>], erf_64);
        check("erf", (-1e-3, 1e-3), 3.0, [erf::<Fused>, erf::<Plain>], erf_64);
        check("sigmoid", (-80.0, 80.0), 3.0, [sigmoid::<Fused>, sigmoid::<Plain>], |x| 1.0 / (1.0 + (-x).exp()));
    }

    #[test]
    fn infinities_and_nan() {
        let (up, down, nan) = (f32::INFINITY, f32::NEG_INFINITY, f32::NAN);
        assert_eq!([exp::<Fused>(up), exp::<Fused>(down), exp::<Fused>(0.0)], [up, 0.0, 1.0]);
        assert_eq!(
            [tanh::<Fused>(up), tanh::<Fused>(down), erf::<Fused>(up), erf::<Fused>(down)],
            [1.0, -1.0, 1.0, -1.0]
        );
        assert_eq!([ln::<Fused>(up), ln::<Fused>(0.0), ln::<Fused>(1.0)], [up, down, 0.0]);
        assert_eq!([sigmoid::<Fused>(up), sigmoid::<Fused>(down)], [1.0, 0.0]);
        let functions = [exp::<Fused>, tanh::<Fused>, erf::<Fused>, ln::<Fused>, sigmoid::<Fused>];
        assert!(functions.iter().all(|function| function(nan).is_nan()));
        assert!(ln::<Fused>(-1.0).is_nan());
        assert!(tanh::<Fused>(-0.0).is_sign_negative() && erf::<Fused>(-0.0).is_sign_negative());
    }
}
