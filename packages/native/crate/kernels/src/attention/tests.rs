//! Every instruction set against the reference, over odd sizes, ranges, pages, shared heads and dropout; the same bits at
//! any number of threads; infinity and NaN.

use super::dispatch::{Kernels, every};
use super::reference::{Reference, reference};
use super::*;
use crate::bf16::Bf16;
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
    /// Times 1 / sqrt(D).
    scale: f32,
}

fn case(sizes: [usize; 6], visible: Visible) -> Case {
    let [batch, queries, keys, heads, kv_heads, head_size] = sizes;
    let shape = AttentionShape { batch, queries, keys, heads, kv_heads, head_size };
    Case { shape, visible, dropout: false, page_size: None, scale: 1.0 }
}

struct Outcome<E> {
    out: Vec<E>,
    log_sum_exp: Vec<f32>,
    gradients: Option<[Vec<E>; 3]>,
}

struct Data<E> {
    tensors: [Vec<E>; 4],
    ranges: Option<Vec<i32>>,
    table: Option<Vec<i32>>,
}

impl Case {
    fn data<E: Stored>(&self) -> Data<E> {
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
        let tensors = tensors.map(|tensor| tensor.into_iter().map(|x| E::put(x * 2.0)).collect());
        Data { tensors, ranges: ranges(self.visible, self.shape), table }
    }

    fn options<'a, E>(&self, data: &'a Data<E>) -> AttentionOptions<'a> {
        let AttentionShape { batch, queries, keys, heads, head_size, .. } = self.shape;
        let dropout = AttentionDropout {
            rate: 0.25,
            key: [0x1234_5678, 9],
            origin: [1, 2, 3, 5],
            global_shape: [batch + 1, heads + 3, queries + 4, keys + 6],
        };
        AttentionOptions {
            scale: self.scale / (head_size as f32).sqrt(),
            ranges: data.ranges.as_deref(),
            pages: data.table.as_ref().map(|table| {
                let page_size = self.page_size.unwrap_or(1);
                Pages { table, pages_per_row: keys / page_size, page_size }
            }),
            dropout: self.dropout.then_some(dropout),
        }
    }

    fn reference<E: Stored>(&self, data: &Data<E>) -> Reference {
        let wide = data.tensors.each_ref().map(|t| t.iter().map(|x| f64::from(x.get())).collect::<Vec<f64>>());
        reference(self.shape, self.options(data), wide.each_ref().map(Vec::as_slice))
    }

    /// What one instruction set makes of it, the way of many queries or that of decoding.
    fn run<E: Stored>(&self, data: &Data<E>, kernels: (&Kernels<E>, &Kernels<E>), decoding: bool) -> Outcome<E> {
        let options = self.options(data);
        let [q, k, v, dout] = &data.tensors;
        let problem = Problem { shape: self.shape, options, q, k, v };
        problem.check();
        let nothing = |length: usize| vec![E::put(f32::NAN); length];
        let (mut out, mut log_sum_exp) = (nothing(q.len()), vec![f32::NAN; q.len() / self.shape.head_size]);
        if decoding {
            schedule::decode(&problem, kernels.0, &mut out, &mut log_sum_exp);
        } else {
            schedule::forward(&problem, kernels, &mut out, &mut log_sum_exp);
        }
        let mut gradients = [q, k, v].map(|tensor| nothing(tensor.len()));
        let gradients = options.pages.is_none().then(|| {
            let [dq, dk, dv] = &mut gradients;
            let upstream = AttentionUpstream { dout, out: &out, log_sum_exp: &log_sum_exp };
            schedule::backward(&problem, kernels, upstream, AttentionGradients { dq, dk, dv });
            gradients
        });
        Outcome { out, log_sum_exp, gradients }
    }
}

/// Largest difference, relative to the largest number. Where a gradient cancels to nothing (with one key, say), to 0.1: the
/// terms that cancel are of the order of 1.
fn distance<E: Stored>(actual: &[E], expected: &[f64]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let size = expected.iter().filter(|x| x.is_finite()).fold(0.1f64, |size, x| size.max(x.abs()));
    let worst = actual.iter().zip(expected).fold(0.0f64, |worst, (a, &e)| {
        let difference = if f64::from(a.get()) == e { 0.0 } else { (f64::from(a.get()) - e).abs() };
        if difference.is_nan() { f64::INFINITY } else { worst.max(difference) }
    });
    worst / size
}

/// Every instruction set is within `bound` of the reference.
fn agree<E: Stored>(case: &Case, bound: impl Fn(&str) -> f64) {
    let data = case.data::<E>();
    let truth = case.reference(&data);
    for (name, kernels) in every::<E>() {
        for decoding in [false, true] {
            let rows = case.shape.queries * case.shape.heads / case.shape.kv_heads;
            if decoding && (rows > decode::MOST_ROWS || case.dropout) {
                continue;
            }
            let outcome = case.run(&data, (&kernels, &kernels), decoding);
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
                    distance < bound(name),
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

fn agree_f32(case: &Case) {
    agree::<f32>(case, |_| 1e-5);
}

const EVERY_RANGE: [Visible; 5] =
    [Visible::All, Visible::Causal, Visible::Window(9), Visible::Ragged, Visible::Documents];

#[test]
fn odd_sizes() {
    for size in [1, 7, 33, 64, 65] {
        for head_size in [1, 7, 33, 64] {
            for visible in EVERY_RANGE {
                agree_f32(&case([2, size, size, 3, 3, head_size], visible));
            }
        }
    }
}

#[test]
fn several_blocks_and_chunks() {
    for visible in EVERY_RANGE {
        agree_f32(&case([1, 257, 257, 1, 1, 33], visible));
        agree_f32(&case([2, 300, 1100, 1, 1, 16], visible));
    }
    agree_f32(&case([1, 7, 1200, 2, 1, 64], Visible::Causal));
    agree_f32(&case([1, 130, 130, 1, 1, 128], Visible::Window(70)));
    agree_f32(&case([1, 66, 66, 2, 2, 80], Visible::Causal));
    agree_f32(&case([1, 65, 40, 1, 1, 200], Visible::All));
}

#[test]
fn any_scale() {
    for scale in [-1.0, 0.0, 2.0] {
        agree_f32(&Case { scale, ..case([1, 70, 70, 1, 1, 32], Visible::Causal) });
        agree_f32(&Case { scale, ..case([1, 1, 70, 1, 1, 32], Visible::Causal) });
    }
}

#[test]
fn heads_that_share_keys() {
    for visible in EVERY_RANGE {
        agree_f32(&case([2, 33, 47, 6, 2, 32], visible));
        agree_f32(&case([1, 70, 70, 4, 1, 64], visible));
        agree_f32(&case([2, 1, 600, 8, 2, 64], visible));
        agree_f32(&case([1, 2, 70, 4, 1, 7], visible));
    }
}

#[test]
fn pages() {
    for page_size in [1, 5, 16, 70] {
        for (queries, head_size) in [(1, 64), (3, 33), (90, 64)] {
            for visible in [Visible::All, Visible::Ragged, Visible::Causal] {
                let keys = page_size * (600 / page_size / queries.min(4));
                let sizes = [3, queries, keys, 2, 1, head_size];
                agree_f32(&Case { page_size: Some(page_size), ..case(sizes, visible) });
            }
        }
    }
}

#[test]
fn dropout_is_that_of_the_unsplit_tensor() {
    for visible in EVERY_RANGE {
        agree_f32(&Case { dropout: true, ..case([2, 33, 33, 2, 2, 16], visible) });
        agree_f32(&Case { dropout: true, ..case([1, 70, 131, 4, 2, 64], visible) });
        agree_f32(&Case { dropout: true, ..case([1, 3, 64, 1, 1, 7], visible) });
    }
}

/// Results are rounded to 8 bits, and so is the output of which the gradient is made; in tiles the probabilities are too.
#[test]
fn bf16_is_as_exact_as_its_storage() {
    let bound = |name: &str| if name == "tiles" { 0.016 } else { 0.01 };
    for visible in EVERY_RANGE {
        agree::<Bf16>(&case([2, 1, 600, 4, 2, 64], visible), bound);
        agree::<Bf16>(&case([1, 130, 130, 2, 1, 64], visible), bound);
        agree::<Bf16>(&case([1, 33, 600, 1, 1, 33], visible), bound);
        agree::<Bf16>(&Case { dropout: true, ..case([1, 65, 65, 2, 2, 16], visible) }, bound);
    }
    agree::<Bf16>(&Case { page_size: Some(5), ..case([3, 9, 70, 2, 1, 33], Visible::Ragged) }, bound);
}

fn bits(outcome: &Outcome<f32>) -> Vec<u32> {
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
            let data = case.data::<f32>();
            for (name, kernels) in every() {
                let run =
                    |threads| bits(&Pool::new(threads).install(|| case.run(&data, (&kernels, &kernels), decoding)));
                let one = run(1);
                assert!(one == run(2) && one == run(3), "{name}: {sizes:?} {visible:?}");
            }
        }
    }
}

/// NaN or infinity at a key or value reaches exactly the queries that see it, also where the fastest kernels refuse it.
#[test]
fn odd_numbers_reach_who_sees_them() {
    let at = 40;
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (which, queries) in [(0, 70), (1, 70), (2, 70), (1, 3), (2, 3)] {
            let case = case([1, queries, 70, 1, 1, 8], Visible::Causal);
            let mut data = case.data::<f32>();
            data.tensors[which][at * 8 + 3] = odd;
            let baseline = every().remove(0).1;
            for (name, kernels) in every() {
                let outcome = case.run(&data, (&kernels, &baseline), queries == 3);
                for (row, out) in outcome.out.chunks(8).enumerate() {
                    let reached = if which == 0 { row == at } else { row + 70 - queries >= at };
                    assert!(reached || out.iter().all(|x| x.is_finite()), "{name}: {odd} of {which} at {row}");
                    if reached && (which == 2 || odd.is_nan()) {
                        assert!(out.iter().any(|x| !x.is_finite()), "{name}: {odd} of {which} is lost at {row}");
                    }
                }
                if let Some([_, dk, _]) = outcome.gradients {
                    assert!(dk.iter().any(|x| x.is_nan()), "{name}: {odd} of {which} is lost in the gradient");
                }
            }
        }
    }
}

fn refuses(shape: AttentionShape, key_elements: usize, options: AttentionOptions) -> String {
    let outcome = std::panic::catch_unwind(|| {
        let query = vec![0.0; shape.batch * shape.queries * shape.heads * shape.head_size];
        let key = vec![0.0; key_elements];
        let (mut out, mut log_sum_exp) = (query.clone(), vec![0.0; shape.batch * shape.heads * shape.queries]);
        let inputs = AttentionInputs { q: &query, k: &key, v: &key };
        attention::<f32>(shape, inputs, options, &mut out, &mut log_sum_exp);
    });
    *outcome.expect_err("a wrong call").downcast::<String>().expect("a message")
}

#[test]
fn wrong_calls_say_what_is_wrong() {
    let shape = AttentionShape { batch: 1, queries: 1, keys: 8, heads: 2, kv_heads: 1, head_size: 2 };
    let options = AttentionOptions { scale: 1.0, ranges: None, pages: None, dropout: None };
    assert_eq!(refuses(shape, 15, options), "attention: k has 15 elements, expected 16");
    assert_eq!(
        refuses(AttentionShape { kv_heads: 3, ..shape }, 16, options),
        "attention: 2 query heads on 3 key heads of size 2"
    );
    let pages = Pages { table: &[0, 4], pages_per_row: 2, page_size: 4 };
    assert_eq!(
        refuses(shape, 32, AttentionOptions { pages: Some(pages), ..options }),
        "attention: row 0 sees key 4 on page 4, but there are 4 pages"
    );
    // What nobody sees may be on no page.
    let seen = AttentionOptions { pages: Some(pages), ranges: Some(&[0, 4]), ..options };
    let (q, k, mut out, mut log_sum_exp) = ([1.0f32; 4], [1.0; 32], [0.0; 4], [0.0; 2]);
    attention(shape, AttentionInputs { q: &q, k: &k, v: &k }, seen, &mut out, &mut log_sum_exp);
    assert_eq!(out, [1.0; 4]);
}
