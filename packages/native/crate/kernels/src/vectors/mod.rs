//! The vector operations that attention and products of few rows are written in, once for all instruction sets.
//! A kernel is generic over `Vectors` and inlined into one `#[target_feature]` entry per instruction set, so every
//! method here must be inlined too.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(not(target_arch = "aarch64"))]
mod portable;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
#[cfg(not(target_arch = "aarch64"))]
pub use portable::Portable;

/// One instruction set: a vector of `LANES` floats and a mask of as many bits.
///
/// # Safety
/// Every method may only run on a processor that has the instruction set; pointers must be valid for `LANES` floats
/// (no alignment is needed).
pub trait Vectors: Copy + 'static {
    type Vector: Copy;
    type Mask: Copy;
    const LANES: usize;

    unsafe fn splat(value: f32) -> Self::Vector;
    unsafe fn load(from: *const f32) -> Self::Vector;
    unsafe fn store(to: *mut f32, value: Self::Vector);
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b + c`, fused where the instruction set can.
    unsafe fn fma(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The larger one; `b` (or NaN) if either is NaN.
    unsafe fn max(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `2^x`, within 2 ulp for x <= 127; 0 at minus infinity, NaN at NaN.
    unsafe fn exp2(x: Self::Vector) -> Self::Vector;
    /// The sum of the lanes, always in the same order.
    unsafe fn sum(value: Self::Vector) -> f32;
    /// Lanes where `a < b`.
    unsafe fn less(a: Self::Vector, b: Self::Vector) -> Self::Mask;
    unsafe fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Lane i is bit i.
    unsafe fn mask_of_bits(bits: u64) -> Self::Mask;
    /// `a` where the mask is set, else `b`.
    unsafe fn select(mask: Self::Mask, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Transposes a block of `LANES` x `LANES` floats from rows `from_stride` apart to rows `to_stride` apart,
    /// which are written in order: they may overlap, and the later one stays.
    unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize);
    /// Loads `LANES` bf16 numbers, widened.
    unsafe fn load_bf16(from: *const u16) -> Self::Vector;
    /// Stores `LANES` numbers rounded to the nearest bf16, ties to even.
    unsafe fn store_bf16(to: *mut u16, value: Self::Vector);
}

/// Minimax polynomial (relative error 8.2e-8, exact at 0) of 2^f for f in [0, 1], lowest power first.
const EXP2: [f32; 6] = [1.0, 0.693_151_3, 0.240_164_46, 0.055_799_91, 0.009_017_031, 0.001_867_13];

/// `2^f` for f in [0, 1].
#[inline(always)]
unsafe fn exp2_fraction<S: Vectors>(f: S::Vector) -> S::Vector {
    unsafe {
        let mut p = S::splat(EXP2[5]);
        p = S::fma(p, f, S::splat(EXP2[4]));
        p = S::fma(p, f, S::splat(EXP2[3]));
        p = S::fma(p, f, S::splat(EXP2[2]));
        p = S::fma(p, f, S::splat(EXP2[1]));
        S::fma(p, f, S::splat(EXP2[0]))
    }
}
