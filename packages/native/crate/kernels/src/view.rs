//! Numbers of a tensor, in whichever storage they are.

use crate::bf16::Bf16;
use crate::gemm::operand::Source;

#[derive(Clone, Copy)]
pub enum View<'a> {
    F32(&'a [f32]),
    Bf16(&'a [Bf16]),
}

pub enum ViewMut<'a> {
    F32(&'a mut [f32]),
    Bf16(&'a mut [Bf16]),
}

impl<'a> View<'a> {
    pub fn len(&self) -> usize {
        match self {
            View::F32(data) => data.len(),
            View::Bf16(data) => data.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The part from `from` with `length` elements.
    pub fn part(self, from: usize, length: usize) -> View<'a> {
        match self {
            View::F32(data) => View::F32(&data[from..from + length]),
            View::Bf16(data) => View::Bf16(&data[from..from + length]),
        }
    }

    pub fn source(&self) -> Source {
        match self {
            View::F32(data) => Source::F32(data.as_ptr()),
            View::Bf16(data) => Source::Bf16(data.as_ptr()),
        }
    }
}

impl ViewMut<'_> {
    pub fn len(&self) -> usize {
        match self {
            ViewMut::F32(data) => data.len(),
            ViewMut::Bf16(data) => data.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
