//! Compares every instruction set with the reference, over odd sizes, ranges, pages, shared heads and dropout; checks that
//! results do not depend on the number of threads, and where infinity and NaN go.

mod bias;
mod case;
mod layout;

use super::dispatch::{Kernels, every};
use super::*;
use crate::bf16::Bf16;
use crate::parallel::Pool;
use case::{Case, EVERY_RANGE, Visible, agree, agree_f32, bits, case, refuses};

#[test]
fn odd_sizes() {
    for size in [1, 7, 16, 23, 33, 64, 65] {
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
    agree_f32(&case([2, 30, 150, 2, 2, 24], Visible::Ragged));
}

#[test]
fn panels_of_any_width_give_the_same_bits() {
    for dropout in [false, true] {
        let case = Case { dropout, ..case([3, 13, 150, 4, 4, 33], Visible::Ragged) };
        let data = case.data::<f32>();
        let every = every(13);
        let run = |kernels: &Kernels<f32>| bits(&case.run(&data, (kernels, kernels), false));
        for isa in ["avx2", "avx512"] {
            let of_isa = |(name, _): &&(&str, Kernels<f32>)| name.split(',').next() == Some(isa);
            let outcomes: Vec<_> = every.iter().filter(of_isa).map(|(_, kernels)| run(kernels)).collect();
            assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{isa}");
        }
    }
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

/// Results are rounded to 8 bits, and so is the output that the gradient uses; with tiles the probabilities are too.
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
            for (name, kernels) in every(usize::MAX) {
                let run =
                    |threads| bits(&Pool::new(threads).install(|| case.run(&data, (&kernels, &kernels), decoding)));
                let one = run(1);
                assert!(one == run(2) && one == run(3), "{name}: {sizes:?} {visible:?}");
            }
        }
    }
}

/// NaN or infinity in a key or value reaches exactly the queries that see it, even if the fastest kernels cannot take it.
#[test]
fn odd_numbers_reach_who_sees_them() {
    let at = 40;
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (which, queries) in [(0, 70), (1, 70), (2, 70), (1, 3), (2, 3)] {
            let case = case([1, queries, 70, 1, 1, 8], Visible::Causal);
            let mut data = case.data::<f32>();
            data.tensors[which][at * 8 + 3] = odd;
            let baseline = every(queries).remove(0).1;
            for (name, kernels) in every(queries) {
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

#[test]
fn wrong_calls_say_what_is_wrong() {
    let shape = AttentionShape { batch: 1, queries: 1, keys: 8, heads: 2, kv_heads: 1, head_size: 2 };
    let options = AttentionOptions { scale: 1.0, ..AttentionOptions::default() };
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
    // Keys that no query sees may be on a page that does not exist.
    let seen = AttentionOptions { pages: Some(pages), ranges: Some(&[0, 4]), ..options };
    let (q, k, mut out, mut log_sum_exp) = ([1.0f32; 4], [1.0; 32], [0.0; 4], [0.0; 2]);
    attention(shape, AttentionInputs { q: &q, k: &k, v: &k }, seen, &mut out, &mut log_sum_exp);
    assert_eq!(out, [1.0; 4]);
}
