//! Measures Muon on the matrices of the quickstart's model beside the products of its training step, best of five:
//! `cargo bench --bench muon [f32|bf16] [avx2|avx512|avx512bf16] [threads]`.

use megatron_kernels::gemm::{Epilogue, Operand, Precision, gemm};
use megatron_kernels::muon::{MuonOptions, MuonTensor, muon};
use megatron_kernels::parallel::Pool;
use megatron_kernels::simd::{Isa, limit};
use megatron_kernels::view::{View, ViewMut};
use std::time::Instant;

const LAYERS: usize = 4;
const HIDDEN: usize = 192;
const TOKENS: usize = 2048;
const VOCABULARY: usize = 4096;

fn best(mut body: impl FnMut()) -> f64 {
    body();
    let times = (0..5).map(|_| {
        let start = Instant::now();
        body();
        start.elapsed().as_secs_f64() * 1e3
    });
    times.fold(f64::MAX, f64::min)
}

fn numbers(length: usize) -> Vec<f32> {
    (0..length as u32).map(|i| (i.wrapping_mul(2654435761) >> 8) as f32 / (1 << 24) as f32 - 0.5).collect()
}

/// Forward and backward of a linear layer.
fn linear(outputs: usize, inputs: usize, precision: Precision) -> f64 {
    let (x, w, dy) = (numbers(TOKENS * inputs), numbers(outputs * inputs), numbers(TOKENS * outputs));
    let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
    let (x, w, dy) = (View::F32(&x), View::F32(&w), View::F32(&dy));
    let run = |left, right, out: &mut [f32]| gemm(left, right, ViewMut::F32(out), precision, Epilogue::NONE);
    best(|| {
        run(Operand::rows(x, TOKENS, inputs), Operand::rows(w, outputs, inputs), &mut y);
        run(Operand::rows(dy, TOKENS, outputs), Operand::columns(w, inputs, outputs), &mut dx);
        run(Operand::columns(dy, outputs, TOKENS), Operand::columns(x, inputs, TOKENS), &mut dw);
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let precision = if has("bf16") { Precision::Bf16 } else { Precision::F32 };
    let isa = limit(match () {
        _ if has("avx2") => Isa::Avx2,
        _ if has("avx512") => Isa::Avx512,
        _ if has("avx512bf16") => Isa::Avx512Bf16,
        _ => Isa::Amx,
    });
    let threads = if has("1") { 1 } else { 2 };
    let shapes: Vec<(usize, usize)> = (0..LAYERS)
        .flat_map(|_| [(HIDDEN, HIDDEN); 4].into_iter().chain([(4 * HIDDEN, HIDDEN), (HIDDEN, 4 * HIDDEN)]))
        .collect();
    Pool::new(threads).install(|| {
        let mut matrices: Vec<_> =
            shapes.iter().map(|&(rows, columns)| [0; 3].map(|_| numbers(rows * columns))).collect();
        let options = MuonOptions {
            momentum: 0.95,
            nesterov: true,
            cautious: false,
            epsilon: 1e-7,
            precision: Precision::Bf16,
            gradient_scale: 1.0,
            steps: 5,
            coefficients: [3.4445, -4.775, 2.0315],
        };
        let step = best(|| {
            let tensors = matrices.iter_mut().zip(&shapes).map(|([parameter, gradient, momentum], &(rows, columns))| {
                MuonTensor { parameter, gradient: View::F32(gradient), momentum, rows, columns, rate: 1e-3, decay: 1.0 }
            });
            muon(tensors.collect(), options);
        });
        let layers: f64 = shapes[..6].iter().map(|&(rows, columns)| linear(rows, columns, precision)).sum();
        let products = LAYERS as f64 * layers + linear(VOCABULARY, HIDDEN, precision);
        println!(
            "{isa:?}, {threads} threads: Muon {step:.1} ms, products of a step in {precision:?} {products:.1} ms, share {:.1} %",
            100.0 * step / (step + products)
        );
    });
}
