//! Matrix products: batched, and the linear layer with its gradients.

use megatron_kernels::activation::Activation;
use megatron_kernels::gemm::{Epilogue, Operand, Precision, batched, gemm};
use megatron_kernels::memory::Kind;
use megatron_kernels::reduce::{Extent, Reduction, reduce};
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::Engine;
use crate::tensors::{invalid, wide};

const ACTIVATIONS: [(&str, Activation); 5] = [
    ("none", Activation::None),
    ("gelu-tanh", Activation::GeluTanh),
    ("gelu-erf", Activation::GeluErf),
    ("relu", Activation::Relu),
    ("silu", Activation::Silu),
];

/// Activations that `Engine.linear` knows; indices are what it takes.
#[napi]
pub fn activations() -> Vec<&'static str> {
    ACTIVATIONS.iter().map(|(name, _)| *name).collect()
}

#[napi]
impl Engine {
    /// x [rows, inputs], weight [outputs, inputs], bias [outputs] or -1 -> act(x W^T + b) [rows, outputs].
    #[napi]
    #[allow(clippy::too_many_arguments)]
    pub fn linear(
        &self,
        x: u32,
        weight: u32,
        bias: i32,
        rows: u32,
        outputs: u32,
        inputs: u32,
        activation: u32,
    ) -> Result<u32> {
        self.run(|tensors| {
            let (x, weight) = (tensors.get(x)?, tensors.get(weight)?);
            let (_, activation) = *ACTIVATIONS.get(activation as usize).ok_or_else(|| invalid("no such activation"))?;
            let bias = tensors.optional(bias)?.map(wide);
            let (rows, outputs, inputs) = (rows as usize, outputs as usize, inputs as usize);
            let mut out = tensors.buffer(tensors.activation_kind(), rows * outputs);
            gemm(
                Operand::rows(x.view(), rows, inputs),
                Operand::rows(weight.view(), outputs, inputs),
                out.view_mut(),
                tensors.precision,
                Epilogue { bias: bias.as_deref(), activation },
            );
            Ok(tensors.add(out))
        })
    }

    /// dy [rows, outputs], weight [outputs, inputs] -> dy W [rows, inputs].
    #[napi]
    pub fn linear_input_gradient(&self, dy: u32, weight: u32, rows: u32, outputs: u32, inputs: u32) -> Result<u32> {
        self.run(|tensors| {
            let (dy, weight) = (tensors.get(dy)?, tensors.get(weight)?);
            let (rows, outputs, inputs) = (rows as usize, outputs as usize, inputs as usize);
            let mut out = tensors.buffer(tensors.activation_kind(), rows * inputs);
            gemm(
                Operand::rows(dy.view(), rows, outputs),
                Operand::columns(weight.view(), inputs, outputs),
                out.view_mut(),
                tensors.precision,
                Epilogue::NONE,
            );
            Ok(tensors.add(out))
        })
    }

    /// x [rows, inputs], dy [rows, outputs] -> dy^T x [outputs, inputs], always f32.
    #[napi]
    pub fn linear_weight_gradient(&self, x: u32, dy: u32, rows: u32, outputs: u32, inputs: u32) -> Result<u32> {
        self.run(|tensors| {
            let (x, dy) = (tensors.get(x)?, tensors.get(dy)?);
            let (rows, outputs, inputs) = (rows as usize, outputs as usize, inputs as usize);
            let mut out = tensors.buffer(Kind::F32, outputs * inputs);
            gemm(
                Operand::columns(dy.view(), outputs, rows),
                Operand::columns(x.view(), inputs, rows),
                out.view_mut(),
                tensors.precision,
                Epilogue::NONE,
            );
            Ok(tensors.add(out))
        })
    }

    /// x [rows, columns] -> [columns], the sum over rows.
    #[napi]
    pub fn sum_rows(&self, x: u32, rows: u32, columns: u32) -> Result<u32> {
        self.run(|tensors| {
            let x = tensors.get(x)?;
            let mut out = tensors.buffer(Kind::F32, columns as usize);
            let extent = Extent { outer: 1, count: rows as usize, inner: columns as usize };
            reduce(Reduction::Sum, x.view(), extent, out.f32_mut());
            Ok(tensors.add(out))
        })
    }

    /// a [batchA, m, k] (or [.., k, m] where transposed) x b [batchB, k, n] -> f32 [batch, m, n]. Batch i of the result takes
    /// `pairs[2 i]` of a and `pairs[2 i + 1]` of b.
    #[napi]
    #[allow(clippy::too_many_arguments)]
    pub fn mat_mul(
        &self,
        a: u32,
        b: u32,
        pairs: &[i32],
        m: u32,
        k: u32,
        n: u32,
        transpose_a: bool,
        transpose_b: bool,
    ) -> Result<u32> {
        self.run(|tensors| {
            let (a, b) = (tensors.get(a)?.view(), tensors.get(b)?.view());
            let (m, k, n) = (m as usize, k as usize, n as usize);
            let mut out = tensors.buffer(Kind::F32, pairs.len() / 2 * m * n);
            let side = |transposed, data, lanes| {
                if transposed { Operand::columns(data, lanes, k) } else { Operand::rows(data, lanes, k) }
            };
            batched(
                (m, n),
                pairs.len() / 2,
                |i| {
                    let (i, j) = (pairs[2 * i] as usize, pairs[2 * i + 1] as usize);
                    (side(transpose_a, a.part(i * m * k, m * k), m), side(!transpose_b, b.part(j * k * n, k * n), n))
                },
                out.f32_mut(),
                // A general product has no say in precision: its operands may be anything.
                Precision::F32,
            );
            Ok(tensors.add(out))
        })
    }
}
