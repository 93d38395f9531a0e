//! Cuts small blocks from slabs of large pages, so that small tensors share pages.

use std::collections::BTreeMap;

use crate::pages;

/// Bytes per slab.
const SLAB: usize = if cfg!(any(test, miri)) { 1 << 20 } else { 32 << 20 };
/// Larger blocks are allocated individually.
const LARGEST: usize = SLAB / 8;

struct Slab {
    start: *mut u8,
    /// Sizes of free blocks by offset. Adjacent ones are merged.
    free: BTreeMap<usize, usize>,
}

impl Slab {
    fn take(&mut self, bytes: usize) -> Option<*mut u8> {
        let (&offset, &free) = self.free.iter().find(|(_, free)| **free >= bytes)?;
        self.free.remove(&offset);
        if free > bytes {
            self.free.insert(offset + bytes, free - bytes);
        }
        // SAFETY: the offset is within the slab.
        Some(unsafe { self.start.add(offset) })
    }

    fn give_back(&mut self, mut offset: usize, mut bytes: usize) {
        if let Some((&before, &length)) = self.free.range(..offset).next_back()
            && before + length == offset
        {
            self.free.remove(&before);
            (offset, bytes) = (before, bytes + length);
        }
        if let Some(after) = self.free.remove(&(offset + bytes)) {
            bytes += after;
        }
        self.free.insert(offset, bytes);
        // SAFETY: free memory of this slab.
        unsafe { pages::discard(self.start.add(offset), bytes) };
    }

    fn is_free(&self) -> bool {
        self.free.get(&0) == Some(&SLAB)
    }
}

#[derive(Default)]
pub struct Slabs(Vec<Slab>);

impl Slabs {
    /// A block of `bytes` > 0 bytes, a multiple of 64, aligned to 64, with undefined contents. Releases the `spare` blocks, and
    /// uses their pages where it can.
    ///
    /// # Safety
    /// As for `release`, of each of the blocks.
    pub unsafe fn allocate(&mut self, bytes: usize, spare: &[(*mut u8, usize)]) -> Option<*mut u8> {
        debug_assert!(bytes > 0 && bytes.is_multiple_of(64));
        let whole = |&(_, length): &(*mut u8, usize)| bytes > LARGEST && length > LARGEST;
        for &(block, length) in spare.iter().filter(|block| !whole(block)) {
            unsafe { self.release(block, length) };
        }
        if bytes > LARGEST {
            let spare: Vec<_> = spare.iter().copied().filter(whole).collect();
            return unsafe { pages::assemble(bytes, &spare) };
        }
        if let Some(block) = self.0.iter_mut().find_map(|slab| slab.take(bytes)) {
            return Some(block);
        }
        let mut slab = Slab { start: pages::allocate(SLAB)?, free: BTreeMap::from([(0, SLAB)]) };
        let block = slab.take(bytes);
        self.0.push(slab);
        block
    }

    /// # Safety
    /// `allocate` returned this block for this many bytes, and nothing uses it any more.
    pub unsafe fn release(&mut self, block: *mut u8, bytes: usize) {
        if bytes > LARGEST {
            // SAFETY: as for this function.
            unsafe { pages::release(block, bytes) };
            return;
        }
        let within = |slab: &Slab| (slab.start..slab.start.wrapping_add(SLAB)).contains(&block);
        let index = self.0.iter().position(within).expect("a block of one of the slabs");
        let slab = &mut self.0[index];
        slab.give_back(block as usize - slab.start as usize, bytes);
        if slab.is_free() {
            let slab = self.0.swap_remove(index);
            // SAFETY: no block of it is in use.
            unsafe { pages::release(slab.start, SLAB) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_overlap_and_slabs_go_back() {
        let mut slabs = Slabs::default();
        let sizes: Vec<usize> = (0..200).map(|i| 64 * (1 + i * 37 % 900)).chain([LARGEST + 64]).collect();
        let mut blocks: Vec<_> =
            sizes.iter().map(|&bytes| (unsafe { slabs.allocate(bytes, &[]) }.unwrap(), bytes)).collect();
        let mut sorted = blocks.clone();
        sorted.sort();
        assert!(sorted.windows(2).all(|pair| pair[0].0.addr() + pair[0].1 <= pair[1].0.addr()));
        assert!(sorted.iter().all(|(start, _)| start.addr() % 64 == 0));
        assert!(slabs.0.len() > 1);
        // In a different order, so that free blocks merge on both sides.
        while !blocks.is_empty() {
            let (start, bytes) = blocks.swap_remove(blocks.len() * 5 / 7);
            unsafe { slabs.release(start, bytes) };
        }
        assert!(slabs.0.is_empty());
    }

    #[test]
    fn a_large_block_takes_the_pages_of_spare_ones() {
        let mut slabs = Slabs::default();
        let take = |slabs: &mut Slabs, bytes: usize, spare: &[(*mut u8, usize)]| {
            let start = unsafe { slabs.allocate(bytes, spare) }.unwrap();
            unsafe { start.write_bytes(7, bytes) };
            (start, bytes)
        };
        let small = take(&mut slabs, 64, &[]);
        let mut large: Vec<_> = (1..5).map(|i| take(&mut slabs, i * (3 << 20), &[])).collect();
        // Of several mappings, and then in parts, into larger and smaller ones.
        for bytes in [20 << 20, 5 << 20, 40 << 20, 11 << 20] {
            let spare = [large.remove(0), large.remove(0)];
            large.push(take(&mut slabs, bytes, &spare));
            large.push(take(&mut slabs, 3 << 20, &[]));
        }
        unsafe { slabs.release(small.0, small.1) };
        large.into_iter().for_each(|(start, bytes)| unsafe { slabs.release(start, bytes) });
        assert!(slabs.0.is_empty());
    }

    #[test]
    fn what_was_given_back_is_used_again() {
        let mut slabs = Slabs::default();
        let first = unsafe { slabs.allocate(64, &[]) }.unwrap();
        let second = unsafe { slabs.allocate(1 << 16, &[]) }.unwrap();
        let third = unsafe { slabs.allocate(64, &[]) }.unwrap();
        unsafe { slabs.release(second, 1 << 16) };
        assert_eq!(unsafe { slabs.allocate(1 << 16, &[]) }, Some(second));
        assert_eq!(slabs.0.len(), 1);
        for (block, bytes) in [(first, 64), (second, 1 << 16), (third, 64)] {
            unsafe { slabs.release(block, bytes) };
        }
        assert!(slabs.0.is_empty());
    }
}
