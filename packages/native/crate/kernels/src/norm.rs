//! Layer normalisation (Ba et al. 2016) and RMS normalisation (Zhang and Sennrich 2019) of rows, and their gradients.
//! Statistics and parameters are f32; rows may be stored as bf16.

use crate::bf16::Element;
use crate::parallel::{Disjoint, for_each};
use crate::reduce::{Extent, Reduction, reduce};
use crate::scratch;
use crate::simd::simd;
use crate::view::{View, ViewMut, typed, typed_mut};

/// Which normalisation: with or without subtracting the mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    Layer,
    Rms,
}

/// Rows per task, and per partial sum of the parameters' gradients.
const ROWS: usize = 16;
const LANES: usize = 32;

/// The sum of f(0), f(1), ..., in LANES interleaved chains.
#[inline(always)]
fn sum(count: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let whole = count / LANES * LANES;
    for at in (0..whole).step_by(LANES) {
        for (lane, total) in lanes.iter_mut().enumerate() {
            *total += f(at + lane);
        }
    }
    for at in whole..count {
        lanes[at - whole] += f(at);
    }
    // In steps of a fixed width, which the compiler vectorises.
    let lanes: [f32; 16] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 16]);
    let lanes: [f32; 8] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 8]);
    let lanes: [f32; 4] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 4]);
    lanes[0] + lanes[2] + (lanes[1] + lanes[3])
}

/// y = (x - mean) rstd gamma + beta for each row of x [N, h]; `beta` and `mean` are empty for RMS normalisation.
/// The gradient needs mean and rstd [N].
pub fn normalise(
    norm: Norm,
    x: View,
    (gamma, beta): (&[f32], &[f32]),
    epsilon: f32,
    y: ViewMut,
    (mean, rstd): (&mut [f32], &mut [f32]),
) {
    let h = gamma.len();
    let rows = rstd.len();
    assert!(x.len() == rows * h && y.len() == rows * h, "normalisation of {rows} rows of {h}");
    assert!(norm == Norm::Rms || (beta.len() == h && mean.len() == rows), "layer norm has a shift and a mean");
    let (mean, rstd) = (Disjoint::new(mean), Disjoint::new(rstd));
    typed!([x] typed_mut!([y] {
        let y = Disjoint::new(y);
        for_each(rows.div_ceil(ROWS), |task| {
            let from = task * ROWS;
            let count = ROWS.min(rows - from);
            // SAFETY: tasks have their own rows.
            let (y, mean, rstd) = unsafe {
                let means = if norm == Norm::Layer { count } else { 0 };
                (y.part(from * h, count * h), mean.part(if means == 0 { 0 } else { from }, means), rstd.part(from, count))
            };
            normalise_rows(&x[from * h..][..count * h], gamma, beta, epsilon, y, mean, rstd);
        });
    }))
}

simd! {
    fn normalise_rows[S, A: Element, B: Element](
        x: &[A],
        gamma: &[f32],
        beta: &[f32],
        epsilon: f32,
        y: &mut [B],
        mean: &mut [f32],
        rstd: &mut [f32],
    ) {
        let h = gamma.len();
        if h == 0 {
            // The statistics of nothing.
            mean.fill(f32::NAN);
            rstd.fill(f32::NAN);
            return;
        }
        for (row, rstd) in rstd.iter_mut().enumerate() {
            let (x, y) = (&x[row * h..][..h], &mut y[row * h..][..h]);
            let centre = match mean.get_mut(row) {
                Some(mean) => {
                    // SAFETY: i < h, here and below; checks would keep the sums from being vectorised.
                    *mean = sum(h, |i| unsafe { x.get_unchecked(i) }.get()) / h as f32;
                    *mean
                }
                None => 0.0,
            };
            let square = |i: usize| {
                let difference = unsafe { x.get_unchecked(i) }.get() - centre;
                difference * difference
            };
            let variance = sum(h, square) / h as f32;
            let scale = 1.0 / (variance + epsilon).sqrt();
            *rstd = scale;
            if beta.is_empty() {
                for ((y, x), gamma) in y.iter_mut().zip(x).zip(gamma) {
                    *y = B::put(x.get() * scale * gamma);
                }
            } else {
                for (((y, x), gamma), beta) in y.iter_mut().zip(x).zip(gamma).zip(beta) {
                    *y = B::put(S::fma((x.get() - centre) * scale, *gamma, *beta));
                }
            }
        }
    }
}

/// The gradients of `normalise`: dx [N, h], dgamma [h], and dbeta [h] for layer norm (else empty).
pub fn normalise_gradient(
    norm: Norm,
    (dy, x): (View, View),
    gamma: &[f32],
    (mean, rstd): (&[f32], &[f32]),
    dx: ViewMut,
    (dgamma, dbeta): (&mut [f32], &mut [f32]),
) {
    let h = gamma.len();
    let rows = rstd.len();
    let sums = if norm == Norm::Layer { 2 } else { 1 };
    assert!(x.len() == rows * h && dy.len() == rows * h && dx.len() == rows * h, "gradient of {rows} rows of {h}");
    assert!(norm == Norm::Rms || mean.len() == rows, "layer norm has a mean");
    assert!(dgamma.len() == h && dbeta.len() == h * (sums - 1), "gradients of {h} parameters");
    let blocks = rows.div_ceil(ROWS);
    scratch::with_zeros(blocks * sums * h, |partials| {
        let shared = Disjoint::new(partials);
        typed!([dy, x] typed_mut!([dx] {
            let dx = Disjoint::new(dx);
            for_each(blocks, |block| {
                let from = block * ROWS;
                let count = ROWS.min(rows - from);
                let place = from * h..(from + count) * h;
                // SAFETY: tasks have their own rows and partial sums.
                let (dx, partial) = unsafe { (dx.part(place.start, count * h), shared.part(block * sums * h, sums * h)) };
                let mean = mean.get(from..from + count).unwrap_or(&[]);
                gradient_rows(&dy[place.clone()], &x[place], gamma, mean, &rstd[from..from + count], dx, partial);
            });
        }));
        scratch::with_slice(sums * h, |totals: &mut [f32]| {
            let extent = Extent { outer: 1, count: blocks, inner: sums * h };
            reduce(Reduction::Sum, View::F32(partials), extent, totals);
            dgamma.copy_from_slice(&totals[..h]);
            dbeta.copy_from_slice(&totals[h..]);
        });
    });
}

simd! {
    fn gradient_rows[S, A: Element, B: Element, T: Element](
        dy: &[A],
        x: &[B],
        gamma: &[f32],
        mean: &[f32],
        rstd: &[f32],
        dx: &mut [T],
        partial: &mut [f32],
    ) {
        let h = gamma.len();
        if h == 0 {
            return;
        }
        let (dgamma, dbeta) = partial.split_at_mut(h);
        for (row, &scale) in rstd.iter().enumerate() {
            let (dy, x, dx) = (&dy[row * h..][..h], &x[row * h..][..h], &mut dx[row * h..][..h]);
            let centre = mean.get(row).copied().unwrap_or(0.0);
            // SAFETY: i < h, here and below; checks would keep the sums from being vectorised.
            let normal = |i: usize| (unsafe { x.get_unchecked(i) }.get() - centre) * scale;
            let weighted = |i: usize| unsafe { dy.get_unchecked(i).get() * gamma.get_unchecked(i) };
            let along = sum(h, |i| weighted(i) * normal(i)) / h as f32;
            let shift = if dbeta.is_empty() { 0.0 } else { sum(h, weighted) / h as f32 };
            for (((dx, dy), x), gamma) in dx.iter_mut().zip(dy).zip(x).zip(gamma) {
                let normal = (x.get() - centre) * scale;
                *dx = T::put(S::fma(dy.get(), *gamma, -S::fma(normal, along, shift)) * scale);
            }
            for ((total, dy), x) in dgamma.iter_mut().zip(dy).zip(x) {
                *total = S::fma(dy.get(), (x.get() - centre) * scale, *total);
            }
            for (total, dy) in dbeta.iter_mut().zip(dy) {
                *total += dy.get();
            }
        }
    }
}
