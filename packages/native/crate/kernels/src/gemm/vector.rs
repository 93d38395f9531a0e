//! Products of few rows with a matrix whose rows are the depth: decoding. They are bound by reading that matrix once, so
//! nothing is packed; each result is one dot product, whatever the number of threads.

use super::Epilogue;
use super::operand::{Operand, Source};
use crate::activation::{self, Activation};
use crate::parallel::{self, Disjoint};
use crate::simd::simd;

/// Rows of the left side up to which reading the right side bounds the product.
const MOST_ROWS: usize = 4;

/// Tasks a thread: small enough to even out, large enough to stream.
const TASKS_PER_THREAD: usize = 4;

/// out [M, N] = activation(left x right + bias), where that is such a product; false where it is not.
pub fn run(left: &Operand, right: &Operand, out: &mut [f32], epilogue: &Epilogue, threads: usize) -> bool {
    let (Some(rows), Some(matrix)) = (contiguous(left), contiguous(right)) else { return false };
    if left.lanes > MOST_ROWS || right.lanes < 64 || right.depth < 64 {
        return false;
    }
    let (columns, depth) = (right.lanes, right.depth);
    let width = columns.div_ceil(if threads > 1 { threads * TASKS_PER_THREAD } else { 1 });
    let result = Disjoint::new(out);
    parallel::for_each(columns.div_ceil(width), |task| {
        let first = task * width;
        let count = width.min(columns - first);
        let block = &matrix[first * depth..(first + count) * depth];
        for (index, row) in rows.chunks_exact(depth).enumerate() {
            // SAFETY: tasks write different columns.
            let line = unsafe { result.part(index * columns + first, count) };
            let bias = epilogue.bias.map_or(&[][..], |bias| &bias[first..first + count]);
            dot_products(row, block, bias, epilogue.activation, line);
        }
    });
    true
}

/// The numbers of an operand in f32 whose lanes lie one after the other.
fn contiguous<'a>(operand: &Operand<'a>) -> Option<&'a [f32]> {
    let Source::F32(start) = operand.source else { return None };
    let whole = operand.depth_stride == 1 && operand.lane_stride == operand.depth;
    // SAFETY: the operand borrows lanes x depth numbers.
    whole.then(|| unsafe { std::slice::from_raw_parts(start, operand.lanes * operand.depth) })
}

simd! {
    fn dot_products[S](row: &[f32], matrix: &[f32], bias: &[f32], activation: Activation, out: &mut [f32]) {
        for (line, result) in matrix.chunks_exact(row.len()).zip(out.iter_mut()) {
            let mut sums = [[0f32; 16]; 4];
            let (mut left, mut right) = (row.chunks_exact(64), line.chunks_exact(64));
            for (a, b) in (&mut left).zip(&mut right) {
                for (group, sum) in sums.iter_mut().enumerate() {
                    for (lane, value) in sum.iter_mut().enumerate() {
                        *value = S::fma(a[group * 16 + lane], b[group * 16 + lane], *value);
                    }
                }
            }
            let mut total = 0.0;
            let [first, second, third, fourth] = sums;
            for (((a, b), c), d) in first.iter().zip(&second).zip(&third).zip(&fourth) {
                total += (a + b) + (c + d);
            }
            for (a, b) in left.remainder().iter().zip(right.remainder()) {
                total = S::fma(*a, *b, total);
            }
            *result = total;
        }
        for (value, bias) in out.iter_mut().zip(bias) {
            *value += bias;
        }
        activation::apply::<S>(activation, out);
    }
}
