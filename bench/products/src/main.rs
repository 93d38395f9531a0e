//! Times each matrix product of a GPT-2 124M step with 1,024 tokens and prints the median of five runs in seconds, as JSON:
//! `megatron-bench-products f32|bf16 THREADS`. Compares every result with ours.

use std::time::Instant;

use gemmkit::{MatMut, MatRef};
use half::bf16;
use megatron_kernels::gemm::{Epilogue, Operand, Precision, gemm};
use megatron_kernels::parallel::Pool;
use megatron_kernels::view::{View, ViewMut};

/// (inputs, outputs, count) of the step's linear layers.
const LAYERS: [(usize, usize, usize); 4] = [
    (768, 768, 48),
    (768, 3072, 12),
    (3072, 768, 12),
    (768, 50257, 1),
];
const TOKENS: usize = 1024;

/// A row-major matrix, or the transpose of one.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    transposed: bool,
}

impl<'a> Matrix<'a> {
    fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Matrix {
            data,
            rows,
            columns,
            transposed: false,
        }
    }

    fn transpose(self) -> Self {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            transposed: !self.transposed,
            ..self
        }
    }

    /// (row stride, column stride)
    fn strides(&self) -> (isize, isize) {
        if self.transposed {
            (1, self.rows as isize)
        } else {
            (self.columns as isize, 1)
        }
    }

    fn gemmkit<'b, T>(&self, data: &'b [T]) -> MatRef<'b, T> {
        let (row, column) = self.strides();
        MatRef::new(data, self.rows, self.columns, row, column)
    }
}

fn numbers(length: usize, seed: u32) -> Vec<f32> {
    (0..length as u32)
        .map(|i| ((i ^ seed).wrapping_mul(2654435761) >> 8) as f32 / (1 << 24) as f32 - 0.5)
        .collect()
}

/// left [m, k] x right [k, n] with our kernels.
fn ours((left, right): (Matrix, Matrix), precision: Precision, out: &mut [f32]) {
    let depth = left.columns;
    let a = match left.transposed {
        false => Operand::rows(View::F32(left.data), left.rows, depth),
        true => Operand::columns(View::F32(left.data), left.rows, depth),
    };
    let b = match right.transposed {
        true => Operand::rows(View::F32(right.data), right.columns, depth),
        false => Operand::columns(View::F32(right.data), right.columns, depth),
    };
    gemm(a, b, ViewMut::F32(out), precision, Epilogue::NONE);
}

fn by_gemmkit((left, right): (Matrix, Matrix), threads: usize, out: &mut [f32]) {
    let target = MatMut::from_row_major(out, left.rows, right.columns);
    let parallelism = gemmkit::Parallelism::Rayon(threads);
    gemmkit::gemm(
        1.0,
        left.gemmkit(left.data),
        right.gemmkit(right.data),
        0.0,
        target,
        parallelism,
    );
}

fn by_gemm((left, right): (Matrix, Matrix), threads: usize, out: &mut [f32]) {
    let (m, n, k) = (left.rows, right.columns, left.columns);
    let ((left_row, left_column), (right_row, right_column)) = (left.strides(), right.strides());
    let parallelism = gemm::Parallelism::Rayon(threads);
    // SAFETY: the strides stay within the matrices, and the target is m x n.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            false,
            left.data.as_ptr(),
            left_column,
            left_row,
            right.data.as_ptr(),
            right_column,
            right_row,
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// Median seconds of each body. Bodies run one after the other, six times each with the first discarded: threads of one
/// pool that are about to sleep would slow down those of another.
fn seconds(bodies: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let time = |body: &mut &mut dyn FnMut()| {
        body();
        let mut times = [0.0; 5].map(|_: f64| {
            let start = Instant::now();
            body();
            start.elapsed().as_secs_f64()
        });
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    bodies.iter_mut().map(time).collect()
}

fn expect_close(name: &str, found: impl Iterator<Item = f32>, expected: &[f32], tolerance: f32) {
    let size = expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let worst = found
        .zip(expected)
        .fold(0.0f32, |most, (x, y)| most.max((x - y).abs()));
    assert!(
        worst <= tolerance * size,
        "{name} is off by {worst} of {size}"
    );
}

/// Times one product with every implementation: (name, seconds).
fn compare(
    operands: (Matrix, Matrix),
    precision: Precision,
    threads: usize,
) -> Vec<(&'static str, f64)> {
    let length = operands.0.rows * operands.1.columns;
    let mut expected = vec![0.0; length];
    ours(operands, precision, &mut expected);
    let mut mine = vec![0.0; length];
    let mut body = || ours(operands, precision, &mut mine);
    if precision == Precision::F32 {
        let (mut first, mut second) = (vec![0.0; length], vec![0.0; length]);
        by_gemmkit(operands, threads, &mut first);
        expect_close("gemmkit", first.iter().copied(), &expected, 1e-5);
        by_gemm(operands, threads, &mut second);
        expect_close("gemm", second.iter().copied(), &expected, 1e-5);
        let times = seconds(&mut [
            &mut body,
            &mut || by_gemmkit(operands, threads, &mut first),
            &mut || by_gemm(operands, threads, &mut second),
        ]);
        return ["ours", "gemmkit", "gemm"].into_iter().zip(times).collect();
    }
    // gemmkit's bf16 products have bf16 inputs and outputs; the gemm crate has no bf16.
    let narrow = |data: &[f32]| {
        data.iter()
            .map(|&x| bf16::from_f32(x))
            .collect::<Vec<bf16>>()
    };
    let (left, right) = (narrow(operands.0.data), narrow(operands.1.data));
    let mut out = vec![bf16::ZERO; length];
    let mut other = || {
        let target = MatMut::from_row_major(&mut out, operands.0.rows, operands.1.columns);
        let (a, b) = (operands.0.gemmkit(&left), operands.1.gemmkit(&right));
        gemmkit::gemm(
            bf16::ONE,
            a,
            b,
            bf16::ZERO,
            target,
            gemmkit::Parallelism::Rayon(threads),
        );
    };
    let times = seconds(&mut [&mut body, &mut other]);
    expect_close("gemmkit", out.iter().map(|x| x.to_f32()), &expected, 1e-2);
    ["ours", "gemmkit"].into_iter().zip(times).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [precision, threads] = &arguments[..] else {
        panic!("usage: f32|bf16 THREADS")
    };
    let precision = if precision == "bf16" {
        Precision::Bf16
    } else {
        Precision::F32
    };
    let threads: usize = threads.parse().expect("a number of threads");
    let pool = Pool::new(threads);
    let mut lines = Vec::new();
    for (inputs, outputs, count) in LAYERS {
        let (x, weight, gradient) = (
            numbers(TOKENS * inputs, 1),
            numbers(outputs * inputs, 2),
            numbers(TOKENS * outputs, 3),
        );
        let x = Matrix::new(&x, TOKENS, inputs);
        let weight = Matrix::new(&weight, outputs, inputs);
        let gradient = Matrix::new(&gradient, TOKENS, outputs);
        for (name, operands) in [
            ("forward", (x, weight.transpose())),
            ("input gradient", (gradient, weight)),
            ("weight gradient", (gradient.transpose(), x)),
        ] {
            let mut times = Vec::new();
            pool.install(|| times = compare(operands, precision, threads));
            let times: Vec<String> = times
                .iter()
                .map(|(name, seconds)| format!("\"{name}\":{seconds}"))
                .collect();
            lines.push(format!(
                "{{\"product\":\"{name}\",\"inputs\":{inputs},\"outputs\":{outputs},\"count\":{count},\"seconds\":{{{}}}}}",
                times.join(",")
            ));
        }
    }
    println!("[{}]", lines.join(","));
}
