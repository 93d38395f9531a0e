//! Views of the numbers of a float32 tensor in either storage type.

use crate::bf16::{Bf16, Element};
use crate::parallel::for_each_chunk;
use crate::scratch;
use crate::simd::simd;

#[derive(Clone, Copy)]
pub enum View<'a> {
    F32(&'a [f32]),
    Bf16(&'a [Bf16]),
}

pub enum ViewMut<'a> {
    F32(&'a mut [f32]),
    Bf16(&'a mut [Bf16]),
}

/// Where the numbers of a view are.
#[derive(Clone, Copy)]
pub enum Source {
    F32(*const f32),
    Bf16(*const Bf16),
}

/// Evaluates an expression with each named view as the slice it holds: one copy of the code per storage type.
macro_rules! typed {
    ([] $body:expr) => { $body };
    ([$name:ident $(, $rest:ident)*] $body:expr) => {
        match $name {
            $crate::view::View::F32($name) => $crate::view::typed!([$($rest),*] $body),
            $crate::view::View::Bf16($name) => $crate::view::typed!([$($rest),*] $body),
        }
    };
}
pub(crate) use typed;

/// The same for mutable views.
macro_rules! typed_mut {
    ([$name:ident] $body:expr) => {
        match $name {
            $crate::view::ViewMut::F32($name) => $body,
            $crate::view::ViewMut::Bf16($name) => $body,
        }
    };
}
pub(crate) use typed_mut;

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

    /// Calls `body` with the numbers as f32: the slice itself, or a temporary widened copy.
    pub fn with_f32<R>(self, body: impl FnOnce(&[f32]) -> R) -> R {
        match self {
            View::F32(data) => body(data),
            View::Bf16(data) => scratch::with_slice(data.len(), |wide: &mut [f32]| {
                convert(View::Bf16(data), ViewMut::F32(wide));
                body(wide)
            }),
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

    /// Reborrows the view for a shorter lifetime.
    pub fn reborrow(&mut self) -> ViewMut<'_> {
        match self {
            ViewMut::F32(data) => ViewMut::F32(data),
            ViewMut::Bf16(data) => ViewMut::Bf16(data),
        }
    }
}

/// Elements per task of a conversion, and in general a good task size for kernels bound by memory.
pub const CHUNK: usize = 1 << 15;

/// Copies numbers to another storage type, rounding if it is narrower.
pub fn convert(from: View, to: ViewMut) {
    assert_eq!(from.len(), to.len(), "conversion of as many numbers");
    typed!([from] typed_mut!([to] for_each_chunk(to, CHUNK, |index, piece| {
        convert_piece(&from[index * CHUNK..][..piece.len()], piece);
    })))
}

simd! {
    fn convert_piece[S, A: Element, B: Element](from: &[A], to: &mut [B]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = B::put(from.get());
        }
    }
}
