//! Measures GFLOP/s of the matrix products of a GPT-2 124M step, best of five: `cargo bench --bench gemm [f32|bf16] [threads]`.

use megatron_kernels::gemm::{Epilogue, Operand, Precision, gemm};
use megatron_kernels::parallel::Pool;
use megatron_kernels::simd::{Isa, limit};
use megatron_kernels::view::{View, ViewMut};
use std::time::Instant;

const SHAPES: [(usize, usize, usize); 8] = [
    (1024, 768, 768),
    (1024, 768, 3072),
    (1024, 3072, 768),
    (1024, 768, 50257),
    (2048, 256, 256),
    (2048, 256, 1024),
    (2048, 256, 8192),
    (1024, 1024, 1024),
];

fn rate(flops: f64, mut body: impl FnMut()) -> f64 {
    body();
    let times = (0..5).map(|_| {
        let start = Instant::now();
        body();
        start.elapsed().as_secs_f64()
    });
    flops / times.fold(f64::MAX, f64::min) / 1e9
}

fn numbers(length: usize) -> Vec<f32> {
    (0..length as u32).map(|i| (i.wrapping_mul(2654435761) >> 8) as f32 / (1 << 24) as f32 - 0.5).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let precision = if has("bf16") { Precision::Bf16 } else { Precision::F32 };
    let isa = limit(match () {
        _ if has("baseline") => Isa::Baseline,
        _ if has("avx2") => Isa::Avx2,
        _ if has("avx512") => Isa::Avx512,
        _ if has("avx512bf16") => Isa::Avx512Bf16,
        _ => Isa::Amx,
    });
    let threads = if has("1") { 1 } else { 2 };
    let pool = Pool::new(threads);
    println!("{precision:?} {isa:?}, {threads} threads: GFLOP/s of x W^T, dy W, dy^T x");
    for (m, k, n) in SHAPES {
        let (x, w, dy) = (numbers(m * k), numbers(n * k), numbers(m * n));
        let (mut y, mut dx, mut dw) = (vec![0.0f32; m * n], vec![0.0f32; m * k], vec![0.0f32; n * k]);
        let flops = 2.0 * (m * k) as f64 * n as f64;
        let (x, w, dy) = (View::F32(&x), View::F32(&w), View::F32(&dy));
        pool.install(|| {
            let forward = rate(flops, || {
                gemm(Operand::rows(x, m, k), Operand::rows(w, n, k), ViewMut::F32(&mut y), precision, Epilogue::NONE)
            });
            let input = rate(flops, || {
                gemm(
                    Operand::rows(dy, m, n),
                    Operand::columns(w, k, n),
                    ViewMut::F32(&mut dx),
                    precision,
                    Epilogue::NONE,
                )
            });
            let weight = rate(flops, || {
                gemm(
                    Operand::columns(dy, n, m),
                    Operand::columns(x, k, m),
                    ViewMut::F32(&mut dw),
                    precision,
                    Epilogue::NONE,
                )
            });
            println!("{m:5} {k:5} {n:6}: {forward:6.0} {input:6.0} {weight:6.0}");
        });
    }
}
