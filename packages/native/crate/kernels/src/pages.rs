//! Allocates memory from the system, on large pages if available: with pages of 4 KiB, reading the weights of a model
//! spends a third of its time on address translation (23 against 38 GB/s on two cores of a Xeon).

/// The size of large pages, and the alignment of blocks.
#[cfg(any(all(target_os = "linux", not(miri)), test))]
pub const LARGE_PAGE: usize = 2 << 20;

/// `bytes` > 0 zeros, aligned to a large page; `None` if the system is out of memory.
#[cfg(all(target_os = "linux", not(miri)))]
pub fn allocate(bytes: usize) -> Option<*mut u8> {
    use libc::{MADV_HUGEPAGE, MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE, madvise, mmap, munmap};
    let bytes = bytes.next_multiple_of(LARGE_PAGE);
    let mapped = bytes.checked_add(LARGE_PAGE)?;
    // SAFETY: a fresh mapping, of which the ends beyond an aligned block are returned.
    unsafe {
        let start = mmap(std::ptr::null_mut(), mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if start == MAP_FAILED {
            return None;
        }
        let start = start.cast::<u8>();
        let before = start.align_offset(LARGE_PAGE);
        if before > 0 {
            munmap(start.cast(), before);
        }
        let block = start.add(before);
        munmap(block.add(bytes).cast(), LARGE_PAGE - before);
        madvise(block.cast(), bytes, MADV_HUGEPAGE);
        Some(block)
    }
}

/// # Safety
/// `allocate` returned this block for this many bytes, and nothing uses it any more.
#[cfg(all(target_os = "linux", not(miri)))]
pub unsafe fn release(start: *mut u8, bytes: usize) {
    moved::forget(start);
    let bytes = bytes.next_multiple_of(LARGE_PAGE);
    if unsafe { libc::munmap(start.cast(), bytes) } != 0 {
        // The system has no mapping left for what remains on both sides. The addresses are lost, the memory is not.
        unsafe { libc::madvise(start.cast(), bytes, libc::MADV_DONTNEED) };
    }
}

/// As `allocate`, but with the contents undefined and with the pages of `spare` blocks, which are gone after that: pages from the
/// system are cleared first, which takes longer than most kernels do.
///
/// # Safety
/// As for `release`, of each of the blocks.
#[cfg(all(target_os = "linux", not(miri)))]
pub unsafe fn assemble(bytes: usize, spare: &[(*mut u8, usize)]) -> Option<*mut u8> {
    unsafe { moved::assemble(bytes, spare, moved::most_pages()) }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod moved;

/// Returns the large pages within a block to the system; their contents become undefined.
///
/// # Safety
/// The memory came from `allocate`, and nothing uses it now.
#[cfg(all(target_os = "linux", not(miri)))]
pub unsafe fn discard(start: *mut u8, bytes: usize) {
    let before = start.align_offset(LARGE_PAGE);
    let whole = bytes.saturating_sub(before) / LARGE_PAGE * LARGE_PAGE;
    if whole > 0 {
        unsafe { libc::madvise(start.add(before).cast(), whole, libc::MADV_DONTNEED) };
    }
}

#[cfg(any(not(target_os = "linux"), miri))]
mod portable {
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, 4096).expect("a block of a sane size")
    }

    pub fn allocate(bytes: usize) -> Option<*mut u8> {
        // SAFETY: the size is not zero.
        let start = unsafe { alloc_zeroed(layout(bytes)) };
        (!start.is_null()).then_some(start)
    }

    pub unsafe fn release(start: *mut u8, bytes: usize) {
        unsafe { dealloc(start, layout(bytes)) };
    }

    pub unsafe fn assemble(bytes: usize, spare: &[(*mut u8, usize)]) -> Option<*mut u8> {
        spare.iter().for_each(|&(start, bytes)| unsafe { release(start, bytes) });
        allocate(bytes)
    }

    pub unsafe fn discard(_: *mut u8, _: usize) {}
}

#[cfg(any(not(target_os = "linux"), miri))]
pub use portable::{allocate, assemble, discard, release};

/// The bytes that all processes together may use, as far as the system says: memory and swap space, or the limit of the
/// container.
#[cfg(all(target_os = "linux", not(miri)))]
pub fn limit() -> Option<usize> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let meminfo = read("/proc/meminfo")?;
    let kilobytes = |name: &str| -> Option<usize> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    let swap = kilobytes("SwapTotal").unwrap_or(0);
    let all = (kilobytes("MemTotal")? + swap) * 1024;
    let number = |path: &str| -> Option<usize> { read(path)?.trim().parse().ok() };
    let container = number("/sys/fs/cgroup/memory.max")
        .map(|bytes| bytes + number("/sys/fs/cgroup/memory.swap.max").unwrap_or(swap * 1024))
        .or_else(|| number("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    Some(container.map_or(all, |container| all.min(container)))
}

/// Unknown: the system refuses what it does not have.
#[cfg(any(not(target_os = "linux"), miri))]
pub fn limit() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_zeros_that_can_be_written_and_discarded() {
        let sizes = [1, 4097, LARGE_PAGE, 2 * LARGE_PAGE + 5];
        for bytes in sizes.into_iter().filter(|bytes| !cfg!(miri) || bytes < &LARGE_PAGE) {
            let start = allocate(bytes).unwrap();
            assert_eq!(start as usize % 4096, 0);
            // SAFETY: the block is ours.
            unsafe {
                let block = std::slice::from_raw_parts_mut(start, bytes);
                assert!(block.iter().all(|&byte| byte == 0));
                block.fill(7);
                discard(start, bytes);
                release(start, bytes);
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri ends where memory does")]
    fn too_much_is_refused() {
        assert!(allocate(1 << 60).is_none());
    }
}
