//! Attention and its gradient: what JavaScript says of it, as the kernels take it.

use megatron_kernels::attention::{
    AttentionDropout, AttentionGradients, AttentionInputs, AttentionOptions, AttentionShape, AttentionUpstream, Bias,
    BlockLayout, DistanceBias, Pages, attention, attention_gradient,
};
use megatron_kernels::memory::{Buffer, Kind};
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::Engine;
use crate::sizes::{Size, count, shape, size, sizes};
use crate::tensors::{Handle, OptionalHandle, Tensors, Wide, invalid, wide};

/// Shape and options of one attention.
#[napi(object)]
pub struct AttentionCall {
    pub batch: Size,
    pub queries: Size,
    pub keys: Size,
    pub num_heads: Size,
    pub num_key_value_heads: Size,
    pub head_size: Size,
    pub scale: f64,
    pub key_ranges: OptionalHandle,
    pub page_table: OptionalHandle,
    pub page_size: Size,
    /// Rate, key (2), origin (4), global shape (4); empty without dropout.
    pub dropout: Vec<f64>,
    pub bias: OptionalHandle,
    /// The number of rows and of heads of the bias.
    pub bias_batch: Size,
    pub bias_heads: Size,
    /// Offsets, blocks and masks of a layout; empty without one.
    pub layout: Vec<Handle>,
    /// The number of rows and of heads with lists of their own.
    pub layout_batch: Size,
    pub layout_heads: Size,
    pub distance_bias: OptionalHandle,
    pub distance_bias_heads: Size,
    pub sinks: OptionalHandle,
}

/// Biases and sinks in f32, whatever their storage.
struct SmallOperands<'a> {
    distance_bias: Option<Wide<'a>>,
    sinks: Option<Wide<'a>>,
}

impl AttentionCall {
    fn shape(&self) -> Result<AttentionShape> {
        let [batch, queries, heads, head_size] = shape([self.batch, self.queries, self.num_heads, self.head_size])?;
        let [keys, kv_heads] = sizes([self.keys, self.num_key_value_heads])?;
        count(&[batch, keys, kv_heads, head_size])?;
        count(&[batch, queries, 2])?;
        Ok(AttentionShape { batch, queries, keys, heads, kv_heads, head_size })
    }

    /// Room for the gradient of the bias: in its storage, or in f32 if rows or heads share it.
    fn bias_gradient(&self, tensors: &Tensors) -> Result<Option<Buffer>> {
        let alone = (self.bias_batch, self.bias_heads) == (self.batch, self.num_heads);
        let bias = tensors.optional(self.bias)?;
        Ok(bias.map(|bias| tensors.buffer(if alone { bias.kind() } else { Kind::F32 }, bias.len())))
    }

    fn dropout(&self) -> Result<Option<AttentionDropout>> {
        if self.dropout.is_empty() {
            return Ok(None);
        }
        let numbers: [f64; 11] =
            self.dropout[..].try_into().map_err(|_| invalid("attention: expected eleven numbers for dropout"))?;
        let [rate, key0, key1, places @ ..] = numbers;
        let [b, h, t, s, global_shape @ ..] = sizes(places)?;
        Ok(Some(AttentionDropout { rate, key: [key0 as u32, key1 as u32], origin: [b, h, t, s], global_shape }))
    }

    fn layout<'a>(&self, tensors: &'a Tensors) -> Result<Option<BlockLayout<'a>>> {
        if self.layout.is_empty() {
            return Ok(None);
        }
        let [offsets, blocks, masks]: [Handle; 3] =
            self.layout[..].try_into().map_err(|_| invalid("attention: expected three tensors of a layout"))?;
        let [batch, heads] = sizes([self.layout_batch, self.layout_heads])?;
        count(&[batch, heads, size(self.queries)?])?;
        let numbers = |handle| tensors.get(handle).map(Buffer::i32);
        Ok(Some(BlockLayout {
            batch,
            heads,
            offsets: numbers(offsets)?,
            blocks: numbers(blocks)?,
            masks: numbers(masks)?,
        }))
    }

    fn small_operands<'a>(&self, tensors: &'a Tensors) -> Result<SmallOperands<'a>> {
        Ok(SmallOperands {
            distance_bias: tensors.optional(self.distance_bias)?.map(wide),
            sinks: tensors.optional(self.sinks)?.map(wide),
        })
    }

    fn options<'a>(&self, tensors: &'a Tensors, small: &'a SmallOperands) -> Result<AttentionOptions<'a>> {
        let pages = match tensors.optional(self.page_table)? {
            None => None,
            Some(table) => {
                let [batch, page_size] = sizes([self.batch, self.page_size])?;
                let pages_per_row = table.len() / batch.max(1);
                count(&[pages_per_row, page_size])?;
                Some(Pages { table: table.i32(), pages_per_row, page_size })
            }
        };
        let [bias_batch, bias_heads] = sizes([self.bias_batch, self.bias_heads])?;
        count(&[bias_batch, bias_heads, size(self.queries)?, size(self.keys)?])?;
        Ok(AttentionOptions {
            scale: self.scale as f32,
            ranges: tensors.optional(self.key_ranges)?.map(Buffer::i32),
            pages,
            layout: self.layout(tensors)?,
            distance_bias: match &small.distance_bias {
                None => None,
                Some(numbers) => Some(DistanceBias { numbers, heads: size(self.distance_bias_heads)? }),
            },
            sinks: small.sinks.as_deref(),
            bias: tensors.optional(self.bias)?.map(|numbers| Bias {
                numbers: numbers.view(),
                batch: bias_batch,
                heads: bias_heads,
            }),
            dropout: self.dropout()?,
        })
    }
}

/// Tensors in one storage type: that of all, or f32 if they differ.
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

#[napi]
impl Engine {
    /// q [B, T, H, D], k and v [B, S, G, D] or pages -> [out, logSumExp [B, H, T]].
    #[napi]
    pub fn attention(&self, q: Handle, k: Handle, v: Handle, call: AttentionCall) -> Result<Vec<Handle>> {
        self.run(move |tensors| {
            let (kind, [q, k, v]) = alike(tensors, [q, k, v])?;
            let small = call.small_operands(tensors)?;
            let (shape, options) = (call.shape()?, call.options(tensors, &small)?);
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

    /// [dq, dk, dv], then the gradients of those of bias, distance bias and sinks that are given.
    #[napi]
    #[allow(clippy::too_many_arguments)]
    pub fn attention_gradient(
        &self,
        dout: Handle,
        q: Handle,
        k: Handle,
        v: Handle,
        out: Handle,
        sums: Handle,
        call: AttentionCall,
    ) -> Result<Vec<Handle>> {
        self.run(move |tensors| {
            // The gradients take the storage of the forward pass, whatever came from above.
            let (kind, [q, k, v, out]) = alike(tensors, [q, k, v, out])?;
            let dout = tensors.get(dout)?;
            let dout = if dout.kind() == kind { Stored::Same(dout) } else { Stored::Copy(dout.stored_as(kind)) };
            let log_sum_exp = tensors.get(sums)?.f32();
            let small = call.small_operands(tensors)?;
            let (shape, options) = (call.shape()?, call.options(tensors, &small)?);
            let mut gradients = [q.len(), k.len(), v.len()].map(|length| tensors.buffer(kind, length));
            let mut bias_gradient = call.bias_gradient(tensors)?;
            let dbias = bias_gradient.as_mut().map(Buffer::view_mut);
            let room = |length: usize| tensors.buffer(Kind::F32, length);
            let mut distance_gradient = options.distance_bias.map(|bias| room(bias.numbers.len()));
            let mut sink_gradient = options.sinks.map(|sinks| room(sinks.len()));
            let ddistance_bias = distance_gradient.as_mut().map(Buffer::f32_mut);
            let dsinks = sink_gradient.as_mut().map(Buffer::f32_mut);
            let [dq, dk, dv] = &mut gradients;
            if kind == Kind::Bf16 {
                let inputs = AttentionInputs { q: q.bf16(), k: k.bf16(), v: v.bf16() };
                let upstream = AttentionUpstream { dout: dout.bf16(), out: out.bf16(), log_sum_exp };
                let (dq, dk, dv) = (dq.bf16_mut(), dk.bf16_mut(), dv.bf16_mut());
                let to = AttentionGradients { dq, dk, dv, dbias, ddistance_bias, dsinks };
                attention_gradient(shape, inputs, upstream, options, to);
            } else {
                let inputs = AttentionInputs { q: q.f32(), k: k.f32(), v: v.f32() };
                let upstream = AttentionUpstream { dout: dout.f32(), out: out.f32(), log_sum_exp };
                let (dq, dk, dv) = (dq.f32_mut(), dk.f32_mut(), dv.f32_mut());
                let to = AttentionGradients { dq, dk, dv, dbias, ddistance_bias, dsinks };
                attention_gradient(shape, inputs, upstream, options, to);
            }
            drop((q, k, v, out, dout, small));
            let further = [bias_gradient, distance_gradient, sink_gradient].into_iter().flatten();
            Ok(gradients.into_iter().chain(further).map(|gradient| tensors.add(gradient)).collect())
        })
    }
}
