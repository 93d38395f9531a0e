//! Batched matrix products, and the linear layer with its gradients.

use megatron_kernels::activation::Activation;
use megatron_kernels::gemm::{Epilogue, Operand, Precision, batched, gemm};
use megatron_kernels::memory::Kind;
use megatron_kernels::reduce::{Extent, Reduction, reduce};
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::Engine;
use crate::sizes::{Size, count, shape, sizes};
use crate::tensors::{Handle, OptionalHandle, invalid, wide};

const ACTIVATIONS: [(&str, Activation); 6] = [
    ("none", Activation::None),
    ("gelu-tanh", Activation::GeluTanh),
    ("gelu-erf", Activation::GeluErf),
    ("relu", Activation::Relu),
    ("squared-relu", Activation::SquaredRelu),
    ("silu", Activation::Silu),
];

/// The activations that `Engine.linear` takes, by index.
#[napi]
pub fn activations() -> Vec<&'static str> {
    ACTIVATIONS.iter().map(|(name, _)| *name).collect()
}

/// The sizes of x [rows, inputs], weight [outputs, inputs] and y [rows, outputs].
fn linear_sizes(rows: Size, outputs: Size, inputs: Size) -> Result<(usize, usize, usize)> {
    let [rows, outputs, inputs] = sizes([rows, outputs, inputs])?;
    for [a, b] in [[rows, outputs], [rows, inputs], [outputs, inputs]] {
        count(&[a, b])?;
    }
    Ok((rows, outputs, inputs))
}

#[napi]
impl Engine {
    /// x [rows, inputs], weight [outputs, inputs], bias [outputs] or -1 -> act(x W^T + b) [rows, outputs].
    #[napi]
    #[allow(clippy::too_many_arguments)]
    pub fn linear(
        &self,
        x: Handle,
        weight: Handle,
        bias: OptionalHandle,
        rows: Size,
        outputs: Size,
        inputs: Size,
        activation: u32,
    ) -> Result<Handle> {
        self.run(move |tensors| {
            let (x, weight) = (tensors.get(x)?, tensors.get(weight)?);
            let (_, activation) = *ACTIVATIONS.get(activation as usize).ok_or_else(|| invalid("no such activation"))?;
            let bias = tensors.optional(bias)?.map(wide);
            let (rows, outputs, inputs) = linear_sizes(rows, outputs, inputs)?;
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
    pub fn linear_input_gradient(
        &self,
        dy: Handle,
        weight: Handle,
        rows: Size,
        outputs: Size,
        inputs: Size,
    ) -> Result<Handle> {
        self.run(move |tensors| {
            let (dy, weight) = (tensors.get(dy)?, tensors.get(weight)?);
            let (rows, outputs, inputs) = linear_sizes(rows, outputs, inputs)?;
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
    pub fn linear_weight_gradient(
        &self,
        x: Handle,
        dy: Handle,
        rows: Size,
        outputs: Size,
        inputs: Size,
    ) -> Result<Handle> {
        self.run(move |tensors| {
            let (x, dy) = (tensors.get(x)?, tensors.get(dy)?);
            let (rows, outputs, inputs) = linear_sizes(rows, outputs, inputs)?;
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
    pub fn sum_rows(&self, x: Handle, rows: Size, columns: Size) -> Result<Handle> {
        self.run(move |tensors| {
            let x = tensors.get(x)?;
            let [rows, columns] = shape([rows, columns])?;
            let mut out = tensors.buffer(Kind::F32, columns);
            let extent = Extent { outer: 1, count: rows, inner: columns };
            reduce(Reduction::Sum, x.view(), extent, out.f32_mut());
            Ok(tensors.add(out))
        })
    }

    /// a [batchA, m, k] (or [.., k, m] if transposed) x b [batchB, k, n] -> f32 [batch, m, n]. Matrix i of the result is the
    /// product of matrix `pairs[2 i]` of a and matrix `pairs[2 i + 1]` of b.
    #[napi]
    #[allow(clippy::too_many_arguments)]
    pub fn mat_mul(
        &self,
        a: Handle,
        b: Handle,
        pairs: &[i32],
        m: Size,
        k: Size,
        n: Size,
        transpose_a: bool,
        transpose_b: bool,
    ) -> Result<Handle> {
        let pairs = pairs.to_vec();
        self.run(move |tensors| {
            let (a, b) = (tensors.get(a)?.view(), tensors.get(b)?.view());
            let (m, n, k) = linear_sizes(m, n, k)?;
            let batch = pairs.len() / 2;
            for pair in pairs.chunks(2) {
                for (&matrix, (length, size)) in pair.iter().zip([(a.len(), m * k), (b.len(), k * n)]) {
                    let fits = usize::try_from(matrix).is_ok_and(|matrix| size == 0 || matrix < length / size);
                    if pair.len() != 2 || !fits {
                        return Err(invalid(format!("{length} elements have no matrix {matrix} of {size}")));
                    }
                }
            }
            let mut out = tensors.buffer(Kind::F32, count(&[batch, m, n])?);
            let side = |transposed, data, lanes| {
                if transposed { Operand::columns(data, lanes, k) } else { Operand::rows(data, lanes, k) }
            };
            batched(
                (m, n),
                batch,
                |i| {
                    let (i, j) = (pairs[2 * i] as usize, pairs[2 * i + 1] as usize);
                    (side(transpose_a, a.part(i * m * k, m * k), m), side(!transpose_b, b.part(j * k * n, k * n), n))
                },
                out.f32_mut(),
                // A general product is always f32, since its operands may be anything.
                Precision::F32,
            );
            Ok(tensors.add(out))
        })
    }
}
