//! The fused operations of a transformer's forward and backward passes but for attention.

use megatron_kernels::dropout::{Dropout, dropout};
use megatron_kernels::embedding::{embedding, embedding_gradient, id_outside};
use megatron_kernels::memory::{Buffer, Kind};
use megatron_kernels::norm::{Norm, normalise, normalise_gradient};
use megatron_kernels::rotary::{RotaryShape, rotate};
use megatron_kernels::softmax::{Targets, cross_entropy, cross_entropy_gradient, label_outside};
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::Engine;
use crate::sizes::{Size, count, shape, shape_list, size, sizes};
use crate::tensors::{Handle, OptionalHandle, invalid, wide};

fn norm_of(rms: bool) -> Norm {
    if rms { Norm::Rms } else { Norm::Layer }
}

#[napi]
impl Engine {
    /// x [rows, h] -> [y, rstd] of RMS normalisation if beta is -1, else [y, mean, rstd] of layer normalisation.
    #[napi]
    pub fn normalise(
        &self,
        x: Handle,
        gamma: Handle,
        beta: OptionalHandle,
        rows: Size,
        epsilon: f64,
    ) -> Result<Vec<Handle>> {
        self.run(move |tensors| {
            let (x, gamma) = (tensors.get(x)?, wide(tensors.get(gamma)?));
            let beta = tensors.optional(beta)?.map(wide);
            let [rows, h] = [size(rows)?, gamma.len()];
            if count(&[rows, h])? != x.len() {
                return Err(invalid(format!("{} elements do not fill [{rows}, {h}]", x.len())));
            }
            let mut y = tensors.buffer(tensors.activation_kind(), x.len());
            let means = if beta.is_some() { rows } else { 0 };
            let (mut mean, mut rstd) = (tensors.buffer(Kind::F32, means), tensors.buffer(Kind::F32, rows));
            let parameters: (&[f32], &[f32]) = (&gamma, beta.as_deref().unwrap_or(&[]));
            let statistics = (mean.f32_mut(), rstd.f32_mut());
            normalise(norm_of(beta.is_none()), x.view(), parameters, epsilon as f32, y.view_mut(), statistics);
            let layer = beta.is_some();
            let y = tensors.add(y);
            Ok(if layer { vec![y, tensors.add(mean), tensors.add(rstd)] } else { vec![y, tensors.add(rstd)] })
        })
    }

    /// [dx, dgamma] of RMS normalisation if mean is -1, else [dx, dgamma, dbeta] of layer normalisation.
    #[napi]
    pub fn normalise_gradient(
        &self,
        dy: Handle,
        x: Handle,
        gamma: Handle,
        mean: OptionalHandle,
        rstd: Handle,
    ) -> Result<Vec<Handle>> {
        self.run(move |tensors| {
            let (dy, x, gamma) = (tensors.get(dy)?, tensors.get(x)?, wide(tensors.get(gamma)?));
            let (mean, rstd) = (tensors.optional(mean)?.map(Buffer::f32), tensors.get(rstd)?.f32());
            let mut dx = tensors.buffer(x.kind(), x.len());
            let shifts = if mean.is_some() { gamma.len() } else { 0 };
            let (mut dgamma, mut dbeta) = (tensors.buffer(Kind::F32, gamma.len()), tensors.buffer(Kind::F32, shifts));
            let statistics = (mean.unwrap_or(&[]), rstd);
            let sums = (dgamma.f32_mut(), dbeta.f32_mut());
            normalise_gradient(norm_of(mean.is_none()), (dy.view(), x.view()), &gamma, statistics, dx.view_mut(), sums);
            let layer = mean.is_some();
            let (dx, dgamma) = (tensors.add(dx), tensors.add(dgamma));
            Ok(if layer { vec![dx, dgamma, tensors.add(dbeta)] } else { vec![dx, dgamma] })
        })
    }

    /// x [tokens, heads, size], cosines and sines [tokens, half] -> x turned, backwards if `inverse`, in its storage.
    #[napi]
    pub fn rotary(
        &self,
        x: Handle,
        cosines: Handle,
        sines: Handle,
        heads: Size,
        head_size: Size,
        inverse: bool,
    ) -> Result<Handle> {
        self.run(move |tensors| {
            let (x, cosines, sines) = (tensors.get(x)?, wide(tensors.get(cosines)?), wide(tensors.get(sines)?));
            let [heads, head_size] = sizes([heads, head_size])?;
            let width = count(&[heads, head_size])?;
            let tokens = x.len() / width.max(1);
            let half = cosines.len() / tokens.max(1);
            if x.len() != tokens * width || [cosines.len(), sines.len()] != [tokens * half; 2] || 2 * half > head_size {
                return Err(invalid(format!("{} angles do not turn {tokens} tokens of {width}", cosines.len())));
            }
            let mut out = tensors.buffer(x.kind(), x.len());
            rotate(x.view(), (&cosines, &sines), RotaryShape { heads, size: head_size }, half, inverse, out.view_mut());
            Ok(tensors.add(out))
        })
    }

    /// ids, table [V, width] -> [..., width], in the storage of the table in bf16 precision, else f32.
    #[napi]
    pub fn embedding(&self, ids: Handle, table: Handle, width: Size) -> Result<Handle> {
        self.run(move |tensors| {
            let (ids, table, width) = (tensors.get(ids)?.i32(), tensors.get(table)?, size(width)?);
            let rows = table.len() / width.max(1);
            if let Some(id) = id_outside(ids, rows) {
                return Err(invalid(format!("embedding: token id {id} is outside the vocabulary of {rows}")));
            }
            // Narrow rows are the start of narrow activations only where products round to bf16 too.
            let kind = if tensors.activation_kind() == Kind::F32 { Kind::F32 } else { table.kind() };
            let mut out = tensors.buffer(kind, count(&[ids.len(), width])?);
            embedding(ids, table.view(), width, out.view_mut());
            Ok(tensors.add(out))
        })
    }

    /// ids, dy [..., width] -> [rows, width], always f32.
    #[napi]
    pub fn embedding_gradient(&self, ids: Handle, dy: Handle, rows: Size, width: Size) -> Result<Handle> {
        self.run(move |tensors| {
            let (ids, dy) = (tensors.get(ids)?.i32(), tensors.get(dy)?);
            let [rows, width] = shape([rows, width])?;
            if let Some(id) = id_outside(ids, rows) {
                return Err(invalid(format!("embedding: token id {id} is outside the vocabulary of {rows}")));
            }
            let mut out = tensors.buffer(Kind::F32, rows * width);
            embedding_gradient(ids, dy.view(), width, out.f32_mut());
            Ok(tensors.add(out))
        })
    }

    /// `part` is the shape of x, its origin and the shape of the unsplit tensor, one after another.
    #[napi]
    pub fn dropout(&self, x: Handle, rate: f64, key0: u32, key1: u32, part: &[f64]) -> Result<Handle> {
        let part = part.to_vec();
        self.run(move |tensors| {
            let x = tensors.get(x)?;
            let rank = part.len() / 3;
            if part.len() != 3 * rank || !(0.0..1.0).contains(&rate) {
                return Err(invalid(format!("dropout: expected three shapes and a rate in [0, 1), got {rate}")));
            }
            shape_list(&part[..rank])?;
            let sizes = part.iter().map(|&value| size(value)).collect::<Result<Vec<_>>>()?;
            let options = Dropout {
                rate,
                key: [key0, key1],
                shape: &sizes[..rank],
                origin: &sizes[rank..2 * rank],
                global_shape: &sizes[2 * rank..],
            };
            let mut out = tensors.buffer(x.kind(), x.len());
            dropout(&options, x.view(), out.view_mut());
            Ok(tensors.add(out))
        })
    }

    /// logits [N, V], labels [N] -> [loss [N], logSumExp [N]].
    #[napi]
    pub fn cross_entropy(
        &self,
        logits: Handle,
        labels: Handle,
        vocabulary: Size,
        smoothing: f64,
    ) -> Result<Vec<Handle>> {
        self.run(move |tensors| {
            let (logits, labels) = (tensors.get(logits)?, tensors.get(labels)?.i32());
            let vocabulary = size(vocabulary)?;
            if count(&[labels.len(), vocabulary])? != logits.len() {
                let (rows, given) = (labels.len(), logits.len());
                return Err(invalid(format!("crossEntropy: {given} logits do not fill [{rows}, {vocabulary}]")));
            }
            if let Some(label) = label_outside(labels, vocabulary) {
                return Err(invalid(format!("crossEntropy: label {label} is outside the vocabulary of {vocabulary}")));
            }
            let (mut loss, mut sums) =
                (tensors.buffer(Kind::F32, labels.len()), tensors.buffer(Kind::F32, labels.len()));
            let targets = Targets { labels, smoothing: smoothing as f32 };
            cross_entropy(logits.view(), targets, loss.f32_mut(), sums.f32_mut());
            Ok(vec![tensors.add(loss), tensors.add(sums)])
        })
    }

    /// dlogits [N, V], in the storage of the logits.
    #[napi]
    pub fn cross_entropy_gradient(
        &self,
        dloss: Handle,
        logits: Handle,
        labels: Handle,
        sums: Handle,
        smoothing: f64,
    ) -> Result<Handle> {
        self.run(move |tensors| {
            let (logits, labels, sums) = (tensors.get(logits)?, tensors.get(labels)?.i32(), tensors.get(sums)?.f32());
            let dloss = wide(tensors.get(dloss)?);
            let mut out = tensors.buffer(logits.kind(), logits.len());
            let targets = Targets { labels, smoothing: smoothing as f32 };
            cross_entropy_gradient(&dloss, logits.view(), targets, sums, out.view_mut());
            Ok(tensors.add(out))
        })
    }
}
