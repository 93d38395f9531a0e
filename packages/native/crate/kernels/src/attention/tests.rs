//! Every instruction set against the reference, over odd sizes, ranges, pages, shared heads and dropout; the same bits at
//! any number of threads; infinity and NaN.

use super::dispatch::{Kernels, every};
use super::reference::{Reference, reference};
use super::*;
use crate::parallel::Pool;

/// Numbers in [-1, 1), the same every time.
fn numbers(length: usize, seed: u32) -> Vec<f32> {
    (0..length as u32)
        .map(|i| {
            let mixed = (i ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
            let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
            (mixed ^ (mixed >> 16)) as i32 as f32 / 2f32.powi(31)
        })
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Visible {
    All,
    Causal,
    /// The last so many keys.
    Window(i32),
    /// Keys before a length that differs from row to row, and queries that see nothing.
    Ragged,
    /// Two documents in a row of the batch, each causal.
    Documents,
}

fn ranges(visible: Visible, shape: AttentionShape) -> Option<Vec<i32>> {
    let (t_count, s_count) = (shape.queries as i32, shape.keys as i32);
    let range = |b: i32, t: i32| {
        let end = t + 1 + s_count - t_count;
        match visible {
            Visible::All => (0, s_count),
            Visible::Causal => (0, end),
            Visible::Window(size) => (end - size, end),
            Visible::Ragged if (t + b) % 5 == 3 => (t % 3, t % 3),
            Visible::Ragged => (b % 2, (s_count - 7 * b - t % 4).max(1)),
            Visible::Documents => (if end > s_count / 3 { s_count / 3 } else { 0 }, end),
        }
    };
    let all = (0..shape.batch as i32).flat_map(|b| (0..t_count).map(move |t| range(b, t)));
    (visible != Visible::All).then(|| all.flat_map(|(from, to)| [from, to]).collect())
}

struct Case {
    shape: AttentionShape,
    visible: Visible,
    dropout: bool,
    page_size: Option<usize>,
}

fn case(sizes: [usize; 6], visible: Visible) -> Case {
    let [batch, queries, keys, heads, kv_heads, head_size] = sizes;
    let shape = AttentionShape { batch, queries, keys, heads, kv_heads, head_size };
    Case { shape, visible, dropout: false, page_size: None }
}

struct Outcome {
    out: Vec<f32>,
    log_sum_exp: Vec<f32>,
    gradients: Option<[Vec<f32>; 3]>,
}

struct Data {
    tensors: [Vec<f32>; 4],
    ranges: Option<Vec<i32>>,
    table: Option<Vec<i32>>,
}

impl Case {
    fn data(&self) -> Data {
        let AttentionShape { batch, queries, keys, heads, kv_heads, head_size } = self.shape;
        let query = batch * queries * heads * head_size;
        let key = batch * keys * kv_heads * head_size;
        let table = self.page_size.map(|size| {
            // Every page is used, in an order of our own.
            let count = (batch * keys / size) as i32;
            (0..count).map(|i| (i * 7 + 3) % count).collect::<Vec<i32>>()
        });
        let tensors = [numbers(query, 1), numbers(key, 2), numbers(key, 3), numbers(query, 4)];
        // Scores with some spread.
        let tensors = tensors.map(|tensor| tensor.into_iter().map(|x| x * 2.0).collect());
        Data { tensors, ranges: ranges(self.visible, self.shape), table }
    }

    fn options<'a>(&self, data: &'a Data) -> AttentionOptions<'a> {
        let AttentionShape { batch, queries, keys, heads, head_size, .. } = self.shape;
        let dropout = AttentionDropout {
            rate: 0.25,
            key: [0x1234_5678, 9],
            origin: [1, 2, 3, 5],
            global_shape: [batch + 1, heads + 3, queries + 4, keys + 6],
        };
        AttentionOptions {
            scale: 1.0 / (head_size as f32).sqrt(),
            ranges: data.ranges.as_deref(),
            pages: data.table.as_ref().map(|table| {
                let page_size = self.page_size.unwrap_or(1);
                Pages { table, pages_per_row: keys / page_size, page_size }
            }),
            dropout: self.dropout.then_some(dropout),
        }
    }

    fn reference(&self, data: &Data) -> Reference {
        let wide = data.tensors.each_ref().map(|t| t.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>());
        reference(self.shape, self.options(data), wide.each_ref().map(Vec::as_slice))
    }

    /// What one instruction set makes of it, the way of many queries and, if there are few, that of decoding.
    fn run(&self, data: &Data, kernels: &Kernels<f32>, decoding: bool) -> Outcome {
        let options = self.options(data);
        let [q, k, v, dout] = &data.tensors;
        let problem = Problem { shape: self.shape, options, q, k, v };
        problem.check();
        let (mut out, mut log_sum_exp) = (vec![f32::NAN; q.len()], vec![f32::NAN; q.len() / self.shape.head_size]);
        if decoding {
            schedule::decode(&problem, kernels, &mut out, &mut log_sum_exp);
        } else {
            schedule::forward(&problem, (kernels, kernels), &mut out, &mut log_sum_exp);
        }
        let mut gradients = [vec![f32::NAN; q.len()], vec![f32::NAN; k.len()], vec![f32::NAN; v.len()]];
        let gradients = options.pages.is_none().then(|| {
            let [dq, dk, dv] = &mut gradients;
            let upstream = AttentionUpstream { dout, out: &out, log_sum_exp: &log_sum_exp };
            schedule::backward(&problem, (kernels, kernels), upstream, AttentionGradients { dq, dk, dv });
            gradients
        });
        Outcome { out, log_sum_exp, gradients }
    }
}

/// Largest difference, relative to the largest number. Where a gradient cancels to nothing (with one key, say), to 0.1: the
/// terms that cancel are of the order of 1.
fn distance(actual: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let size = expected.iter().filter(|x| x.is_finite()).fold(0.1f64, |size, x| size.max(x.abs()));
    let worst = actual.iter().zip(expected).fold(0.0f64, |worst, (&a, &e)| {
        let difference = if f64::from(a) == e { 0.0 } else { (f64::from(a) - e).abs() };
        if difference.is_nan() { f64::INFINITY } else { worst.max(difference) }
    });
    worst / size
}

fn agree(case: &Case) {
    let data = case.data();
    let truth = case.reference(&data);
    for (name, kernels) in every::<f32>() {
        for decoding in [false, true] {
            let rows = case.shape.queries * case.shape.heads / case.shape.kv_heads;
            if decoding && (rows > decode::MOST_ROWS || case.dropout) {
                continue;
            }
            let outcome = case.run(&data, &kernels, decoding);
            let mut distances = vec![
                ("out", distance(&outcome.out, &truth.out)),
                ("logSumExp", distance(&outcome.log_sum_exp, &truth.log_sum_exp)),
            ];
            if let Some([dq, dk, dv]) = &outcome.gradients {
                distances.push(("dq", distance(dq, &truth.dq)));
                distances.push(("dk", distance(dk, &truth.dk)));
                distances.push(("dv", distance(dv, &truth.dv)));
            }
            for (what, distance) in distances {
                assert!(
                    distance < 1e-5,
                    "{name}, decoding {decoding}: {what} is off by {distance:.1e}; {:?} {:?}, dropout {}, pages {:?}",
                    case.shape,
                    case.visible,
                    case.dropout,
                    case.page_size
                );
            }
        }
    }
}

const EVERY_RANGE: [Visible; 5] =
    [Visible::All, Visible::Causal, Visible::Window(9), Visible::Ragged, Visible::Documents];

#[test]
fn odd_sizes() {
    for size in [1, 7, 33, 64, 65] {
        for head_size in [1, 7, 33, 64] {
            for visible in EVERY_RANGE {
                agree(&case([2, size, size, 3, 3, head_size], visible));
            }
        }
    }
}

#[test]
fn several_blocks_and_chunks() {
    for visible in EVERY_RANGE {
        agree(&case([1, 257, 257, 1, 1, 33], visible));
        agree(&case([2, 300, 1100, 1, 1, 16], visible));
    }
    agree(&case([1, 7, 1200, 2, 1, 64], Visible::Causal));
    agree(&case([1, 130, 130, 1, 1, 128], Visible::Window(70)));
    agree(&case([1, 66, 66, 2, 2, 80], Visible::Causal));
    agree(&case([1, 65, 40, 1, 1, 200], Visible::All));
}

#[test]
fn heads_that_share_keys() {
    for visible in EVERY_RANGE {
        agree(&case([2, 33, 47, 6, 2, 32], visible));
        agree(&case([1, 70, 70, 4, 1, 64], visible));
        agree(&case([2, 1, 600, 8, 2, 64], visible));
        agree(&case([1, 2, 70, 4, 1, 7], visible));
    }
}

#[test]
fn pages() {
    for page_size in [1, 5, 16, 70] {
        for (queries, head_size) in [(1, 64), (3, 33), (90, 64)] {
            for visible in [Visible::All, Visible::Ragged, Visible::Causal] {
                let keys = page_size * (600 / page_size / queries.min(4));
                let sizes = [3, queries, keys, 2, 1, head_size];
                agree(&Case { page_size: Some(page_size), ..case(sizes, visible) });
            }
        }
    }
}

#[test]
fn dropout_is_that_of_the_unsplit_tensor() {
    for visible in EVERY_RANGE {
        agree(&Case { dropout: true, ..case([2, 33, 33, 2, 2, 16], visible) });
        agree(&Case { dropout: true, ..case([1, 70, 131, 4, 2, 64], visible) });
        agree(&Case { dropout: true, ..case([1, 3, 64, 1, 1, 7], visible) });
    }
}

fn bits(outcome: &Outcome) -> Vec<u32> {
    let gradients = outcome.gradients.iter().flatten().flatten();
    outcome.out.iter().chain(&outcome.log_sum_exp).chain(gradients).map(|x| x.to_bits()).collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for (sizes, decoding) in [
        ([1, 300, 1300, 1, 1, 33], false),
        ([2, 600, 600, 2, 1, 16], false),
        ([1, 1, 1900, 3, 3, 64], true),
        ([3, 64, 64, 8, 4, 64], false),
    ] {
        for visible in [Visible::Causal, Visible::Window(200)] {
            let case = case(sizes, visible);
            let data = case.data();
            for (name, kernels) in every::<f32>() {
                let run = |threads| bits(&Pool::new(threads).install(|| case.run(&data, &kernels, decoding)));
                let one = run(1);
                assert!(one == run(2) && one == run(3), "{name}: {sizes:?} {visible:?}");
            }
        }
    }
}

/// NaN or infinity at a key or value reaches exactly the queries that see it.
#[test]
fn odd_numbers_reach_who_sees_them() {
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (which, at) in [(1, 40), (2, 40), (0, 40)] {
            let case = case([1, 70, 70, 1, 1, 8], Visible::Causal);
            let mut data = case.data();
            data.tensors[which][at * 8 + 3] = odd;
            for (name, _) in every::<f32>() {
                let kernels = every::<f32>().into_iter().find(|(n, k)| n == &name && k.any_number);
                let Some((_, kernels)) = kernels else { continue };
                let outcome = case.run(&data, &kernels, false);
                for (row, out) in outcome.out.chunks(8).enumerate() {
                    let reached = if which == 0 { row == at } else { row >= at };
                    assert!(reached || out.iter().all(|x| x.is_finite()), "{name}: {odd} of {which} at {row}");
                    if reached && (which == 2 || odd.is_nan()) {
                        assert!(out.iter().any(|x| !x.is_finite()), "{name}: {odd} of {which} is lost at {row}");
                    }
                }
            }
        }
    }
}
