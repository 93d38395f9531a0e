//! Matrix products for NEON and everything without kernels of its own: f32, 6 x 16 results, a loop that the compiler vectorises.

use super::driver::{Kernel, Side};
use super::finish::{RESULT, Tile, finish};
use super::operand::Operand;
use crate::simd::simd;

const LEFT: usize = 6;
const RIGHT: usize = 16;

simd! {
    fn multiply[S](left: &[[f32; LEFT]], right: &[[f32; RIGHT]], result: &mut [[f32; RIGHT]; LEFT]) {
        let mut sums = [[0.0f32; RIGHT]; LEFT];
        for (left, right) in left.iter().zip(right) {
            for row in 0..LEFT {
                for column in 0..RIGHT {
                    sums[row][column] = S::fma(left[row], right[column], sums[row][column]);
                }
            }
        }
        *result = sums;
    }
}

/// f32 x f32; bf16 operands are widened while they are packed.
pub struct Portable;

impl Kernel for Portable {
    const LEFT: usize = LEFT;
    const RIGHT: usize = RIGHT;
    const STEP: usize = 1;
    const DEPTH: usize = 256;
    type Session = ();

    fn session() {}

    fn panel_bytes(side: Side, depth: usize) -> usize {
        Self::lanes(side) * depth * 4
    }

    unsafe fn pack_panels(
        operand: &Operand,
        side: Side,
        (lane, lanes): (usize, usize),
        (from, depth): (usize, usize),
        (start, stride): (*mut u8, usize),
    ) -> bool {
        let width = Self::lanes(side);
        for first in (0..lanes).step_by(width) {
            let count = width.min(lanes - first);
            // SAFETY: the caller's panels hold `panel_bytes` bytes, aligned.
            let panel = unsafe {
                std::slice::from_raw_parts_mut(start.add(first / width * stride).cast::<f32>(), width * depth)
            };
            if count < width {
                panel.fill(0.0);
            }
            let mut put = |row: usize, at: usize| {
                // SAFETY: the caller names lanes and depths of the operand.
                panel[at * width + row] = unsafe { operand.get(lane + first + row, from + at) };
            };
            if operand.depth_stride == 1 {
                (0..count).for_each(|row| (0..depth).for_each(|at| put(row, at)));
            } else {
                (0..depth).for_each(|at| (0..count).for_each(|row| put(row, at)));
            }
        }
        true
    }

    unsafe fn multiply(
        depth: usize,
        (left, _): (*const u8, usize),
        right: *const u8,
        _: *const u8,
        (result, _): (*mut f32, usize),
        _: bool,
    ) {
        // SAFETY: the caller's panels and result have these sizes.
        unsafe {
            let left = std::slice::from_raw_parts(left as *const [f32; LEFT], depth);
            let right = std::slice::from_raw_parts(right as *const [f32; RIGHT], depth);
            multiply(left, right, &mut *(result as *mut [[f32; RIGHT]; LEFT]));
        }
    }

    unsafe fn finish(tile: &Tile, result: &[f32; RESULT]) {
        unsafe { finish(tile, result) }
    }
}
