//! Fused attention, forward and backward: softmax(scale q k^T + bias) v without ever storing queries x keys numbers.
//!
//! Each query sees a range of keys (causal masks, windows, padding and packed documents are all ranges), and of those the
//! ones that a block layout lists, if there is one. Groups of query heads may share a key head, keys may be in pages, and dropout uses a counter-based generator. The order of all sums is
//! independent of the number of threads.
//!
//! Legend: B rows of the batch, T query tokens, S key tokens, H query heads, G key heads, D head size.

// Some of it is used only with AMX.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]

mod arena;
mod backward;
mod backward_block;
mod bias;
mod bias_gradient;
mod broadcast;
mod check;
mod chunks;
mod decode;
mod dispatch;
mod dropout;
mod forward;
mod forward_block;
mod gradient;
mod layout;
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
pub use layout::BlockLayout;
use problem::Problem;
pub use problem::{AttentionDropout, AttentionOptions, AttentionShape, Bias, DistanceBias, Pages};
pub use stored::Stored;

/// Queries [B, T, H, D] and the keys and values that they attend to, [B, S, G, D] or [pages, page size, G, D].
#[derive(Clone, Copy)]
pub struct AttentionInputs<'a, E> {
    pub q: &'a [E],
    pub k: &'a [E],
    pub v: &'a [E],
}

/// The results of the forward pass, and the gradient of its output.
#[derive(Clone, Copy)]
pub struct AttentionUpstream<'a, E> {
    /// [B, T, H, D]
    pub dout: &'a [E],
    /// [B, T, H, D]
    pub out: &'a [E],
    /// [B, H, T]
    pub log_sum_exp: &'a [f32],
}

/// The targets of the gradients; every element is written.
pub struct AttentionGradients<'a, E> {
    /// [B, T, H, D]
    pub dq: &'a mut [E],
    /// [B, S, G, D]
    pub dk: &'a mut [E],
    /// [B, S, G, D]
    pub dv: &'a mut [E],
    /// The gradient of the bias, if any, in its shape; in f32 if rows or heads share it.
    pub dbias: Option<ViewMut<'a>>,
    /// The gradients of the distance bias and the sinks, if any, in their shapes.
    pub ddistance_bias: Option<&'a mut [f32]>,
    pub dsinks: Option<&'a mut [f32]>,
}

/// `out` [B, T, H, D] = dropout(softmax(scale q k^T + bias)) v over the visible keys, and the natural logarithm of the sum of
/// exponentials of these scores and the sink, [B, H, T]. A query that sees no key gets zeros, and its sink or minus infinity. NaN and
/// infinity reach only the queries that see them.
///
/// # Panics
/// If sizes do not match, a visible key is on a page that does not exist, or the layout's lists are malformed.
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
    let (fast, plain) = dispatch::choose(problem.rows());
    if problem.rows() <= decode::MOST_ROWS && options.dropout.is_none() {
        schedule::decode(&problem, &fast, out, log_sum_exp);
    } else {
        schedule::forward(&problem, (&fast, &plain), out, log_sum_exp);
    }
}

/// The gradients of `attention`, summed over the query heads that share a key head. Needs only `out` and
/// `log_sum_exp` of the forward pass, and the same dropout.
///
/// # Panics
/// If sizes do not match, or keys are in pages.
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
    problem.check_gradients(&gradients);
    let (fast, plain) = dispatch::choose(problem.rows());
    schedule::backward(&problem, (&fast, &plain), upstream, gradients);
}
