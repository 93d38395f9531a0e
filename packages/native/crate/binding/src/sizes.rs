//! Sizes as JavaScript passes them: numbers, of which only integers from 0 on are sizes. Products are bounded, so that the
//! kernels can multiply sizes without overflow.

use napi::Result;
use napi_derive::napi;

use crate::tensors::invalid;

/// A size, or a number of elements: an integer from 0 to 2^48. Anything else throws.
#[napi]
pub type Size = f64;

/// No tensor has more elements, and no product of sizes is larger.
const LARGEST: usize = 1 << 48;

pub fn size(value: Size) -> Result<usize> {
    if value >= 0.0 && value <= LARGEST as f64 && value.fract() == 0.0 {
        Ok(value as usize)
    } else {
        Err(invalid(format!("expected a size from 0 to 2^48, got {value}")))
    }
}

/// The product of sizes.
pub fn count(sizes: &[usize]) -> Result<usize> {
    // Zeros are left out, since a kernel may multiply the others alone.
    let product = sizes.iter().filter(|&&size| size > 0).try_fold(1, |product: usize, &size| product.checked_mul(size));
    match product {
        Some(product) if product <= LARGEST => Ok(if sizes.contains(&0) { 0 } else { product }),
        _ => Err(invalid(format!("a tensor of {sizes:?} has more than 2^48 elements"))),
    }
}

/// Sizes that belong to different tensors: their product may be anything.
pub fn sizes<const N: usize>(values: [Size; N]) -> Result<[usize; N]> {
    let mut sizes = [0; N];
    for (to, value) in sizes.iter_mut().zip(values) {
        *to = size(value)?;
    }
    Ok(sizes)
}

/// The sizes of one tensor.
pub fn shape<const N: usize>(values: [Size; N]) -> Result<[usize; N]> {
    let shape = sizes(values)?;
    count(&shape)?;
    Ok(shape)
}

/// The sizes of one tensor of any rank.
pub fn shape_list(values: &[Size]) -> Result<Vec<usize>> {
    let shape = values.iter().map(|&value| size(value)).collect::<Result<Vec<_>>>()?;
    count(&shape)?;
    Ok(shape)
}

/// Throws unless int32 holds the indices of a dimension.
pub fn int32_indices(count: usize) -> Result<()> {
    if i32::try_from(count).is_ok() {
        Ok(())
    } else {
        Err(invalid(format!("int32 cannot index a dimension of {count}")))
    }
}
