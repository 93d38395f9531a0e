//! The derivative of softmax for a slice of a block of scores: recomputes the probabilities from the saved log-sum-exp,
//! then the gradient of the scores.

use super::product::{Beside, Block, Products, Rows};
use super::ranges::Masks;
use super::softmax::patch_place;
use crate::vectors::Vectors;
use std::f32::consts::LOG2_E;
use std::marker::PhantomData;

/// The saved values of the rows of a panel. [PANEL] each.
#[derive(Clone, Copy)]
pub(super) struct Saved {
    /// In units of log 2 unless there is a bias; minus infinity for rows that see nothing.
    pub minus_log_sum_exp: *mut f32,
    pub minus_delta: *mut f32,
}

/// How scores become probabilities.
#[derive(Clone, Copy)]
pub(super) struct Factors {
    /// Scales products to units of log 2, or so that a bias can be added.
    pub scale: f32,
    /// The factor of kept probabilities under dropout, which the results leave out.
    pub kept: f32,
}

/// Some keys and queries of a block: turns scores into probabilities after dropout, and the gradient of those into that of
/// the scores, p (kept * gradient - delta), which also replaces the bias.
pub(super) struct Derivative<'a, P> {
    from: (Rows, Rows),
    to: (&'a Block, &'a Block),
    place: (usize, usize),
    saved: Saved,
    factors: Factors,
    masks: Masks<'a>,
    next: usize,
    patches: usize,
    /// Patches per step.
    helping: usize,
    products: PhantomData<P>,
}

impl<'a, P: Products> Derivative<'a, P> {
    /// `from` holds scores and the gradient of probabilities, [SLICE_ROWS, SLICE_COLUMNS]; `place` is the first key and
    /// the first query of the block, and the number of keys. Takes about `steps` steps; `finish` does the rest.
    #[inline(always)]
    pub fn new(
        from: (Rows, Rows),
        to: (&'a Block, &'a Block),
        (place, rows): ((usize, usize), usize),
        saved: Saved,
        factors: Factors,
        masks: Masks<'a>,
        steps: usize,
    ) -> Self {
        let patches = rows / 2 * (P::SLICE_COLUMNS / (2 * P::Vectors::LANES));
        let helping = if steps == 0 { 0 } else { patches.div_ceil(steps) };
        Derivative { from, to, place, saved, factors, masks, next: 0, patches, helping, products: PhantomData }
    }

    #[inline(always)]
    unsafe fn patch(&self, index: usize) {
        match self.masks.bias {
            Some(bias) => unsafe { self.patch_of::<true>(index, bias) },
            None => unsafe { self.patch_of::<false>(index, self.from.0) },
        }
    }

    #[inline(always)]
    unsafe fn patch_of<const BIASED: bool>(&self, index: usize, bias: Rows) {
        let (row, pair) = patch_place::<P>(index);
        let lanes = P::Vectors::LANES;
        unsafe {
            let zero = P::Vectors::splat(0.0);
            let (scale, kept) = (P::Vectors::splat(self.factors.scale), P::Vectors::splat(self.factors.kept));
            let (mut probabilities, mut gradients) = ([[zero; 2]; 2], [[zero; 2]; 2]);
            for v in 0..2 {
                let column = pair + v * lanes;
                let at = self.place.1 + column;
                let minus_log_sum_exp = P::Vectors::load(self.saved.minus_log_sum_exp.add(at));
                let minus_delta = P::Vectors::load(self.saved.minus_delta.add(at));
                for i in 0..2 {
                    let slice_row = row + i * P::PAIR;
                    let key = self.place.0 + slice_row;
                    let score = P::Vectors::load(self.from.0.start.add(slice_row * self.from.0.stride + column));
                    let mut incoming = P::Vectors::load(self.from.1.start.add(slice_row * self.from.1.stride + column));
                    let bias = bias.start.wrapping_add(key * bias.stride + at);
                    let exponent = if BIASED {
                        let score = P::Vectors::fma(score, scale, P::Vectors::load(bias));
                        P::Vectors::mul(P::Vectors::add(score, minus_log_sum_exp), P::Vectors::splat(LOG2_E))
                    } else {
                        P::Vectors::fma(score, scale, minus_log_sum_exp)
                    };
                    let p = P::Vectors::exp2(exponent);
                    let mut dropped = p;
                    if let Some(bits) = self.masks.dropout {
                        let keep = P::Vectors::mask_of_bits(bits[key] >> at);
                        dropped = P::Vectors::select(keep, p, zero);
                        incoming = P::Vectors::select(keep, incoming, zero);
                    }
                    let mut outgoing = P::Vectors::mul(p, P::Vectors::fma(incoming, kept, minus_delta));
                    if let Some(visible) = self.masks.visible {
                        let visible = visible.to::<P::Vectors>(key, at);
                        dropped = P::Vectors::select(visible, dropped, zero);
                        outgoing = P::Vectors::select(visible, outgoing, zero);
                    }
                    if BIASED {
                        P::Vectors::store(bias, outgoing);
                    }
                    probabilities[i][v] = dropped;
                    gradients[i][v] = outgoing;
                }
            }
            P::put(probabilities, self.place.0 + row, self.place.1 + pair, self.to.0);
            P::put(gradients, self.place.0 + row, self.place.1 + pair, self.to.1);
        }
    }

    /// Does what the steps have not done.
    #[inline(always)]
    pub unsafe fn finish(self) {
        for index in self.next..self.patches {
            unsafe { self.patch(index) };
        }
    }
}

impl<P: Products> Beside for Derivative<'_, P> {
    #[inline(always)]
    unsafe fn step(&mut self) {
        for _ in 0..self.helping {
            if self.next < self.patches {
                unsafe { self.patch(self.next) };
                self.next += 1;
            }
        }
    }
}
