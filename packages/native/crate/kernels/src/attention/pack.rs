//! Copies rows of tensors into aligned f32 scratch and back, and transposes panels. Rows are padded with zeros to whole
//! vectors, so that products need no special case for odd head sizes.

use super::product::Rows;
use super::stored::Stored;
use crate::vectors::Vectors;

/// Copies `length` elements times `factor`, then zeros up to `padded`. Adds 0 times each number to `zeros`, which stays 0
/// only if all are finite.
#[inline(always)]
pub(super) unsafe fn load_row<S: Vectors, E: Stored>(
    to: *mut f32,
    from: *const E,
    (length, padded): (usize, usize),
    factor: f32,
    zeros: &mut S::Vector,
) {
    unsafe {
        let (factors, zero) = (S::splat(factor), S::splat(0.0));
        let mut at = 0;
        while at + S::LANES <= length {
            let value = S::mul(E::load::<S>(from.add(at)), factors);
            *zeros = S::fma(value, zero, *zeros);
            S::store(to.add(at), value);
            at += S::LANES;
        }
        while at < length {
            let value = (*from.add(at)).get() * factor;
            *zeros = S::fma(S::splat(value), zero, *zeros);
            *to.add(at) = value;
            at += 1;
        }
        while at < padded {
            *to.add(at) = 0.0;
            at += 1;
        }
    }
}

/// Writes `length` floats times `factor`.
#[inline(always)]
pub(super) unsafe fn store_row<S: Vectors, E: Stored>(to: *mut E, from: *const f32, length: usize, factor: f32) {
    unsafe {
        let factors = S::splat(factor);
        let mut at = 0;
        while at + S::LANES <= length {
            E::store::<S>(to.add(at), S::mul(S::load(from.add(at)), factors));
            at += S::LANES;
        }
        while at < length {
            *to.add(at) = E::put(*from.add(at) * factor);
            at += 1;
        }
    }
}

/// Adds `length` floats.
#[inline(always)]
pub(super) unsafe fn add_row<S: Vectors>(to: *mut f32, from: *const f32, length: usize) {
    let mut at = 0;
    unsafe {
        while at + S::LANES <= length {
            S::store(to.add(at), S::add(S::load(to.add(at)), S::load(from.add(at))));
            at += S::LANES;
        }
        while at < length {
            *to.add(at) += *from.add(at);
            at += 1;
        }
    }
}

/// Of `length` elements each.
#[inline(always)]
pub(super) unsafe fn inner_product<S: Vectors, A: Stored, B: Stored>(a: *const A, b: *const B, length: usize) -> f32 {
    unsafe {
        let mut sums = S::splat(0.0);
        let mut at = 0;
        while at + S::LANES <= length {
            sums = S::fma(A::load::<S>(a.add(at)), B::load::<S>(b.add(at)), sums);
            at += S::LANES;
        }
        let mut sum = S::sum(sums);
        while at < length {
            sum += (*a.add(at)).get() * (*b.add(at)).get();
            at += 1;
        }
        sum
    }
}

/// Adds 0 times each number to `zeros`, which stays 0 only if all are finite.
#[inline(always)]
pub(super) unsafe fn add_zeros<S: Vectors, E: Stored>(from: *const E, length: usize, zeros: &mut S::Vector) {
    unsafe {
        let zero = S::splat(0.0);
        let mut at = 0;
        while at + S::LANES <= length {
            *zeros = S::fma(E::load::<S>(from.add(at)), zero, *zeros);
            at += S::LANES;
        }
        while at < length {
            *zeros = S::fma(S::splat((*from.add(at)).get()), zero, *zeros);
            at += 1;
        }
    }
}

/// `count` floats, a multiple of `S::LANES`.
#[inline(always)]
pub(super) unsafe fn fill<S: Vectors>(to: *mut f32, count: usize, value: f32) {
    let values = unsafe { S::splat(value) };
    for at in (0..count).step_by(S::LANES) {
        unsafe { S::store(to.add(at), values) };
    }
}

/// `rows` x `columns` floats, both multiples of `S::LANES`, to `columns` x `rows`.
#[inline(always)]
pub(super) unsafe fn transpose_rows<S: Vectors>(from: Rows, to: Rows, (rows, columns): (usize, usize)) {
    for row in (0..rows).step_by(S::LANES) {
        for column in (0..columns).step_by(S::LANES) {
            unsafe {
                let block = from.start.add(row * from.stride + column);
                S::transpose(block, from.stride, to.start.add(column * to.stride + row), to.stride);
            }
        }
    }
}
