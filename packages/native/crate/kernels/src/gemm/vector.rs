//! Products of a few rows with a matrix whose rows run along the depth, as in decoding. They are bound by reading that
//! matrix once, so nothing is packed; half as much to read if it is stored as bf16. Each result is one dot product in f32,
//! at any number of threads.

use super::finish::Epilogue;
use super::operand::Operand;
use super::stored::Stored;
use crate::activation::{self, Activation};
use crate::parallel;
use crate::simd::simd;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Isa, isa};
use crate::vectors::Vectors;
use crate::view::Source;

/// Maximum number of rows for which dot products are faster than packing the right side.
const MOST_ROWS: usize = 8;

/// Tasks per thread: small enough to balance, large enough to stream.
const TASKS_PER_THREAD: usize = 4;

/// Prefetch distance in bytes: on its own the processor prefetches too few. With 1536, rows of bf16, which take twice the
/// instructions per byte, are read at 9.9 GB/s by a core that reads 13.7; with 6144 at 12.8.
const AHEAD: usize = 6144;

/// How far apart prefetches are: a cache line.
const LINE: usize = 64;

/// out [M, N] = activation(left x right + bias), if this is such a product; else returns false.
pub fn run(left: &Operand, right: &Operand, out: &mut [f32], epilogue: &Epilogue, threads: usize) -> bool {
    let whole = |operand: &Operand| operand.depth_stride == 1 && operand.lane_stride == operand.depth;
    if left.lanes > MOST_ROWS || right.lanes < 64 || right.depth < 64 || !whole(left) || !whole(right) {
        return false;
    }
    let Source::F32(rows) = left.source else { return false };
    // SAFETY: an operand borrows lanes x depth numbers.
    let rows = unsafe { std::slice::from_raw_parts(rows, left.lanes * left.depth) };
    match right.source {
        Source::F32(start) => multiply(rows, unsafe { numbers(right, start) }, right.depth, out, epilogue, threads),
        Source::Bf16(start) => multiply(rows, unsafe { numbers(right, start) }, right.depth, out, epilogue, threads),
    }
    true
}

/// # Safety
/// `start` is where the operand's numbers start, and its lanes are contiguous.
unsafe fn numbers<'a, E>(operand: &Operand<'a>, start: *const E) -> &'a [E] {
    unsafe { std::slice::from_raw_parts(start, operand.lanes * operand.depth) }
}

fn multiply<E: Stored>(rows: &[f32], matrix: &[E], depth: usize, out: &mut [f32], epilogue: &Epilogue, threads: usize) {
    let (columns, count_rows) = (matrix.len() / depth, rows.len() / depth);
    let width = columns.div_ceil(if threads > 1 { threads * TASKS_PER_THREAD } else { 1 });
    let result = parallel::Disjoint::new(out);
    let dot_products = choose::<E>();
    parallel::for_each(columns.div_ceil(width), |task| {
        let first = task * width;
        let count = width.min(columns - first);
        let block = &matrix[first * depth..(first + count) * depth];
        // SAFETY: tasks write different columns.
        let mut lines = std::array::from_fn(|row| {
            let count = if row < count_rows { count } else { 0 };
            unsafe { result.part(if count > 0 { row * columns + first } else { 0 }, count) }
        });
        // SAFETY: `choose` has checked the processor.
        unsafe { dot_products(rows, block, depth, &mut lines) };
        for line in lines.into_iter().take(count_rows) {
            finish(line, epilogue.bias.map_or(&[][..], |bias| &bias[first..first + count]), epilogue.activation);
        }
    });
}

/// Computes a line of results for each row [depth] of the left side: its dot products with the rows [depth] of the matrix.
type DotProducts<E> = unsafe fn(&[f32], &[E], usize, &mut [&mut [f32]; MOST_ROWS]);

macro_rules! dot_products {
    ($name:ident, $vectors:ty $(, $features:literal)?) => {
        $(#[target_feature(enable = $features)])?
        unsafe fn $name<E: Stored>(rows: &[f32], matrix: &[E], depth: usize, lines: &mut [&mut [f32]; MOST_ROWS]) {
            for (column, matrix_row) in matrix.chunks_exact(depth).enumerate() {
                for (row, line) in rows.chunks_exact(depth).zip(lines.iter_mut()) {
                    line[column] = unsafe { dot_product::<$vectors, E>(row, matrix_row) };
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

fn choose<E: Stored>() -> DotProducts<E> {
    #[cfg(target_arch = "x86_64")]
    match isa() {
        Isa::Avx512 | Isa::Avx512Bf16 | Isa::Amx => return avx512::<E>,
        Isa::Avx2 => return avx2::<E>,
        Isa::Baseline => {}
    }
    baseline::<E>
}

/// # Safety
/// The processor has the instruction set, and both sides have the same length.
#[inline(always)]
unsafe fn dot_product<S: Vectors, E: Stored>(left: &[f32], right: &[E]) -> f32 {
    let (a, b, length) = (left.as_ptr(), right.as_ptr(), left.len());
    let step = 4 * S::LANES;
    let whole = length / step * step;
    let bytes = S::LANES * size_of::<E>();
    let mut total = unsafe {
        let mut sums = [S::splat(0.0); 4];
        for at in (0..whole).step_by(step) {
            for (group, sum) in sums.iter_mut().enumerate() {
                let at = at + group * S::LANES;
                if (group * bytes).is_multiple_of(LINE) {
                    prefetch(b.wrapping_add(at).wrapping_byte_add(AHEAD));
                }
                *sum = S::fma(S::load(a.add(at)), E::load::<S>(b.add(at)), *sum);
            }
        }
        S::sum(S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])))
    };
    for (x, y) in left[whole..].iter().zip(&right[whole..]) {
        total += x * y.get();
    }
    total
}

/// Prefetches the cache line at an address, which need not exist.
#[inline(always)]
fn prefetch<E>(address: *const E) {
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
