//! Reductions, softmax, cumulative sums, argmax and top-k.

use megatron_kernels::index::{cumulative_sum, top_k};
use megatron_kernels::memory::Kind;
use megatron_kernels::reduce::{Extent, Reduction, arg_extreme, reduce};
use megatron_kernels::softmax::softmax;
use napi::bindgen_prelude::Result;
use napi_derive::napi;

use crate::engine::Engine;
use crate::sizes::{Size, count, int32_indices, shape, size, sizes};
use crate::tensors::{Handle, invalid, wide};

const REDUCTIONS: [(&str, Reduction); 7] = [
    ("Sum", Reduction::Sum),
    ("Mean", Reduction::Mean),
    ("Prod", Reduction::Prod),
    ("Max", Reduction::Max),
    ("Min", Reduction::Min),
    ("Any", Reduction::Max),
    ("All", Reduction::Min),
];

/// The tfjs kernels that `Engine.reduce` runs, by index.
#[napi]
pub fn reduction_kernels() -> Vec<&'static str> {
    REDUCTIONS.iter().map(|(name, _)| *name).collect()
}

/// Reduces integers and booleans, exactly as long as the result fits.
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

fn extent(outer: Size, count: Size, inner: Size) -> Result<Extent> {
    let [outer, count, inner] = shape([outer, count, inner])?;
    Ok(Extent { outer, count, inner })
}

/// Throws unless a tensor of this length has this extent.
fn check_extent(length: usize, Extent { outer, count, inner }: Extent) -> Result<()> {
    if length == outer * count * inner {
        return Ok(());
    }
    Err(invalid(format!("{length} elements do not fill [{outer}, {count}, {inner}]")))
}

#[napi]
impl Engine {
    /// x [outer, count, inner] -> [outer, inner], of the type of x.
    #[napi]
    pub fn reduce(&self, op: u32, x: Handle, outer: Size, count: Size, inner: Size) -> Result<Handle> {
        self.run(move |tensors| {
            let (_, reduction) = *REDUCTIONS.get(op as usize).ok_or_else(|| invalid("no such reduction"))?;
            let x = tensors.get(x)?;
            let extent = extent(outer, count, inner)?;
            check_extent(x.len(), extent)?;
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

    /// x [outer, count, inner] -> int32 [outer, inner]: the index of the largest or smallest element, the first of equals.
    #[napi]
    pub fn arg_extreme(&self, largest: bool, x: Handle, outer: Size, count: Size, inner: Size) -> Result<Handle> {
        self.run(move |tensors| {
            let x = tensors.get(x)?;
            let extent = extent(outer, count, inner)?;
            check_extent(x.len(), extent)?;
            int32_indices(extent.count)?;
            let mut out = tensors.buffer(Kind::I32, extent.outer * extent.inner);
            match x.kind() {
                Kind::I32 => arg_extreme(largest, x.i32(), extent, out.i32_mut()),
                Kind::U8 => arg_extreme(largest, x.u8(), extent, out.i32_mut()),
                _ => arg_extreme(largest, &wide(x), extent, out.i32_mut()),
            }
            Ok(tensors.add(out))
        })
    }

    /// Softmax of the rows, or its logarithm.
    #[napi]
    pub fn softmax(&self, x: Handle, width: Size, logarithm: bool) -> Result<Handle> {
        self.run(move |tensors| {
            let x = tensors.get(x)?;
            let mut out = tensors.buffer(Kind::F32, x.len());
            softmax(x.view(), size(width)?, logarithm, out.view_mut());
            Ok(tensors.add(out))
        })
    }

    /// The k largest elements of each row, and their indices.
    #[napi]
    pub fn top_k(&self, x: Handle, width: Size, k: Size) -> Result<Vec<Handle>> {
        self.run(move |tensors| {
            let x = tensors.get(x)?;
            let [width, k] = sizes([width, k])?;
            if k > width || !x.len().is_multiple_of(width.max(1)) {
                return Err(invalid(format!("no top {k} in {} elements in rows of {width}", x.len())));
            }
            int32_indices(width)?;
            let length = count(&[x.len() / width.max(1), k])?;
            let (mut values, mut positions) = (tensors.buffer(Kind::F32, length), tensors.buffer(Kind::I32, length));
            top_k(&wide(x), width, k, values.f32_mut(), positions.i32_mut());
            Ok(vec![tensors.add(values), tensors.add(positions)])
        })
    }

    /// Cumulative sums of x [outer, count, inner] along the middle dimension.
    #[napi]
    pub fn cumulative_sum(
        &self,
        x: Handle,
        outer: Size,
        count: Size,
        inner: Size,
        exclusive: bool,
        reverse: bool,
    ) -> Result<Handle> {
        self.run(move |tensors| {
            let x = tensors.get(x)?;
            let kind = if x.kind() == Kind::I32 { Kind::I32 } else { Kind::F32 };
            let mut out = tensors.buffer(kind, x.len());
            let (extent, way) = (extent(outer, count, inner)?, (exclusive, reverse));
            check_extent(x.len(), extent)?;
            if kind == Kind::I32 {
                cumulative_sum(x.i32(), extent, way, out.i32_mut());
            } else {
                cumulative_sum(&wide(x), extent, way, out.f32_mut());
            }
            Ok(tensors.add(out))
        })
    }
}
