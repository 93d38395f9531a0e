//! `Vectors` for NEON (every 64-bit ARM processor): four lanes, masks are vectors.

use super::{Vectors, exp2_fraction};
use std::arch::aarch64::*;

#[derive(Clone, Copy)]
pub struct Neon;

impl Vectors for Neon {
    type Vector = float32x4_t;
    type Mask = uint32x4_t;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> float32x4_t {
        unsafe { vdupq_n_f32(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> float32x4_t {
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: float32x4_t) {
        unsafe { vst1q_f32(to, value) }
    }
    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmaxq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn exp2(x: float32x4_t) -> float32x4_t {
        unsafe {
            // At -127 the exponent's bits are all zero, so the result is exactly 0; `vmaxq` keeps a NaN.
            let x = vmaxq_f32(vdupq_n_f32(-127.0), x);
            let whole = vrndmq_f32(x);
            let exponent = vaddq_s32(vcvtq_s32_f32(whole), vdupq_n_s32(127));
            let power = vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent));
            vmulq_f32(exp2_fraction::<Self>(vsubq_f32(x, whole)), power)
        }
    }
    #[inline(always)]
    unsafe fn sum(value: float32x4_t) -> f32 {
        unsafe { vaddvq_f32(value) }
    }
    #[inline(always)]
    unsafe fn less(a: float32x4_t, b: float32x4_t) -> uint32x4_t {
        unsafe { vcltq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn and(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        unsafe { vandq_u32(a, b) }
    }
    #[inline(always)]
    unsafe fn mask_of_bits(bits: u64) -> uint32x4_t {
        unsafe {
            let lane: uint32x4_t = vld1q_u32([1u32, 2, 4, 8].as_ptr());
            vtstq_u32(vdupq_n_u32((bits & 0xf) as u32), lane)
        }
    }
    #[inline(always)]
    unsafe fn select(mask: uint32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vbslq_f32(mask, a, b) }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        unsafe {
            let low = vtrnq_f32(vld1q_f32(from), vld1q_f32(from.add(from_stride)));
            let high = vtrnq_f32(vld1q_f32(from.add(2 * from_stride)), vld1q_f32(from.add(3 * from_stride)));
            vst1q_f32(to, vcombine_f32(vget_low_f32(low.0), vget_low_f32(high.0)));
            vst1q_f32(to.add(to_stride), vcombine_f32(vget_low_f32(low.1), vget_low_f32(high.1)));
            vst1q_f32(to.add(2 * to_stride), vcombine_f32(vget_high_f32(low.0), vget_high_f32(high.0)));
            vst1q_f32(to.add(3 * to_stride), vcombine_f32(vget_high_f32(low.1), vget_high_f32(high.1)));
        }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> float32x4_t {
        unsafe { vreinterpretq_f32_u32(vshll_n_u16::<16>(vld1_u16(from))) }
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, value: float32x4_t) {
        unsafe {
            let bits = vreinterpretq_u32_f32(value);
            let odd = vandq_u32(vshrq_n_u32::<16>(bits), vdupq_n_u32(1));
            let rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
            // Rounding could carry a NaN into infinity: a NaN keeps its upper half, made quiet.
            let quiet = vorrq_u32(bits, vdupq_n_u32(0x0040_0000));
            let number = vceqq_f32(value, value);
            vst1_u16(to, vshrn_n_u32::<16>(vbslq_u32(number, rounded, quiet)));
        }
    }
}
