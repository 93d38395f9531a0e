//! Measures milliseconds and GFLOP/s of causal attention, median of several: `cargo bench --bench attention -- [bf16] [1]
//! [bias | shared] [window] [BxTxHxD ...]`, with a bias per row or one that all rows share, and with a window of 256 keys.
//! Multiplications with keys that a query does not see are not counted.

use megatron_kernels::attention::{
    AttentionGradients, AttentionInputs, AttentionOptions, AttentionShape, AttentionUpstream, Bias, Stored, attention,
    attention_gradient,
};
use megatron_kernels::bf16::Bf16;
use megatron_kernels::parallel::Pool;
use megatron_kernels::simd::{Isa, limit};
use megatron_kernels::view::{View, ViewMut};
use std::time::Instant;

fn numbers<E: Stored>(length: usize, seed: u32) -> Vec<E> {
    let mixed = |i: u32| (i ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
    (0..length as u32)
        .map(|i| (mixed(i) ^ (mixed(i) >> 13)).wrapping_mul(0xc2b2_ae35) as i32 as f32 / 1e9)
        .map(E::put)
        .collect()
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn measure<E: Stored>(shape: AttentionShape, window: usize, biased_rows: usize, repetitions: usize) {
    let AttentionShape { batch, queries, heads, head_size, .. } = shape;
    let length = batch * queries * heads * head_size;
    let [q, k, v, dout] = [1, 2, 3, 4].map(|seed| numbers::<E>(length, seed));
    let ranges: Vec<i32> = (0..batch)
        .flat_map(|_| (0..queries).flat_map(|t| [(t + 1).saturating_sub(window) as i32, t as i32 + 1]))
        .collect();
    let options = AttentionOptions {
        scale: 1.0 / (head_size as f32).sqrt(),
        ranges: Some(&ranges),
        ..AttentionOptions::default()
    };
    let biases = numbers::<f32>(biased_rows * heads * queries * queries, 5);
    let bias = (biased_rows > 0).then_some(Bias { numbers: View::F32(&biases), batch: biased_rows, heads });
    let options = AttentionOptions { bias, ..options };
    let mut bias_gradient = vec![0.0; biases.len()];
    let inputs = AttentionInputs { q: &q, k: &k, v: &v };
    let [mut out, mut dq, mut dk, mut dv] = [(); 4].map(|()| vec![E::put(0.0); length]);
    let mut log_sum_exp = vec![0.0; batch * heads * queries];
    let (mut forward, mut backward) = (Vec::new(), Vec::new());
    for repetition in 0..=repetitions {
        let start = Instant::now();
        attention(shape, inputs, options, &mut out, &mut log_sum_exp);
        let middle = Instant::now();
        let dbias = bias.map(|_| ViewMut::F32(&mut bias_gradient));
        let upstream = AttentionUpstream { dout: &dout, out: &out, log_sum_exp: &log_sum_exp };
        let gradients =
            AttentionGradients { dq: &mut dq, dk: &mut dk, dv: &mut dv, dbias, ddistance_bias: None, dsinks: None };
        attention_gradient(shape, inputs, upstream, options, gradients);
        if repetition > 0 {
            forward.push((middle - start).as_secs_f64() * 1e3);
            backward.push(middle.elapsed().as_secs_f64() * 1e3);
        }
    }
    let seen: usize = (0..queries).map(|t| (t + 1).min(window)).sum();
    let flops = 4.0 * (batch * heads * head_size * seen) as f64;
    let (forward, backward) = (median(&mut forward), median(&mut backward));
    println!(
        "{batch} x {queries} x {heads} x {head_size}: forward {forward:.2} ms ({:.0} GFLOP/s), backward {backward:.2} ms ({:.0})",
        flops / forward / 1e6,
        2.5 * flops / backward / 1e6
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let isa = limit(match () {
        _ if has("baseline") => Isa::Baseline,
        _ if has("avx2") => Isa::Avx2,
        _ if has("avx512") => Isa::Avx512,
        _ => Isa::Amx,
    });
    let threads = if has("1") { 1 } else { 2 };
    let sizes = |argument: &String| argument.split('x').map(|part| part.parse().ok()).collect::<Option<Vec<usize>>>();
    let mut shapes: Vec<Vec<usize>> = arguments.iter().filter_map(sizes).filter(|sizes| sizes.len() == 4).collect();
    if shapes.is_empty() {
        shapes = vec![vec![1, 4096, 12, 64], vec![2, 512, 12, 64], vec![8, 256, 4, 64]];
    }
    let window = if has("window") { 256 } else { usize::MAX };
    println!("{isa:?}, {threads} threads, {}", if has("bf16") { "bf16" } else { "f32" });
    Pool::new(threads).install(|| {
        for sizes in shapes {
            let [batch, queries, heads, head_size] = sizes[..] else { continue };
            let shape = AttentionShape { batch, queries, keys: queries, heads, kv_heads: heads, head_size };
            let repetitions = (200_000_000 / (batch * queries * queries * heads)).clamp(5, 50);
            let biased_rows = if has("bias") { batch } else { usize::from(has("shared")) };
            if has("bf16") {
                measure::<Bf16>(shape, window, biased_rows, repetitions)
            } else {
                measure::<f32>(shape, window, biased_rows, repetitions)
            }
        }
    });
}
