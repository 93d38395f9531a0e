//! Matrix products on Intel's AMX tiles: bf16 inputs, f32 sums, 32 x 32 results.
//!
//! f32 inputs are split into three bf16 parts each, which hold all 24 bits; the six products of parts that matter in f32
//! (hi*hi, hi*mid, mid*hi, mid*mid, hi*lo, lo*hi) are summed. What is left out is below 2^-26 of each product, less than
//! f32's own rounding. Infinity and NaN do not survive the split: packing reports them and the caller uses another kernel.
//! Tiles have no stable intrinsics, hence the assembly. Intel, "Intel AMX" in the Software Developer's Manual, chapter 18.

use std::arch::asm;
use std::arch::x86_64::*;

use super::driver::{Kernel, Side};
use super::finish::{RESULT, Tile, finish_512, finish_plain};
use super::operand::Operand;
use super::words::{Exponents, PART, Rows, read_pairs, transpose};
use crate::amx::Tiles;
use crate::view::Source;

/// Lanes of a panel of either operand: two tiles.
const LANES: usize = 32;
/// Depth of one tile.
const STEP: usize = 32;
const TILE: usize = 1024;
/// Lanes at most this many bytes apart are read where they are: further apart, the lanes of a tile push each other out of the
/// L1 cache.
const UNPACKED: usize = 1024;

/// Bytes of a packed panel (32 lanes) of a depth, by number of bf16 parts per element.
const fn panel_bytes(depth: usize, parts: usize) -> usize {
    depth.div_ceil(STEP) * 2 * TILE * parts
}

/// Packs `lanes` from `lane`, `depth` deep from `from`, into panels of 32 lanes from `start` on, `stride` bytes apart, as
/// PARTS bf16 parts per element, zeros beyond the edges. Layout of a panel: step of 32, part (largest first), tile (16
/// lanes), 16 rows of 64 bytes. Returns false when a part is infinite or NaN.
///
/// # Safety
/// A panel holds `panel_bytes(depth, PARTS)` bytes, aligned to 64; AVX-512 BF16 is present.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]
unsafe fn pack<const PARTS: usize>(
    operand: &Operand,
    side: Side,
    (lane, lanes): (usize, usize),
    (from, depth): (usize, usize),
    (start, stride): (*mut u8, usize),
) -> bool {
    let mut exponents = Exponents::none();
    let (steps, panels) = (depth.div_ceil(STEP), lanes.div_ceil(LANES));
    // In memory order: along the lanes first if they are contiguous.
    let along_depth = operand.depth_stride == 1;
    for index in 0..steps * panels {
        let (step, panel) = if along_depth { (index % steps, index / steps) } else { (index / panels, index % panels) };
        let width = (depth - step * STEP).min(STEP);
        let out = unsafe { start.add(panel * stride + step * panel_bytes(STEP, PARTS)) } as *mut __m512i;
        for tile in 0..2 {
            let first = panel * LANES + tile * 16;
            let count = lanes.saturating_sub(first).min(16);
            let out = unsafe { out.add(tile * 16) };
            let place = if count > 0 { (lane + first, count) } else { (lane, 0) };
            let rows_are_lanes =
                unsafe { read_pairs::<PARTS>(operand, place, (from + step * STEP, width), out, &mut exponents) };
            if rows_are_lanes != (side == Side::Left) {
                for part in 0..PARTS {
                    transpose(unsafe { &mut *out.add(part * PART).cast::<Rows>() });
                }
            }
        }
    }
    exponents.all_finite()
}

/// Defines `multiply`: `result` (32 x 32, `stride` numbers from row to row) = left panel x right panel. Each step runs the
/// lines, then advances `ahead` by `$ahead` bytes and both panels by `$panel` bytes, or the left one by a step of memory where it is
/// not packed.
///
/// The 512-bit adders power down when nothing uses them for a while, and the `tilestored` that wakes them stalls for 700
/// cycles, a quarter of a product. One idle addition per step keeps them awake.
macro_rules! multiply {
    ($(#[$meta:meta])* $name:ident, ahead $ahead:literal, panel $panel:literal, $($line:expr),+ $(,)?) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// Tiles are configured on this thread, and both panels are `steps` steps long.
        unsafe fn $name(
            steps: usize,
            (left, lane_bytes): (*const u8, usize),
            right: *const u8,
            ahead: *const u8,
            result: *mut f32,
            stride: usize,
        ) {
            let (left_row, left_step) = if lane_bytes == 0 { (64, $panel) } else { (lane_bytes, 2 * STEP) };
            unsafe {
                asm!(
                    "tilezero tmm0",
                    "tilezero tmm1",
                    "tilezero tmm2",
                    "tilezero tmm3",
                    "vxorps zmm31, zmm31, zmm31",
                    "2:",
                    "vaddps zmm31, zmm31, zmm31",
                    $($line,)+
                    concat!("add {ahead}, ", $ahead),
                    "add {left}, {left_step}",
                    "add {left_low}, {left_step}",
                    concat!("add {right}, ", $panel),
                    "dec {steps}",
                    "jnz 2b",
                    "tilestored [{result} + {result_row}], tmm0",
                    "tilestored [{result} + {result_row} + 64], tmm1",
                    "tilestored [{lower} + {result_row}], tmm2",
                    "tilestored [{lower} + {result_row} + 64], tmm3",
                    ahead = inout(reg) ahead => _,
                    left = inout(reg) left => _,
                    left_low = inout(reg) left.wrapping_add(16 * left_row) => _,
                    left_row = in(reg) left_row,
                    left_step = in(reg) left_step,
                    right = inout(reg) right => _,
                    steps = inout(reg) steps => _,
                    row = in(reg) 64usize,
                    result = in(reg) result,
                    lower = in(reg) result.add(16 * stride),
                    result_row = in(reg) stride * 4,
                    out("zmm31") _,
                    options(nostack),
                );
            }
        }
    };
}

multiply!(
    /// One bf16 part each.
    multiply_bf16, ahead 256, panel 2048,
    "tileloadd tmm4, [{left} + {left_row}]",
    "tileloadd tmm6, [{right} + {row}]",
    "tileloadd tmm7, [{right} + {row} + 1024]",
    "tdpbf16ps tmm0, tmm4, tmm6",
    "tileloadd tmm5, [{left_low} + {left_row}]",
    "tdpbf16ps tmm1, tmm4, tmm7",
    "tdpbf16ps tmm2, tmm5, tmm6",
    "tdpbf16ps tmm3, tmm5, tmm7",
    "prefetcht1 [{ahead} + 0]",
    "prefetcht1 [{ahead} + 64]",
    "prefetcht1 [{ahead} + 128]",
    "prefetcht1 [{ahead} + 192]",
);

/// The four products of two left tiles and two right tiles.
macro_rules! products {
    () => {
        "tdpbf16ps tmm0, tmm4, tmm6
         tdpbf16ps tmm1, tmm4, tmm7
         tdpbf16ps tmm2, tmm5, tmm6
         tdpbf16ps tmm3, tmm5, tmm7"
    };
}

multiply!(
    /// Three bf16 parts each: an f32 product.
    multiply_f32, ahead 768, panel 6144,
    // hi * lo
    "tileloadd tmm4, [{left} + {left_row}]",
    "tileloadd tmm6, [{right} + {row} + 4096]",
    "tileloadd tmm7, [{right} + {row} + 5120]",
    "tileloadd tmm5, [{left_low} + {left_row}]",
    products!(),
    // hi * mid
    "tileloadd tmm6, [{right} + {row} + 2048]",
    "tileloadd tmm7, [{right} + {row} + 3072]",
    products!(),
    // mid * mid
    "tileloadd tmm4, [{left} + {left_row} + 2048]",
    "tileloadd tmm5, [{left_low} + {left_row} + 2048]",
    products!(),
    // mid * hi
    "tileloadd tmm6, [{right} + {row}]",
    "tileloadd tmm7, [{right} + {row} + 1024]",
    products!(),
    // lo * hi
    "tileloadd tmm4, [{left} + {left_row} + 4096]",
    "tileloadd tmm5, [{left_low} + {left_row} + 4096]",
    products!(),
    // hi * hi
    "tileloadd tmm4, [{left} + {left_row}]",
    "tileloadd tmm5, [{left_low} + {left_row}]",
    products!(),
    "prefetcht1 [{ahead} + 0]",
    "prefetcht1 [{ahead} + 64]",
    "prefetcht1 [{ahead} + 128]",
    "prefetcht1 [{ahead} + 192]",
    "prefetcht1 [{ahead} + 256]",
    "prefetcht1 [{ahead} + 320]",
    "prefetcht1 [{ahead} + 384]",
    "prefetcht1 [{ahead} + 448]",
    "prefetcht1 [{ahead} + 512]",
    "prefetcht1 [{ahead} + 576]",
    "prefetcht1 [{ahead} + 640]",
    "prefetcht1 [{ahead} + 704]",
);

/// A product of operands split into PARTS bf16 parts each: one for bf16, three for f32.
pub struct Amx<const PARTS: usize>;
pub type AmxBf16 = Amx<1>;
pub type AmxF32 = Amx<3>;

impl<const PARTS: usize> Kernel for Amx<PARTS> {
    const LEFT: usize = LANES;
    const RIGHT: usize = LANES;
    const STEP: usize = STEP;
    /// In f32 every depth adds six roundings to a sum; in blocks of 512 it is still twice as accurate as a plain f32 loop.
    const DEPTH: usize = if PARTS == 1 { 1024 } else { 512 };
    const DIRECT: bool = true;
    type Session = Tiles;

    fn session() -> Tiles {
        Tiles::configure()
    }

    fn panel_bytes(_: Side, depth: usize) -> usize {
        panel_bytes(depth, PARTS)
    }

    unsafe fn pack_panels(
        operand: &Operand,
        side: Side,
        lanes: (usize, usize),
        depth: (usize, usize),
        target: (*mut u8, usize),
    ) -> bool {
        unsafe { pack::<PARTS>(operand, side, lanes, depth, target) }
    }

    fn unpacked(left: &Operand) -> (*const u8, usize) {
        let bytes = 2 * left.lane_stride;
        let whole = left.depth_stride == 1 && left.lanes.is_multiple_of(LANES) && left.depth.is_multiple_of(STEP);
        match left.source {
            Source::Bf16(start) if PARTS == 1 && whole && bytes <= UNPACKED => (start.cast(), bytes),
            _ => (std::ptr::null(), 0),
        }
    }

    unsafe fn multiply(
        depth: usize,
        left: (*const u8, usize),
        right: *const u8,
        ahead: *const u8,
        (result, stride): (*mut f32, usize),
        _: bool,
    ) {
        let multiply = const {
            match PARTS {
                1 => multiply_bf16,
                3 => multiply_f32,
                _ => panic!("one part or three"),
            }
        };
        unsafe { multiply(depth.div_ceil(STEP), left, right, ahead, result, stride) }
    }

    unsafe fn finish(tile: &Tile, result: &[f32; RESULT]) {
        if tile.plain() { unsafe { finish_plain(tile, result) } } else { unsafe { finish_512(tile, result) } }
    }
}
