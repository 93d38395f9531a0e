//! Matrix products of f32 by fused multiply-adds: 6 x 16 results in the registers of AVX2, 14 x 32 in those of AVX-512.
//!
//! Panels of both sides are read ahead of the processor's own prefetches, which stop at the end of each. Sums go to the target
//! itself and are added to those of earlier blocks of depth there.

use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};

use super::driver::{Kernel, Side};
use super::finish::{RESULT, Tile, finish, finish_512};
use super::operand::Operand;
use super::pack::pack_panels;
use crate::vectors::{Avx2, Avx512, Vectors};

/// Prefetch distance in depths of the panels, which come from the L2 cache.
const AHEAD: usize = 8;
/// Depths before the end of a block at which lines of the result are prefetched: earlier, rows a power of two apart have pushed each
/// other out of the L1 cache by the time they are needed.
const LATE: usize = 48;
/// Bytes of the next shared panel that are prefetched with each depth: all of it by four to eight products.
const NEXT: usize = 16;

#[inline(always)]
fn prefetch<const HINT: i32>(address: *const u8) {
    // SAFETY: a prefetch never faults.
    unsafe { _mm_prefetch::<HINT>(address.cast()) };
}

/// Adds a depth's products to the sums.
#[inline(always)]
unsafe fn step<S: Vectors, const ROWS: usize>(sums: &mut [[S::Vector; 2]; ROWS], left: *const f32, right: *const f32) {
    unsafe {
        let columns = [S::load(right), S::load(right.add(S::LANES))];
        prefetch::<{ _MM_HINT_T0 }>(right.wrapping_add(AHEAD * 2 * S::LANES).cast());
        if S::LANES == 16 {
            prefetch::<{ _MM_HINT_T0 }>(right.wrapping_add(AHEAD * 2 * S::LANES + 16).cast());
            prefetch::<{ _MM_HINT_T0 }>(left.wrapping_add(AHEAD * ROWS).cast());
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            let left = S::splat(*left.add(row));
            for (sum, right) in sums.iter_mut().zip(columns) {
                *sum = S::fma(left, right, *sum);
            }
        }
    }
}

/// `result` [ROWS, 2 vectors] = left panel x right panel, plus what it holds if `adds`.
#[inline(always)]
unsafe fn multiply<S: Vectors, const ROWS: usize>(
    depth: usize,
    (left, right): (*const f32, *const f32),
    ahead: *const u8,
    (result, stride): (*mut f32, usize),
    adds: bool,
) {
    unsafe {
        let mut sums = [[S::splat(0.0); 2]; ROWS];
        let late = depth.saturating_sub(LATE);
        let (next, wanted) = (|at: usize| ahead.wrapping_add(at * NEXT), (late + ROWS).min(depth));
        for at in 0..late {
            prefetch::<{ _MM_HINT_T1 }>(next(at));
            step::<S, ROWS>(&mut sums, left.add(at * ROWS), right.add(at * 2 * S::LANES));
        }
        for at in late..wanted {
            let line = result.wrapping_add((at - late) * stride).cast::<u8>();
            prefetch::<{ _MM_HINT_T0 }>(line);
            prefetch::<{ _MM_HINT_T0 }>(line.wrapping_add(S::LANES * 8 - 1));
            step::<S, ROWS>(&mut sums, left.add(at * ROWS), right.add(at * 2 * S::LANES));
        }
        for at in wanted..depth {
            step::<S, ROWS>(&mut sums, left.add(at * ROWS), right.add(at * 2 * S::LANES));
        }
        for (row, sums) in sums.into_iter().enumerate() {
            for (half, sum) in sums.into_iter().enumerate() {
                let out = result.add(row * stride + half * S::LANES);
                S::store(out, if adds { S::add(sum, S::load(out)) } else { sum });
            }
        }
    }
}

macro_rules! kernel {
    ($name:ident, $vectors:ty, $rows:literal, $depth:literal, $finish:ident, $features:literal) => {
        pub struct $name;

        impl Kernel for $name {
            const LEFT: usize = $rows;
            const RIGHT: usize = 2 * <$vectors>::LANES;
            const STEP: usize = 1;
            const DEPTH: usize = $depth;
            const DIRECT: bool = true;
            const ADDS: bool = true;
            type Session = ();

            fn session() {}

            fn panel_bytes(side: Side, depth: usize) -> usize {
                // And room for a vector behind it.
                (Self::lanes(side) * depth + <$vectors>::LANES) * 4
            }

            unsafe fn pack_panels(
                operand: &Operand,
                side: Side,
                lanes: (usize, usize),
                depth: (usize, usize),
                panels: (*mut u8, usize),
            ) -> bool {
                #[target_feature(enable = $features)]
                unsafe fn left(operand: &Operand, lanes: (usize, usize), depth: (usize, usize), to: (*mut u8, usize)) {
                    unsafe { pack_panels::<$vectors, { $rows }>(operand, lanes, depth, to) }
                }
                #[target_feature(enable = $features)]
                unsafe fn right(operand: &Operand, lanes: (usize, usize), depth: (usize, usize), to: (*mut u8, usize)) {
                    unsafe { pack_panels::<$vectors, { 2 * <$vectors>::LANES }>(operand, lanes, depth, to) }
                }
                match side {
                    Side::Left => unsafe { left(operand, lanes, depth, panels) },
                    Side::Right => unsafe { right(operand, lanes, depth, panels) },
                }
                true
            }

            unsafe fn multiply(
                depth: usize,
                (left, _): (*const u8, usize),
                right: *const u8,
                ahead: *const u8,
                result: (*mut f32, usize),
                adds: bool,
            ) {
                #[target_feature(enable = $features)]
                unsafe fn product(
                    depth: usize,
                    panels: (*const f32, *const f32),
                    ahead: *const u8,
                    result: (*mut f32, usize),
                    adds: bool,
                ) {
                    unsafe { multiply::<$vectors, { $rows }>(depth, panels, ahead, result, adds) }
                }
                unsafe { product(depth, (left.cast(), right.cast()), ahead, result, adds) }
            }

            unsafe fn finish(tile: &Tile, result: &[f32; RESULT]) {
                unsafe { $finish(tile, result) }
            }
        }
    };
}

kernel!(Avx2F32, Avx2, 6, 256, finish, "fma,avx2");
kernel!(Avx512F32, Avx512, 14, 384, finish_512, "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2");
