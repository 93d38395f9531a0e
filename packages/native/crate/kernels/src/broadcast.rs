//! Broadcasts two operands by NumPy's rule (sizes of 1 are repeated), as runs with constant steps.

use crate::parallel::for_each;
use crate::view::CHUNK;

/// How two row-major arrays are traversed together.
pub struct Broadcast {
    /// (size, stride of the first, stride of the second), outermost first.
    outer: Vec<(usize, usize, usize)>,
    inner: usize,
    /// Step of each operand along a run: 0 or 1.
    steps: (usize, usize),
    length: usize,
}

/// A part of a run: where it starts in the result and in each operand.
pub struct Run {
    pub out: usize,
    pub first: usize,
    pub second: usize,
    pub length: usize,
}

impl Broadcast {
    /// # Panics
    /// If the shapes cannot be broadcast.
    pub fn new(first: &[usize], second: &[usize]) -> Broadcast {
        let rank = first.len().max(second.len());
        let sizes = |shape: &[usize]| -> Vec<usize> {
            std::iter::repeat_n(1, rank - shape.len()).chain(shape.iter().copied()).collect()
        };
        let (a, b) = (sizes(first), sizes(second));
        // Merges adjacent dimensions that both operands traverse alike; innermost first here.
        let mut dimensions: Vec<(usize, usize, usize)> = Vec::new();
        let (mut stride_a, mut stride_b) = (1, 1);
        for i in (0..rank).rev() {
            assert!(a[i] == b[i] || a[i] == 1 || b[i] == 1, "shapes {first:?} and {second:?} do not broadcast");
            let size = if a[i] == 1 { b[i] } else { a[i] };
            let steps = (if a[i] == 1 { 0 } else { stride_a }, if b[i] == 1 { 0 } else { stride_b });
            stride_a *= a[i];
            stride_b *= b[i];
            match dimensions.last_mut() {
                _ if size == 1 => {}
                Some((inner, x, y)) if (*inner * *x, *inner * *y) == steps => *inner *= size,
                _ => dimensions.push((size, steps.0, steps.1)),
            }
        }
        let length = dimensions.iter().map(|dimension| dimension.0).product();
        let (inner, x, y) = if dimensions.is_empty() { (1, 1, 1) } else { dimensions.remove(0) };
        dimensions.reverse();
        Broadcast { outer: dimensions, inner, steps: (x, y), length }
    }

    /// The number of elements of the result.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The number of elements that a run of `length` reads from each operand.
    pub fn reads(&self, length: usize) -> (usize, usize) {
        (if self.steps.0 == 0 { 1 } else { length }, if self.steps.1 == 0 { 1 } else { length })
    }

    /// Calls `body` with runs that cover the result, on all threads.
    pub fn for_each(&self, body: impl Fn(Run) + Sync) {
        for_each(self.length.div_ceil(CHUNK), |task| {
            let mut out = task * CHUNK;
            let end = (out + CHUNK).min(self.length);
            while out < end {
                let (mut row, column) = (out / self.inner, out % self.inner);
                let (mut first, mut second) = (column * self.steps.0, column * self.steps.1);
                for &(size, x, y) in self.outer.iter().rev() {
                    first += row % size * x;
                    second += row % size * y;
                    row /= size;
                }
                let length = (self.inner - column).min(end - out);
                body(Run { out, first, second, length });
                out += length;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// The offsets in both operands of each element of the result, computed from its index.
    fn expected(a: &[usize], b: &[usize]) -> Vec<(usize, usize)> {
        let rank = a.len().max(b.len());
        let pad = |shape: &[usize]| [vec![1; rank - shape.len()], shape.to_vec()].concat();
        let (a, b) = (pad(a), pad(b));
        let shape: Vec<usize> = (0..rank).map(|i| if a[i] == 1 { b[i] } else { a[i] }).collect();
        let at = |sizes: &[usize], index: &[usize]| {
            index.iter().zip(sizes).fold(0, |sum, (&i, &size)| sum * size + if size == 1 { 0 } else { i })
        };
        (0..shape.iter().product())
            .map(|mut flat: usize| {
                let mut index = vec![0; rank];
                for d in (0..rank).rev() {
                    index[d] = flat % shape[d];
                    flat /= shape[d];
                }
                (at(&a, &index), at(&b, &index))
            })
            .collect()
    }

    #[test]
    fn runs_cover_the_result() {
        let cases: [(&[usize], &[usize]); 9] = [
            (&[], &[]),
            (&[7], &[7]),
            (&[5, 7], &[7]),
            (&[5, 1], &[5, 7]),
            (&[3, 1, 5], &[4, 1]),
            (&[1, 7, 1, 3], &[2, 1, 5, 1]),
            (&[2, 3, 4], &[]),
            (&[0, 3], &[3]),
            if cfg!(miri) { (&[30, 25], &[30, 1]) } else { (&[300, 250], &[300, 1]) },
        ];
        for (a, b) in cases {
            let plan = Broadcast::new(a, b);
            let expected = expected(a, b);
            assert_eq!(plan.length(), expected.len());
            let found = Mutex::new(vec![None; expected.len()]);
            plan.for_each(|run| {
                let (x, y) = plan.reads(run.length);
                for i in 0..run.length {
                    let at = (run.first + if x == 1 { 0 } else { i }, run.second + if y == 1 { 0 } else { i });
                    assert!(found.lock().unwrap()[run.out + i].replace(at).is_none());
                }
            });
            let found: Vec<_> = found.into_inner().unwrap().into_iter().map(Option::unwrap).collect();
            assert_eq!(found, expected, "{a:?} and {b:?}");
        }
    }
}
