//! Matrix products: C [M, N] = activation(A x B + bias), f32 or bf16 in and out, sums in f32.
//!
//! `Precision::F32` gives the accuracy of an f32 product; `Precision::Bf16` allows both operands to be rounded to
//! bf16 first, and does so if the processor multiplies bf16 faster. Results do not depend on the number of threads.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod driver;
mod finish;
#[cfg(target_arch = "x86_64")]
mod fused;
mod operand;
#[cfg(target_arch = "x86_64")]
mod pack;
mod portable;
mod stored;
#[cfg(test)]
mod tests;
mod vector;
#[cfg(target_arch = "x86_64")]
mod words;

use crate::parallel;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Isa, isa};
use crate::view::{View, ViewMut};
use driver::{Product, run};
pub use finish::Epilogue;
use finish::Target;
pub use operand::Operand;

/// The precision that operands may be rounded to before they are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    F32,
    Bf16,
}

/// out [M, N] = activation(left [M, K] x right [K, N] + bias), where M and N are the lanes of the operands.
pub fn gemm(left: Operand, right: Operand, mut out: ViewMut, precision: Precision, epilogue: Epilogue) {
    assert_eq!(left.depth, right.depth, "inner dimensions of a product");
    assert_eq!(out.len(), left.lanes * right.lanes, "result of {} x {}", left.lanes, right.lanes);
    assert!(epilogue.bias.is_none_or(|bias| bias.len() == right.lanes), "bias of {} columns", right.lanes);
    if out.is_empty() {
        return;
    }
    if left.depth == 0 {
        // An empty sum: one depth of zeros gives the bias and the activation.
        let zeros = vec![0.0; left.lanes.max(right.lanes)];
        let (m, n) = (left.lanes, right.lanes);
        let side = |lanes: usize| Operand::rows(View::F32(&zeros[..lanes]), lanes, 1);
        return gemm(side(m), side(n), out, precision, epilogue);
    }
    if let (ViewMut::F32(out), Precision::F32) = (&mut out, precision)
        && vector::run(&left, &right, out, &epilogue, threads_for(&left, &right))
    {
        return;
    }
    let target = match &mut out {
        ViewMut::F32(data) => Target::F32(data.as_mut_ptr()),
        ViewMut::Bf16(data) => Target::Bf16(data.as_mut_ptr()),
    };
    let Epilogue { bias, activation } = epilogue;
    choose(&Product { left, right, target, bias, activation }, precision);
}

/// `count` products of one shape: out [count, M, N], operands as `pair` gives them.
pub fn batched<'a>(
    (m, n): (usize, usize),
    count: usize,
    pair: impl Fn(usize) -> (Operand<'a>, Operand<'a>) + Sync,
    out: &mut [f32],
    precision: Precision,
) {
    assert_eq!(out.len(), count * m * n, "{count} products of {m} x {n}");
    if out.is_empty() {
        return;
    }
    let one = |index: usize, out: &mut [f32]| {
        let (left, right) = pair(index);
        gemm(left, right, ViewMut::F32(out), precision, Epilogue::NONE);
    };
    if count >= parallel::threads() {
        parallel::for_each_chunk(out, m * n, one);
    } else {
        out.chunks_exact_mut(m * n).enumerate().for_each(|(index, out)| one(index, out));
    }
}

/// Products with fewer multiplications run on the calling thread.
const PARALLEL_FROM: usize = 1 << 18;

fn threads_for(left: &Operand, right: &Operand) -> usize {
    let work = left.lanes * right.lanes * left.depth;
    if work < PARALLEL_FROM { 1 } else { parallel::threads() }
}

fn choose(product: &Product, precision: Precision) {
    let threads = threads_for(&product.left, &product.right);
    #[cfg(target_arch = "x86_64")]
    match (isa(), precision) {
        (Isa::Amx, Precision::Bf16) => {
            run::<amx::AmxBf16>(product, threads);
            return;
        }
        (Isa::Amx, Precision::F32) if run::<amx::AmxF32>(product, threads) => return,
        (Isa::Avx512Bf16, Precision::Bf16) => {
            run::<avx512::Avx512Bf16>(product, threads);
            return;
        }
        _ => {}
    }
    #[cfg(target_arch = "x86_64")]
    match isa() {
        Isa::Baseline => {}
        Isa::Avx2 => {
            run::<fused::Avx2F32>(product, threads);
            return;
        }
        _ => {
            run::<fused::Avx512F32>(product, threads);
            return;
        }
    }
    let _ = precision;
    run::<portable::Portable>(product, threads);
}
