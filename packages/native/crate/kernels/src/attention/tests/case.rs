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

/// A layout of this many rows and heads with random lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayoutCase {
    pub(super) batch: usize,
    pub(super) heads: usize,
    pub(super) seed: u32,
}

/// The tensors of a layout.
#[derive(Default)]
pub(super) struct Lists {
    pub(super) offsets: Vec<i32>,
    pub(super) blocks: Vec<i32>,
    pub(super) masks: Vec<i32>,
}

impl LayoutCase {
    /// A third of the blocks, a third of those whole. Masks: nothing, the diagonal, both triangles, the first row, random.
    fn lists(self, shape: AttentionShape) -> Lists {
        let visible = |query: usize, key: usize| [false, key == query, key <= query, key > query, query == 0];
        let random = numbers(64 * 64, self.seed + 1);
        let bit = |mask: usize, query: usize, key: usize| {
            visible(query, key).get(mask).copied().unwrap_or_else(|| random[query * 64 + key] > 0.3)
        };
        let words = (0..6 * 64 * 2).map(|at| {
            let (mask, query, half) = (at / 128, at / 2 % 64, at % 2);
            (0..32).fold(0, |word, key| word | i32::from(bit(mask, query, half * 32 + key)) << key)
        });
        let mut lists = Lists { offsets: vec![0], blocks: vec![], masks: words.collect() };
        let key_blocks = shape.keys.div_ceil(64);
        let draws = numbers(self.batch * self.heads * shape.queries.div_ceil(64) * key_blocks, self.seed);
        for list in 0..self.batch * self.heads * shape.queries.div_ceil(64) {
            let draws = &draws[list * key_blocks..][..key_blocks];
            for (block, draw) in draws.iter().enumerate().filter(|(_, draw)| **draw > -0.4) {
                let mask = if *draw > 0.5 { -1 } else { (draw.abs() * 1e6) as i32 % 6 };
                lists.blocks.extend([block as i32, mask]);
            }
            lists.offsets.push(lists.blocks.len() as i32 / 2);
        }
        lists
    }
}

pub(super) struct Case {
    pub(super) shape: AttentionShape,
    pub(super) visible: Visible,
    pub(super) dropout: bool,
    pub(super) page_size: Option<usize>,
    pub(super) bias: Option<BiasCase>,
    pub(super) layout: Option<LayoutCase>,
    /// Heads of a bias by distance, or 0.
    pub(super) distances: usize,
    pub(super) sinks: bool,
    /// Times 1 / sqrt(D).
    pub(super) scale: f32,
}

pub(super) fn case(sizes: [usize; 6], visible: Visible) -> Case {
    let [batch, queries, keys, heads, kv_heads, head_size] = sizes;
    let shape = AttentionShape { batch, queries, keys, heads, kv_heads, head_size };
    Case {
        shape,
        visible,
        dropout: false,
        page_size: None,
        bias: None,
        layout: None,
        distances: 0,
        sinks: false,
        scale: 1.0,
    }
}

pub(super) struct Outcome<E> {
    pub(super) out: Vec<E>,
    pub(super) log_sum_exp: Vec<f32>,
    pub(super) gradients: Option<[Vec<E>; 3]>,
    pub(super) dbias: Option<Vec<f32>>,
    pub(super) ddistance: Vec<f32>,
    pub(super) dsinks: Vec<f32>,
}

pub(super) fn gradients_of<'a, E>(
    [dq, dk, dv]: [&'a mut [E]; 3],
    dbias: Option<ViewMut<'a>>,
) -> AttentionGradients<'a, E> {
    AttentionGradients { dq, dk, dv, dbias, ddistance_bias: None, dsinks: None }
}

pub(super) struct Data<E> {
    pub(super) tensors: [Vec<E>; 4],
    pub(super) ranges: Option<Vec<i32>>,
    pub(super) table: Option<Vec<i32>>,
    pub(super) bias: Vec<f32>,
    pub(super) layout: Option<Lists>,
    pub(super) distance_bias: Vec<f32>,
    pub(super) sinks: Vec<f32>,
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
        Data {
            tensors,
            ranges: ranges(self.visible, self.shape),
            table,
            bias: self.biases(),
            layout: self.layout.map(|layout| layout.lists(self.shape)),
            distance_bias: numbers(self.distances * (queries + keys).saturating_sub(1), 6),
            sinks: numbers(heads, 7),
        }
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
            layout: self.layout.zip(data.layout.as_ref()).map(|(LayoutCase { batch, heads, .. }, lists)| {
                let Lists { offsets, blocks, masks } = lists;
                BlockLayout { batch, heads, offsets, blocks, masks }
            }),
            distance_bias: (self.distances > 0)
                .then_some(DistanceBias { numbers: &data.distance_bias, heads: self.distances }),
            sinks: self.sinks.then_some(&data.sinks),
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
        let mut ddistance = vec![f32::NAN; data.distance_bias.len()];
        let mut dsinks = if self.sinks { vec![f32::NAN; data.sinks.len()] } else { vec![] };
        let mut gradients = [q, k, v].map(|tensor| nothing(tensor.len()));
        let gradients = options.pages.is_none().then(|| {
            let [dq, dk, dv] = &mut gradients;
            let upstream = AttentionUpstream { dout, out: &out, log_sum_exp: &log_sum_exp };
            let dbias = dbias.as_mut().map(|numbers| ViewMut::F32(numbers));
            let to = AttentionGradients {
                dq,
                dk,
                dv,
                dbias,
                ddistance_bias: options.distance_bias.map(|_| &mut ddistance[..]),
                dsinks: options.sinks.map(|_| &mut dsinks[..]),
            };
            problem.check_gradients(&to);
            schedule::backward(&problem, kernels, upstream, to);
            gradients
        });
        let dbias = dbias.filter(|_| gradients.is_some());
        if gradients.is_none() {
            (ddistance, dsinks) = (vec![], vec![]);
        }
        Outcome { out, log_sum_exp, gradients, dbias, ddistance, dsinks }
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
    let rows = case.shape.queries * case.shape.heads / case.shape.kv_heads;
    for (name, kernels) in every::<E>(rows) {
        for decoding in [false, true] {
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
            if outcome.gradients.is_some() {
                distances.push(("ddistance", distance(&outcome.ddistance, &truth.ddistance)));
                distances.push(("dsinks", distance(&outcome.dsinks, &truth.dsinks)));
            }
            for (what, distance) in distances {
                assert!(
                    distance < bound(name),
                    "{name}, decoding {decoding}: {what} is off by {distance:.1e}; {:?} {:?}, dropout {}, pages {:?}, {:?}, {:?}, distances {}, sinks {}",
                    case.shape,
                    case.visible,
                    case.dropout,
                    case.page_size,
                    case.bias,
                    case.layout,
                    case.distances,
                    case.sinks
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
    let gradients = gradients.chain(outcome.dbias.iter().flatten()).chain(&outcome.ddistance).chain(&outcome.dsinks);
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
