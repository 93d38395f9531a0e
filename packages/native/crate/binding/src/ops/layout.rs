//! Copies between shapes, and picking and placing by index.

use megatron_kernels::index::{gather, one_hot, scatter_add};
use megatron_kernels::layout::{Copy, copy};
use megatron_kernels::memory::Kind;
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::{Engine, kind_of};
use crate::tensors::{invalid, wide};

#[napi]
impl Engine {
    /// Copies elements of `source` into `target`, both of one storage: `plan` is the sizes, the first index in the source
    /// and a stride for each size, the first index in the target and a stride for each size.
    #[napi]
    pub fn copy(&self, source: u32, target: u32, plan: &[f64]) -> Result<()> {
        self.run(|tensors| {
            let rank = (plan.len().saturating_sub(2)) / 3;
            if plan.len() != 3 * rank + 2 {
                return Err(invalid("a plan of a copy is sizes and two times a start and strides"));
            }
            let shape: Vec<usize> = plan[..rank].iter().map(|&size| size as usize).collect();
            let strides: Vec<isize> = plan.iter().map(|&stride| stride as isize).collect();
            let plan = Copy {
                shape: &shape,
                from: plan[rank] as usize,
                from_strides: &strides[rank + 1..2 * rank + 1],
                to: plan[2 * rank + 1] as usize,
                to_strides: &strides[2 * rank + 2..],
            };
            tensors.with_taken(&[target], |tensors, taken| {
                let (source, target) = (tensors.get(source)?, &mut taken[0]);
                match target.kind() {
                    Kind::F32 => copy(&plan, source.f32(), target.f32_mut()),
                    Kind::Bf16 => copy(&plan, source.bf16(), target.bf16_mut()),
                    Kind::I32 => copy(&plan, source.i32(), target.i32_mut()),
                    Kind::U8 => copy(&plan, source.u8(), target.u8_mut()),
                }
                Ok(())
            })?
        })
    }

    /// x [batch, outer, count, inner] at indices [batch, n] -> [batch, outer, n, inner], in the storage of x.
    #[napi]
    pub fn gather(&self, x: u32, indices: u32, batch: u32, outer: u32, count: u32, inner: u32) -> Result<u32> {
        self.run(|tensors| {
            let (x, indices) = (tensors.get(x)?, tensors.get(indices)?.i32());
            let sizes = (batch as usize, outer as usize, count as usize, inner as usize);
            let mut out = tensors.buffer(x.kind(), sizes.1 * indices.len() * sizes.3);
            match x.kind() {
                Kind::F32 => gather(x.f32(), indices, sizes, out.f32_mut()),
                Kind::Bf16 => gather(x.bf16(), indices, sizes, out.bf16_mut()),
                Kind::I32 => gather(x.i32(), indices, sizes, out.i32_mut()),
                Kind::U8 => gather(x.u8(), indices, sizes, out.u8_mut()),
            }
            Ok(tensors.add(out))
        })
    }

    /// Adds rows of updates at indices to zeros, or to a copy of `base` where it is not -1. `sizes` are the indexed dimensions.
    #[napi]
    pub fn scatter_add(&self, indices: u32, updates: u32, base: i32, sizes: &[i32], width: u32) -> Result<u32> {
        self.run(|tensors| {
            let (indices, updates) = (tensors.get(indices)?.i32(), tensors.get(updates)?);
            let sizes: Vec<usize> = sizes.iter().map(|&size| size as usize).collect();
            let strides: Vec<usize> = (0..sizes.len()).map(|d| sizes[d + 1..].iter().product()).collect();
            let width = width as usize;
            let length = sizes.iter().product::<usize>() * width;
            let base = tensors.optional(base)?;
            let kind = if updates.kind() == Kind::I32 { Kind::I32 } else { Kind::F32 };
            let mut out = tensors.buffer(kind, length);
            if kind == Kind::I32 {
                let to = out.i32_mut();
                match base {
                    Some(base) => to.copy_from_slice(base.i32()),
                    None => to.fill(0),
                }
                scatter_add(indices, (&sizes, &strides), updates.i32(), width, out.i32_mut());
            } else {
                let to = out.f32_mut();
                match base {
                    Some(base) => to.copy_from_slice(&wide(base)),
                    None => to.fill(0.0),
                }
                scatter_add(indices, (&sizes, &strides), &wide(updates), width, out.f32_mut());
            }
            Ok(tensors.add(out))
        })
    }

    /// indices -> [..., depth]: `on` at the index, `off` elsewhere.
    #[napi]
    pub fn one_hot(&self, indices: u32, depth: u32, on: f64, off: f64, kind: u32) -> Result<u32> {
        self.run(|tensors| {
            let indices = tensors.get(indices)?.i32();
            let depth = depth as usize;
            let mut out = tensors.buffer(kind_of(kind)?, indices.len() * depth);
            match out.kind() {
                Kind::F32 => one_hot(indices, depth, (on as f32, off as f32), out.f32_mut()),
                Kind::I32 => one_hot(indices, depth, (on as i32, off as i32), out.i32_mut()),
                Kind::U8 => one_hot(indices, depth, ((on != 0.0) as u8, (off != 0.0) as u8), out.u8_mut()),
                Kind::Bf16 => return Err(invalid("bf16 is not a type of its own")),
            }
            Ok(tensors.add(out))
        })
    }
}
