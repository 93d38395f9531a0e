//! Block layouts, biases by distance and sinks, alone and together; and layouts that are refused.

use super::case::{BiasCase, BiasKind, LayoutCase};
use super::*;

const SOME_RANGES: [Visible; 3] = [Visible::All, Visible::Causal, Visible::Documents];

/// The same lists for all, lists per row, per head, and per both.
fn each_layout(case: impl Fn() -> Case, seed: u32) -> [Case; 4] {
    let AttentionShape { batch, heads, .. } = case().shape;
    let with = |batch, heads| Case { layout: Some(LayoutCase { batch, heads, seed }), ..case() };
    [with(1, 1), with(batch, 1), with(1, heads), with(batch, heads)]
}

#[test]
fn layouts_of_odd_sizes() {
    for (seed, size) in [1, 17, 64, 65, 130].into_iter().enumerate() {
        for visible in SOME_RANGES {
            each_layout(|| case([2, size, size + 3, 2, 2, 7], visible), seed as u32).iter().for_each(agree_f32);
        }
    }
    each_layout(|| case([2, 0, 5, 1, 1, 8], Visible::All), 1).iter().for_each(agree_f32);
    each_layout(|| case([2, 5, 0, 1, 1, 8], Visible::All), 1).iter().for_each(agree_f32);
}

#[test]
fn layouts_over_several_chunks() {
    for visible in SOME_RANGES {
        each_layout(|| case([1, 300, 1100, 2, 2, 16], visible), 11).iter().for_each(agree_f32);
        each_layout(|| case([2, 257, 257, 1, 1, 64], visible), 12).iter().for_each(agree_f32);
    }
}

#[test]
fn layouts_of_heads_that_share_keys() {
    for visible in SOME_RANGES {
        for (seed, heads) in [(21, 4), (22, 10)] {
            each_layout(|| case([2, 70, 140, heads, 2, 8], visible), seed).iter().for_each(agree_f32);
            each_layout(|| case([2, 1, 600, heads, 2, 8], visible), seed).iter().for_each(agree_f32);
        }
    }
}

#[test]
fn layouts_of_pages() {
    for (queries, page_size) in [(1, 16), (3, 5), (90, 70)] {
        for paged in each_layout(|| case([3, queries, 560, 2, 1, 33], Visible::Ragged), 31) {
            agree_f32(&Case { page_size: Some(page_size), ..paged });
        }
    }
}

#[test]
fn biases_by_distance() {
    for visible in EVERY_RANGE {
        for heads in [1, 3] {
            for (queries, keys) in [(1, 1), (7, 7), (33, 70), (130, 70), (1, 600)] {
                agree_f32(&Case { distances: heads, ..case([2, queries, keys, 3, 3, 7], visible) });
            }
        }
        for heads in [1, 6] {
            agree_f32(&Case { distances: heads, ..case([2, 70, 1100, 6, 2, 16], visible) });
            agree_f32(&Case { distances: heads, ..case([2, 2, 600, 6, 2, 16], visible) });
        }
    }
}

#[test]
fn sinks_of_heads() {
    for visible in EVERY_RANGE {
        for scale in [1.0, -1.0, 0.0] {
            for queries in [1, 70] {
                agree_f32(&Case { sinks: true, scale, ..case([2, queries, 140, 4, 2, 16], visible) });
            }
        }
        agree_f32(&Case { sinks: true, ..case([2, 7, 0, 2, 2, 8], visible) });
        agree_f32(&Case { sinks: true, dropout: true, ..case([2, 33, 33, 3, 3, 7], visible) });
    }
}

/// A sink of minus infinity is none; a high one takes everything.
#[test]
fn extreme_sinks() {
    for queries in [2, 70] {
        let plain = case([1, queries, 70, 2, 2, 8], Visible::Ragged);
        let sunk = Case { sinks: true, ..case([1, queries, 70, 2, 2, 8], Visible::Ragged) };
        for (name, kernels) in every(queries) {
            let mut data = sunk.data::<f32>();
            let run = |case: &Case, data: &case::Data<f32>| case.run(data, (&kernels, &kernels), queries == 2);
            data.sinks = vec![f32::NEG_INFINITY; 2];
            let (expected, actual) = (run(&plain, &plain.data()), run(&sunk, &data));
            assert_eq!((&actual.out, &actual.log_sum_exp), (&expected.out, &expected.log_sum_exp), "{name}");
            assert_eq!((actual.gradients, actual.dsinks), (expected.gradients, vec![0.0; 2]), "{name}");
            data.sinks = vec![1e4; 2];
            let outcome = run(&sunk, &data);
            assert!(
                outcome.out.iter().chain(outcome.gradients.iter().flatten().flatten()).all(|&x| x == 0.0),
                "{name}"
            );
            assert!(outcome.log_sum_exp.iter().all(|&x| x == 1e4), "{name}");
        }
    }
}

/// Everything at once: layout, both biases, sinks, dropout, shared heads.
fn all_together(sizes: [usize; 6], visible: Visible) -> [Case; 4] {
    let [batch, .., heads, _, _] = sizes;
    let bias = Some(BiasCase { batch, heads: 1, kind: BiasKind::Hiding });
    each_layout(|| Case { distances: heads, sinks: true, dropout: true, bias, ..case(sizes, visible) }, 41)
}

#[test]
fn all_options_together() {
    for visible in SOME_RANGES {
        all_together([2, 70, 600, 4, 2, 8], visible).iter().for_each(agree_f32);
    }
}

#[test]
fn layouts_in_bf16_are_as_exact_as_their_storage() {
    let bound = |name: &str| if name == "tiles" { 0.016 } else { 0.01 };
    for case in each_layout(|| case([2, 130, 260, 4, 2, 64], Visible::Causal), 51) {
        agree::<Bf16>(&Case { sinks: true, ..case }, bound);
    }
    for case in each_layout(|| case([2, 1, 600, 4, 2, 64], Visible::Causal), 52) {
        agree::<Bf16>(&case, bound);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits_of_a_layout() {
    for sizes in [[1, 300, 1300, 1, 1, 16], [2, 600, 600, 2, 1, 16], [3, 64, 64, 8, 4, 64]] {
        for case in all_together(sizes, Visible::Window(400)) {
            let data = case.data::<f32>();
            for (name, kernels) in every(usize::MAX) {
                let run = |threads| bits(&Pool::new(threads).install(|| case.run(&data, (&kernels, &kernels), false)));
                let one = run(1);
                assert!(one == run(2) && one == run(3), "{name}: {sizes:?} {:?}", case.layout);
            }
        }
    }
}

/// What no query sees may be NaN, in blocks that others see too.
#[test]
fn odd_numbers_stay_with_those_that_a_layout_shows_them() {
    for queries in [2, 70] {
        let layout = Some(LayoutCase { batch: 1, heads: 1, seed: 61 });
        let case = Case { layout, ..case([1, queries, 70, 1, 1, 8], Visible::All) };
        let at = 40;
        for which in [1, 2] {
            let mut data = case.data::<f32>();
            // Key 40 is seen by query 1 of each block alone.
            let lists = data.layout.as_mut().expect("a layout");
            lists.offsets = if queries > 64 { vec![0, 1, 2] } else { vec![0, 1] };
            lists.blocks = vec![0, 0, 0, 0];
            lists.blocks.truncate(2 * (lists.offsets.len() - 1));
            lists.masks.truncate(128);
            for query in 0..64 {
                lists.masks[2 * query] = !0;
                lists.masks[2 * query + 1] = if query == 1 { !0 } else { !(1 << (at - 32)) };
            }
            data.tensors[which][at * 8 + 3] = f32::NAN;
            let baseline = every(queries).remove(0).1;
            for (name, kernels) in every(queries) {
                let outcome = case.run(&data, (&kernels, &baseline), queries == 2);
                for (row, out) in outcome.out.chunks(8).enumerate() {
                    assert_eq!(row % 64 == 1, out.iter().any(|x| !x.is_finite()), "{name}: {which} at {row}");
                }
            }
        }
    }
}

#[test]
fn wrong_layouts_say_what_is_wrong() {
    let shape = AttentionShape { batch: 1, queries: 65, keys: 70, heads: 2, kv_heads: 1, head_size: 2 };
    let masks = [0; 128];
    let refusal = |offsets: &[i32], blocks: &[i32]| {
        let layout = Some(BlockLayout { batch: 1, heads: 1, offsets, blocks, masks: &masks });
        refuses(shape, 140, AttentionOptions { scale: 1.0, layout, ..AttentionOptions::default() })
    };
    assert_eq!(refusal(&[0, 1], &[0, 0]), "attention: offsets has 2 elements, expected 3");
    assert_eq!(refusal(&[0, 1, 2], &[0, 0, 0]), "attention: blocks has 3 elements, expected 2");
    let start = "attention: the layout's";
    for (offsets, number, at) in [([1, 1, 2], 1, 0), ([0, 2, 1], 2, 1), ([0, -1, 2], 0, 0), ([0, 1, 3], 1, 1)] {
        let ending = format!("offset {at} is {number}");
        let message = refusal(&offsets, &[0, 0, 0, 0]);
        assert!(message.starts_with(&format!("{start} offsets must ascend from 0 to 2")), "{offsets:?}: {message}");
        assert!(message.ends_with(&ending), "{offsets:?}: {message}");
    }
    let in_list = |blocks: &[i32]| refusal(&[0, 0, 2], blocks);
    assert_eq!(in_list(&[0, 0, 2, 0]), format!("{start} list 1 has block 2, but there are 2 blocks of keys"));
    assert_eq!(in_list(&[-1, 0, 1, 0]), format!("{start} list 1 has block -1, but there are 2 blocks of keys"));
    assert_eq!(in_list(&[1, 0, 0, 0]), format!("{start} list 1 must ascend, but block 0 comes after block 1"));
    assert_eq!(in_list(&[1, 0, 1, 0]), format!("{start} list 1 must ascend, but block 1 comes after block 1"));
    assert_eq!(in_list(&[0, 1, 1, 0]), format!("{start} list 1 has mask 1, but there are 1 masks"));
    assert_eq!(in_list(&[0, -2, 1, 0]), format!("{start} list 1 has mask -2, but there are 1 masks"));
    let layout = Some(BlockLayout { batch: 1, heads: 3, offsets: &[0], blocks: &[], masks: &[] });
    assert_eq!(
        refuses(shape, 140, AttentionOptions { layout, ..AttentionOptions::default() }),
        "attention: a layout of 1 rows and 3 heads for 1 rows and 2 heads"
    );
    let distance_bias = Some(DistanceBias { numbers: &[0.0; 134], heads: 2 });
    assert_eq!(
        refuses(shape, 140, AttentionOptions { distance_bias, ..AttentionOptions::default() }),
        "attention: distanceBias has 134 elements, expected 268"
    );
    assert_eq!(
        refuses(shape, 140, AttentionOptions { sinks: Some(&[0.0]), ..AttentionOptions::default() }),
        "attention: sinks has 1 elements, expected 2"
    );
}
