//! The types that an operand's numbers are stored in, read as vectors of f32.

use crate::bf16::{Bf16, Element};
use crate::vectors::Vectors;

/// A storage type of numbers.
pub trait Stored: Element {
    /// # Safety
    /// As for `Vectors`.
    unsafe fn load<S: Vectors>(from: *const Self) -> S::Vector;

    /// The same address, if numbers are stored as f32.
    fn as_f32(from: *const Self) -> Option<*const f32>;
}

impl Stored for f32 {
    #[inline(always)]
    unsafe fn load<S: Vectors>(from: *const f32) -> S::Vector {
        unsafe { S::load(from) }
    }

    #[inline(always)]
    fn as_f32(from: *const f32) -> Option<*const f32> {
        Some(from)
    }
}

impl Stored for Bf16 {
    #[inline(always)]
    unsafe fn load<S: Vectors>(from: *const Bf16) -> S::Vector {
        unsafe { S::load_bf16(from.cast()) }
    }

    #[inline(always)]
    fn as_f32(_: *const Bf16) -> Option<*const f32> {
        None
    }
}
