//! Chooses instruction sets at run time.
//!
//! `simd!` compiles one scalar body for AVX-512, AVX2 and the target's baseline (SSE2 on x86-64, NEON on arm64) and
//! picks one at run time. The bodies are loops that the compiler vectorises; `S::fma` is a fused multiply-add if the
//! instruction set has one.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Instruction sets that kernels are compiled for, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Isa {
    Baseline = 1,
    Avx2 = 2,
    Avx512 = 3,
    Avx512Bf16 = 4,
    Amx = 5,
}

static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// The best instruction set of this processor, or a weaker one after `limit`.
#[inline]
pub fn isa() -> Isa {
    match CHOSEN.load(Relaxed) {
        1 => Isa::Baseline,
        2 => Isa::Avx2,
        3 => Isa::Avx512,
        4 => Isa::Avx512Bf16,
        5 => Isa::Amx,
        _ => limit(Isa::Amx),
    }
}

/// Uses at most `highest` from now on, in the whole process. Returns the one in use. For tests and benchmarks.
pub fn limit(highest: Isa) -> Isa {
    let chosen = detect().min(highest);
    CHOSEN.store(chosen as u8, Relaxed);
    chosen
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn detect() -> Isa {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = avx2
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (_, true) if crate::amx::available() => Isa::Amx,
        (_, true) if is_x86_feature_detected!("avx512bf16") => Isa::Avx512Bf16,
        (_, true) => Isa::Avx512,
        (true, false) => Isa::Avx2,
        _ => Isa::Baseline,
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn detect() -> Isa {
    Isa::Baseline
}

/// The features of the instruction set that a body is compiled for.
pub trait Simd {
    const FMA: bool;

    /// a * b + c, rounded once if the hardware can.
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        if Self::FMA { a.mul_add(b, c) } else { a * b + c }
    }
}

pub struct Fused;
pub struct Plain;

impl Simd for Fused {
    const FMA: bool = true;
}

impl Simd for Plain {
    const FMA: bool = cfg!(target_arch = "aarch64");
}

/// Defines a function whose body is compiled for each instruction set. `[S]` names the type that implements `Simd`;
/// further type parameters follow with their bound: `[S, T: Element]`.
macro_rules! simd {
    ($(#[$meta:meta])* $vis:vis fn $name:ident [$simd:ident $(, $type:ident : $bound:path)*]
        ($($argument:ident : $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name<$($type: $bound),*>($($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, clippy::extra_unused_type_parameters)]
            fn body<$simd: $crate::simd::Simd, $($type: $bound),*>($($argument: $kind),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2")]
            #[allow(clippy::too_many_arguments)]
            fn avx512<$($type: $bound),*>($($argument: $kind),*) $(-> $result)? {
                body::<$crate::simd::Fused, $($type),*>($($argument),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "fma,avx2")]
            #[allow(clippy::too_many_arguments)]
            fn avx2<$($type: $bound),*>($($argument: $kind),*) $(-> $result)? {
                body::<$crate::simd::Fused, $($type),*>($($argument),*)
            }

            match $crate::simd::isa() {
                // SAFETY: `isa` has detected these features.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Isa::Avx512 | $crate::simd::Isa::Avx512Bf16 | $crate::simd::Isa::Amx => unsafe {
                    avx512::<$($type),*>($($argument),*)
                },
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Isa::Avx2 => unsafe { avx2::<$($type),*>($($argument),*) },
                _ => body::<$crate::simd::Plain, $($type),*>($($argument),*),
            }
        }
    };
}
pub(crate) use simd;
