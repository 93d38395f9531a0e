//! The running softmax of a panel (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"), some
//! columns of a block at a time. Scores have a row per key, so everything runs along vectors of queries, without
//! horizontal operations.

use super::product::{Beside, Block, Products, Rows};
use super::ranges::Masks;
use crate::vectors::Vectors;
use std::marker::PhantomData;
use std::ops::Range;

/// The state of a panel between blocks. [PANEL] each.
#[derive(Clone, Copy)]
pub(super) struct Running {
    /// Of the scores.
    pub maximum: *mut f32,
    pub sum: *mut f32,
    /// The factor of earlier sums after this block.
    pub correction: *mut f32,
    /// Minus the maximum, in units of log 2 unless there is a bias.
    pub base: *mut f32,
}

/// How products become scores and probabilities.
#[derive(Clone, Copy)]
pub(super) struct Scales {
    /// Scales products so that a bias can be added. Without one, products are the scores.
    pub product: f32,
    /// Scales scores to units of log 2; positive.
    pub score: f32,
}

/// Turns the scores of `SLICE_COLUMNS` queries from `column` on into probabilities relative to the new maximum.
pub(super) struct Softmax<'a, P> {
    /// [BLOCK, SLICE_COLUMNS]
    scores: Rows,
    to: &'a Block,
    column: usize,
    /// Keys of the block, a multiple of 2 * `PAIR` of them.
    keys: Range<usize>,
    running: Running,
    scales: Scales,
    masks: Masks<'a>,
    next: usize,
    /// Patches per step.
    helping: usize,
    products: PhantomData<P>,
}

impl<'a, P: Products> Softmax<'a, P> {
    /// Finds the maximum. The rest takes about `steps` steps; `finish` does what they leave.
    #[inline(always)]
    pub unsafe fn begin(
        scores: Rows,
        (to, column, keys): (&'a Block, usize, Range<usize>),
        running: Running,
        scales: Scales,
        masks: Masks<'a>,
        steps: usize,
    ) -> Self {
        let products = PhantomData;
        let softmax = Softmax { scores, to, column, keys, running, scales, masks, next: 0, helping: 0, products };
        if let Some(bias) = masks.bias {
            unsafe { softmax.add_bias(bias) };
        }
        for pair in (0..P::SLICE_COLUMNS).step_by(2 * P::Vectors::LANES) {
            unsafe { softmax.find_maximum(pair) };
        }
        let helping = if steps == 0 { 0 } else { softmax.patches().div_ceil(steps) };
        Softmax { helping, ..softmax }
    }

    /// Turns products into scores.
    #[inline(always)]
    unsafe fn add_bias(&self, bias: Rows) {
        unsafe {
            let scale = P::Vectors::splat(self.scales.product);
            for key in self.keys.clone() {
                for column in (0..P::SLICE_COLUMNS).step_by(P::Vectors::LANES) {
                    let place = self.scores.start.add(key * self.scores.stride + column);
                    let bias = P::Vectors::load(bias.start.add(key * bias.stride + self.column + column));
                    P::Vectors::store(place, P::Vectors::fma(P::Vectors::load(place), scale, bias));
                }
            }
        }
    }

    /// The scores of two vectors of queries. Masked scores become minus infinity.
    #[inline(always)]
    unsafe fn find_maximum(&self, pair: usize) {
        unsafe {
            let lowest = P::Vectors::splat(f32::NEG_INFINITY);
            // For even and odd keys.
            let mut maximum = [[lowest; 2]; 2];
            for row in self.keys.clone().step_by(2) {
                for (parity, maximum) in maximum.iter_mut().enumerate() {
                    for (v, maximum) in maximum.iter_mut().enumerate() {
                        let (key, slice_column) = (row + parity, pair + v * P::Vectors::LANES);
                        let place = self.scores.start.add(key * self.scores.stride + slice_column);
                        let mut score = P::Vectors::load(place);
                        if let Some(visible) = self.masks.visible {
                            let visible = visible.to::<P::Vectors>(key, self.column + slice_column);
                            score = P::Vectors::select(visible, score, lowest);
                            P::Vectors::store(place, score);
                        }
                        *maximum = P::Vectors::max(score, *maximum);
                    }
                }
            }
            let [even, odd] = maximum;
            for (v, (even, odd)) in even.into_iter().zip(odd).enumerate() {
                let at = self.column + pair + v * P::Vectors::LANES;
                let old = P::Vectors::load(self.running.maximum.add(at));
                let new = P::Vectors::max(P::Vectors::max(even, odd), old);
                self.correct(at, old, new);
            }
        }
    }

    #[inline(always)]
    unsafe fn correct(&self, at: usize, old: <P::Vectors as Vectors>::Vector, new: <P::Vectors as Vectors>::Vector) {
        unsafe {
            let (zero, scale) = (P::Vectors::splat(0.0), P::Vectors::splat(self.scales.score));
            // Avoids infinity minus infinity in a row that has seen no key yet.
            let seen = P::Vectors::less(P::Vectors::splat(f32::NEG_INFINITY), new);
            let safe = P::Vectors::select(seen, new, zero);
            let factor = P::Vectors::exp2(P::Vectors::mul(P::Vectors::sub(old, safe), scale));
            let sum = P::Vectors::load(self.running.sum.add(at));
            P::Vectors::store(self.running.maximum.add(at), new);
            P::Vectors::store(self.running.correction.add(at), factor);
            P::Vectors::store(self.running.sum.add(at), P::Vectors::mul(sum, factor));
            let base = if self.masks.bias.is_some() { safe } else { P::Vectors::mul(safe, scale) };
            P::Vectors::store(self.running.base.add(at), P::Vectors::sub(zero, base));
        }
    }

    #[inline(always)]
    fn patches(&self) -> usize {
        self.keys.len() / 2 * (P::SLICE_COLUMNS / (2 * P::Vectors::LANES))
    }

    /// The probabilities of two keys for two vectors of queries, without the dropout factor of kept ones.
    #[inline(always)]
    unsafe fn patch(&self, index: usize) {
        let (row, pair) = patch_place::<P>(index);
        let row = self.keys.start + row;
        let lanes = P::Vectors::LANES;
        unsafe {
            let (scale, zero) = (P::Vectors::splat(self.scales.score), P::Vectors::splat(0.0));
            let mut patch = [[zero; 2]; 2];
            for v in 0..2 {
                let at = self.column + pair + v * lanes;
                let base = P::Vectors::load(self.running.base.add(at));
                let mut sum = P::Vectors::load(self.running.sum.add(at));
                for (i, patch) in patch.iter_mut().enumerate() {
                    let key = row + i * P::PAIR;
                    let score = P::Vectors::load(self.scores.start.add(key * self.scores.stride + pair + v * lanes));
                    // Biases may be huge: if score and maximum were rounded separately, they would not cancel.
                    let exponent = match self.masks.bias {
                        Some(_) => P::Vectors::mul(P::Vectors::add(score, base), scale),
                        None => P::Vectors::fma(score, scale, base),
                    };
                    let mut p = P::Vectors::exp2(exponent);
                    sum = P::Vectors::add(sum, p);
                    if let Some(bits) = self.masks.dropout {
                        p = P::Vectors::select(P::Vectors::mask_of_bits(bits[key] >> at), p, zero);
                    }
                    patch[v] = p;
                }
                P::Vectors::store(self.running.sum.add(at), sum);
            }
            P::put(patch, row, self.column + pair, self.to);
        }
    }

    /// Does what the steps have not done.
    #[inline(always)]
    pub unsafe fn finish(self) {
        for index in self.next..self.patches() {
            unsafe { self.patch(index) };
        }
    }
}

impl<P: Products> Beside for Softmax<'_, P> {
    #[inline(always)]
    unsafe fn step(&mut self) {
        for _ in 0..self.helping {
            if self.next < self.patches() {
                unsafe { self.patch(self.next) };
                self.next += 1;
            }
        }
    }
}

/// The first key and the first column, within a slice, of the patch of an index.
#[inline(always)]
pub(super) fn patch_place<P: Products>(index: usize) -> (usize, usize) {
    let across = P::SLICE_COLUMNS / (2 * P::Vectors::LANES);
    let (row, pair) = (index / across, index % across);
    (row / P::PAIR * 2 * P::PAIR + row % P::PAIR, pair * 2 * P::Vectors::LANES)
}
