//! What the processor multiplies at most: an unrolled loop of the instruction that products are made of, on registers alone.

use std::time::Instant;

use crate::gemm::Precision;
use crate::parallel::{Disjoint, for_each, threads};
use crate::simd::{Isa, isa};

/// Iterations between two looks at the clock.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const ROUND: usize = 1 << 14;

/// Multiplications and additions per second of all threads together, in the instruction set in force; None where it has no
/// such loop. Takes the given seconds.
pub fn peak(precision: Precision, seconds: f64) -> Option<f64> {
    let body = loop_of(precision)?;
    let mut rates = vec![0.0f64; threads()];
    let shared = Disjoint::new(&mut rates);
    for_each(threads(), |thread| {
        let start = Instant::now();
        let mut flops = 0.0;
        while start.elapsed().as_secs_f64() < seconds {
            flops += body();
        }
        // SAFETY: each task has a number of its own.
        unsafe { shared.part(thread, 1)[0] = flops / start.elapsed().as_secs_f64() };
    });
    Some(rates.into_iter().sum())
}

/// Runs a round, and returns its operations.
type Round = fn() -> f64;

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn loop_of(precision: Precision) -> Option<Round> {
    match (isa(), precision) {
        (Isa::Amx, Precision::Bf16) => Some(tiles),
        (Isa::Avx512Bf16, Precision::Bf16) => Some(pairs),
        (_, Precision::Bf16) | (Isa::Baseline, _) => None,
        (Isa::Avx2, _) => Some(avx2),
        (_, _) => Some(avx512),
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn loop_of(_: Precision) -> Option<Round> {
    let _ = isa() == Isa::Baseline;
    None
}

/// Defines a round of twelve independent instructions, on the registers 0 to 11 with the factors 12 and 13.
#[cfg(all(target_arch = "x86_64", not(miri)))]
macro_rules! round {
    ($name:ident, $instruction:literal, $register:literal, $flops:expr) => {
        fn $name() -> f64 {
            // SAFETY: `loop_of` has seen the instruction set; only registers change. Factors are zeros, which never overflow.
            unsafe {
                std::arch::asm!(
                    concat!("vpxor xmm12, xmm12, xmm12"),
                    concat!("vpxor xmm13, xmm13, xmm13"),
                    "2:",
                    concat!($instruction, " ", $register, "0, ", $register, "12, ", $register, "13"),
                    concat!($instruction, " ", $register, "1, ", $register, "12, ", $register, "13"),
                    concat!($instruction, " ", $register, "2, ", $register, "12, ", $register, "13"),
                    concat!($instruction, " ", $register, "3, ", $register, "12, ", $register, "13"),
                    concat!($instruction, " ", $register, "4, ", $register, "12, ", $register, "13"),
                    concat!($instruction, " ", $register, "5, ", $register, "12, ", $register, "13"),
                    concat!($instruction, " ", $register, "6, ", $register, "12, ", $register, "13"),
                    concat!($instruction, " ", $register, "7, ", $register, "12, ", $register, "13"),
                    concat!($instruction, " ", $register, "8, ", $register, "12, ", $register, "13"),
                    concat!($instruction, " ", $register, "9, ", $register, "12, ", $register, "13"),
                    concat!($instruction, " ", $register, "10, ", $register, "12, ", $register, "13"),
                    concat!($instruction, " ", $register, "11, ", $register, "12, ", $register, "13"),
                    "dec {count}",
                    "jnz 2b",
                    count = inout(reg) ROUND => _,
                    out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _, out("xmm6") _,
                    out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _, out("xmm12") _,
                    out("xmm13") _,
                    options(nostack),
                );
            }
            (ROUND * 12 * $flops) as f64
        }
    };
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
round!(avx2, "vfmadd231ps", "ymm", 2 * 8);
#[cfg(all(target_arch = "x86_64", not(miri)))]
round!(avx512, "vfmadd231ps", "zmm", 2 * 16);
#[cfg(all(target_arch = "x86_64", not(miri)))]
round!(pairs, "vdpbf16ps", "zmm", 2 * 32);

/// Products of 16 x 32 by 32 x 16, four at a time.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn tiles() -> f64 {
    let _session = crate::amx::Tiles::configure();
    // SAFETY: the tiles are configured; only they change.
    unsafe {
        std::arch::asm!(
            "tilezero tmm4",
            "tilezero tmm5",
            "tilezero tmm6",
            "tilezero tmm7",
            "2:",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "dec {count}",
            "jnz 2b",
            count = inout(reg) ROUND => _,
            options(nostack),
        );
    }
    (ROUND * 4 * 2 * 16 * 16 * 32) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_the_instruction_set_has() {
        let measured = peak(Precision::F32, 1e-3);
        assert_eq!(measured.is_some(), cfg!(all(target_arch = "x86_64", not(miri))) && isa() > Isa::Baseline);
        assert!(measured.is_none_or(|rate| rate > 1e8));
        assert_eq!(peak(Precision::Bf16, 1e-3).is_some(), isa() >= Isa::Avx512Bf16);
    }
}
