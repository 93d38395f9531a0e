//! Strided copies, gather, scatter and one-hot.

use megatron_kernels::index::{Scatter, gather, one_hot, scatter_add};
use megatron_kernels::layout::{Copy, copy};
use megatron_kernels::memory::Kind;
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::{Engine, kind_of};
use crate::sizes::{Size, count, shape, shape_list, size};
use crate::tensors::{Handle, OptionalHandle, invalid, wide};

/// A stride: an integer of either sign.
fn stride(value: f64) -> Result<isize> {
    let magnitude = size(value.abs())? as isize;
    Ok(if value < 0.0 { -magnitude } else { magnitude })
}

#[napi]
impl Engine {
    /// Copies elements of `source` into `target`, both of one storage. `plan` is the sizes, the first index in the source
    /// and a stride for each size, the first index in the target and a stride for each size.
    #[napi]
    pub fn copy(&self, source: Handle, target: Handle, plan: &[f64]) -> Result<()> {
        let plan = plan.to_vec();
        self.run(move |tensors| {
            let rank = (plan.len().saturating_sub(2)) / 3;
            if plan.len() != 3 * rank + 2 {
                return Err(invalid("expected sizes and, for both tensors, an index and strides"));
            }
            let shape = shape_list(&plan[..rank])?;
            let strides = |from: usize| plan[from..from + rank].iter().map(|&value| stride(value)).collect();
            let (from_strides, to_strides): (Result<Vec<isize>>, Result<Vec<isize>>) =
                (strides(rank + 1), strides(2 * rank + 2));
            let plan = Copy {
                shape: &shape,
                from: size(plan[rank])?,
                from_strides: &from_strides?,
                to: size(plan[2 * rank + 1])?,
                to_strides: &to_strides?,
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
    pub fn gather(
        &self,
        x: Handle,
        indices: Handle,
        batch: Size,
        outer: Size,
        count: Size,
        inner: Size,
    ) -> Result<Handle> {
        self.run(move |tensors| {
            let (x, indices) = (tensors.get(x)?, tensors.get(indices)?.i32());
            let [batch, outer, size, inner] = shape([batch, outer, count, inner])?;
            let sizes = (batch, outer, size, inner);
            if batch > 0 && !indices.len().is_multiple_of(batch) {
                return Err(invalid(format!("{} indices for {batch} batches", indices.len())));
            }
            let mut out = tensors.buffer(x.kind(), self::count(&[outer, indices.len(), inner])?);
            match x.kind() {
                Kind::F32 => gather(x.f32(), indices, sizes, out.f32_mut()),
                Kind::Bf16 => gather(x.bf16(), indices, sizes, out.bf16_mut()),
                Kind::I32 => gather(x.i32(), indices, sizes, out.i32_mut()),
                Kind::U8 => gather(x.u8(), indices, sizes, out.u8_mut()),
            }
            Ok(tensors.add(out))
        })
    }

    /// Adds rows of updates at indices [N, rank] to zeros, or to a copy of `base`. `sizes` [rank] are the indexed
    /// dimensions. Indices outside of them throw, or are skipped.
    #[napi]
    pub fn scatter_add(
        &self,
        indices: Handle,
        updates: Handle,
        base: OptionalHandle,
        sizes: &[f64],
        width: Size,
        skip_outside: bool,
    ) -> Result<Handle> {
        let sizes = sizes.to_vec();
        self.run(move |tensors| {
            let (indices, updates) = (tensors.get(indices)?.i32(), tensors.get(updates)?);
            let (sizes, width) = (shape_list(&sizes)?, size(width)?);
            let strides: Vec<usize> = (0..sizes.len()).map(|d| sizes[d + 1..].iter().product()).collect();
            let length = count(&[&sizes[..], &[width]].concat())?;
            let rows = updates.len() / width.max(1);
            if width > 0 && (rows * width != updates.len() || rows * sizes.len() != indices.len()) {
                let (given, indices) = (updates.len(), indices.len());
                return Err(invalid(format!("{given} updates in rows of {width} do not go with {indices} indices")));
            }
            let scatter = Scatter { sizes: &sizes, strides: &strides, width, skip_outside };
            let base = tensors.optional(base)?;
            let kind = if updates.kind() == Kind::I32 { Kind::I32 } else { Kind::F32 };
            let mut out = tensors.buffer(kind, length);
            if kind == Kind::I32 {
                let to = out.i32_mut();
                match base {
                    Some(base) => to.copy_from_slice(base.i32()),
                    None => to.fill(0),
                }
                scatter_add(indices, &scatter, updates.i32(), out.i32_mut());
            } else {
                let to = out.f32_mut();
                match base {
                    Some(base) => to.copy_from_slice(&wide(base)),
                    None => to.fill(0.0),
                }
                scatter_add(indices, &scatter, &wide(updates), out.f32_mut());
            }
            Ok(tensors.add(out))
        })
    }

    /// indices -> [..., depth]: `on` at the index, `off` elsewhere.
    #[napi]
    pub fn one_hot(&self, indices: Handle, depth: Size, on: f64, off: f64, kind: u32) -> Result<Handle> {
        self.run(move |tensors| {
            let indices = tensors.get(indices)?.i32();
            let depth = size(depth)?;
            let mut out = tensors.buffer(kind_of(kind)?, count(&[indices.len(), depth])?);
            match out.kind() {
                Kind::F32 => one_hot(indices, depth, (on as f32, off as f32), out.f32_mut()),
                Kind::I32 => one_hot(indices, depth, (on as i32, off as i32), out.i32_mut()),
                Kind::U8 => one_hot(indices, depth, ((on != 0.0) as u8, (off != 0.0) as u8), out.u8_mut()),
                Kind::Bf16 => return Err(invalid("cannot create bf16")),
            }
            Ok(tensors.add(out))
        })
    }
}
