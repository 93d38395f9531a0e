//! Memory for tensors: aligned buffers, recycled by size, since fresh pages from the system cost more than most kernels.
//! The total of used and kept memory stays within an eighth of the peak usage.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::OnceLock;

use crate::bf16::Bf16;
use crate::pages;
use crate::slabs::Slabs;
use crate::view::{View, ViewMut, convert};

/// The element type of a buffer. A tensor of logical type float32 is F32 or Bf16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F32,
    Bf16,
    I32,
    /// Booleans: 0 or 1.
    U8,
}

impl Kind {
    pub const fn bytes(self) -> usize {
        match self {
            Kind::F32 | Kind::I32 => 4,
            Kind::Bf16 => 2,
            Kind::U8 => 1,
        }
    }
}

const ALIGNMENT: usize = 64;
/// Bytes that may be kept beyond the peak, so that a small buffer does not evict a large one.
const SLACK: usize = if cfg!(test) { 1 << 10 } else { 16 << 20 };

/// The bytes of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub in_use: usize,
    /// Free, kept for reuse.
    pub kept: usize,
    /// Peak of `in_use`.
    pub peak: usize,
}

#[derive(Default)]
struct Shelves {
    /// Free blocks by capacity, each with the time it was freed.
    free: BTreeMap<usize, Vec<(u64, *mut u8)>>,
    clock: u64,
    usage: Usage,
    slabs: Slabs,
}

/// A pool of buffers. Clones share it; memory returns to the system when the last buffer is dropped.
#[derive(Clone, Default)]
pub struct Memory(Rc<RefCell<Shelves>>);

/// The most bytes that tensors can take.
fn most_bytes() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| pages::limit().unwrap_or(usize::MAX).min(isize::MAX as usize / 2))
}

/// Block sizes: eight per doubling, so that at most an eighth is wasted.
fn capacity_for(bytes: usize) -> usize {
    if bytes <= 8 * ALIGNMENT {
        return bytes.max(1).next_multiple_of(ALIGNMENT);
    }
    let step = (bytes.next_power_of_two() / 16).max(ALIGNMENT);
    bytes.next_multiple_of(step)
}

impl Shelves {
    fn take(&mut self, bytes: usize) -> Option<(*mut u8, usize)> {
        let capacity = capacity_for(bytes);
        let block = match self.free.get_mut(&capacity).and_then(Vec::pop) {
            Some((_, block)) => {
                self.usage.kept -= capacity;
                block
            }
            None => {
                let most = self.usage.peak + self.usage.peak / 8 + SLACK;
                let spare = self.take_oldest(most.saturating_sub(self.usage.in_use + capacity));
                // SAFETY: nobody holds the spare blocks.
                unsafe { self.slabs.allocate(capacity, &spare) }.or_else(|| {
                    let spare = self.take_oldest(0);
                    unsafe { self.slabs.allocate(capacity, &spare) }
                })?
            }
        };
        self.usage.in_use += capacity;
        self.usage.peak = self.usage.peak.max(self.usage.in_use);
        Some((block, capacity))
    }

    fn give_back(&mut self, block: *mut u8, capacity: usize) {
        self.clock += 1;
        self.usage.in_use -= capacity;
        self.usage.kept += capacity;
        self.free.entry(capacity).or_default().push((self.clock, block));
    }

    /// Takes free blocks with their capacities, least recently used first, until at most `most` bytes are kept.
    fn take_oldest(&mut self, most: usize) -> Vec<(*mut u8, usize)> {
        let mut taken = Vec::new();
        while self.usage.kept > most {
            // Within a size, the oldest comes first.
            let oldest = self.free.iter().filter_map(|(&capacity, blocks)| Some((blocks.first()?.0, capacity))).min();
            let Some((_, capacity)) = oldest else { break };
            let (_, block) = self.free.get_mut(&capacity).expect("a size that was just seen").remove(0);
            self.usage.kept -= capacity;
            taken.push((block, capacity));
        }
        self.free.retain(|_, blocks| !blocks.is_empty());
        taken
    }

    /// Returns all free blocks to the system.
    fn release_all(&mut self) {
        for (block, capacity) in self.take_oldest(0) {
            // SAFETY: allocated with this capacity, and nobody holds it.
            unsafe { self.slabs.release(block, capacity) };
        }
    }
}

impl Drop for Shelves {
    fn drop(&mut self) {
        self.release_all();
    }
}

impl Memory {
    /// A buffer with undefined contents.
    ///
    /// # Panics
    /// If the system is out of memory.
    pub fn buffer(&self, kind: Kind, length: usize) -> Buffer {
        let bytes = length.saturating_mul(kind.bytes());
        let in_use = self.usage().in_use;
        // Linux promises more memory than there is, and ends the process that uses it.
        let fits = bytes <= most_bytes().saturating_sub(in_use);
        let Some((start, capacity)) = fits.then(|| self.0.borrow_mut().take(bytes)).flatten() else {
            panic!("out of memory: no {bytes} bytes for a tensor, with {in_use} bytes in use");
        };
        Buffer { start, capacity, length, kind, memory: self.clone() }
    }

    pub fn usage(&self) -> Usage {
        self.0.borrow().usage
    }

    /// Returns all free memory to the system and resets the peak.
    pub fn trim(&self) {
        let mut shelves = self.0.borrow_mut();
        shelves.release_all();
        shelves.usage.peak = shelves.usage.in_use;
    }
}

/// Elements of one kind, aligned to 64 bytes.
pub struct Buffer {
    start: *mut u8,
    capacity: usize,
    length: usize,
    kind: Kind,
    memory: Memory,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.memory.0.borrow_mut().give_back(self.start, self.capacity);
    }
}

macro_rules! access {
    ($($kind:ident $read:ident $write:ident $type:ty;)*) => { $(
        /// The elements. Panics if the buffer is of another kind.
        pub fn $read(&self) -> &[$type] {
            assert_eq!(self.kind, Kind::$kind, "kind of a buffer");
            // SAFETY: `length` elements of this type fit, any bits are a value, and the borrow is shared.
            unsafe { std::slice::from_raw_parts(self.start.cast(), self.length) }
        }

        /// The elements, mutable. Panics if the buffer is of another kind.
        pub fn $write(&mut self) -> &mut [$type] {
            assert_eq!(self.kind, Kind::$kind, "kind of a buffer");
            // SAFETY: as above, and the borrow is exclusive.
            unsafe { std::slice::from_raw_parts_mut(self.start.cast(), self.length) }
        }
    )* };
}

impl Buffer {
    access! {
        F32 f32 f32_mut f32;
        Bf16 bf16 bf16_mut Bf16;
        I32 i32 i32_mut i32;
        U8 u8 u8_mut u8;
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Bytes taken from the system.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The numbers of a float32 tensor. Panics on integers and booleans.
    pub fn view(&self) -> View<'_> {
        match self.kind {
            Kind::Bf16 => View::Bf16(self.bf16()),
            _ => View::F32(self.f32()),
        }
    }

    /// The same, mutable.
    pub fn view_mut(&mut self) -> ViewMut<'_> {
        match self.kind {
            Kind::Bf16 => ViewMut::Bf16(self.bf16_mut()),
            _ => ViewMut::F32(self.f32_mut()),
        }
    }

    /// The numbers of a float32 tensor in another storage.
    pub fn stored_as(&self, kind: Kind) -> Buffer {
        let mut out = self.memory.buffer(kind, self.length);
        convert(self.view(), out.view_mut());
        out
    }

    /// The bytes of the elements.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: plain numbers, all of them written or left by an earlier buffer.
        unsafe { std::slice::from_raw_parts(self.start, self.length * self.kind.bytes()) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; any bytes make plain numbers.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.length * self.kind.bytes()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_reused_and_bounded() {
        let memory = Memory::default();
        let first = memory.buffer(Kind::F32, 1000);
        let start = first.f32().as_ptr();
        assert_eq!(start as usize % 64, 0);
        drop(first);
        let again = memory.buffer(Kind::Bf16, 2000);
        assert_eq!(again.bf16().as_ptr() as usize, start as usize);
        drop(again);
        let kept = memory.usage().kept;
        assert!(kept >= 4000);
        // A new peak: free blocks are returned first.
        let large = memory.buffer(Kind::U8, 100_000);
        assert_eq!(memory.usage().kept, 0);
        assert_eq!(memory.usage().peak, memory.usage().in_use);
        drop(large);
        let small = memory.buffer(Kind::I32, 10);
        assert_eq!(memory.usage().kept, capacity_for(100_000));
        memory.trim();
        assert_eq!(memory.usage(), Usage { in_use: small.capacity(), kept: 0, peak: small.capacity() });
    }

    #[test]
    fn sizes_waste_little() {
        for bytes in [0, 1, 64, 65, 513, 4097, 100_000, 1 << 20, (1 << 24) + 1] {
            let capacity = capacity_for(bytes);
            assert!(
                capacity >= bytes && capacity.is_multiple_of(64) && capacity <= bytes + (bytes / 8).max(64),
                "{bytes}"
            );
        }
    }

    #[test]
    fn storage_changes_by_conversion() {
        let memory = Memory::default();
        let mut buffer = memory.buffer(Kind::F32, 3);
        buffer.f32_mut().copy_from_slice(&[1.0, 2.5, -3.0]);
        let half = buffer.stored_as(Kind::Bf16);
        assert_eq!(half.stored_as(Kind::F32).f32(), [1.0, 2.5, -3.0]);
        assert_eq!(half.bytes().len(), 6);
    }

    #[test]
    #[should_panic(expected = "kind of a buffer")]
    fn the_wrong_kind_panics() {
        Memory::default().buffer(Kind::I32, 1).f32();
    }
}
