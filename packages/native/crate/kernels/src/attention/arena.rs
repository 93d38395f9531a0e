//! Hands out aligned pieces of a thread's scratch memory.

use crate::scratch;

/// Cache lines and AVX-512 vectors: sixteen floats.
const ALIGNMENT: usize = 16;

/// Hands out pieces whose contents are undefined.
pub(super) struct Arena {
    next: *mut f32,
    left: usize,
}

impl Arena {
    /// A piece of `length` floats, aligned to a cache line.
    pub fn take(&mut self, length: usize) -> *mut f32 {
        let whole = aligned(length);
        assert!(whole <= self.left, "{whole} floats do not fit in the {} left of the scratch memory", self.left);
        let piece = self.next;
        self.left -= whole;
        self.next = self.next.wrapping_add(whole);
        piece
    }
}

/// The number of floats that `take(length)` uses.
pub(super) const fn aligned(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT)
}

/// Calls `body` with an arena of `length` floats.
pub(super) fn with_arena(length: usize, body: impl FnOnce(&mut Arena)) {
    scratch::with_bytes(length * size_of::<f32>(), |start| body(&mut Arena { next: start.cast(), left: length }));
}
