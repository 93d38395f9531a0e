//! Operations that update tensors in place, and the norm that the optimizer needs.

use megatron_kernels::index::{CacheShape, cache_append};
use megatron_kernels::memory::Kind;
use megatron_kernels::optimizer::{AdamOptions, AdamTensor, adam_w};
use megatron_kernels::reduce::sum_of_squares;
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::Engine;
use crate::sizes::{count, sizes};
use crate::tensors::{Handle, invalid};

/// Hyperparameters of an AdamW step.
#[napi(object)]
pub struct AdamCall {
    pub learning_rate: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    pub step: f64,
    pub bias_correction: bool,
    pub gradient_scale: f64,
}

#[napi]
impl Engine {
    /// The sum of the squares of all elements of all tensors, as a scalar.
    #[napi]
    pub fn sum_of_squares(&self, handles: &[u32]) -> Result<Handle> {
        let handles = handles.to_vec();
        self.run(move |tensors| {
            let views = handles.iter().map(|&handle| Ok(tensors.get(handle)?.view())).collect::<Result<Vec<_>>>()?;
            let mut out = tensors.buffer(Kind::F32, 1);
            out.f32_mut()[0] = sum_of_squares(&views);
            Ok(tensors.add(out))
        })
    }

    /// Updates parameters and moments in place. `handles` are the parameter, gradient, first and second moment of each.
    #[napi]
    pub fn adam_w(&self, handles: &[u32], weight_decays: &[f64], call: AdamCall) -> Result<()> {
        let (handles, weight_decays) = (handles.to_vec(), weight_decays.to_vec());
        self.run(move |tensors| {
            if handles.len() != 4 * weight_decays.len() {
                return Err(invalid("adamW: expected four tensors and a weight decay for each parameter"));
            }
            let gradients: Vec<Handle> = handles.iter().copied().skip(1).step_by(4).collect();
            let changed: Vec<Handle> = handles.chunks_exact(4).flat_map(|four| [four[0], four[2], four[3]]).collect();
            tensors.with_taken(&changed, |tensors, taken| {
                let mut updates = Vec::with_capacity(gradients.len());
                for ((three, &gradient), &weight_decay) in taken.chunks_exact_mut(3).zip(&gradients).zip(&weight_decays)
                {
                    let [parameter, first, second] = three else { unreachable!("chunks of three") };
                    updates.push(AdamTensor {
                        parameter: parameter.f32_mut(),
                        gradient: tensors.get(gradient)?.view(),
                        first_moment: first.f32_mut(),
                        second_moment: second.f32_mut(),
                        weight_decay,
                    });
                }
                adam_w(
                    updates,
                    AdamOptions {
                        learning_rate: call.learning_rate,
                        beta1: call.beta1,
                        beta2: call.beta2,
                        epsilon: call.epsilon,
                        step: call.step,
                        bias_correction: call.bias_correction,
                        gradient_scale: call.gradient_scale,
                    },
                );
                Ok(())
            })?
        })
    }

    /// Writes values [B, T, width] into the pages of a cache, in place. `sizes` are pages, page size, width, B, T and pages
    /// per row.
    #[napi]
    pub fn cache_append(
        &self,
        cache: Handle,
        values: Handle,
        table: Handle,
        positions: Handle,
        sizes: &[f64],
    ) -> Result<()> {
        let sizes = sizes.to_vec();
        self.run(move |tensors| {
            let given = sizes[..].try_into().map_err(|_| invalid("cacheAppend: expected six sizes"))?;
            let [pages, page_size, width, batch, tokens, pages_per_row] = self::sizes(given)?;
            count(&[pages, page_size, width])?;
            count(&[batch, tokens, width])?;
            count(&[batch, pages_per_row, page_size])?;
            let shape = CacheShape { pages, page_size, width, batch, tokens, pages_per_row };
            tensors.with_taken(&[cache], |tensors, taken| {
                let (values, table, positions) = (tensors.get(values)?, tensors.get(table)?, tensors.get(positions)?);
                cache_append(shape, values.view(), table.i32(), positions.i32(), taken[0].view_mut())
                    .map_err(|reason| invalid(format!("cacheAppend: {reason}")))
            })?
        })
    }
}
