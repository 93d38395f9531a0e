//! Products of a few rows with a matrix whose rows run along the depth, as in decoding. They are bound by reading that
//! matrix once, so nothing is packed. Each result is one dot product, at any number of threads.

use super::finish::Epilogue;
use super::operand::Operand;
use crate::activation::{self, Activation};
use crate::parallel;
use crate::simd::simd;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Isa, isa};
use crate::vectors::Vectors;
use crate::view::Source;

/// Maximum number of rows for which the product is bound by reading the right side.
const MOST_ROWS: usize = 4;

/// Tasks per thread: small enough to balance, large enough to stream.
const TASKS_PER_THREAD: usize = 4;

/// Prefetch distance in numbers: on its own the processor prefetches too few.
const AHEAD: usize = 384;

/// out [M, N] = activation(left x right + bias), if this is such a product; else returns false.
pub fn run(left: &Operand, right: &Operand, out: &mut [f32], epilogue: &Epilogue, threads: usize) -> bool {
    let (Some(rows), Some(matrix)) = (contiguous(left), contiguous(right)) else { return false };
    if left.lanes > MOST_ROWS || right.lanes < 64 || right.depth < 64 {
        return false;
    }
    let (columns, depth) = (right.lanes, right.depth);
    let width = columns.div_ceil(if threads > 1 { threads * TASKS_PER_THREAD } else { 1 });
    let result = parallel::Disjoint::new(out);
    let dot_products = choose();
    parallel::for_each(columns.div_ceil(width), |task| {
        let first = task * width;
        let count = width.min(columns - first);
        let block = &matrix[first * depth..(first + count) * depth];
        // SAFETY: tasks write different columns.
        let mut lines = std::array::from_fn(|row| {
            let count = if row < left.lanes { count } else { 0 };
            unsafe { result.part(if count > 0 { row * columns + first } else { 0 }, count) }
        });
        // SAFETY: `choose` has checked the processor.
        unsafe { dot_products(rows, block, depth, &mut lines) };
        for line in lines.into_iter().take(left.lanes) {
            finish(line, epilogue.bias.map_or(&[][..], |bias| &bias[first..first + count]), epilogue.activation);
        }
    });
    true
}

/// The numbers of an f32 operand whose lanes are contiguous.
fn contiguous<'a>(operand: &Operand<'a>) -> Option<&'a [f32]> {
    let Source::F32(start) = operand.source else { return None };
    let whole = operand.depth_stride == 1 && operand.lane_stride == operand.depth;
    // SAFETY: the operand borrows lanes x depth numbers.
    whole.then(|| unsafe { std::slice::from_raw_parts(start, operand.lanes * operand.depth) })
}

/// Computes a line of results for each row [depth] of the left side: its dot products with the rows [depth] of the matrix.
type DotProducts = unsafe fn(&[f32], &[f32], usize, &mut [&mut [f32]; MOST_ROWS]);

macro_rules! dot_products {
    ($name:ident, $vectors:ty $(, $features:literal)?) => {
        $(#[target_feature(enable = $features)])?
        unsafe fn $name(rows: &[f32], matrix: &[f32], depth: usize, lines: &mut [&mut [f32]; MOST_ROWS]) {
            for (column, matrix_row) in matrix.chunks_exact(depth).enumerate() {
                for (row, line) in rows.chunks_exact(depth).zip(lines.iter_mut()) {
                    line[column] = unsafe { dot_product::<$vectors>(row, matrix_row) };
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
dot_products!(avx512, crate::vectors::Avx512, "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2");
#[cfg(target_arch = "x86_64")]
dot_products!(avx2, crate::vectors::Avx2, "fma,avx2");
#[cfg(target_arch = "aarch64")]
dot_products!(baseline, crate::vectors::Neon, "neon");
#[cfg(not(target_arch = "aarch64"))]
dot_products!(baseline, crate::vectors::Portable);

fn choose() -> DotProducts {
    #[cfg(target_arch = "x86_64")]
    match isa() {
        Isa::Avx512 | Isa::Avx512Bf16 | Isa::Amx => return avx512,
        Isa::Avx2 => return avx2,
        Isa::Baseline => {}
    }
    baseline
}

/// # Safety
/// The processor has the instruction set, and both sides have the same length.
#[inline(always)]
unsafe fn dot_product<S: Vectors>(left: &[f32], right: &[f32]) -> f32 {
    let (a, b, length) = (left.as_ptr(), right.as_ptr(), left.len());
    let step = 4 * S::LANES;
    let whole = length / step * step;
    let mut total = unsafe {
        let mut sums = [S::splat(0.0); 4];
        for at in (0..whole).step_by(step) {
            for (group, sum) in sums.iter_mut().enumerate() {
                let at = at + group * S::LANES;
                prefetch(b.wrapping_add(at + AHEAD));
                *sum = S::fma(S::load(a.add(at)), S::load(b.add(at)), *sum);
            }
        }
        S::sum(S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])))
    };
    for (x, y) in left[whole..].iter().zip(&right[whole..]) {
        total += x * y;
    }
    total
}

/// Prefetches the cache line at an address, which need not exist.
#[inline(always)]
fn prefetch(address: *const f32) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

simd! {
    fn finish[S](line: &mut [f32], bias: &[f32], activation: Activation) {
        for (value, bias) in line.iter_mut().zip(bias) {
            *value += bias;
        }
        activation::apply::<S>(activation, line);
    }
}
