//! One side of a matrix product: lanes (rows of the left side, columns of the right one) by depth.

use crate::bf16::Element;
use crate::view::{Source, View};

/// A strided view of `lanes` x `depth` numbers; one of the two strides is 1.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    pub source: Source,
    pub lanes: usize,
    pub depth: usize,
    pub lane_stride: usize,
    pub depth_stride: usize,
    borrow: std::marker::PhantomData<&'a f32>,
}

// SAFETY: it represents a shared borrow of plain numbers.
unsafe impl Send for Operand<'_> {}
unsafe impl Sync for Operand<'_> {}

impl<'a> Operand<'a> {
    /// Lanes are the rows of `data` [lanes, depth].
    pub fn rows(data: View<'a>, lanes: usize, depth: usize) -> Operand<'a> {
        assert_eq!(data.len(), lanes * depth, "operand of {lanes} x {depth}");
        Operand { source: data.source(), lanes, depth, lane_stride: depth, depth_stride: 1, borrow: Default::default() }
    }

    /// Lanes are the columns of `data` [depth, lanes].
    pub fn columns(data: View<'a>, lanes: usize, depth: usize) -> Operand<'a> {
        assert_eq!(data.len(), lanes * depth, "operand of {depth} x {lanes}");
        Operand { source: data.source(), lanes, depth, lane_stride: 1, depth_stride: lanes, borrow: Default::default() }
    }

    /// The lanes from `from` on, `count` of them.
    pub fn part(self, from: usize, count: usize) -> Operand<'a> {
        assert!(from <= self.lanes && count <= self.lanes - from, "lanes of an operand");
        let offset = from * self.lane_stride;
        let source = match self.source {
            Source::F32(start) => Source::F32(start.wrapping_add(offset)),
            Source::Bf16(start) => Source::Bf16(start.wrapping_add(offset)),
        };
        Operand { source, lanes: count, ..self }
    }

    /// One number.
    ///
    /// # Safety
    /// `lane` and `at` are within the operand.
    #[inline(always)]
    pub unsafe fn get(&self, lane: usize, at: usize) -> f32 {
        let index = lane * self.lane_stride + at * self.depth_stride;
        match self.source {
            Source::F32(start) => unsafe { *start.add(index) },
            Source::Bf16(start) => unsafe { (*start.add(index)).get() },
        }
    }

    /// Prefetches the numbers at an offset, which need not exist.
    #[inline(always)]
    #[cfg(target_arch = "x86_64")]
    pub fn prefetch(&self, offset: usize) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults.
        match self.source {
            Source::F32(start) => unsafe {
                _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(offset).cast());
                _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(offset + 16).cast());
            },
            Source::Bf16(start) => unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(offset).cast()) },
        }
    }
}
