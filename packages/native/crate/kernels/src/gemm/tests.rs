//! Compares every microkernel with a product in f64.

use super::driver::{Kernel, Product, run};
use super::finish::Target;
use super::operand::Operand;
use super::*;
use crate::activation::Activation;
use crate::bf16::Bf16;
use crate::parallel::Pool;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Isa, isa};
use crate::testing::numbers;
use crate::view::{View, ViewMut};

fn rounded(data: &[f32]) -> Vec<f32> {
    data.iter().map(|&x| Bf16::from_f32(x).to_f32()).collect()
}

/// left [m, k] x right [n, k]^T, and the same with absolute values.
fn reference(left: &[f32], right: &[f32], (m, k, n): (usize, usize, usize)) -> (Vec<f64>, Vec<f64>) {
    let mut sums = (vec![0.0; m * n], vec![0.0; m * n]);
    for i in 0..m {
        for j in 0..n {
            for d in 0..k {
                let term = left[i * k + d] as f64 * right[j * k + d] as f64;
                sums.0[i * n + j] += term;
                sums.1[i * n + j] += term.abs();
            }
        }
    }
    sums
}

fn transposed(data: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| data[i % rows * columns + i / rows]).collect()
}

/// Largest error of a kernel, in f32 roundings of the sum of absolute terms, over the four layouts. With `bf16`, both sides are rounded
/// to bf16, and the left one is stored so.
fn worst<K: Kernel>(shape: (usize, usize, usize), bf16: bool, shift: f32) -> f64 {
    let (m, k, n) = shape;
    let shifted = |seed, length| numbers(length, seed).iter().map(|x| x + shift).collect::<Vec<f32>>();
    let (mut left, mut right) = (shifted(1, m * k), shifted(2, n * k));
    if bf16 {
        (left, right) = (rounded(&left), rounded(&right));
    }
    let (truth, size) = reference(&left, &right, shape);
    let (left_t, right_t) = (transposed(&left, m, k), transposed(&right, n, k));
    let halves = |data: &[f32]| data.iter().map(|&x| Bf16::from_f32(x)).collect::<Vec<Bf16>>();
    let (half, half_t) = (halves(&left), halves(&left_t));
    let view = |wide, half| if bf16 { View::Bf16(half) } else { View::F32(wide) };
    let mut worst = 0.0f64;
    for layout in 0..4 {
        let a = match layout & 1 {
            0 => Operand::rows(view(&left, &half), m, k),
            _ => Operand::columns(view(&left_t, &half_t), m, k),
        };
        let b = match layout & 2 {
            0 => Operand::rows(View::F32(&right), n, k),
            _ => Operand::columns(View::F32(&right_t), n, k),
        };
        let mut out = vec![f32::NAN; m * n];
        let start = out.as_mut_ptr();
        let product =
            Product { left: a, right: b, target: Target::F32(start), bias: None, activation: Activation::None };
        assert!(run::<K>(&product, 3));
        for ((&found, &truth), &size) in out.iter().zip(&truth).zip(&size) {
            let error = (found as f64 - truth).abs() / (size.max(1e-30) * f32::EPSILON as f64 / 2.0);
            assert!(!error.is_nan(), "layout {layout} of {shape:?}");
            worst = worst.max(error);
        }
    }
    worst
}

const SHAPES: [(usize, usize, usize); 8] =
    [(1, 1, 1), (7, 5, 3), (33, 31, 65), (64, 64, 64), (17, 257, 100), (100, 33, 1), (1, 300, 50), (70, 800, 45)];

fn check<K: Kernel>(bf16: bool, limit: f64) {
    for shape in SHAPES {
        let shape = if cfg!(miri) { (shape.0.min(9), shape.1.min(9), shape.2.min(9)) } else { shape };
        let found = worst::<K>(shape, bf16, 0.0);
        assert!(found < limit, "{shape:?}: {found} roundings");
    }
}

#[test]
fn portable() {
    check::<portable::Portable>(false, 4.0);
}

#[test]
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn avx2_avx512_and_amx() {
    if isa() >= Isa::Avx2 {
        check::<fused::Avx2F32>(false, 4.0);
        check::<fused::Avx2F32>(true, 4.0);
    }
    if isa() >= Isa::Avx512 {
        check::<fused::Avx512F32>(false, 4.0);
        check::<fused::Avx512F32>(true, 4.0);
    }
    if isa() >= Isa::Avx512Bf16 {
        check::<avx512::Avx512Bf16>(true, 8.0);
    }
    if isa() >= Isa::Amx {
        check::<amx::AmxBf16>(true, 8.0);
        check::<amx::AmxF32>(false, 4.0);
    }
}

#[test]
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn three_parts_are_as_exact_as_f32() {
    if isa() < Isa::Amx {
        return;
    }
    let shape = (64, 3072, 64);
    for shift in [0.0, 1.0] {
        let by_parts = worst::<amx::AmxF32>(shape, false, shift);
        let plain = worst::<fused::Avx512F32>(shape, false, shift);
        assert!(by_parts < plain, "{by_parts} roundings against {plain}");
    }
}

#[test]
fn infinity_and_nan_pass_through() {
    let (m, k, n) = (5, 40, 6);
    let mut left = numbers(m * k, 1);
    let right: Vec<f32> = numbers(n * k, 2).iter().map(|x| x + 2.0).collect();
    left[k + 3] = f32::INFINITY;
    left[2 * k + 7] = f32::NAN;
    left[3 * k] = f32::MAX;
    let mut out = vec![0.0; m * n];
    let operands = (Operand::rows(View::F32(&left), m, k), Operand::rows(View::F32(&right), n, k));
    gemm(operands.0, operands.1, ViewMut::F32(&mut out), Precision::F32, Epilogue::NONE);
    assert!(out[n..2 * n].iter().all(|&x| x == f32::INFINITY));
    assert!(out[2 * n..3 * n].iter().all(|x| x.is_nan()));
    let (truth, _) = reference(&left[3 * k..4 * k], &right, (1, k, n));
    for (found, truth) in out[3 * n..4 * n].iter().zip(truth) {
        assert_eq!(*found, truth as f32);
    }
    assert!(out[..n].iter().all(|x| x.is_finite()) && out[4 * n..].iter().all(|x| x.is_finite()));
}

#[test]
fn bias_activation_bf16_and_thread_counts() {
    let (m, k, n) = if cfg!(miri) { (9, 10, 11) } else { (130, 1100, 75) };
    let (left, right) = (rounded(&numbers(m * k, 1)), rounded(&numbers(n * k, 2)));
    let bias = numbers(n, 3);
    let (truth, size) = reference(&left, &right, (m, k, n));
    let half: Vec<Bf16> = left.iter().map(|&x| Bf16::from_f32(x)).collect();
    let epilogue = Epilogue { bias: Some(&bias), activation: Activation::Relu };
    for precision in [Precision::F32, Precision::Bf16] {
        let mut results = Vec::new();
        for threads in [1, 2, 3] {
            let mut out = vec![0.0f32; m * n];
            let mut short = vec![Bf16(0); m * n];
            let operands = (Operand::rows(View::Bf16(&half), m, k), Operand::rows(View::F32(&right), n, k));
            Pool::new(threads).install(|| {
                gemm(operands.0, operands.1, ViewMut::F32(&mut out), precision, epilogue);
                gemm(operands.0, operands.1, ViewMut::Bf16(&mut short), precision, epilogue);
            });
            for (index, &found) in out.iter().enumerate() {
                let expected = (truth[index] + bias[index % n] as f64).max(0.0);
                assert!((found as f64 - expected).abs() <= 1e-6 * (size[index] + 1.0), "{found} for {expected}");
                assert_eq!(short[index], Bf16::from_f32(found));
            }
            results.push(out);
        }
        assert!(results.iter().all(|result| *result == results[0]), "bits depend on the number of threads");
    }
}

#[test]
fn few_rows_read_bf16_as_they_read_its_numbers_in_f32() {
    let (k, n) = (300, 70);
    let narrow: Vec<Bf16> = numbers(n * k, 2).iter().map(|&x| Bf16::from_f32(x)).collect();
    let wide: Vec<f32> = narrow.iter().map(|x| x.to_f32()).collect();
    let bias = numbers(n, 3);
    for m in 1..=8 {
        let left = numbers(m * k, 1);
        let (truth, size) = reference(&left, &wide, (m, k, n));
        let product = |right: View| {
            let mut out = vec![f32::NAN; m * n];
            let operands = (Operand::rows(View::F32(&left), m, k), Operand::rows(right, n, k));
            let epilogue = Epilogue { bias: Some(&bias), activation: Activation::None };
            assert!(vector::run(&operands.0, &operands.1, &mut out, &epilogue, 1));
            out
        };
        let found = product(View::Bf16(&narrow));
        assert_eq!(found, product(View::F32(&wide)));
        for (index, &found) in found.iter().enumerate() {
            let expected = truth[index] + bias[index % n] as f64;
            assert!((found as f64 - expected).abs() <= 1e-6 * (size[index] + 1.0), "{found} for {expected}");
        }
    }
}

#[test]
fn empty_products() {
    let mut out = [f32::NAN; 6];
    gemm(
        Operand::rows(View::F32(&[]), 2, 0),
        Operand::rows(View::F32(&[]), 3, 0),
        ViewMut::F32(&mut out),
        Precision::F32,
        Epilogue { bias: Some(&[1.0, 2.0, 3.0]), activation: Activation::None },
    );
    assert_eq!(out, [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
    gemm(
        Operand::rows(View::F32(&[]), 0, 4),
        Operand::rows(View::F32(&[1.0; 8]), 2, 4),
        ViewMut::F32(&mut []),
        Precision::F32,
        Epilogue::NONE,
    );
}
