//! `Vectors` in plain Rust, for other processors: four lanes that the compiler may or may not vectorise. Multiplications
//! and additions are rounded separately (a fused one would be a library call).

use super::{Vectors, exp2_fraction};
use crate::bf16::Bf16;

#[derive(Clone, Copy)]
pub struct Portable;

type Lanes = [f32; 4];

#[inline(always)]
fn map(a: Lanes, b: Lanes, f: impl Fn(f32, f32) -> f32) -> Lanes {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

impl Vectors for Portable {
    type Vector = Lanes;
    type Mask = [bool; 4];
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Lanes {
        [value; 4]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Lanes {
        unsafe { from.cast::<Lanes>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Lanes) {
        unsafe { to.cast::<Lanes>().write_unaligned(value) }
    }
    #[inline(always)]
    unsafe fn add(a: Lanes, b: Lanes) -> Lanes {
        map(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: Lanes, b: Lanes) -> Lanes {
        map(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: Lanes, b: Lanes) -> Lanes {
        map(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn fma(a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        map(map(a, b, |a, b| a * b), c, |p, c| p + c)
    }
    #[inline(always)]
    unsafe fn max(a: Lanes, b: Lanes) -> Lanes {
        map(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn exp2(x: Lanes) -> Lanes {
        unsafe {
            // At -127 the exponent's bits are all zero, so the result is exactly 0; `max` passes NaN on as its second operand.
            let x = Self::max([-127.0; 4], x);
            let whole = x.map(f32::floor);
            let power = whole.map(|n| f32::from_bits(((n as i32).wrapping_add(127) as u32) << 23));
            Self::mul(exp2_fraction::<Self>(Self::sub(x, whole)), power)
        }
    }
    #[inline(always)]
    unsafe fn sum(value: Lanes) -> f32 {
        (value[0] + value[2]) + (value[1] + value[3])
    }
    #[inline(always)]
    unsafe fn less(a: Lanes, b: Lanes) -> [bool; 4] {
        [a[0] < b[0], a[1] < b[1], a[2] < b[2], a[3] < b[3]]
    }
    #[inline(always)]
    unsafe fn and(a: [bool; 4], b: [bool; 4]) -> [bool; 4] {
        [a[0] & b[0], a[1] & b[1], a[2] & b[2], a[3] & b[3]]
    }
    #[inline(always)]
    unsafe fn mask_of_bits(bits: u64) -> [bool; 4] {
        [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0, bits & 8 != 0]
    }
    #[inline(always)]
    unsafe fn select(mask: [bool; 4], a: Lanes, b: Lanes) -> Lanes {
        std::array::from_fn(|i| if mask[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        for column in 0..4 {
            for row in 0..4 {
                unsafe { *to.add(column * to_stride + row) = *from.add(row * from_stride + column) };
            }
        }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> Lanes {
        let bits = unsafe { from.cast::<[u16; 4]>().read_unaligned() };
        bits.map(|half| f32::from_bits(u32::from(half) << 16))
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, value: Lanes) {
        unsafe { to.cast::<[u16; 4]>().write_unaligned(value.map(|x| Bf16::from_f32(x).0)) }
    }
}
