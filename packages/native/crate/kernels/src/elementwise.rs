//! Elementwise functions, under the names of the tfjs kernels.

use crate::activation::{self, relu};
use crate::bf16::Element;
use crate::broadcast::Broadcast;
use crate::math;
use crate::parallel::{Disjoint, for_each_chunk};
use crate::simd::{Simd, simd};
use crate::view::{CHUNK, View, ViewMut, typed};

trait Unary {
    fn of<S: Simd>(x: f32, parameters: [f32; 2]) -> f32;
}

trait Binary {
    fn of<S: Simd>(a: f32, b: f32) -> f32;
}

macro_rules! unary {
    ($($name:ident($x:ident, $p:pat) => $body:expr;)*) => {
        /// Unary functions, some with parameters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum UnaryOp { $($name),* }

        impl UnaryOp {
            pub const ALL: &[(&str, UnaryOp)] = &[$((stringify!($name), UnaryOp::$name)),*];
        }

        $(
            struct $name;
            impl Unary for $name {
                #[inline(always)]
                fn of<S: Simd>($x: f32, $p: [f32; 2]) -> f32 { $body }
            }
        )*

        /// out = op(x), in the storage of x.
        pub fn unary(op: UnaryOp, parameters: [f32; 2], x: View, out: ViewMut) {
            match op { $(UnaryOp::$name => map::<$name>(x, out, parameters)),* }
        }
    };
}

macro_rules! binary {
    ($($name:ident($a:ident, $b:ident) => $body:expr;)*) => {
        /// Binary functions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum BinaryOp { $($name),* }

        impl BinaryOp {
            pub const ALL: &[(&str, BinaryOp)] = &[$((stringify!($name), BinaryOp::$name)),*];
        }

        $(
            struct $name;
            impl Binary for $name {
                #[inline(always)]
                fn of<S: Simd>($a: f32, $b: f32) -> f32 { $body }
            }
        )*

        /// out = op(a, b) with broadcasting: bf16 if both operands are, else f32.
        pub fn binary(op: BinaryOp, plan: &Broadcast, a: View, b: View, out: ViewMut) {
            match op { $(BinaryOp::$name => zip::<$name>(plan, a, b, out)),* }
        }
    };
}

unary! {
    Abs(x, _) => x.abs();
    Ceil(x, _) => x.ceil();
    ClipByValue(x, [low, high]) => { let x = if x < low { low } else { x }; if x > high { high } else { x } };
    Cos(x, _) => x.cos();
    Elu(x, _) => if x >= 0.0 { x } else { math::exp::<S>(x) - 1.0 };
    Erf(x, _) => math::erf::<S>(x);
    Exp(x, _) => math::exp::<S>(x);
    Expm1(x, _) => x.exp_m1();
    Floor(x, _) => x.floor();
    LeakyRelu(x, [alpha, _]) => if x < 0.0 { alpha * x } else { x };
    Log(x, _) => math::ln::<S>(x);
    Log1p(x, _) => x.ln_1p();
    Neg(x, _) => -x;
    Reciprocal(x, _) => 1.0 / x;
    Relu(x, _) => relu(x);
    Relu6(x, _) => { let x = relu(x); if x > 6.0 { 6.0 } else { x } };
    Round(x, _) => x.round_ties_even();
    Rsqrt(x, _) => 1.0 / x.sqrt();
    Sigmoid(x, _) => math::sigmoid::<S>(x);
    Sign(x, _) => if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x };
    Sin(x, _) => x.sin();
    Sqrt(x, _) => x.sqrt();
    Square(x, _) => x * x;
    Step(x, [alpha, _]) => if x > 0.0 { 1.0 } else if x.is_nan() { x } else { alpha };
    Tanh(x, _) => math::tanh::<S>(x);
    GeluTanh(x, _) => activation::gelu_tanh::<S>(x);
    GeluErf(x, _) => activation::gelu_erf::<S>(x);
    MegatronSquaredRelu(x, _) => activation::squared_relu(x);
}

binary! {
    Add(a, b) => a + b;
    Sub(a, b) => a - b;
    Multiply(a, b) => a * b;
    RealDiv(a, b) => a / b;
    FloorDiv(a, b) => (a / b).floor();
    // NaN propagates, as in Math.max.
    Maximum(a, b) => if a > b || a.is_nan() { a } else { b };
    Minimum(a, b) => if a < b || a.is_nan() { a } else { b };
    SquaredDifference(a, b) => (a - b) * (a - b);
    Pow(a, b) => a.powf(b);
    Mod(a, b) => { let rest = a % b; if (a < 0.0) == (b < 0.0) { rest } else { (rest + b) % b } };
    GeluTanhGradient(dy, x) => dy * activation::gelu_tanh_derivative::<S>(x);
    GeluErfGradient(dy, x) => dy * activation::gelu_erf_derivative::<S>(x);
    SquaredReluGradient(dy, x) => dy * (2.0 * relu(x));
}

fn map<F: Unary>(x: View, out: ViewMut, parameters: [f32; 2]) {
    assert_eq!(x.len(), out.len(), "a function of as many numbers");
    fn run<F: Unary, T: Element>(x: &[T], out: &mut [T], parameters: [f32; 2]) {
        for_each_chunk(out, CHUNK, |index, piece| {
            map_piece::<F, T>(&x[index * CHUNK..][..piece.len()], piece, parameters);
        });
    }
    match (x, out) {
        (View::F32(x), ViewMut::F32(out)) => run::<F, f32>(x, out, parameters),
        (View::Bf16(x), ViewMut::Bf16(out)) => run::<F, _>(x, out, parameters),
        _ => panic!("a function of one number keeps the storage"),
    }
}

simd! {
    fn map_piece[S, F: Unary, T: Element](x: &[T], out: &mut [T], parameters: [f32; 2]) {
        for (out, x) in out.iter_mut().zip(x) {
            *out = T::put(F::of::<S>(x.get(), parameters));
        }
    }
}

fn zip<F: Binary>(plan: &Broadcast, a: View, b: View, out: ViewMut) {
    match (a, b, out) {
        (View::Bf16(a), View::Bf16(b), ViewMut::Bf16(out)) => zip_typed::<F, _, _, _>(plan, a, b, out),
        (a, b, ViewMut::F32(out)) => typed!([a, b] zip_typed::<F, _, _, _>(plan, a, b, out)),
        _ => panic!("the result is stored as f32 unless both operands are bf16"),
    }
}

fn zip_typed<F: Binary, A: Element, B: Element, T: Element>(plan: &Broadcast, a: &[A], b: &[B], out: &mut [T]) {
    assert_eq!(out.len(), plan.length(), "result of a broadcast");
    let out = Disjoint::new(out);
    plan.for_each(|run| {
        let (x, y) = plan.reads(run.length);
        // SAFETY: runs do not overlap.
        let out = unsafe { out.part(run.out, run.length) };
        zip_piece::<F, A, B, T>(&a[run.first..run.first + x], &b[run.second..run.second + y], out);
    });
}

simd! {
    fn zip_piece[S, F: Binary, A: Element, B: Element, T: Element](a: &[A], b: &[B], out: &mut [T]) {
        if a.len() == out.len() && b.len() == out.len() {
            for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                *out = T::put(F::of::<S>(a.get(), b.get()));
            }
        } else if b.len() == 1 && a.len() == out.len() {
            let b = b[0].get();
            for (out, a) in out.iter_mut().zip(a) {
                *out = T::put(F::of::<S>(a.get(), b));
            }
        } else if a.len() == 1 && b.len() == out.len() {
            let a = a[0].get();
            for (out, b) in out.iter_mut().zip(b) {
                *out = T::put(F::of::<S>(a, b.get()));
            }
        } else {
            out.fill(T::put(F::of::<S>(a[0].get(), b[0].get())));
        }
    }
}

/// out = combine(a, b) with broadcasting, for integers, booleans and comparisons.
pub fn combine<A: Copy + Sync, B: Copy + Sync, T: Send>(
    plan: &Broadcast,
    a: &[A],
    b: &[B],
    out: &mut [T],
    combine: impl Fn(A, B) -> T + Sync,
) {
    assert_eq!(out.len(), plan.length(), "result of a broadcast");
    let out = Disjoint::new(out);
    plan.for_each(|run| {
        let (x, y) = plan.reads(run.length);
        // SAFETY: runs do not overlap.
        let out = unsafe { out.part(run.out, run.length) };
        let (a, b) = (&a[run.first..run.first + x], &b[run.second..run.second + y]);
        let (last_a, last_b) = (a.len() - 1, b.len() - 1);
        for (i, out) in out.iter_mut().enumerate() {
            *out = combine(a[i.min(last_a)], b[i.min(last_b)]);
        }
    });
}

/// out = condition ? a : b, where each condition applies to `repeat` consecutive elements.
pub fn select<T: Copy + Send + Sync>(condition: &[u8], repeat: usize, a: &[T], b: &[T], out: &mut [T]) {
    assert!(
        a.len() == out.len() && b.len() == out.len() && condition.len() * repeat == out.len(),
        "sizes of a selection"
    );
    for_each_chunk(out, CHUNK, |index, piece| {
        let from = index * CHUNK;
        let (a, b) = (&a[from..][..piece.len()], &b[from..][..piece.len()]);
        for (i, out) in piece.iter_mut().enumerate() {
            let chosen = if repeat == 1 { condition[from + i] } else { condition[(from + i) / repeat] };
            *out = if chosen != 0 { a[i] } else { b[i] };
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Bf16;

    #[test]
    fn gelu_gradients_are_slopes() {
        for (gelu, gradient) in
            [(UnaryOp::GeluTanh, BinaryOp::GeluTanhGradient), (UnaryOp::GeluErf, BinaryOp::GeluErfGradient)]
        {
            let x: Vec<f32> = (-40..=40).map(|i| i as f32 / 8.0).collect();
            let shifted = |by: f32| {
                let x: Vec<f32> = x.iter().map(|x| x + by).collect();
                let mut y = vec![0.0; x.len()];
                unary(gelu, [0.0; 2], View::F32(&x), ViewMut::F32(&mut y));
                y
            };
            let mut slope = vec![0.0; x.len()];
            let plan = Broadcast::new(&[], &[x.len()]);
            binary(gradient, &plan, View::F32(&[1.0]), View::F32(&x), ViewMut::F32(&mut slope));
            for ((up, down), slope) in shifted(0.01).iter().zip(shifted(-0.01)).zip(slope) {
                assert!(((up - down) / 0.02 - slope).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn bf16_in_and_out() {
        let x: Vec<Bf16> = (0..100).map(|i| Bf16::from_f32(i as f32)).collect();
        let half = vec![0.5f32; 100];
        let mut wide = vec![0.0; 100];
        let mut narrow = vec![Bf16(0); 100];
        let plan = Broadcast::new(&[100], &[100]);
        binary(BinaryOp::Add, &plan, View::Bf16(&x), View::F32(&half), ViewMut::F32(&mut wide));
        binary(BinaryOp::Add, &plan, View::Bf16(&x), View::Bf16(&x), ViewMut::Bf16(&mut narrow));
        for i in 0..100 {
            assert_eq!(wide[i], i as f32 + 0.5);
            assert_eq!(narrow[i], Bf16::from_f32(2.0 * i as f32));
        }
    }

    #[test]
    fn selection_repeats_its_condition() {
        let mut out = [0; 6];
        select(&[1, 0, 1], 2, &[1, 2, 3, 4, 5, 6], &[-1; 6], &mut out);
        assert_eq!(out, [1, 2, -1, -1, 5, 6]);
    }
}
