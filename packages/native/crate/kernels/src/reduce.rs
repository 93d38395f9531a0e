//! Sums, products, extrema and their indices along one dimension of [outer, count, inner].
//!
//! Sums are taken in blocks of fixed size, f32 within a block and f64 across blocks, so that they do not depend on the number of threads.

use crate::bf16::Element;
use crate::parallel::{Disjoint, for_each, for_each_chunk, threads};
use crate::scratch;
use crate::simd::simd;
use crate::view::{View, typed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    Sum,
    Mean,
    Prod,
    Max,
    Min,
}

/// [outer, count, inner] -> [outer, inner]
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub outer: usize,
    pub count: usize,
    pub inner: usize,
}

/// Elements per block along a contiguous dimension.
const BLOCK: usize = 1 << 14;
/// Rows per block otherwise.
const ROWS: usize = 64;
const LANES: usize = 64;

impl Reduction {
    fn start(self) -> f32 {
        match self {
            Reduction::Sum | Reduction::Mean => 0.0,
            Reduction::Prod => 1.0,
            Reduction::Max => f32::NEG_INFINITY,
            Reduction::Min => f32::INFINITY,
        }
    }

    #[inline(always)]
    fn join<N: PartialOrd + std::ops::Add<Output = N> + std::ops::Mul<Output = N> + Copy>(self, a: N, b: N) -> N {
        // NaN propagates: every comparison with it is false, even with itself.
        let is_nan = |x: N| x.partial_cmp(&x).is_none();
        match self {
            Reduction::Sum | Reduction::Mean => a + b,
            Reduction::Prod => a * b,
            Reduction::Max => {
                if b > a || is_nan(b) {
                    b
                } else {
                    a
                }
            }
            Reduction::Min => {
                if b < a || is_nan(b) {
                    b
                } else {
                    a
                }
            }
        }
    }

    fn finish(self, total: f64, count: usize) -> f32 {
        (if self == Reduction::Mean { total / count as f64 } else { total }) as f32
    }
}

/// out [outer, inner] = the reduction of x [outer, count, inner] along its middle dimension.
pub fn reduce(reduction: Reduction, x: View, extent: Extent, out: &mut [f32]) {
    let Extent { outer, count, inner } = extent;
    assert!(x.len() == outer * count * inner && out.len() == outer * inner, "reduction of {extent:?}");
    if out.is_empty() {
        return;
    }
    if count == 0 {
        out.fill(reduction.finish(f64::from(reduction.start()), 0));
    } else if inner == 1 {
        typed!([x] reduce_rows(reduction, x, count, out));
    } else {
        typed!([x] reduce_columns(reduction, x, extent, out));
    }
}

fn reduce_rows<T: Element>(reduction: Reduction, x: &[T], count: usize, out: &mut [f32]) {
    let row = |row: &[T]| {
        let blocks = row.chunks(BLOCK).map(|block| f64::from(block_of_row(block, reduction)));
        reduction.finish(blocks.reduce(|a, b| reduction.join(a, b)).unwrap_or_default(), count)
    };
    if out.len() >= 2 * threads() || count <= BLOCK {
        let rows = (BLOCK / count).max(1);
        for_each_chunk(out, rows, |index, out| {
            for (i, out) in out.iter_mut().enumerate() {
                *out = row(&x[(index * rows + i) * count..][..count]);
            }
        });
        return;
    }
    let blocks = count.div_ceil(BLOCK);
    scratch::with_slice(blocks, |partials: &mut [f64]| {
        for (i, out) in out.iter_mut().enumerate() {
            let row = &x[i * count..][..count];
            for_each_chunk(partials, 1, |index, partial| {
                let block = &row[index * BLOCK..count.min((index + 1) * BLOCK)];
                partial[0] = f64::from(block_of_row(block, reduction));
            });
            let total = partials.iter().copied().reduce(|a, b| reduction.join(a, b));
            *out = reduction.finish(total.unwrap_or_default(), count);
        }
    });
}

simd! {
    fn block_of_row[S, T: Element](block: &[T], reduction: Reduction) -> f32 {
        match reduction {
            Reduction::Sum | Reduction::Mean => fold::<T>(block, 0.0, |a, b| a + b),
            Reduction::Prod => fold::<T>(block, 1.0, |a, b| a * b),
            Reduction::Max => fold::<T>(block, f32::NEG_INFINITY, |a, b| Reduction::Max.join(a, b)),
            Reduction::Min => fold::<T>(block, f32::INFINITY, |a, b| Reduction::Min.join(a, b)),
        }
    }
}

/// Combines numbers in LANES interleaved chains, then the chains pairwise.
#[inline(always)]
fn fold<T: Element>(block: &[T], start: f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let mut chunks = block.chunks_exact(LANES);
    for chunk in &mut chunks {
        for lane in 0..LANES {
            lanes[lane] = join(lanes[lane], chunk[lane].get());
        }
    }
    for (lane, x) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = join(*lane, x.get());
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    lanes[0]
}

fn reduce_columns<T: Element>(reduction: Reduction, x: &[T], extent: Extent, out: &mut [f32]) {
    let Extent { outer, count, inner } = extent;
    let blocks = count.div_ceil(ROWS);
    scratch::with_slice(outer * blocks * inner, |partials: &mut [f32]| {
        for_each_chunk(partials, inner, |index, partial| {
            let (i, block) = (index / blocks, index % blocks);
            let rows = block * ROWS..count.min((block + 1) * ROWS);
            partial.fill(reduction.start());
            join_rows::<T>(&x[(i * count + rows.start) * inner..][..rows.len() * inner], partial, reduction);
        });
        let partials = &*partials;
        const WIDTH: usize = 256;
        let pieces = inner.div_ceil(WIDTH);
        let out = Disjoint::new(out);
        for_each(outer * pieces, |task| {
            let (i, from) = (task / pieces, task % pieces * WIDTH);
            let width = WIDTH.min(inner - from);
            let mut totals = [f64::from(reduction.start()); WIDTH];
            for block in 0..blocks {
                let partial = &partials[(i * blocks + block) * inner + from..][..width];
                for (total, &x) in totals.iter_mut().zip(partial) {
                    *total = reduction.join(*total, f64::from(x));
                }
            }
            // SAFETY: tasks have their own columns.
            let out = unsafe { out.part(i * inner + from, width) };
            for (out, &total) in out.iter_mut().zip(&totals) {
                *out = reduction.finish(total, count);
            }
        });
    });
}

simd! {
    fn join_rows[S, T: Element](rows: &[T], total: &mut [f32], reduction: Reduction) {
        match reduction {
            Reduction::Sum | Reduction::Mean => each_row(rows, total, |a, b| a + b),
            _ => each_row(rows, total, |a, b| reduction.join(a, b)),
        }
    }
}

#[inline(always)]
fn each_row<T: Element>(rows: &[T], total: &mut [f32], join: impl Fn(f32, f32) -> f32) {
    for row in rows.chunks_exact(total.len()) {
        for (total, x) in total.iter_mut().zip(row) {
            *total = join(*total, x.get());
        }
    }
}

/// The sum of the squares of all numbers of all tensors.
pub fn sum_of_squares(tensors: &[View]) -> f32 {
    let pieces: Vec<View> = tensors
        .iter()
        .flat_map(|tensor| {
            (0..tensor.len()).step_by(BLOCK).map(|from| tensor.part(from, BLOCK.min(tensor.len() - from)))
        })
        .collect();
    let mut sums = vec![0.0f64; pieces.len()];
    for_each_chunk(&mut sums, 8, |index, sums| {
        for (sum, &piece) in sums.iter_mut().zip(&pieces[index * 8..]) {
            *sum = f64::from(typed!([piece] squares(piece)));
        }
    });
    sums.iter().sum::<f64>() as f32
}

simd! {
    fn squares[S, T: Element](block: &[T]) -> f32 {
        let mut lanes = [0.0f32; LANES];
        let mut chunks = block.chunks_exact(LANES);
        for chunk in &mut chunks {
            for lane in 0..LANES {
                lanes[lane] = S::fma(chunk[lane].get(), chunk[lane].get(), lanes[lane]);
            }
        }
        for (lane, x) in lanes.iter_mut().zip(chunks.remainder()) {
            *lane = S::fma(x.get(), x.get(), *lane);
        }
        fold::<f32>(&lanes, 0.0, |a, b| a + b)
    }
}

/// out [outer, inner] = the index along the middle dimension of the largest (or smallest) element, the first of equals.
pub fn arg_extreme<T: Copy + PartialOrd + Sync>(largest: bool, x: &[T], extent: Extent, out: &mut [i32]) {
    let Extent { outer, count, inner } = extent;
    assert!(x.len() == outer * count * inner && out.len() == outer * inner, "positions in {extent:?}");
    let group = (BLOCK / count.max(1)).max(1);
    for_each_chunk(out, group, |index, out| {
        for (i, out) in out.iter_mut().enumerate() {
            let at = index * group + i;
            let start = at / inner * count * inner + at % inner;
            let mut best = 0;
            for k in 1..count {
                let (candidate, current) = (x[start + k * inner], x[start + best * inner]);
                if (largest && candidate > current) || (!largest && candidate < current) {
                    best = k;
                }
            }
            *out = best as i32;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Pool;

    #[test]
    fn along_each_dimension() {
        let large = if cfg!(miri) { [(2, 20, 30), (1, 400, 1)] } else { [(2, 200, 300), (1, 40_000, 1)] };
        let small = [(1, 1, 1), (3, 7, 1), (3, 7, 5), (5, 1, 4), (2, 0, 3)];
        for (outer, count, inner) in small.into_iter().chain(large) {
            let x: Vec<f32> = (0..outer * count * inner).map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0).collect();
            for reduction in [Reduction::Sum, Reduction::Mean, Reduction::Max, Reduction::Min] {
                let mut results = Vec::new();
                for threads in [1, 3] {
                    let mut out = vec![f32::NAN; outer * inner];
                    let extent = Extent { outer, count, inner };
                    Pool::new(threads).install(|| reduce(reduction, View::F32(&x), extent, &mut out));
                    results.push(out);
                }
                assert!(results[0].iter().zip(&results[1]).all(|(a, b)| a.to_bits() == b.to_bits()));
                for (at, &found) in results[0].iter().enumerate() {
                    let (i, j) = (at / inner, at % inner);
                    let column = (0..count).map(|k| f64::from(x[(i * count + k) * inner + j]));
                    let expected = match reduction {
                        Reduction::Sum => column.sum::<f64>(),
                        Reduction::Mean => column.sum::<f64>() / count as f64,
                        Reduction::Max => column.fold(f64::NEG_INFINITY, f64::max),
                        _ => column.fold(f64::INFINITY, f64::min),
                    };
                    let close = (f64::from(found) - expected).abs() <= 1e-5 * expected.abs().max(1.0);
                    assert!(close || f64::from(found) == expected || (found.is_nan() && expected.is_nan()));
                }
            }
        }
    }

    #[test]
    fn nan_reaches_every_reduction() {
        for reduction in [Reduction::Sum, Reduction::Mean, Reduction::Prod, Reduction::Max, Reduction::Min] {
            for place in [0, 70, 99] {
                let mut x = [1.0; 100];
                x[place] = f32::NAN;
                for inner in [1, 2] {
                    let mut out = vec![0.0; inner];
                    reduce(reduction, View::F32(&x), Extent { outer: 1, count: 100 / inner, inner }, &mut out);
                    assert!(out[place % inner].is_nan());
                }
            }
        }
    }

    #[test]
    fn squares_and_positions() {
        let x = vec![2.0f32; 40_001];
        assert_eq!(sum_of_squares(&[View::F32(&x), View::F32(&[3.0])]), 4.0 * 40_001.0 + 9.0);
        let mut out = [0; 2];
        arg_extreme(true, &[1.0, 5.0, 5.0, 4.0, 0.0, 4.0], Extent { outer: 2, count: 3, inner: 1 }, &mut out);
        assert_eq!(out, [1, 0]);
        arg_extreme(false, &[1, 5, 0, 4, 0, 4], Extent { outer: 1, count: 3, inner: 2 }, &mut out);
        assert_eq!(out, [1, 1]);
    }
}
