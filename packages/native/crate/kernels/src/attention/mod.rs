//! Fused attention, forward and backward: softmax(scale q k^T + bias) v without ever storing queries x keys numbers.
//!
//! Keys are visible by a range per query (causal, windows, padding, packed documents are all ranges), may be shared by groups of query
//! heads, may lie in pages, and probabilities may be dropped by a counter-based generator. Everything is summed in an
//! order that does not depend on the number of threads.
//!
//! Legend: B rows of the batch, T query tokens, S key tokens, H query heads, G key heads, D head size.

// Some of it serves AMX's tiles alone.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]

mod arena;
mod backward;
mod backward_block;
mod bias;
mod broadcast;
mod check;
mod decode;
mod dispatch;
mod dropout;
mod forward;
mod forward_block;
mod gradient;
mod pack;
mod problem;
mod product;
mod ranges;
#[cfg(test)]
mod reference;
mod schedule;
mod softmax;
mod stored;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod tile_pack;
#[cfg(target_arch = "x86_64")]
mod tiles;

use crate::view::ViewMut;
use problem::Problem;
pub use problem::{AttentionDropout, AttentionOptions, AttentionShape, Bias, Pages};
pub use stored::Stored;

/// Queries [B, T, H, D] and the keys and values that they look at, [B, S, G, D] or [pages, page size, G, D].
#[derive(Clone, Copy)]
pub struct AttentionInputs<'a, E> {
    pub q: &'a [E],
    pub k: &'a [E],
    pub v: &'a [E],
}

/// What the forward pass returned, and the gradient of its output.
#[derive(Clone, Copy)]
pub struct AttentionUpstream<'a, E> {
    /// [B, T, H, D]
    pub dout: &'a [E],
    /// [B, T, H, D]
    pub out: &'a [E],
    /// [B, H, T]
    pub log_sum_exp: &'a [f32],
}

/// Where the gradients go; every element is written.
pub struct AttentionGradients<'a, E> {
    /// [B, T, H, D]
    pub dq: &'a mut [E],
    /// [B, S, G, D]
    pub dk: &'a mut [E],
    /// [B, S, G, D]
    pub dv: &'a mut [E],
    /// Of the bias, in its shape, where there is one; in f32 where rows or heads share it.
    pub dbias: Option<ViewMut<'a>>,
}

/// `out` [B, T, H, D] = dropout(softmax(scale q k^T + bias)) v over the visible keys, and the natural logarithm of the sum of
/// exponentials of these scores, [B, H, T]. A query that sees nothing gets zeros and minus infinity. NaN and infinity
/// reach the queries that see them and no others.
///
/// # Panics
/// Where sizes do not fit together, or a visible key lies on a page that does not exist.
pub fn attention<E: Stored>(
    shape: AttentionShape,
    AttentionInputs { q, k, v }: AttentionInputs<E>,
    options: AttentionOptions,
    out: &mut [E],
    log_sum_exp: &mut [f32],
) {
    let problem = Problem { shape, options, q, k, v };
    problem.check();
    check::length("out", out.len(), q.len());
    check::length("logSumExp", log_sum_exp.len(), shape.batch * shape.heads * shape.queries);
    if out.is_empty() {
        return;
    }
    let (fast, plain) = dispatch::choose();
    if problem.rows() <= decode::MOST_ROWS && options.dropout.is_none() {
        schedule::decode(&problem, &fast, out, log_sum_exp);
    } else {
        schedule::forward(&problem, (&fast, &plain), out, log_sum_exp);
    }
}

/// The gradients of `attention`, summed over the query heads that share a key head. Nothing is saved but `out` and
/// `log_sum_exp`; dropout must be the same.
///
/// # Panics
/// Where sizes do not fit together, or keys lie in pages.
pub fn attention_gradient<E: Stored>(
    shape: AttentionShape,
    AttentionInputs { q, k, v }: AttentionInputs<E>,
    upstream: AttentionUpstream<E>,
    options: AttentionOptions,
    gradients: AttentionGradients<E>,
) {
    let problem = Problem { shape, options, q, k, v };
    problem.check();
    assert!(options.pages.is_none(), "attention: the gradient takes contiguous keys and values, not pages");
    check::length("dout", upstream.dout.len(), q.len());
    check::length("out", upstream.out.len(), q.len());
    check::length("logSumExp", upstream.log_sum_exp.len(), shape.batch * shape.heads * shape.queries);
    check::length("dq", gradients.dq.len(), q.len());
    check::length("dk", gradients.dk.len(), k.len());
    check::length("dv", gradients.dv.len(), v.len());
    problem.check_bias_gradient(gradients.dbias.as_ref());
    let (fast, plain) = dispatch::choose();
    schedule::backward(&problem, (&fast, &plain), upstream, gradients);
}
