//! Packs f32 panels with vectors of any instruction set: for each depth, the numbers of a panel's lanes.
//!
//! Lanes of a panel need not be a multiple of a vector: rows are stored in order and whole, so that each is cut to its width by
//! the next one. Behind a panel there must be room for one vector.

use super::operand::Operand;
use super::stored::Stored;
use crate::vectors::Vectors;
use crate::view::Source;

/// Panels that are packed together where lanes are contiguous, to read longer pieces of memory.
const GROUP: usize = 8;
/// Prefetch distances: in numbers along the depth, and in depths where lanes are contiguous. The processor does not predict jumps.
const AHEAD: usize = 64;
const AHEAD_DEPTHS: usize = 8;

/// Packs `lanes` = (first, count) by `depth` = (first, count) into panels of WIDTH lanes from `start` on, `stride` bytes apart, with
/// zeros up to a whole panel.
///
/// # Safety
/// Lanes and depth are within the operand, panels have room for WIDTH x depth numbers and a vector, and the processor has the
/// instruction set.
#[inline(always)]
pub unsafe fn pack_panels<S: Vectors, const WIDTH: usize>(
    operand: &Operand,
    lanes: (usize, usize),
    depth: (usize, usize),
    (start, stride): (*mut u8, usize),
) {
    let panels = |panel: usize| unsafe { start.add(panel * stride) }.cast::<f32>();
    match operand.source {
        Source::F32(numbers) => unsafe { pack::<S, f32, WIDTH>(operand, numbers, lanes, depth, panels) },
        Source::Bf16(numbers) => unsafe { pack::<S, _, WIDTH>(operand, numbers, lanes, depth, panels) },
    }
}

#[inline(always)]
unsafe fn pack<S: Vectors, E: Stored, const WIDTH: usize>(
    operand: &Operand,
    numbers: *const E,
    (lane, lanes): (usize, usize),
    (from, depth): (usize, usize),
    panels: impl Fn(usize) -> *mut f32,
) {
    let vectors = WIDTH.div_ceil(S::LANES);
    // Whole panels, of which each vector lies within the operand.
    let readable = (operand.lanes - lane + WIDTH).saturating_sub(vectors * S::LANES) / WIDTH;
    let whole = (lanes / WIDTH).min(readable);
    let corner = unsafe { numbers.add(lane * operand.lane_stride + from * operand.depth_stride) };
    if operand.depth_stride == 1 {
        let blocks = depth / S::LANES * S::LANES;
        for panel in 0..whole {
            let (first, out) = (panel * WIDTH, panels(panel));
            for at in (0..blocks).step_by(S::LANES) {
                for vector in 0..vectors {
                    unsafe {
                        let block = corner.add((first + vector * S::LANES) * operand.lane_stride + at);
                        let out = out.add(at * WIDTH + vector * S::LANES);
                        transpose::<S, E>(block, operand.lane_stride, out, WIDTH);
                    }
                }
            }
            unsafe {
                copy(operand, (lane + first, WIDTH), (from + blocks, depth - blocks), out.add(blocks * WIDTH), WIDTH)
            };
        }
    } else {
        for group in (0..whole).step_by(GROUP) {
            let group = group..(group + GROUP).min(whole);
            for at in 0..depth {
                for panel in group.clone() {
                    unsafe {
                        let row = corner.add(at * operand.depth_stride + panel * WIDTH);
                        let out = panels(panel).add(at * WIDTH);
                        for vector in 0..vectors {
                            let row = row.add(vector * S::LANES);
                            prefetch(row.wrapping_add(AHEAD_DEPTHS * operand.depth_stride));
                            S::store(out.add(vector * S::LANES), E::load::<S>(row));
                        }
                    }
                }
            }
        }
    }
    for panel in whole..lanes.div_ceil(WIDTH) {
        let first = panel * WIDTH;
        let count = WIDTH.min(lanes - first);
        unsafe {
            if count < WIDTH {
                panels(panel).write_bytes(0, WIDTH * depth);
            }
            copy(operand, (lane + first, count), (from, depth), panels(panel), WIDTH);
        }
    }
}

/// Transposes a square of lanes by depth.
#[inline(always)]
unsafe fn transpose<S: Vectors, E: Stored>(block: *const E, stride: usize, out: *mut f32, width: usize) {
    // Room for the largest square.
    let mut wide = [0.0f32; 16 * 16];
    unsafe {
        for row in 0..S::LANES {
            prefetch(block.wrapping_add(row * stride + AHEAD));
        }
        if let Some(block) = E::as_f32(block) {
            S::transpose(block, stride, out, width);
            return;
        }
        for row in 0..S::LANES {
            S::store(wide.as_mut_ptr().add(row * S::LANES), E::load::<S>(block.add(row * stride)));
        }
        S::transpose(wide.as_ptr(), S::LANES, out, width);
    }
}

/// The same for what does not fill a vector, number by number.
#[inline(always)]
unsafe fn copy(
    operand: &Operand,
    (lane, lanes): (usize, usize),
    (from, depth): (usize, usize),
    out: *mut f32,
    width: usize,
) {
    for at in 0..depth {
        for row in 0..lanes {
            unsafe { *out.add(at * width + row) = operand.get(lane + row, from + at) };
        }
    }
}

#[inline(always)]
fn prefetch<E>(address: *const E) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
