//! One entry per kernel and instruction set, and the choice among them at run time.

use super::arena::Arena;
use super::backward::{self, KeyChunk, Outputs, Upstream, backward_chunk, prepare_head};
use super::broadcast::Broadcast;
use super::decode::{KeyPart, decode_part};
use super::forward::{self, QueryRows, forward_rows};
use super::problem::{PANEL, Problem};
use super::product::Products;
use super::stored::Stored;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Isa, isa};

/// The kernels of one instruction set. Calling them is safe as far as the instruction set goes: `isa` has detected it.
pub(super) struct Kernels<E: 'static> {
    pub forward: Forward<E>,
    pub decode: unsafe fn(&Problem<E>, KeyPart, &mut [f32], &mut Arena),
    pub prepare: Prepare<E>,
    pub backward: Backward<E>,
    /// Floats of scratch by head size, and panels of a task.
    pub forward_arena: fn(usize, usize) -> usize,
    pub backward_arena: fn(usize) -> usize,
}

type Forward<E> = unsafe fn(&Problem<E>, QueryRows, (*mut E, *mut f32), &mut Arena) -> bool;
type Prepare<E> = unsafe fn(&Problem<E>, (usize, usize), (&[E], &[E]), *mut f32) -> bool;
type Backward<E> = unsafe fn(&Problem<E>, &Upstream<E>, KeyChunk, Outputs<E>, &mut Arena);

macro_rules! kernels {
    ($name:ident, $products:ty $(, $features:literal)?) => {
        fn $name<E: Stored>() -> Kernels<E> {
            type P = $products;

            $(#[target_feature(enable = $features)])?
            unsafe fn forward<E: Stored>(
                problem: &Problem<E>,
                task: QueryRows,
                outputs: (*mut E, *mut f32),
                arena: &mut Arena,
            ) -> bool {
                unsafe { forward_rows::<P, E>(problem, task, outputs, arena) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn decode<E: Stored>(problem: &Problem<E>, part: KeyPart, partial: &mut [f32], arena: &mut Arena) {
                unsafe { decode_part::<<P as Products>::Vectors, E>(problem, part, partial, arena) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn prepare<E: Stored>(
                problem: &Problem<E>,
                head: (usize, usize),
                outputs: (&[E], &[E]),
                delta: *mut f32,
            ) -> bool {
                unsafe { prepare_head::<P, E>(problem, head, outputs, delta) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn backward<E: Stored>(
                problem: &Problem<E>,
                upstream: &Upstream<E>,
                chunk: KeyChunk,
                outputs: Outputs<E>,
                arena: &mut Arena,
            ) {
                unsafe { backward_chunk::<P, E>(problem, upstream, chunk, outputs, arena) }
            }

            Kernels {
                forward: forward::<E>,
                decode: decode::<E>,
                prepare: prepare::<E>,
                backward: backward::<E>,
                forward_arena: forward::arena_size::<P>,
                backward_arena: backward::arena_size::<P>,
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
kernels!(tiles_f32, super::tiles::Tiled<3>, "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2");
#[cfg(target_arch = "x86_64")]
kernels!(tiles_bf16, super::tiles::Tiled<1>, "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2");
#[cfg(target_arch = "x86_64")]
kernels!(avx512, Broadcast<crate::vectors::Avx512, 4, 4, PANEL>, "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2");
#[cfg(target_arch = "x86_64")]
kernels!(avx512_32, Broadcast<crate::vectors::Avx512, 4, 2, 32>, "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2");
#[cfg(target_arch = "x86_64")]
kernels!(avx2, Broadcast<crate::vectors::Avx2, 4, 2, PANEL>, "fma,avx2");
#[cfg(target_arch = "x86_64")]
kernels!(avx2_32, Broadcast<crate::vectors::Avx2, 4, 2, 32>, "fma,avx2");
#[cfg(target_arch = "x86_64")]
kernels!(avx2_16, Broadcast<crate::vectors::Avx2, 4, 2, 16>, "fma,avx2");
#[cfg(target_arch = "aarch64")]
kernels!(baseline, Broadcast<crate::vectors::Neon, 4, 4, PANEL>, "neon");
#[cfg(not(target_arch = "aarch64"))]
kernels!(baseline, Broadcast<crate::vectors::Portable, 4, 2, PANEL>);

/// The fastest kernels for heads of this many rows that this processor and `simd::limit` allow, then those that accept infinity
/// and NaN.
pub(super) fn choose<E: Stored>(rows: usize) -> (Kernels<E>, Kernels<E>) {
    (fastest(rows), plain(rows))
}

fn fastest<E: Stored>(rows: usize) -> Kernels<E> {
    #[cfg(target_arch = "x86_64")]
    if isa() == Isa::Amx {
        // bf16 storage is multiplied as bf16, f32 as f32.
        return if size_of::<E>() == 2 { tiles_bf16() } else { tiles_f32() };
    }
    plain(rows)
}

/// Panels are as narrow as the rows allow, which then must fit in one.
#[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
fn plain<E: Stored>(rows: usize) -> Kernels<E> {
    #[cfg(target_arch = "x86_64")]
    match isa() {
        Isa::Avx512 | Isa::Avx512Bf16 | Isa::Amx if rows <= 32 => return avx512_32(),
        Isa::Avx512 | Isa::Avx512Bf16 | Isa::Amx => return avx512(),
        Isa::Avx2 if rows <= 16 => return avx2_16(),
        Isa::Avx2 if rows <= 32 => return avx2_32(),
        Isa::Avx2 => return avx2(),
        Isa::Baseline => {}
    }
    baseline()
}

/// All kernels that run on this processor and take this many rows, for tests.
#[cfg(test)]
#[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
pub(super) fn every<E: Stored>(rows: usize) -> Vec<(&'static str, Kernels<E>)> {
    #[cfg(not(target_arch = "x86_64"))]
    let further: [Option<_>; 0] = [];
    #[cfg(target_arch = "x86_64")]
    let further = [
        (isa() >= Isa::Avx2).then(|| ("avx2", avx2())),
        (isa() >= Isa::Avx2 && rows <= 32).then(|| ("avx2, panels of 32", avx2_32())),
        (isa() >= Isa::Avx2 && rows <= 16).then(|| ("avx2, panels of 16", avx2_16())),
        (isa() >= Isa::Avx512).then(|| ("avx512", avx512())),
        (isa() >= Isa::Avx512 && rows <= 32).then(|| ("avx512, panels of 32", avx512_32())),
        (isa() == Isa::Amx).then(|| ("tiles", fastest(rows))),
    ];
    [("baseline", baseline())].into_iter().chain(further.into_iter().flatten()).collect()
}
