//! Test cases of attention: built from sizes, run by any kernels, compared with the reference.

use super::super::dispatch::{Kernels, every};
use super::super::reference::{Reference, reference};
use super::super::*;
use crate::testing::numbers;
use crate::view::View;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Visible {
    All,
    Causal,
    /// The last n keys.
    Window(i32),
    /// Keys before a length that differs between rows, and queries that see no key.
    Ragged,
    /// Two documents per row of the batch, each causal.
    Documents,
}

pub(super) fn ranges(visible: Visible, shape: AttentionShape) -> Option<Vec<i32>> {
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

/// Biases with this many rows and heads.
#[derive(Clone, Copy, Debug)]
pub(super) struct BiasCase {
    pub(super) batch: usize,
    pub(super) heads: usize,
    pub(super) kind: BiasKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum BiasKind {
    /// Between -2 and 2.
    Small,
    /// A third of them minus infinity, and all of every fifth query.
    Hiding,
    /// Every third key hidden by the lowest of all numbers.
    Lowest,
    /// Every key, which makes all equally likely.
    AllLowest,
}

pub(super) struct Case {
    pub(super) shape: AttentionShape,
    pub(super) visible: Visible,
    pub(super) dropout: bool,
    pub(super) page_size: Option<usize>,
    pub(super) bias: Option<BiasCase>,
    /// Times 1 / sqrt(D).
    pub(super) scale: f32,
}

pub(super) fn case(sizes: [usize; 6], visible: Visible) -> Case {
    let [batch, queries, keys, heads, kv_heads, head_size] = sizes;
    let shape = AttentionShape { batch, queries, keys, heads, kv_heads, head_size };
    Case { shape, visible, dropout: false, page_size: None, bias: None, scale: 1.0 }
}

pub(super) struct Outcome<E> {
    pub(super) out: Vec<E>,
    pub(super) log_sum_exp: Vec<f32>,
    pub(super) gradients: Option<[Vec<E>; 3]>,
    pub(super) dbias: Option<Vec<f32>>,
}

pub(super) struct Data<E> {
    pub(super) tensors: [Vec<E>; 4],
    pub(super) ranges: Option<Vec<i32>>,
    pub(super) table: Option<Vec<i32>>,
    pub(super) bias: Vec<f32>,
}

impl Case {
    fn biases(&self) -> Vec<f32> {
        let Some(BiasCase { batch, heads, kind }) = self.bias else { return vec![] };
        let AttentionShape { queries, keys, .. } = self.shape;
        let mut biases = numbers(batch * heads * queries * keys, 5);
        for (at, bias) in biases.iter_mut().enumerate() {
            let hidden = *bias > 0.33 || at / keys % queries % 5 == 3;
            *bias = match kind {
                BiasKind::Hiding if hidden => f32::NEG_INFINITY,
                BiasKind::Lowest if at % keys % 3 == 1 => f32::MIN,
                BiasKind::AllLowest => f32::MIN,
                _ => 2.0 * *bias,
            };
        }
        biases
    }

    pub(super) fn data<E: Stored>(&self) -> Data<E> {
        let AttentionShape { batch, queries, keys, heads, kv_heads, head_size } = self.shape;
        let query = batch * queries * heads * head_size;
        let key = batch * keys * kv_heads * head_size;
        let table = self.page_size.map(|size| {
            // Every page is used, in a shuffled order.
            let count = (batch * keys / size) as i32;
            (0..count).map(|i| (i * 7 + 3) % count).collect::<Vec<i32>>()
        });
        let tensors = [numbers(query, 1), numbers(key, 2), numbers(key, 3), numbers(query, 4)];
        // Scores with some spread.
        let tensors = tensors.map(|tensor| tensor.into_iter().map(|x| E::put(x * 2.0)).collect());
        Data { tensors, ranges: ranges(self.visible, self.shape), table, bias: self.biases() }
    }

    pub(super) fn options<'a, E>(&self, data: &'a Data<E>) -> AttentionOptions<'a> {
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
            bias: self.bias.map(|BiasCase { batch, heads, .. }| Bias { numbers: View::F32(&data.bias), batch, heads }),
        }
    }

    pub(super) fn reference<E: Stored>(&self, data: &Data<E>) -> Reference {
        let wide = data.tensors.each_ref().map(|t| t.iter().map(|x| f64::from(x.get())).collect::<Vec<f64>>());
        reference(self.shape, self.options(data), wide.each_ref().map(Vec::as_slice))
    }

    /// The results of one instruction set, by the general path or the decoding path.
    pub(super) fn run<E: Stored>(
        &self,
        data: &Data<E>,
        kernels: (&Kernels<E>, &Kernels<E>),
        decoding: bool,
    ) -> Outcome<E> {
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
        let mut dbias = options.bias.map(|bias| vec![f32::NAN; bias.numbers.len()]);
        let mut gradients = [q, k, v].map(|tensor| nothing(tensor.len()));
        let gradients = options.pages.is_none().then(|| {
            let [dq, dk, dv] = &mut gradients;
            let upstream = AttentionUpstream { dout, out: &out, log_sum_exp: &log_sum_exp };
            let dbias = dbias.as_mut().map(|numbers| ViewMut::F32(numbers));
            schedule::backward(&problem, kernels, upstream, AttentionGradients { dq, dk, dv, dbias });
            gradients
        });
        let dbias = dbias.filter(|_| gradients.is_some());
        Outcome { out, log_sum_exp, gradients, dbias }
    }
}

/// Largest difference, relative to the largest number, or to 0.1 if a gradient cancels to nothing (with one key, say):
/// the terms that cancel are of the order of 1.
pub(super) fn distance<E: Stored>(actual: &[E], expected: &[f64]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let size = expected.iter().filter(|x| x.is_finite()).fold(0.1f64, |size, x| size.max(x.abs()));
    let worst = actual.iter().zip(expected).fold(0.0f64, |worst, (a, &e)| {
        let difference = if f64::from(a.get()) == e { 0.0 } else { (f64::from(a.get()) - e).abs() };
        if difference.is_nan() { f64::INFINITY } else { worst.max(difference) }
    });
    worst / size
}

/// Every instruction set is within `bound` of the reference.
pub(super) fn agree<E: Stored>(case: &Case, bound: impl Fn(&str) -> f64) {
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
            if let Some(dbias) = &outcome.dbias {
                distances.push(("dbias", distance(dbias, &truth.dbias)));
            }
            for (what, distance) in distances {
                assert!(
                    distance < bound(name),
                    "{name}, decoding {decoding}: {what} is off by {distance:.1e}; {:?} {:?}, dropout {}, pages {:?}, {:?}",
                    case.shape,
                    case.visible,
                    case.dropout,
                    case.page_size,
                    case.bias
                );
            }
        }
    }
}

pub(super) fn agree_f32(case: &Case) {
    agree::<f32>(case, |_| 1e-5);
}

pub(super) const EVERY_RANGE: [Visible; 5] =
    [Visible::All, Visible::Causal, Visible::Window(9), Visible::Ragged, Visible::Documents];

pub(super) fn bits(outcome: &Outcome<f32>) -> Vec<u32> {
    let gradients = outcome.gradients.iter().flatten().flatten();
    let gradients = gradients.chain(outcome.dbias.iter().flatten());
    outcome.out.iter().chain(&outcome.log_sum_exp).chain(gradients).map(|x| x.to_bits()).collect()
}

pub(super) fn refuses(shape: AttentionShape, key_elements: usize, options: AttentionOptions) -> String {
    let outcome = std::panic::catch_unwind(|| {
        let query = vec![0.0; shape.batch * shape.queries * shape.heads * shape.head_size];
        let key = vec![0.0; key_elements];
        let (mut out, mut log_sum_exp) = (query.clone(), vec![0.0; shape.batch * shape.heads * shape.queries]);
        let inputs = AttentionInputs { q: &query, k: &key, v: &key };
        attention::<f32>(shape, inputs, options, &mut out, &mut log_sum_exp);
    });
    *outcome.expect_err("a wrong call").downcast::<String>().expect("a message")
}
