//! Biases of the scores: shared or not, small, hiding keys, extremely low; their gradients, and which queries they reach.

use super::case::{BiasCase, BiasKind, distance, gradients_of};
use super::*;
use crate::bf16::Element;
use crate::view::View;

const KINDS: [BiasKind; 2] = [BiasKind::Small, BiasKind::Hiding];

/// A bias per row and head, shared by rows, by heads, or by both.
fn each_sharing(case: impl Fn() -> Case, kind: BiasKind) -> [Case; 4] {
    let AttentionShape { batch, heads, .. } = case().shape;
    let biased = |batch, heads| Case { bias: Some(BiasCase { batch, heads, kind }), ..case() };
    [biased(batch, heads), biased(1, heads), biased(batch, 1), biased(1, 1)]
}

#[test]
fn biases_of_odd_sizes() {
    for size in [1, 7, 33, 65] {
        for visible in EVERY_RANGE {
            for kind in KINDS {
                each_sharing(|| case([2, size, size + 3, 3, 3, 7], visible), kind).iter().for_each(agree_f32);
            }
        }
    }
}

#[test]
fn biases_over_several_blocks_and_chunks() {
    for visible in EVERY_RANGE {
        for case in each_sharing(|| case([2, 257, 257, 2, 2, 33], visible), BiasKind::Hiding) {
            agree_f32(&case);
        }
        for case in each_sharing(|| case([2, 70, 1100, 1, 1, 64], visible), BiasKind::Small) {
            agree_f32(&case);
        }
    }
}

#[test]
fn biases_of_heads_that_share_keys_with_dropout() {
    for visible in EVERY_RANGE {
        for kind in KINDS {
            for case in each_sharing(|| case([2, 33, 70, 6, 2, 16], visible), kind) {
                agree_f32(&Case { dropout: true, ..case });
            }
        }
    }
}

#[test]
fn biases_of_pages() {
    for (queries, page_size) in [(1, 16), (3, 5), (90, 70)] {
        for kind in KINDS {
            for biased in each_sharing(|| case([3, queries, 560, 2, 1, 33], Visible::Ragged), kind) {
                agree_f32(&Case { page_size: Some(page_size), ..biased });
            }
        }
    }
}

#[test]
fn biases_at_any_scale() {
    for scale in [-1.0, 0.0, 2.0] {
        for queries in [1, 70] {
            for kind in KINDS {
                for biased in each_sharing(|| case([2, queries, 70, 1, 1, 32], Visible::Causal), kind) {
                    agree_f32(&Case { scale, ..biased });
                }
            }
        }
    }
}

#[test]
fn the_lowest_number_hides() {
    for queries in [3, 70] {
        let sizes = [2, queries, 70, 1, 1, 32];
        each_sharing(|| case(sizes, Visible::All), BiasKind::Lowest).iter().for_each(agree_f32);
    }
}

/// The gradient is not checked, since the bias swamps the scores.
#[test]
fn the_lowest_numbers_alone_are_all_alike() {
    for queries in [3, 70] {
        for biased in each_sharing(|| case([2, queries, 70, 1, 1, 32], Visible::Causal), BiasKind::AllLowest) {
            let data = biased.data::<f32>();
            let truth = biased.reference(&data);
            for (name, kernels) in every(queries) {
                let outcome = biased.run(&data, (&kernels, &kernels), queries == 3);
                assert!(distance(&outcome.out, &truth.out) < 1e-5, "{name}");
                assert!(outcome.log_sum_exp.iter().all(|&sum| sum == f32::MIN), "{name}");
            }
        }
    }
}

#[test]
fn biased_bf16_is_as_exact_as_its_storage() {
    let bound = |name: &str| if name == "tiles" { 0.016 } else { 0.01 };
    for biased in each_sharing(|| case([2, 70, 130, 4, 2, 64], Visible::Causal), BiasKind::Hiding) {
        agree::<Bf16>(&biased, bound);
        agree::<Bf16>(&Case { dropout: true, ..biased }, bound);
    }
}

/// Biases may be stored as bf16, and so may the gradient of one that is not shared.
#[test]
fn a_bias_in_bf16_is_the_same_rounded() {
    let biased = BiasCase { batch: 2, heads: 3, kind: BiasKind::Hiding };
    let case = Case { bias: Some(biased), ..case([2, 33, 70, 3, 3, 16], Visible::Ragged) };
    let mut data = case.data::<f32>();
    let narrow: Vec<Bf16> = data.bias.iter().map(|&bias| Bf16::put(bias)).collect();
    data.bias = narrow.iter().map(|bias| bias.get()).collect();
    for (name, kernels) in every(33) {
        let wide = case.run(&data, (&kernels, &kernels), false);
        let bias = Bias { numbers: View::Bf16(&narrow), batch: 2, heads: 3 };
        let [q, k, v, dout] = &data.tensors;
        let problem = Problem {
            shape: case.shape,
            options: AttentionOptions { bias: Some(bias), ..case.options(&data) },
            q,
            k,
            v,
        };
        let [mut out, mut dq, mut dk, mut dv] = [q, q, k, v].map(|tensor| vec![f32::NAN; tensor.len()]);
        let mut log_sum_exp = wide.log_sum_exp.clone();
        schedule::forward(&problem, (&kernels, &kernels), &mut out, &mut log_sum_exp);
        assert_eq!(out, wide.out, "{name}");
        let mut dbias = vec![Bf16::put(f32::NAN); narrow.len()];
        let upstream = AttentionUpstream { dout, out: &out, log_sum_exp: &log_sum_exp };
        let gradients = gradients_of([&mut dq, &mut dk, &mut dv], Some(ViewMut::Bf16(&mut dbias)));
        schedule::backward(&problem, (&kernels, &kernels), upstream, gradients);
        let expected: Vec<Bf16> = wide.dbias.iter().flatten().map(|&gradient| Bf16::put(gradient)).collect();
        assert_eq!(dbias, expected, "{name}");
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits_of_a_biased_call() {
    for sizes in [[3, 70, 1300, 1, 1, 16], [3, 64, 64, 8, 4, 64]] {
        for biased in each_sharing(|| case(sizes, Visible::Window(200)), BiasKind::Hiding) {
            let data = biased.data::<f32>();
            for (name, kernels) in every(usize::MAX) {
                let run =
                    |threads| bits(&Pool::new(threads).install(|| biased.run(&data, (&kernels, &kernels), false)));
                let one = run(1);
                assert!(one == run(2) && one == run(3), "{name}: {sizes:?} {:?}", biased.bias);
            }
        }
    }
}

/// NaN and infinity in a bias reach only the query that sees them.
#[test]
fn odd_biases_reach_who_sees_them() {
    for odd in [f32::NAN, f32::INFINITY] {
        for queries in [3, 70] {
            let biased = BiasCase { batch: 1, heads: 1, kind: BiasKind::Small };
            let case = Case { bias: Some(biased), ..case([1, queries, 70, 1, 1, 8], Visible::Causal) };
            let mut data = case.data::<f32>();
            // For the last query but one: a key that it sees, and the one that it does not.
            let row = queries - 2;
            data.bias[row * 70 + 69] = odd;
            let baseline = every(queries).remove(0).1;
            for (name, kernels) in every(queries) {
                let outcome = case.run(&data, (&kernels, &baseline), queries == 3);
                let dbias = outcome.dbias.expect("a gradient");
                assert!(outcome.out.iter().chain(&dbias).all(|x| x.is_finite()), "{name}: {odd} was not to be seen");
            }
            data.bias[row * 70 + 5] = odd;
            for (name, kernels) in every(queries) {
                let outcome = case.run(&data, (&kernels, &baseline), queries == 3);
                for (query, out) in outcome.out.chunks(8).enumerate() {
                    assert_eq!(query == row, out.iter().any(|x| !x.is_finite()), "{name}: {odd} at {query}");
                }
                let [_, dk, _] = outcome.gradients.expect("gradients");
                assert!(dk.iter().any(|x| x.is_nan()), "{name}: {odd} is lost in the gradient");
            }
        }
    }
}

#[test]
fn an_empty_batch_clears_the_gradient_of_a_shared_bias() {
    let shape = AttentionShape { batch: 0, queries: 2, keys: 600, heads: 1, kv_heads: 1, head_size: 2 };
    let bias = Some(Bias { numbers: View::F32(&[1.0; 1200]), batch: 1, heads: 1 });
    let options = AttentionOptions { scale: 1.0, bias, ..AttentionOptions::default() };
    let mut dbias = [1.0f32; 1200];
    let upstream = AttentionUpstream { dout: &[], out: &[], log_sum_exp: &[] };
    let gradients = gradients_of([&mut [], &mut [], &mut []], Some(ViewMut::F32(&mut dbias)));
    attention_gradient::<f32>(shape, AttentionInputs { q: &[], k: &[], v: &[] }, upstream, options, gradients);
    assert_eq!(dbias, [0.0; 1200]);
}

#[test]
fn wrong_biases_say_what_is_wrong() {
    let shape = AttentionShape { batch: 2, queries: 1, keys: 8, heads: 2, kv_heads: 1, head_size: 2 };
    let with = |length: usize, batch, heads| {
        let numbers = vec![0.0; length];
        let bias = Some(Bias { numbers: View::F32(&numbers), batch, heads });
        refuses(shape, 32, AttentionOptions { scale: 1.0, bias, ..AttentionOptions::default() })
    };
    assert_eq!(with(31, 2, 2), "attention: bias has 31 elements, expected 32");
    assert_eq!(with(24, 3, 1), "attention: a bias of 3 rows and 1 heads for 2 rows and 2 heads");
}
