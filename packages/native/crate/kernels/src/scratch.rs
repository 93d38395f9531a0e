//! Scratch memory for kernels, kept per thread between calls, since fresh pages cost more than most kernels.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::RefCell;

use crate::pages;

/// More than this is freed right after the call.
const KEPT: usize = 64 << 20;
const ALIGNMENT: usize = 64;
/// Blocks of at least this many bytes use large pages.
const LARGE: usize = 1 << 20;

/// Aligned memory: zeros at first (which cost nothing), then whatever its last user left.
struct Block {
    start: *mut u8,
    bytes: usize,
}

impl Block {
    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, ALIGNMENT).expect("scratch memory of a sane size")
    }

    fn new(bytes: usize) -> Block {
        let start = if bytes >= LARGE {
            pages::allocate(bytes).unwrap_or(std::ptr::null_mut())
        } else {
            // SAFETY: the size is not zero.
            unsafe { alloc_zeroed(Block::layout(bytes)) }
        };
        // A panic, where `handle_alloc_error` would abort.
        assert!(!start.is_null(), "out of memory: no {bytes} bytes for intermediate results");
        Block { start, bytes }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` in the same way.
        unsafe {
            if self.bytes >= LARGE {
                pages::release(self.start, self.bytes);
            } else {
                dealloc(self.start, Block::layout(self.bytes));
            }
        }
    }
}

thread_local! {
    static FREE: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// Calls `body` with `bytes` bytes of undefined contents, aligned to 64. Nests.
pub fn with_bytes<R>(bytes: usize, body: impl FnOnce(*mut u8) -> R) -> R {
    let bytes = bytes.max(ALIGNMENT).next_multiple_of(4096);
    let fitting = FREE.with_borrow_mut(|free| {
        let best =
            free.iter().enumerate().filter(|(_, block)| block.bytes >= bytes).min_by_key(|(_, block)| block.bytes)?;
        let index = best.0;
        Some(free.swap_remove(index))
    });
    let block = fitting.unwrap_or_else(|| Block::new(bytes));
    let result = body(block.start);
    FREE.with_borrow_mut(|free| {
        if block.bytes > KEPT {
            return;
        }
        // A larger block replaces those that were too small.
        free.retain(|other| other.bytes * 2 > block.bytes || other.bytes <= 1 << 20);
        if block.bytes + free.iter().map(|block| block.bytes).sum::<usize>() <= KEPT {
            free.push(block);
        }
    });
    result
}

/// Types for which any bits are a valid value.
pub trait Plain: Copy {}
impl Plain for f32 {}
impl Plain for f64 {}
impl Plain for u32 {}
impl Plain for crate::bf16::Bf16 {}

/// The same as a slice; elements never written before are zero.
pub fn with_slice<T: Plain, R>(length: usize, body: impl FnOnce(&mut [T]) -> R) -> R {
    with_bytes(length * size_of::<T>(), |start| {
        // SAFETY: aligned memory for `length` plain numbers, ours alone until `body` returns. Blocks are allocated zeroed.
        body(unsafe { std::slice::from_raw_parts_mut(start as *mut T, length) })
    })
}

/// The same, filled with zeros.
pub fn with_zeros<R>(length: usize, body: impl FnOnce(&mut [f32]) -> R) -> R {
    with_slice(length, |numbers: &mut [f32]| {
        numbers.fill(0.0);
        body(numbers)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nests_and_reuses() {
        let first = with_bytes(5000, |outer| {
            with_bytes(5000, |inner| assert_ne!(outer, inner));
            assert_eq!(outer as usize % ALIGNMENT, 0);
            outer as usize
        });
        let again = with_bytes(100, |start| start as usize);
        assert!(again != 0 && first != 0);
        with_zeros(1000, |numbers| assert!(numbers.iter().all(|&x| x == 0.0)));
    }
}
