//! The fused operations of a transformer's forward and backward pass.

use megatron_kernels::attention::{
    AttentionDropout, AttentionGradients, AttentionInputs, AttentionOptions, AttentionShape, AttentionUpstream, Bias,
    Pages, attention, attention_gradient,
};
use megatron_kernels::dropout::{Dropout, dropout};
use megatron_kernels::embedding::{embedding, embedding_gradient, id_outside};
use megatron_kernels::memory::{Buffer, Kind};
use megatron_kernels::norm::{Norm, normalise, normalise_gradient};
use megatron_kernels::softmax::{cross_entropy, cross_entropy_gradient, label_outside};
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::Engine;
use crate::tensors::{Tensors, invalid, wide};

/// Shape and options of one attention.
#[napi(object)]
pub struct AttentionCall {
    pub batch: u32,
    pub queries: u32,
    pub keys: u32,
    pub num_heads: u32,
    pub num_key_value_heads: u32,
    pub head_size: u32,
    pub scale: f64,
    /// Handles, or -1.
    pub key_ranges: i32,
    pub page_table: i32,
    pub page_size: u32,
    /// Rate, key (2), origin (4), global shape (4); empty without dropout.
    pub dropout: Vec<f64>,
    /// A handle, or -1, and how many rows and heads it is for.
    pub bias: i32,
    pub bias_batch: u32,
    pub bias_heads: u32,
}

impl AttentionCall {
    fn shape(&self) -> AttentionShape {
        AttentionShape {
            batch: self.batch as usize,
            queries: self.queries as usize,
            keys: self.keys as usize,
            heads: self.num_heads as usize,
            kv_heads: self.num_key_value_heads as usize,
            head_size: self.head_size as usize,
        }
    }

    /// Room for the gradient of the bias: in its storage, or in f32 where rows or heads share it.
    fn bias_gradient(&self, tensors: &Tensors) -> Result<Option<Buffer>> {
        let alone = (self.bias_batch, self.bias_heads) == (self.batch, self.num_heads);
        let bias = tensors.optional(self.bias)?;
        Ok(bias.map(|bias| tensors.buffer(if alone { bias.kind() } else { Kind::F32 }, bias.len())))
    }

    fn options<'a>(&self, tensors: &'a Tensors) -> Result<AttentionOptions<'a>> {
        let four = |at: usize| std::array::from_fn(|i| self.dropout[at + i] as usize);
        let pages = tensors.optional(self.page_table)?.map(|table| Pages {
            table: table.i32(),
            pages_per_row: table.len() / (self.batch as usize).max(1),
            page_size: self.page_size as usize,
        });
        Ok(AttentionOptions {
            scale: self.scale as f32,
            ranges: tensors.optional(self.key_ranges)?.map(Buffer::i32),
            pages,
            bias: tensors.optional(self.bias)?.map(|numbers| Bias {
                numbers: numbers.view(),
                batch: self.bias_batch as usize,
                heads: self.bias_heads as usize,
            }),
            dropout: (self.dropout.len() == 11).then(|| AttentionDropout {
                rate: self.dropout[0] as _,
                key: [self.dropout[1] as u32, self.dropout[2] as u32],
                origin: four(3),
                global_shape: four(7),
            }),
        })
    }
}

/// Tensors in one storage: that of all, or f32 where they differ.
fn alike<'a, const N: usize>(tensors: &'a Tensors, handles: [u32; N]) -> Result<(Kind, [Stored<'a>; N])> {
    let mut buffers = Vec::with_capacity(N);
    for handle in handles {
        buffers.push(tensors.get(handle)?);
    }
    let kind = if buffers.iter().all(|buffer| buffer.kind() == Kind::Bf16) { Kind::Bf16 } else { Kind::F32 };
    let stored = |i: usize| match buffers[i] {
        buffer if buffer.kind() == kind => Stored::Same(buffer),
        buffer => Stored::Copy(buffer.stored_as(kind)),
    };
    Ok((kind, std::array::from_fn(stored)))
}

enum Stored<'a> {
    Same(&'a Buffer),
    Copy(Buffer),
}

impl std::ops::Deref for Stored<'_> {
    type Target = Buffer;

    fn deref(&self) -> &Buffer {
        match self {
            Stored::Same(buffer) => buffer,
            Stored::Copy(buffer) => buffer,
        }
    }
}

fn norm_of(rms: bool) -> Norm {
    if rms { Norm::Rms } else { Norm::Layer }
}

#[napi]
impl Engine {
    /// [y, rstd] of RMS normalisation where beta is -1, else [y, mean, rstd] of layer normalisation.
    #[napi]
    pub fn normalise(&self, x: u32, gamma: u32, beta: i32, epsilon: f64) -> Result<Vec<u32>> {
        self.run(|tensors| {
            let (x, gamma) = (tensors.get(x)?, wide(tensors.get(gamma)?));
            let beta = tensors.optional(beta)?.map(wide);
            let rows = x.len() / gamma.len().max(1);
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

    /// [dx, dgamma] of RMS normalisation where mean is -1, else [dx, dgamma, dbeta] of layer normalisation.
    #[napi]
    pub fn normalise_gradient(&self, dy: u32, x: u32, gamma: u32, mean: i32, rstd: u32) -> Result<Vec<u32>> {
        self.run(|tensors| {
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

    /// ids, table [V, width] -> [..., width], in the storage of the table.
    #[napi]
    pub fn embedding(&self, ids: u32, table: u32, width: u32) -> Result<u32> {
        self.run(|tensors| {
            let (ids, table, width) = (tensors.get(ids)?.i32(), tensors.get(table)?, width as usize);
            let rows = table.len() / width.max(1);
            if let Some(id) = id_outside(ids, rows) {
                return Err(invalid(format!("embedding: token id {id} is outside the vocabulary of {rows}")));
            }
            let mut out = tensors.buffer(table.kind(), ids.len() * width);
            embedding(ids, table.view(), width, out.view_mut());
            Ok(tensors.add(out))
        })
    }

    /// ids, dy [..., width] -> [rows, width], always f32.
    #[napi]
    pub fn embedding_gradient(&self, ids: u32, dy: u32, rows: u32, width: u32) -> Result<u32> {
        self.run(|tensors| {
            let (ids, dy) = (tensors.get(ids)?.i32(), tensors.get(dy)?);
            let (rows, width) = (rows as usize, width as usize);
            if let Some(id) = id_outside(ids, rows) {
                return Err(invalid(format!("embedding: token id {id} is outside the vocabulary of {rows}")));
            }
            let mut out = tensors.buffer(Kind::F32, rows * width);
            embedding_gradient(ids, dy.view(), width, out.f32_mut());
            Ok(tensors.add(out))
        })
    }

    /// `place` is the sizes of x, its origin and the sizes of the unsplit tensor, one after the other.
    #[napi]
    pub fn dropout(&self, x: u32, rate: f64, key0: u32, key1: u32, place: &[f64]) -> Result<u32> {
        self.run(|tensors| {
            let x = tensors.get(x)?;
            let sizes: Vec<usize> = place.iter().map(|&size| size as usize).collect();
            let rank = sizes.len() / 3;
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
    pub fn cross_entropy(&self, logits: u32, labels: u32, vocabulary: u32) -> Result<Vec<u32>> {
        self.run(|tensors| {
            let (logits, labels) = (tensors.get(logits)?, tensors.get(labels)?.i32());
            if let Some(label) = label_outside(labels, vocabulary as usize) {
                return Err(invalid(format!("crossEntropy: label {label} is outside the vocabulary of {vocabulary}")));
            }
            let (mut loss, mut sums) =
                (tensors.buffer(Kind::F32, labels.len()), tensors.buffer(Kind::F32, labels.len()));
            cross_entropy(logits.view(), labels, loss.f32_mut(), sums.f32_mut());
            Ok(vec![tensors.add(loss), tensors.add(sums)])
        })
    }

    /// dlogits [N, V], in the storage of the logits.
    #[napi]
    pub fn cross_entropy_gradient(&self, dloss: u32, logits: u32, labels: u32, sums: u32) -> Result<u32> {
        self.run(|tensors| {
            let (logits, labels, sums) = (tensors.get(logits)?, tensors.get(labels)?.i32(), tensors.get(sums)?.f32());
            let dloss = wide(tensors.get(dloss)?);
            let mut out = tensors.buffer(logits.kind(), logits.len());
            cross_entropy_gradient(&dloss, logits.view(), labels, sums, out.view_mut());
            Ok(tensors.add(out))
        })
    }

    /// q [B, T, H, D], k and v [B, S, G, D] or pages -> [out, logSumExp [B, H, T]].
    #[napi]
    pub fn attention(&self, q: u32, k: u32, v: u32, call: AttentionCall) -> Result<Vec<u32>> {
        self.run(|tensors| {
            let (kind, [q, k, v]) = alike(tensors, [q, k, v])?;
            let (shape, options) = (call.shape(), call.options(tensors)?);
            let mut out = tensors.buffer(kind, q.len());
            let mut sums = tensors.buffer(Kind::F32, shape.batch * shape.heads * shape.queries);
            if kind == Kind::Bf16 {
                let inputs = AttentionInputs { q: q.bf16(), k: k.bf16(), v: v.bf16() };
                attention(shape, inputs, options, out.bf16_mut(), sums.f32_mut());
            } else {
                let inputs = AttentionInputs { q: q.f32(), k: k.f32(), v: v.f32() };
                attention(shape, inputs, options, out.f32_mut(), sums.f32_mut());
            }
            drop((q, k, v));
            Ok(vec![tensors.add(out), tensors.add(sums)])
        })
    }

    /// [dq, dk, dv] and, where there is a bias, its gradient.
    #[napi]
    #[allow(clippy::too_many_arguments)]
    pub fn attention_gradient(
        &self,
        dout: u32,
        q: u32,
        k: u32,
        v: u32,
        out: u32,
        sums: u32,
        call: AttentionCall,
    ) -> Result<Vec<u32>> {
        self.run(|tensors| {
            // The gradients take the storage of the forward pass, whatever came from above.
            let (kind, [q, k, v, out]) = alike(tensors, [q, k, v, out])?;
            let dout = tensors.get(dout)?;
            let dout = if dout.kind() == kind { Stored::Same(dout) } else { Stored::Copy(dout.stored_as(kind)) };
            let log_sum_exp = tensors.get(sums)?.f32();
            let (shape, options) = (call.shape(), call.options(tensors)?);
            let mut gradients = [q.len(), k.len(), v.len()].map(|length| tensors.buffer(kind, length));
            let mut bias_gradient = call.bias_gradient(tensors)?;
            let dbias = bias_gradient.as_mut().map(Buffer::view_mut);
            let [dq, dk, dv] = &mut gradients;
            if kind == Kind::Bf16 {
                let inputs = AttentionInputs { q: q.bf16(), k: k.bf16(), v: v.bf16() };
                let upstream = AttentionUpstream { dout: dout.bf16(), out: out.bf16(), log_sum_exp };
                let to = AttentionGradients { dq: dq.bf16_mut(), dk: dk.bf16_mut(), dv: dv.bf16_mut(), dbias };
                attention_gradient(shape, inputs, upstream, options, to);
            } else {
                let inputs = AttentionInputs { q: q.f32(), k: k.f32(), v: v.f32() };
                let upstream = AttentionUpstream { dout: dout.f32(), out: out.f32(), log_sum_exp };
                let to = AttentionGradients { dq: dq.f32_mut(), dk: dk.f32_mut(), dv: dv.f32_mut(), dbias };
                attention_gradient(shape, inputs, upstream, options, to);
            }
            drop((q, k, v, out, dout));
            Ok(gradients.into_iter().chain(bias_gradient).map(|gradient| tensors.add(gradient)).collect())
        })
    }
}
