//! Vectors of stored numbers: f32 as they are, bf16 widened and rounded on the way. All arithmetic is f32.

use crate::bf16::{Bf16, Element};
use crate::vectors::Vectors;

pub trait Stored: Element {
    /// # Safety
    /// As for [`Vectors`]: `from` must be valid for `S::LANES` elements.
    unsafe fn load<S: Vectors>(from: *const Self) -> S::Vector;
    /// # Safety
    /// As for [`Vectors`]: `to` must be valid for `S::LANES` elements.
    unsafe fn store<S: Vectors>(to: *mut Self, value: S::Vector);
}

impl Stored for f32 {
    #[inline(always)]
    unsafe fn load<S: Vectors>(from: *const f32) -> S::Vector {
        unsafe { S::load(from) }
    }
    #[inline(always)]
    unsafe fn store<S: Vectors>(to: *mut f32, value: S::Vector) {
        unsafe { S::store(to, value) }
    }
}

impl Stored for Bf16 {
    #[inline(always)]
    unsafe fn load<S: Vectors>(from: *const Bf16) -> S::Vector {
        unsafe { S::load_bf16(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store<S: Vectors>(to: *mut Bf16, value: S::Vector) {
        unsafe { S::store_bf16(to.cast(), value) }
    }
}
