//! Reductions, softmax, running sums, positions of extremes.

use megatron_kernels::index::{cumulative_sum, top_k};
use megatron_kernels::memory::Kind;
use megatron_kernels::reduce::{Extent, Reduction, arg_extreme, reduce};
use megatron_kernels::softmax::softmax;
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::Engine;
use crate::tensors::{invalid, wide};

const REDUCTIONS: [(&str, Reduction); 7] = [
    ("Sum", Reduction::Sum),
    ("Mean", Reduction::Mean),
    ("Prod", Reduction::Prod),
    ("Max", Reduction::Max),
    ("Min", Reduction::Min),
    ("Any", Reduction::Max),
    ("All", Reduction::Min),
];

/// Reductions that `Engine.reduce` knows, by the names of their tfjs kernels; indices are what it takes.
#[napi]
pub fn reduction_kernels() -> Vec<&'static str> {
    REDUCTIONS.iter().map(|(name, _)| *name).collect()
}

/// Integers and booleans: the reduction is exact, as long as it fits.
fn reduce_exactly<T: Copy + Into<i64>>(reduction: Reduction, x: &[T], extent: Extent, out: impl FnMut(usize, i64)) {
    let Extent { outer, count, inner } = extent;
    let mut out = out;
    for at in 0..outer * inner {
        let start = at / inner * count * inner + at % inner;
        let numbers = (0..count).map(|k| -> i64 { x[start + k * inner].into() });
        out(
            at,
            match reduction {
                Reduction::Sum | Reduction::Mean => numbers.sum(),
                Reduction::Prod => numbers.fold(1i64, |total, x| i64::from((total as i32).wrapping_mul(x as i32))),
                Reduction::Max => numbers.max().unwrap_or(0),
                Reduction::Min => numbers.min().unwrap_or(1),
            },
        );
    }
}

fn extent(outer: u32, count: u32, inner: u32) -> Extent {
    Extent { outer: outer as usize, count: count as usize, inner: inner as usize }
}

#[napi]
impl Engine {
    /// x [outer, count, inner] -> [outer, inner], of the type of x.
    #[napi]
    pub fn reduce(&self, op: u32, x: u32, outer: u32, count: u32, inner: u32) -> Result<u32> {
        self.run(|tensors| {
            let (_, reduction) = *REDUCTIONS.get(op as usize).ok_or_else(|| invalid("no such reduction"))?;
            let x = tensors.get(x)?;
            let extent = extent(outer, count, inner);
            let kind = if x.kind() == Kind::Bf16 { Kind::F32 } else { x.kind() };
            let mut out = tensors.buffer(kind, extent.outer * extent.inner);
            match kind {
                Kind::I32 => {
                    let to = out.i32_mut();
                    reduce_exactly(reduction, x.i32(), extent, |at, total| to[at] = total as i32);
                }
                Kind::U8 => {
                    let to = out.u8_mut();
                    reduce_exactly(reduction, x.u8(), extent, |at, total| to[at] = total as u8);
                }
                _ => reduce(reduction, x.view(), extent, out.f32_mut()),
            }
            Ok(tensors.add(out))
        })
    }

    /// x [outer, count, inner] -> int32 [outer, inner]: where it is largest, or smallest; the first of equals.
    #[napi]
    pub fn arg_extreme(&self, largest: bool, x: u32, outer: u32, count: u32, inner: u32) -> Result<u32> {
        self.run(|tensors| {
            let x = tensors.get(x)?;
            let extent = extent(outer, count, inner);
            let mut out = tensors.buffer(Kind::I32, extent.outer * extent.inner);
            match x.kind() {
                Kind::I32 => arg_extreme(largest, x.i32(), extent, out.i32_mut()),
                Kind::U8 => arg_extreme(largest, x.u8(), extent, out.i32_mut()),
                _ => arg_extreme(largest, &wide(x), extent, out.i32_mut()),
            }
            Ok(tensors.add(out))
        })
    }

    /// Softmax over rows, or its logarithm.
    #[napi]
    pub fn softmax(&self, x: u32, width: u32, logarithm: bool) -> Result<u32> {
        self.run(|tensors| {
            let x = tensors.get(x)?;
            let mut out = tensors.buffer(Kind::F32, x.len());
            softmax(x.view(), width as usize, logarithm, out.view_mut());
            Ok(tensors.add(out))
        })
    }

    /// [values, positions] of the k largest of each row.
    #[napi]
    pub fn top_k(&self, x: u32, width: u32, k: u32) -> Result<Vec<u32>> {
        self.run(|tensors| {
            let x = tensors.get(x)?;
            let length = x.len() / width.max(1) as usize * k as usize;
            let (mut values, mut positions) = (tensors.buffer(Kind::F32, length), tensors.buffer(Kind::I32, length));
            top_k(&wide(x), width as usize, k as usize, values.f32_mut(), positions.i32_mut());
            Ok(vec![tensors.add(values), tensors.add(positions)])
        })
    }

    /// Running sums of x [outer, count, inner] along the middle.
    #[napi]
    pub fn cumulative_sum(
        &self,
        x: u32,
        outer: u32,
        count: u32,
        inner: u32,
        exclusive: bool,
        reverse: bool,
    ) -> Result<u32> {
        self.run(|tensors| {
            let x = tensors.get(x)?;
            let kind = if x.kind() == Kind::I32 { Kind::I32 } else { Kind::F32 };
            let mut out = tensors.buffer(kind, x.len());
            let (extent, way) = (extent(outer, count, inner), (exclusive, reverse));
            if kind == Kind::I32 {
                cumulative_sum(x.i32(), extent, way, out.i32_mut());
            } else {
                cumulative_sum(&wide(x), extent, way, out.f32_mut());
            }
            Ok(tensors.add(out))
        })
    }
}
