//! Muon (Jordan et al. 2024) over many matrices in one pass, in place: momentum, five Newton-Schulz steps, the update.
//!
//! With as many matrices as threads need, each is one task; else the products of one matrix use all threads. Bits are the
//! same either way.

use crate::bf16::{Bf16, Element};
use crate::gemm::{Epilogue, Operand, Precision, gemm};
use crate::parallel::{Disjoint, for_each, for_each_chunk, threads};
use crate::reduce::sum_of_squares;
use crate::scratch::{Plain, with_slice};
use crate::simd::{Isa, isa, simd};
use crate::view::{CHUNK, View, ViewMut, typed};

/// One matrix [rows, columns], with its gradient and momentum.
pub struct MuonTensor<'a> {
    pub parameter: &'a mut [f32],
    pub gradient: View<'a>,
    pub momentum: &'a mut [f32],
    pub rows: usize,
    pub columns: usize,
    /// The learning rate, adjusted to the shape.
    pub rate: f64,
    /// What the parameter is multiplied by.
    pub decay: f64,
}

#[derive(Clone, Copy, Debug)]
pub struct MuonOptions {
    pub momentum: f64,
    pub nesterov: bool,
    /// Decay only where the update shrinks the parameter.
    pub cautious: bool,
    pub epsilon: f64,
    /// `Bf16` allows Newton-Schulz to round to bf16, which it does if the processor multiplies bf16 faster.
    pub precision: Precision,
    pub gradient_scale: f64,
    pub steps: usize,
    pub coefficients: [f64; 3],
}

impl MuonTensor<'_> {
    /// Multiplications of one step, to start the longest tasks first.
    fn work(&self) -> usize {
        let (small, large) = (self.rows.min(self.columns), self.rows.max(self.columns));
        small * small * (2 * large + small)
    }
}

/// Tasks per thread from which matrices are tasks.
const TASKS_PER_THREAD: usize = 2;

/// m <- momentum m + (1 - momentum) g, p <- p decay - rate O, as in torch.optim.Muon, where O is m (with Nesterov, once
/// more momentum m + (1 - momentum) g) with its singular values near 1.
pub fn muon(mut tensors: Vec<MuonTensor>, options: MuonOptions) {
    for tensor in &tensors {
        let alike = [tensor.parameter.len(), tensor.gradient.len(), tensor.momentum.len()];
        let size = tensor.rows * tensor.columns;
        assert!(alike.iter().all(|&length| length == size), "{} x {} in {alike:?}", tensor.rows, tensor.columns);
    }
    if tensors.len() < TASKS_PER_THREAD * threads() {
        tensors.iter_mut().for_each(|tensor| update(tensor, options));
        return;
    }
    tensors.sort_by_key(|tensor| std::cmp::Reverse(tensor.work()));
    let count = tensors.len();
    let shared = Disjoint::new(&mut tensors);
    // SAFETY: each task has a tensor of its own.
    for_each(count, |index| update(&mut unsafe { shared.part(index, 1) }[0], options));
}

fn update(tensor: &mut MuonTensor, options: MuonOptions) {
    let size = tensor.parameter.len();
    if size == 0 {
        return;
    }
    with_slice(size, |direction: &mut [f32]| {
        let factors = Ahead {
            momentum: options.momentum as f32,
            gradient: options.gradient_scale as f32,
            rest: (1.0 - options.momentum) as f32,
            nesterov: options.nesterov,
        };
        let (momentum, gradient) = (Disjoint::new(tensor.momentum), tensor.gradient);
        for_each_chunk(direction, CHUNK, |index, direction| {
            // SAFETY: chunks do not overlap.
            let momentum = unsafe { momentum.part(index * CHUNK, direction.len()) };
            let gradient = gradient.part(index * CHUNK, direction.len());
            typed!([gradient] ahead(gradient, momentum, direction, factors));
        });
        let shape = (tensor.rows, tensor.columns);
        if options.precision == Precision::Bf16 && isa() >= Isa::Avx512Bf16 {
            orthogonalize::<Bf16>(direction, shape, options);
        } else {
            orthogonalize::<f32>(direction, shape, options);
        }
        let direction: &[f32] = direction;
        for_each_chunk(tensor.parameter, CHUNK, |index, parameter| {
            let direction = &direction[index * CHUNK..][..parameter.len()];
            apply(parameter, direction, tensor.rate as f32, tensor.decay as f32, options.cautious);
        });
    });
}

/// The type that Newton-Schulz works in.
trait Work: Element + Plain {
    const PRECISION: Precision;
    fn view(numbers: &[Self]) -> View<'_>;
    fn view_mut(numbers: &mut [Self]) -> ViewMut<'_>;
}

impl Work for f32 {
    const PRECISION: Precision = Precision::F32;
    fn view(numbers: &[f32]) -> View<'_> {
        View::F32(numbers)
    }
    fn view_mut(numbers: &mut [f32]) -> ViewMut<'_> {
        ViewMut::F32(numbers)
    }
}

impl Work for Bf16 {
    const PRECISION: Precision = Precision::Bf16;
    fn view(numbers: &[Bf16]) -> View<'_> {
        View::Bf16(numbers)
    }
    fn view_mut(numbers: &mut [Bf16]) -> ViewMut<'_> {
        ViewMut::Bf16(numbers)
    }
}

/// x [rows, columns] = U S V^T -> U S' V^T, where S' is near 1.
fn orthogonalize<T: Work>(direction: &mut [f32], shape: (usize, usize), options: MuonOptions) {
    let length = direction.len();
    // Clamped as in PyTorch, where NaN stays.
    let norm = f64::from(sum_of_squares(&[View::F32(direction)])).sqrt();
    let scale = (1.0 / if norm < options.epsilon { options.epsilon } else { norm }) as f32;
    if T::PRECISION == Precision::F32 && is_long(shape) {
        with_slice(length, |x: &mut [f32]| {
            let whole: &[f32] = direction;
            for_each_chunk(x, CHUNK, |index, x| scaled(&whole[index * CHUNK..][..x.len()], scale, x));
            iterate_gram(side_of(x, shape), options, |polynomial| {
                multiply_side(polynomial, x, shape, ViewMut::F32(direction));
            });
        });
        return;
    }
    with_slice(2 * length, |states: &mut [T]| {
        let (mut x, mut next) = states.split_at_mut(length);
        let whole: &[f32] = direction;
        for_each_chunk(x, CHUNK, |index, x| scaled(&whole[index * CHUNK..][..x.len()], scale, x));
        for _ in 1..options.steps {
            newton_schulz(x, shape, options.coefficients, T::view_mut(next));
            std::mem::swap(&mut x, &mut next);
        }
        newton_schulz(x, shape, options.coefficients, ViewMut::F32(direction));
    });
}

/// One step: out = (a + b G + c G^2) x with the Gram matrix G of the smaller side, on that side.
fn newton_schulz<T: Work>(x: &[T], shape: (usize, usize), coefficients: [f64; 3], out: ViewMut) {
    let small = shape.0.min(shape.1);
    with_slice(2 * small * small, |grams: &mut [f32]| {
        with_slice(small * small, |polynomial: &mut [T]| {
            let (gram, square) = grams.split_at_mut(small * small);
            let side = side_of(x, shape);
            symmetric_product(side, side, T::PRECISION, gram);
            evaluate(gram, square, coefficients, polynomial);
            multiply_side(polynomial, x, shape, out);
        });
    });
}

/// x [rows, columns] as an operand whose lanes are the smaller side.
fn side_of<T: Work>(x: &[T], (rows, columns): (usize, usize)) -> Operand<'_> {
    match rows <= columns {
        true => Operand::rows(T::view(x), rows, columns),
        false => Operand::columns(T::view(x), columns, rows),
    }
}

/// out [rows, columns] = polynomial x, on the smaller side of x.
fn multiply_side<T: Work>(polynomial: &[T], x: &[T], (rows, columns): (usize, usize), out: ViewMut) {
    let small = rows.min(columns);
    let polynomial = Operand::rows(T::view(polynomial), small, small);
    let (left, right) = match rows <= columns {
        true => (polynomial, Operand::columns(T::view(x), columns, rows)),
        false => (Operand::rows(T::view(x), rows, columns), polynomial),
    };
    gemm(left, right, out, T::PRECISION, Epilogue::NONE);
}

/// square = gram^2 and polynomial = a + b gram + c square, all [small, small].
fn evaluate<T: Work>(gram: &[f32], square: &mut [f32], coefficients: [f64; 3], polynomial: &mut [T]) {
    let [a, b, c] = coefficients.map(|coefficient| coefficient as f32);
    let small = gram.len().isqrt();
    let operand = Operand::rows(View::F32(gram), small, small);
    symmetric_product(operand, operand, T::PRECISION, square);
    for_each_chunk(polynomial, small, |row, line| {
        let (gram, square) = (&gram[row * small..][..small], &square[row * small..][..small]);
        combine(gram, square, b, c, line);
        line[row] = T::put(a + b * gram[row] + c * square[row]);
    });
}

/// Whether it takes fewer operations to iterate on the Gram matrix: five steps take (17 s + r + s r) n^3 instead of
/// 5 (s + r + s r) n^3 for sides of n and r n, where s is the share of a symmetric product that is computed, about 0.6.
fn is_long((rows, columns): (usize, usize)) -> bool {
    rows.max(columns) >= 2 * rows.min(columns)
}

/// Newton-Schulz on the Gram matrix G of x's smaller side alone: each step multiplies x by a polynomial P of G, so that the next
/// Gram matrix is P G P, and all of these matrices commute. Gives the product of the polynomials.
///
/// What rounding leaves in small eigenvalues of G grows as they do, twelvefold a step: too much for bf16, which would have to form
/// G from x again on the way.
fn iterate_gram(side: Operand, options: MuonOptions, finish: impl FnOnce(&[f32])) {
    let small = side.lanes;
    let size = small * small;
    with_slice(5 * size, |memory: &mut [f32]| {
        let (gram, rest) = memory.split_at_mut(size);
        let (other, rest) = rest.split_at_mut(size);
        let (polynomial, rest) = rest.split_at_mut(size);
        let (mut product, mut next) = rest.split_at_mut(size);
        let times = |left: &[f32], right: &[f32], out: &mut [f32]| {
            let operand = |matrix| Operand::rows(View::F32(matrix), small, small);
            symmetric_product(operand(left), operand(right), Precision::F32, out);
        };
        symmetric_product(side, side, Precision::F32, gram);
        evaluate(gram, other, options.coefficients, product);
        polynomial.copy_from_slice(product);
        for _ in 1..options.steps {
            times(polynomial, gram, other);
            times(other, polynomial, gram);
            evaluate(gram, other, options.coefficients, polynomial);
            times(polynomial, product, next);
            std::mem::swap(&mut product, &mut next);
        }
        finish(product);
    });
}

/// Rows of a block of a symmetric product: enough for it to be fast.
const BLOCK: usize = 64;

/// out [n, n] = left right^T, which must be symmetric, for n lanes each: blocks of rows up to the diagonal, mirrored.
fn symmetric_product(left: Operand, right: Operand, precision: Precision, out: &mut [f32]) {
    let n = left.lanes;
    for from in (0..n).step_by(BLOCK) {
        let rows = BLOCK.min(n - from);
        let columns = from + rows;
        with_slice(rows * columns, |block: &mut [f32]| {
            let (left, right) = (left.part(from, rows), right.part(0, columns));
            gemm(left, right, ViewMut::F32(block), precision, Epilogue::NONE);
            for (row, line) in block.chunks_exact(columns).enumerate() {
                out[(from + row) * n..][..columns].copy_from_slice(line);
                for (column, &value) in line[..from].iter().enumerate() {
                    out[column * n + from + row] = value;
                }
            }
        });
    }
}

#[derive(Clone, Copy)]
struct Ahead {
    momentum: f32,
    gradient: f32,
    rest: f32,
    nesterov: bool,
}

simd! {
    fn ahead[S, T: Element](g: &[T], m: &mut [f32], out: &mut [f32], f: Ahead) {
        for ((g, m), out) in g.iter().zip(m).zip(out) {
            let gradient = f.rest * (g.get() * f.gradient);
            *m = S::fma(f.momentum, *m, gradient);
            *out = if f.nesterov { S::fma(f.momentum, *m, gradient) } else { *m };
        }
    }
}

simd! {
    fn scaled[S, T: Element](x: &[f32], scale: f32, out: &mut [T]) {
        for (out, x) in out.iter_mut().zip(x) {
            *out = T::put(x * scale);
        }
    }
}

simd! {
    fn combine[S, T: Element](gram: &[f32], square: &[f32], b: f32, c: f32, out: &mut [T]) {
        for ((out, gram), square) in out.iter_mut().zip(gram).zip(square) {
            *out = T::put(S::fma(c, *square, b * gram));
        }
    }
}

simd! {
    fn apply[S](p: &mut [f32], direction: &[f32], rate: f32, decay: f32, cautious: bool) {
        for (p, direction) in p.iter_mut().zip(direction) {
            let keeps = cautious && *p * direction < 0.0;
            let decay = if keeps { 1.0 } else { decay };
            *p = S::fma(*p, decay, -(rate * direction));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Pool;
    use crate::testing::numbers;

    const OPTIONS: MuonOptions = MuonOptions {
        momentum: 0.9,
        nesterov: true,
        cautious: false,
        epsilon: 1e-7,
        precision: Precision::F32,
        gradient_scale: 0.5,
        steps: 5,
        coefficients: [3.4445, -4.775, 2.0315],
    };

    struct Matrix {
        parameter: Vec<f32>,
        gradient: Vec<f32>,
        momentum: Vec<f32>,
        shape: (usize, usize),
    }

    fn matrices(shapes: &[(usize, usize)]) -> Vec<Matrix> {
        let one = |(index, &(rows, columns)): (usize, &(usize, usize))| Matrix {
            parameter: numbers(rows * columns, 3 * index as u32),
            gradient: numbers(rows * columns, 3 * index as u32 + 1),
            momentum: numbers(rows * columns, 3 * index as u32 + 2),
            shape: (rows, columns),
        };
        shapes.iter().enumerate().map(one).collect()
    }

    fn run(matrices: &mut [Matrix], options: MuonOptions, threads: usize) {
        let tensors = matrices
            .iter_mut()
            .map(|Matrix { parameter, gradient, momentum, shape: (rows, columns) }| MuonTensor {
                parameter,
                gradient: View::F32(gradient),
                momentum,
                rows: *rows,
                columns: *columns,
                rate: 0.1,
                decay: 0.9,
            })
            .collect();
        Pool::new(threads).install(|| muon(tensors, options));
    }

    /// Newton-Schulz in f64, by the definition.
    fn reference(x: &[f64], (rows, columns): (usize, usize)) -> Vec<f64> {
        let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut x: Vec<f64> = x.iter().map(|x| x / norm).collect();
        let product = |a: &[f64], b: &[f64], (m, k, n): (usize, usize, usize)| -> Vec<f64> {
            (0..m * n).map(|i| (0..k).map(|d| a[i / n * k + d] * b[d * n + i % n]).sum()).collect()
        };
        let transposed: fn(&[f64], usize, usize) -> Vec<f64> =
            |x, rows, columns| (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect();
        for _ in 0..5 {
            let gram = product(&x, &transposed(&x, rows, columns), (rows, columns, rows));
            let square = product(&gram, &gram, (rows, rows, rows));
            let p: Vec<f64> = gram.iter().zip(&square).map(|(g, s)| -4.775 * g + 2.0315 * s).collect();
            let turned = product(&p, &x, (rows, rows, columns));
            x = x.iter().zip(&turned).map(|(x, t)| 3.4445 * x + t).collect();
        }
        x
    }

    fn largest_error(shape: (usize, usize), options: MuonOptions) -> f64 {
        let before = matrices(&[shape]).remove(0);
        let mut after = matrices(&[shape]);
        run(&mut after, options, 2);
        let (mut m, mut error) = (Vec::new(), 0.0f64);
        let ahead: Vec<f64> = (0..before.gradient.len())
            .map(|i| {
                let g = 0.1 * 0.5 * f64::from(before.gradient[i]);
                m.push(0.9 * f64::from(before.momentum[i]) + g);
                if options.nesterov { 0.9 * m[i] + g } else { m[i] }
            })
            .collect();
        for (i, direction) in reference(&ahead, shape).into_iter().enumerate() {
            let p = f64::from(before.parameter[i]);
            let decay = if options.cautious && p * direction < 0.0 { 1.0 } else { 0.9 };
            error = error.max((f64::from(after[0].parameter[i]) - (p * decay - 0.1 * direction)).abs());
            assert!((f64::from(after[0].momentum[i]) - m[i]).abs() < 1e-6);
        }
        error
    }

    /// The transpose, [columns, rows], of x [rows, columns].
    fn transposed(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
        (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
    }

    #[test]
    fn small_singular_values_of_long_matrices() {
        // Singular values from 1 down to 1e-4: rows of an orthogonal matrix, scaled.
        let (rows, columns) = (8, 32);
        let x: Vec<f32> = (0..rows * columns)
            .map(|i| {
                let (row, column) = (i / columns, i % columns);
                let angle = std::f64::consts::PI * (row + 1) as f64 * (column as f64 + 0.5) / columns as f64;
                (10f64.powf(-4.0 * row as f64 / 7.0) * angle.cos()) as f32
            })
            .collect();
        let expected = reference(&x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), (rows, columns));
        for wide in [true, false] {
            let shape = if wide { (rows, columns) } else { (columns, rows) };
            let mut direction = if wide { x.clone() } else { transposed(&x, rows, columns) };
            Pool::new(2).install(|| orthogonalize::<f32>(&mut direction, shape, OPTIONS));
            let found = if wide { direction } else { transposed(&direction, columns, rows) };
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!((f64::from(*found) - expected).abs() < 1e-4, "{i}: {found}, {expected}");
            }
        }
    }

    const SHAPES: &[(usize, usize)] = if cfg!(miri) {
        &[(2, 3), (3, 2), (2, 5)]
    } else {
        &[(1, 1), (6, 40), (40, 6), (33, 70), (150, 70), (96, 65), (64, 64)]
    };

    #[test]
    fn against_the_definition() {
        for &shape in SHAPES {
            for options in [OPTIONS, MuonOptions { nesterov: false, cautious: true, ..OPTIONS }] {
                let error = largest_error(shape, options);
                assert!(error < 3e-6, "{shape:?}: {error}");
            }
            // Not cautious: where the direction is near 0, rounding decides whether a parameter decays.
            let rounded = largest_error(shape, MuonOptions { precision: Precision::Bf16, ..OPTIONS });
            assert!(rounded < 5e-3, "{shape:?} in bf16: {rounded}");
        }
    }

    #[test]
    fn same_bits_at_any_thread_count() {
        let shapes: Vec<(usize, usize)> = SHAPES.iter().copied().chain([(0, 3)]).collect();
        for precision in [Precision::F32, Precision::Bf16] {
            let results: Vec<Vec<f32>> = [1, 2, 3, 7]
                .into_iter()
                .map(|threads| {
                    let mut matrices = matrices(&shapes);
                    run(&mut matrices, MuonOptions { precision, ..OPTIONS }, threads);
                    matrices.into_iter().flat_map(|matrix| matrix.parameter).collect()
                })
                .collect();
            assert!(results.iter().all(|result| *result == results[0]));
        }
    }

    #[test]
    fn zeros_and_nan() {
        let mut two = matrices(&[(4, 5), (4, 5)]);
        let before = two[1].parameter.clone();
        two[0].gradient[3] = f32::NAN;
        two[1].gradient.fill(0.0);
        two[1].momentum.fill(0.0);
        run(&mut two, OPTIONS, 2);
        assert!(two[0].parameter.iter().all(|x| x.is_nan()));
        assert!(two[1].parameter.iter().zip(&before).all(|(after, before)| *after == before * 0.9));
    }
}
