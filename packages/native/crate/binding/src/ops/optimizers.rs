//! The optimizer of matrices, and averages of weights. Both change tensors in place.

use megatron_kernels::gemm::Precision;
use megatron_kernels::moving_average::moving_average;
use megatron_kernels::muon::{MuonOptions, MuonTensor, muon};
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::Engine;
use crate::sizes::shape;
use crate::tensors::{Handle, invalid};

/// Options of a Muon step.
#[napi(object)]
pub struct MuonCall {
    pub momentum: f64,
    pub nesterov: bool,
    pub cautious: bool,
    pub epsilon: f64,
    /// Whether Newton-Schulz may round to bf16.
    pub bf16: bool,
    pub gradient_scale: f64,
    pub steps: u32,
    /// The three of the polynomial.
    pub coefficients: Vec<f64>,
}

#[napi]
impl Engine {
    /// Updates matrices and momenta in place. `handles`: parameter, gradient and momentum of each; `numbers`: its rows,
    /// columns, rate and decay.
    #[napi]
    pub fn muon(&self, handles: &[u32], numbers: &[f64], call: MuonCall) -> Result<()> {
        let (handles, numbers) = (handles.to_vec(), numbers.to_vec());
        self.run(move |tensors| {
            let Ok(coefficients) = <[f64; 3]>::try_from(&call.coefficients[..]) else {
                return Err(invalid("muon: expected three coefficients"));
            };
            if !handles.len().is_multiple_of(3) || numbers.len() != handles.len() / 3 * 4 {
                return Err(invalid("muon: expected three tensors and four numbers for each matrix"));
            }
            let changed: Vec<Handle> = handles.chunks_exact(3).flat_map(|three| [three[0], three[2]]).collect();
            tensors.with_taken(&changed, |tensors, taken| {
                let mut updates = Vec::with_capacity(handles.len() / 3);
                let gradients = handles.iter().skip(1).step_by(3);
                for ((two, &gradient), numbers) in taken.chunks_exact_mut(2).zip(gradients).zip(numbers.chunks_exact(4))
                {
                    let ([parameter, momentum], &[rows, columns, rate, decay]) = (two, numbers) else {
                        unreachable!("chunks of two and four")
                    };
                    let [rows, columns] = shape([rows, columns])?;
                    updates.push(MuonTensor {
                        parameter: parameter.f32_mut(),
                        gradient: tensors.get(gradient)?.view(),
                        momentum: momentum.f32_mut(),
                        rows,
                        columns,
                        rate,
                        decay,
                    });
                }
                muon(
                    updates,
                    MuonOptions {
                        momentum: call.momentum,
                        nesterov: call.nesterov,
                        cautious: call.cautious,
                        epsilon: call.epsilon,
                        precision: if call.bf16 { Precision::Bf16 } else { Precision::F32 },
                        gradient_scale: call.gradient_scale,
                        steps: call.steps as usize,
                        coefficients,
                    },
                );
                Ok(())
            })?
        })
    }

    /// Updates averages in place. `handles`: average and value of each tensor.
    #[napi]
    pub fn moving_average(&self, handles: &[u32], decay: f64) -> Result<()> {
        let handles = handles.to_vec();
        self.run(move |tensors| {
            if !handles.len().is_multiple_of(2) {
                return Err(invalid("movingAverage: expected two tensors for each average"));
            }
            let averages: Vec<Handle> = handles.iter().copied().step_by(2).collect();
            tensors.with_taken(&averages, |tensors, taken| {
                let values = handles.iter().skip(1).step_by(2);
                let pairs = taken
                    .iter_mut()
                    .zip(values)
                    .map(|(average, &value)| Ok((average.f32_mut(), tensors.get(value)?.view())))
                    .collect::<Result<Vec<_>>>()?;
                moving_average(pairs, decay);
                Ok(())
            })?
        })
    }
}
