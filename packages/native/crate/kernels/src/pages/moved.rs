//! Blocks of pages that were moved from other blocks. Each such page may be a mapping of its own, of which Linux grants a process
//! 65,530, so they are counted, and beyond a limit pages are new ones.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::{LARGE_PAGE, allocate, release};

/// The moved pages of each block, by its address.
static PAGES: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());

fn pages() -> MutexGuard<'static, BTreeMap<usize, usize>> {
    PAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many pages may be moved: half of the mappings that a process may have, the rest is for everything else.
pub(super) fn most_pages() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| {
        let system = std::fs::read_to_string("/proc/sys/vm/max_map_count");
        system.ok().and_then(|most| most.trim().parse().ok()).unwrap_or(65_530) / 2
    })
}

pub(super) fn forget(start: *mut u8) {
    pages().remove(&start.addr());
}

/// As `super::assemble`, with at most `most` moved pages in all blocks together.
pub(super) unsafe fn assemble(bytes: usize, spare: &[(*mut u8, usize)], most: usize) -> Option<*mut u8> {
    let release_all = || spare.iter().for_each(|&(start, bytes)| unsafe { release(start, bytes) });
    let Some(block) = allocate(bytes) else {
        release_all();
        return allocate(bytes);
    };
    // Locked until the pages are counted: other threads move pages too.
    let mut counts = pages();
    for (start, _) in spare {
        counts.remove(&start.addr());
    }
    let wanted = bytes.div_ceil(LARGE_PAGE).min(most.saturating_sub(counts.values().sum()));
    // Page by page: a block may consist of several mappings, of which one call moves only one.
    let from = spare.iter().flat_map(|&(start, length)| {
        (0..length.next_multiple_of(LARGE_PAGE)).step_by(LARGE_PAGE).map(move |at| start.wrapping_add(at))
    });
    let (mut filled, mut whole) = (0, true);
    for page in from.take(wanted) {
        let to = block.wrapping_add(filled * LARGE_PAGE);
        if !unsafe { move_page(page, to) } {
            whole = mend(to);
            break;
        }
        filled += 1;
    }
    if whole && filled > 0 {
        counts.insert(block.addr(), filled);
    }
    drop(counts);
    // What was not moved.
    let mut left = filled * LARGE_PAGE;
    for &(start, length) in spare {
        let length = length.next_multiple_of(LARGE_PAGE);
        let moved = left.min(length);
        left -= moved;
        if moved < length {
            unsafe { release(start.wrapping_add(moved), length - moved) };
        }
    }
    if whole {
        return Some(block);
    }
    // All but the page that may be another thread's by now.
    let bytes = bytes.next_multiple_of(LARGE_PAGE);
    let doubtful = filled * LARGE_PAGE;
    for (at, length) in [(0, doubtful), (doubtful + LARGE_PAGE, bytes - doubtful - LARGE_PAGE)] {
        if length > 0 {
            unsafe { release(block.wrapping_add(at), length) };
        }
    }
    allocate(bytes)
}

unsafe fn move_page(from: *mut u8, to: *mut u8) -> bool {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    unsafe { libc::mremap(from.cast(), LARGE_PAGE, LARGE_PAGE, flags, to) != libc::MAP_FAILED }
}

/// Maps a page where a move that failed may have left none. False if something is there: the page as it was, or a mapping
/// that another thread has made since.
pub(super) fn mend(page: *mut u8) -> bool {
    use libc::{MAP_ANONYMOUS, MAP_FAILED, MAP_FIXED_NOREPLACE, MAP_PRIVATE, PROT_READ, PROT_WRITE};
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    // SAFETY: replaces no mapping.
    unsafe {
        let at = libc::mmap(page.cast(), LARGE_PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
        if at != MAP_FAILED && at != page.cast() {
            // Linux before 4.17 takes the address as a hint.
            libc::munmap(at, LARGE_PAGE);
        }
        libc::madvise(page.cast(), LARGE_PAGE, libc::MADV_HUGEPAGE);
        at == page.cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = usize::MAX;

    fn filled(pages: usize, value: u8) -> (*mut u8, usize) {
        let bytes = pages * LARGE_PAGE;
        let block = allocate(bytes).unwrap();
        // SAFETY: the block is ours.
        unsafe { block.write_bytes(value, bytes) };
        (block, bytes)
    }

    /// The first byte of each page, after writing all of them.
    unsafe fn values(block: *mut u8, pages: usize) -> Vec<u8> {
        let values = (0..pages).map(|page| unsafe { block.add(page * LARGE_PAGE).read() }).collect();
        unsafe { block.write_bytes(9, pages * LARGE_PAGE) };
        values
    }

    fn count(block: *mut u8) -> usize {
        pages().get(&block.addr()).copied().unwrap_or(0)
    }

    #[test]
    fn pages_move_in_order_and_are_counted() {
        let spare = [filled(2, 1), filled(1, 2), filled(3, 3)];
        unsafe {
            let block = assemble(4 * LARGE_PAGE, &spare, MOST).unwrap();
            assert_eq!((values(block, 4), count(block)), (vec![1, 1, 2, 3], 4));
            // The counted pages move on, and those of a smaller block go back.
            let smaller = assemble(3 * LARGE_PAGE, &[(block, 4 * LARGE_PAGE)], MOST).unwrap();
            assert_eq!((values(smaller, 3), count(block), count(smaller)), (vec![9; 3], 0, 3));
            release(smaller, 3 * LARGE_PAGE);
            assert_eq!(count(smaller), 0);
        }
    }

    #[test]
    fn beyond_the_limit_pages_are_new() {
        unsafe {
            let none = assemble(2 * LARGE_PAGE, &[filled(2, 1)], 0).unwrap();
            assert_eq!((values(none, 2), count(none)), (vec![0; 2], 0));
            release(none, 2 * LARGE_PAGE);
        }
        assert!(most_pages() > 0);
    }

    #[test]
    fn a_page_that_cannot_be_moved_leaves_no_hole() {
        // Nothing is ever mapped at the address 0.
        let unmapped = (std::ptr::null_mut(), LARGE_PAGE);
        for pages in 1..4 {
            unsafe {
                let block = assemble(pages * LARGE_PAGE, &[filled(1, 1), unmapped, filled(1, 2)], MOST).unwrap();
                values(block, pages);
                release(block, pages * LARGE_PAGE);
            }
        }
    }

    #[test]
    fn a_hole_is_mended_and_nothing_else() {
        // Far from where the system puts the mappings of other threads.
        let page = std::ptr::without_provenance_mut(1 << 45);
        assert!(mend(page));
        unsafe {
            assert_eq!(values(page, 1), [0]);
            assert!(!mend(page));
            assert_eq!(values(page, 1), [9]);
            release(page, LARGE_PAGE);
        }
    }
}
