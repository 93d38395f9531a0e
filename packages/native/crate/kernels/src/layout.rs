//! Strided copies: transpose, slice, pad, concatenate, tile, stack and reverse.

use crate::parallel::for_each;

/// A copy: the element at index i of `shape` is read at `from + sum(i * from_strides)`, and written likewise.
pub struct Copy<'a> {
    pub shape: &'a [usize],
    pub from: usize,
    pub from_strides: &'a [isize],
    pub to: usize,
    pub to_strides: &'a [isize],
}

/// (size, stride in the source, stride in the target)
type Dimension = (usize, isize, isize);

/// Elements per task.
const TASK: usize = 1 << 15;
/// Side of the square tiles in which a transposed pair of dimensions is traversed.
const SQUARE: usize = 32;

/// Drops sizes of 1 and merges adjacent dimensions that both arrays traverse alike. Outermost first.
fn simplify(copy: &Copy) -> Vec<Dimension> {
    let mut dimensions: Vec<Dimension> = Vec::new();
    for ((&size, &from), &to) in copy.shape.iter().zip(copy.from_strides).zip(copy.to_strides) {
        match dimensions.last_mut() {
            _ if size == 1 => {}
            Some(outer) if outer.1 == from * size as isize && outer.2 == to * size as isize => {
                *outer = (outer.0 * size, from, to);
            }
            _ => dimensions.push((size, from, to)),
        }
    }
    dimensions
}

/// The first element that a traversal from `start` touches, and one past the last.
fn reach(dimensions: &[Dimension], start: usize, stride: impl Fn(&Dimension) -> isize) -> (isize, isize) {
    dimensions.iter().fold((start as isize, start as isize + 1), |(low, high), dimension| {
        let far = (dimension.0 as isize - 1) * stride(dimension);
        (low + far.min(0), high + far.max(0))
    })
}

struct Pointers<T>(*const T, *mut T);

// SAFETY: tasks write different elements of the target.
unsafe impl<T: Send + Sync> Sync for Pointers<T> {}

impl<T> Pointers<T> {
    fn at(&self, from: isize, to: isize) -> (*const T, *mut T) {
        (self.0.wrapping_offset(from), self.1.wrapping_offset(to))
    }
}

/// Runs the copy. It must not write any element of the target twice.
///
/// # Panics
/// If an index is outside its array.
pub fn copy<T: std::marker::Copy + Send + Sync>(plan: &Copy, source: &[T], target: &mut [T]) {
    if plan.shape.contains(&0) {
        return;
    }
    let mut dimensions = simplify(plan);
    let (from, to) = (reach(&dimensions, plan.from, |d| d.1), reach(&dimensions, plan.to, |d| d.2));
    assert!(from.0 >= 0 && from.1 <= source.len() as isize, "a copy reads outside of its source");
    assert!(to.0 >= 0 && to.1 <= target.len() as isize, "a copy writes outside of its target");
    let start = Pointers(source.as_ptr().wrapping_add(plan.from), target.as_mut_ptr().wrapping_add(plan.to));
    let Some(inner) = dimensions.pop() else {
        // SAFETY: checked above, as all that follow.
        unsafe { *start.1 = *start.0 };
        return;
    };
    // If the source is contiguous along another dimension, that one and the innermost are traversed in square tiles.
    let across = dimensions.iter().rposition(|d| d.1.abs() == 1).filter(|_| inner.1.abs() != 1);
    let across = across.map(|at| dimensions.remove(at)).unwrap_or((1, 0, 0));
    let outer: usize = dimensions.iter().map(|d| d.0).product();
    let offsets = |mut index: usize| {
        dimensions.iter().rev().fold((0, 0), |(from, to), &(size, x, y)| {
            let at = (index % size) as isize;
            index /= size;
            (from + at * x, to + at * y)
        })
    };
    let strip = if across.0 == 1 { 1 } else { SQUARE };
    let strips = across.0.div_ceil(strip);
    let pieces = inner.0.div_ceil(TASK);
    let group = (TASK / (inner.0 * strip).min(TASK)).max(1);
    let units = outer * strips * pieces;
    for_each(units.div_ceil(group), |task| {
        for unit in (task * group..units).take(group) {
            let (row, piece) = (unit / pieces, unit % pieces * TASK);
            let (from, to) = offsets(row / strips);
            let first = row % strips * strip;
            let count = strip.min(across.0 - first);
            let length = TASK.min(inner.0 - piece);
            let (from, to) = start.at(
                from + first as isize * across.1 + piece as isize * inner.1,
                to + first as isize * across.2 + piece as isize * inner.2,
            );
            // SAFETY: `reach` bounds every element; tasks write different ones.
            unsafe {
                if count == 1 && across.0 == 1 {
                    line(from, to, (length, inner.1, inner.2));
                } else {
                    square(from, to, (count, across.1, across.2), (length, inner.1, inner.2));
                }
            }
        }
    });
}

/// # Safety
/// All indices are within their arrays.
unsafe fn line<T: std::marker::Copy>(from: *const T, to: *mut T, (length, x, y): Dimension) {
    if x == 1 && y == 1 {
        unsafe { std::ptr::copy_nonoverlapping(from, to, length) };
    } else if x == 0 && y == 1 {
        unsafe { std::slice::from_raw_parts_mut(to, length).fill(*from) };
    } else {
        for i in 0..length as isize {
            unsafe { *to.offset(i * y) = *from.offset(i * x) };
        }
    }
}

/// # Safety
/// All indices are within their arrays.
unsafe fn square<T: std::marker::Copy>(from: *const T, to: *mut T, across: Dimension, inner: Dimension) {
    for first in (0..inner.0).step_by(SQUARE) {
        for i in 0..across.0 as isize {
            for j in first as isize..(first + SQUARE).min(inner.0) as isize {
                unsafe { *to.offset(i * across.2 + j * inner.2) = *from.offset(i * across.1 + j * inner.1) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strides(shape: &[usize]) -> Vec<isize> {
        (0..shape.len()).map(|d| shape[d + 1..].iter().product::<usize>() as isize).collect()
    }

    #[test]
    fn every_permutation_of_four_dimensions() {
        let shape = if cfg!(miri) { [3, 2, 9, 17] } else { [3, 5, 40, 70] };
        let source: Vec<u32> = (0..shape.iter().product::<usize>() as u32).collect();
        for order in [[0, 1, 2, 3], [0, 2, 1, 3], [3, 2, 1, 0], [0, 1, 3, 2], [2, 0, 3, 1], [1, 0, 2, 3]] {
            let target_shape = order.map(|d| shape[d]);
            let from_strides = order.map(|d| strides(&shape)[d]);
            let to_strides = strides(&target_shape);
            let mut target = vec![0; source.len()];
            let plan =
                Copy { shape: &target_shape, from: 0, from_strides: &from_strides, to: 0, to_strides: &to_strides };
            copy(&plan, &source, &mut target);
            for (flat, &found) in target.iter().enumerate() {
                let index: Vec<isize> =
                    (0..4).map(|d| (flat as isize / to_strides[d]) % target_shape[d] as isize).collect();
                let expected: isize = (0..4).map(|d| index[d] * from_strides[d]).sum();
                assert_eq!(found, expected as u32, "{order:?}");
            }
        }
    }

    #[test]
    fn slices_repeats_and_reversals() {
        let source: Vec<u8> = (0..12).collect();
        let mut target = [0; 6];
        let run = |plan: Copy, target: &mut [u8]| copy(&plan, &source, target);
        run(Copy { shape: &[2, 3], from: 5, from_strides: &[4, 1], to: 0, to_strides: &[3, 1] }, &mut target);
        assert_eq!(target, [5, 6, 7, 9, 10, 11]);
        run(Copy { shape: &[2, 3], from: 1, from_strides: &[0, 1], to: 0, to_strides: &[3, 1] }, &mut target);
        assert_eq!(target, [1, 2, 3, 1, 2, 3]);
        run(Copy { shape: &[6], from: 11, from_strides: &[-2], to: 0, to_strides: &[1] }, &mut target);
        assert_eq!(target, [11, 9, 7, 5, 3, 1]);
        run(Copy { shape: &[], from: 4, from_strides: &[], to: 2, to_strides: &[] }, &mut target);
        assert_eq!(target[2], 4);
    }

    #[test]
    #[should_panic(expected = "outside of its source")]
    fn a_stride_that_leads_out_panics() {
        let plan = Copy { shape: &[4], from: 0, from_strides: &[3], to: 0, to_strides: &[1] };
        copy(&plan, &[0u8; 9], &mut [0; 4]);
    }
}
