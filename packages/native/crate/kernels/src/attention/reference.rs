//! Attention as in the papers, in f64, one query at a time. For tests.

use super::layout::BlockLayout;
use super::problem::{AttentionDropout, AttentionOptions, AttentionShape};

pub struct Reference {
    pub out: Vec<f64>,
    pub log_sum_exp: Vec<f64>,
    pub dq: Vec<f64>,
    pub dk: Vec<f64>,
    pub dv: Vec<f64>,
    /// The gradient of the bias; empty without one.
    pub dbias: Vec<f64>,
    pub ddistance: Vec<f64>,
    pub dsinks: Vec<f64>,
}

fn philox(counter: u64, key: [u32; 2]) -> [u32; 4] {
    let mut c = [counter as u32, (counter >> 32) as u32, 0, 0];
    let mut key = key;
    for _ in 0..10 {
        let a = 0xd251_1f53u64 * u64::from(c[0]);
        let b = 0xcd9e_8d57u64 * u64::from(c[2]);
        c = [(b >> 32) as u32 ^ c[1] ^ key[0], b as u32, (a >> 32) as u32 ^ c[3] ^ key[1], a as u32];
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    c
}

/// The dropout factor of the probability at local index [b, h, t, s].
fn keep(dropout: &AttentionDropout, at: [usize; 4]) -> f64 {
    let index = (0..4)
        .fold(0u64, |sum, axis| sum * dropout.global_shape[axis] as u64 + (dropout.origin[axis] + at[axis]) as u64);
    let word = philox(index / 4, dropout.key)[(index % 4) as usize];
    if f64::from(word) >= (dropout.rate * 4_294_967_296.0).floor() { 1.0 / (1.0 - dropout.rate) } else { 0.0 }
}

/// Whether a layout lets query t see key s.
fn lists(layout: &BlockLayout, queries: usize, [b, h, t, s]: [usize; 4]) -> bool {
    let list = (b % layout.batch * layout.heads + h % layout.heads) * queries.div_ceil(64) + t / 64;
    (layout.offsets[list]..layout.offsets[list + 1]).any(|at| {
        let [block, mask] = [0, 1].map(|i| layout.blocks[2 * at as usize + i]);
        let word = |mask: i32| layout.masks[(mask as usize * 64 + t % 64) * 2 + s % 64 / 32];
        block as usize == s / 64 && (mask < 0 || word(mask) >> (s % 32) & 1 == 1)
    })
}

/// Forward and backward; q, k, v, dout as the kernels take them.
pub fn reference(shape: AttentionShape, options: AttentionOptions, tensors: [&[f64]; 4]) -> Reference {
    let AttentionShape { batch, queries, keys, heads, kv_heads, head_size } = shape;
    let [q, k, v, dout] = tensors;
    let mut result = Reference {
        out: vec![0.0; q.len()],
        log_sum_exp: vec![f64::NEG_INFINITY; batch * heads * queries],
        dq: vec![0.0; q.len()],
        dk: vec![0.0; k.len()],
        dv: vec![0.0; v.len()],
        dbias: vec![0.0; options.bias.map_or(0, |bias| bias.numbers.len())],
        ddistance: vec![0.0; options.distance_bias.map_or(0, |bias| bias.numbers.len())],
        dsinks: vec![0.0; options.sinks.map_or(0, <[f32]>::len)],
    };
    let biases: Vec<f64> =
        options.bias.map_or(vec![], |bias| bias.numbers.with_f32(|x| x.iter().map(|&x| x.into()).collect()));
    let scale = f64::from(options.scale);
    for (b, h, t) in (0..batch * heads * queries).map(|i| (i / queries / heads, i / queries % heads, i % queries)) {
        let (from, to) = match options.ranges {
            Some(ranges) => (ranges[2 * (b * queries + t)], ranges[2 * (b * queries + t) + 1]),
            None => (0, keys as i32),
        };
        let visible = from.max(0) as usize..(to.max(0) as usize).min(keys);
        let visible: Vec<usize> =
            visible.filter(|&s| options.layout.is_none_or(|layout| lists(&layout, queries, [b, h, t, s]))).collect();
        let sink = options.sinks.map_or(f64::NEG_INFINITY, |sinks| sinks[h].into());
        result.log_sum_exp[(b * heads + h) * queries + t] = sink;
        if visible.is_empty() {
            continue;
        }
        let query = ((b * queries + t) * heads + h) * head_size;
        let place = |s: usize| {
            let slot = match options.pages {
                None => b * keys + s,
                Some(p) => p.table[b * p.pages_per_row + s / p.page_size] as usize * p.page_size + s % p.page_size,
            };
            (slot * kv_heads + h * kv_heads / heads) * head_size
        };
        let dot = |a: &[f64], i: usize, b: &[f64], j: usize| (0..head_size).map(|d| a[i + d] * b[j + d]).sum::<f64>();
        let bias_at = |s: usize| {
            let bias = options.bias?;
            let (b, h) = (b % bias.batch, h % bias.heads);
            Some(((b * bias.heads + h) * queries + t) * keys + s)
        };
        let distance_at = |s: usize| {
            let heads = options.distance_bias?.heads;
            Some(h % heads * (queries + keys - 1) + queries - 1 - t + s)
        };
        let bias = |s: usize| {
            let by_distance = options.distance_bias.map_or(0.0, |bias| bias.numbers[distance_at(s).unwrap()].into());
            bias_at(s).map_or(0.0, |at| biases[at]) + by_distance
        };
        let scores: Vec<f64> = visible.iter().map(|&s| scale * dot(q, query, k, place(s)) + bias(s)).collect();
        let maximum = scores.iter().copied().fold(sink, f64::max);
        if maximum == f64::NEG_INFINITY {
            continue;
        }
        let sum: f64 = scores.iter().chain([&sink]).map(|s| (s - maximum).exp()).sum();
        result.log_sum_exp[(b * heads + h) * queries + t] = maximum + sum.ln();
        let p: Vec<f64> = scores.iter().map(|s| (s - maximum).exp() / sum).collect();
        let kept: Vec<f64> =
            visible.iter().map(|&s| options.dropout.as_ref().map_or(1.0, |d| keep(d, [b, h, t, s]))).collect();
        for (i, &s) in visible.iter().enumerate() {
            for d in 0..head_size {
                result.out[query + d] += p[i] * kept[i] * v[place(s) + d];
            }
        }
        let delta = dot(dout, query, &result.out, query);
        if options.sinks.is_some() {
            result.dsinks[h] -= (sink - maximum).exp() / sum * delta;
        }
        for (i, &s) in visible.iter().enumerate() {
            let dscore = p[i] * (kept[i] * dot(dout, query, v, place(s)) - delta);
            if let Some(at) = bias_at(s) {
                result.dbias[at] += dscore;
            }
            if let Some(at) = distance_at(s) {
                result.ddistance[at] += dscore;
            }
            let ds = scale * dscore;
            for d in 0..head_size {
                result.dq[query + d] += ds * k[place(s) + d];
                result.dk[place(s) + d] += ds * q[query + d];
                result.dv[place(s) + d] += p[i] * kept[i] * dout[query + d];
            }
        }
    }
    result
}

#[test]
fn philox_gives_the_published_numbers() {
    // The known answers of the Random123 library.
    assert_eq!(philox(0, [0, 0]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
}

#[test]
fn the_gradient_is_that_of_the_output() {
    let shape = AttentionShape { batch: 1, queries: 3, keys: 5, heads: 2, kv_heads: 1, head_size: 3 };
    let dropout = AttentionDropout { rate: 0.3, key: [5, 6], origin: [0; 4], global_shape: [1, 2, 3, 5] };
    let ranges = [0, 5, 1, 4, 0, 2];
    let options =
        AttentionOptions { scale: 0.7, ranges: Some(&ranges), dropout: Some(dropout), ..AttentionOptions::default() };
    let numbers = |n: usize, seed: f64| (0..n).map(|i| (i as f64 * 1.7 + seed).sin()).collect::<Vec<f64>>();
    let tensors = [numbers(18, 0.0), numbers(15, 1.0), numbers(15, 2.0), numbers(18, 3.0)];
    let run = |tensors: &[Vec<f64>; 4]| reference(shape, options, tensors.each_ref().map(Vec::as_slice));
    let loss =
        |tensors: &[Vec<f64>; 4]| run(tensors).out.iter().zip(&tensors[3]).map(|(out, dout)| out * dout).sum::<f64>();
    let gradients = run(&tensors);
    for (which, gradient) in [&gradients.dq, &gradients.dk, &gradients.dv].into_iter().enumerate() {
        for (i, gradient) in gradient.iter().enumerate() {
            let mut moved = [tensors.clone(), tensors.clone()];
            moved[0][which][i] += 1e-6;
            moved[1][which][i] -= 1e-6;
            let slope = (loss(&moved[0]) - loss(&moved[1])) / 2e-6;
            assert!((slope - gradient).abs() < 1e-8, "tensor {which}, element {i}: {slope} and {gradient}");
        }
    }
}
