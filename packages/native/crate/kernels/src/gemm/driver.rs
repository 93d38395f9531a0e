//! Splits a matrix product into panels and tasks, for any microkernel.
//!
//! The side with fewer lanes is packed once by all threads; each task packs a block of the other side's lanes and
//! multiplies it with everything. Depth is split into blocks that depend only on the shapes, so the order of sums does not
//! depend on the number of threads.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::finish::{RESULT, Target, Tile};
use super::operand::Operand;
use crate::activation::Activation;
use crate::parallel::for_each;
use crate::scratch;

/// Which operand of the product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// How one instruction set multiplies two packed panels.
pub trait Kernel {
    /// Lanes of a panel of each side.
    const LEFT: usize;
    const RIGHT: usize;
    /// The same by side.
    fn lanes(side: Side) -> usize {
        if side == Side::Left { Self::LEFT } else { Self::RIGHT }
    }

    /// Blocks of depth are multiples of this.
    const STEP: usize;
    /// The deepest block.
    const DEPTH: usize;
    /// The state that a thread must hold while it multiplies.
    type Session;
    fn session() -> Self::Session;

    fn panel_bytes(side: Side, depth: usize) -> usize;

    /// Packs `lanes` = (first, count) by `depth` = (first, count) into adjacent panels, `panels.1` bytes apart from `panels.0`
    /// on, with zeros up to a whole panel. Returns false if this kernel cannot represent a number.
    ///
    /// # Safety
    /// Lanes and depth are within the operand, each panel holds `panel_bytes` aligned to 64, and the processor has the
    /// instruction set.
    unsafe fn pack_panels(
        operand: &Operand,
        side: Side,
        lanes: (usize, usize),
        depth: (usize, usize),
        panels: (*mut u8, usize),
    ) -> bool;

    /// Whether `multiply` may write directly to the target.
    const DIRECT: bool = false;
    /// Whether it can add to what is there.
    const ADDS: bool = false;

    /// Where `multiply` may read a left operand as it is, and the bytes from lane to lane; null where it must be packed.
    fn unpacked(_left: &Operand) -> (*const u8, usize) {
        (std::ptr::null(), 0)
    }

    /// `result.0` [LEFT, RIGHT], with `result.1` numbers from row to row, = left panel x right panel, plus what is there if `adds`,
    /// which only kernels that can are asked for. The left panel is packed if
    /// `left.1` is 0, else memory with that number of bytes between lanes. `ahead` is memory that will be read soon and may be
    /// prefetched.
    ///
    /// # Safety
    /// Panels were packed with this depth, a session is held, the result is the caller's.
    unsafe fn multiply(
        depth: usize,
        left: (*const u8, usize),
        right: *const u8,
        ahead: *const u8,
        result: (*mut f32, usize),
        adds: bool,
    );

    /// Adds a result to the sum of earlier blocks of depth, and applies bias and activation after the last one.
    ///
    /// # Safety
    /// The tile describes memory that is the caller's.
    unsafe fn finish(tile: &Tile, result: &[f32; RESULT]);
}

/// A product, with its bias and activation.
pub struct Product<'a> {
    pub left: Operand<'a>,
    pub right: Operand<'a>,
    pub target: Target,
    /// Added to each row. [right lanes]
    pub bias: Option<&'a [f32]>,
    pub activation: Activation,
}

impl Product<'_> {
    /// The part of the result that one microkernel computes: (first, maximum number of) rows and columns.
    fn tile(
        &self,
        rows: (usize, usize),
        columns: (usize, usize),
        (first, last): (bool, bool),
        Partial(partial): Partial,
    ) -> Tile<'_> {
        let stride = self.right.lanes;
        let at = rows.0 * stride + columns.0;
        let count = columns.1.min(stride - columns.0);
        Tile {
            rows: rows.1.min(self.left.lanes - rows.0),
            columns: count,
            width: columns.1,
            stride,
            partial: partial.wrapping_add(at),
            target: match self.target {
                _ if !last => Target::F32(partial.wrapping_add(at)),
                Target::F32(start) => Target::F32(start.wrapping_add(at)),
                Target::Bf16(start) => Target::Bf16(start.wrapping_add(at)),
            },
            first,
            bias: self.bias.filter(|_| last).map(|bias| &bias[columns.0..columns.0 + count]),
            activation: if last { self.activation } else { Activation::None },
        }
    }
}

// SAFETY: tasks write disjoint parts of `target`.
unsafe impl Sync for Product<'_> {}

/// Sums in f32 between blocks of depth: the target itself if that is f32, null if there is one block. [left lanes, right lanes]
#[derive(Clone, Copy)]
struct Partial(*mut f32);

// SAFETY: tasks write disjoint parts.
unsafe impl Sync for Partial {}

/// Packed bytes of the shared side in memory at once.
const SLAB_BYTES: usize = 16 << 20;
/// Packed bytes of the shared side that stay in the L1 cache beside a panel of the other.
const NEAR_BYTES: usize = 32 << 10;
/// Packed bytes of a task's block, which should fit in the L2 cache.
const BLOCK_BYTES: usize = 800 << 10;

/// With fewer panels than this, a task is bound by reading the shared side.
const FEWEST_PANELS: usize = 4;

/// Panels of the shared side that a task packs together, to read longer pieces of memory.
const GROUP_PANELS: usize = 8;

#[repr(C, align(64))]
struct Aligned([f32; RESULT]);

/// The depth of equal blocks of at most K::DEPTH.
fn block_depth<K: Kernel>(depth: usize) -> usize {
    let blocks = depth.div_ceil(K::DEPTH);
    depth.div_ceil(blocks).next_multiple_of(K::STEP.max(16))
}

fn panel_bytes<K: Kernel>(side: Side, depth: usize) -> usize {
    K::panel_bytes(side, depth).next_multiple_of(64)
}

/// Computes the product. Returns false if K cannot represent an operand; the target is then undefined.
pub fn run<K: Kernel>(product: &Product, threads: usize) -> bool {
    let depth = product.left.depth;
    match product.target {
        Target::F32(out) => run_with::<K>(product, Partial(out), threads),
        Target::Bf16(_) if depth <= block_depth::<K>(depth) => {
            run_with::<K>(product, Partial(std::ptr::null_mut()), threads)
        }
        Target::Bf16(_) => scratch::with_bytes(product.left.lanes * product.right.lanes * 4, |memory| {
            run_with::<K>(product, Partial(memory.cast()), threads)
        }),
    }
}

fn run_with<K: Kernel>(product: &Product, partial: Partial, threads: usize) -> bool {
    let (left, right) = (&product.left, &product.right);
    let depth = left.depth;
    let share_left = left.lanes <= right.lanes;
    let (shared, streamed) = if share_left { (left, right) } else { (right, left) };
    let (shared_side, streamed_side) = if share_left { (Side::Left, Side::Right) } else { (Side::Right, Side::Left) };
    let (shared_lanes, streamed_lanes) = (K::lanes(shared_side), K::lanes(streamed_side));

    let kc = block_depth::<K>(depth);
    let blocks = depth.div_ceil(kc);
    let shared_panels = shared.lanes.div_ceil(shared_lanes);
    let shared_bytes = panel_bytes::<K>(shared_side, kc);
    let streamed_bytes = panel_bytes::<K>(streamed_side, kc);
    let slab = (SLAB_BYTES / (shared_panels * shared_bytes)).clamp(1, blocks);

    // Panels per task: a block fits in the cache and each thread gets several tasks, but each panel of the shared side that
    // a task reads should be used with several of its own.
    let streamed_panels = streamed.lanes.div_ceil(streamed_lanes);
    let split = |tasks: usize| streamed_panels.div_ceil(tasks);
    let even = match threads {
        1 => streamed_panels,
        _ if split(4 * threads) >= FEWEST_PANELS => split(4 * threads),
        _ => split(2 * threads),
    };
    let width = even.clamp(1, (BLOCK_BYTES / streamed_bytes).max(1));
    let tasks = streamed_panels.div_ceil(width);

    let (unpacked, lane_bytes) = if share_left { (std::ptr::null(), 0) } else { K::unpacked(left) };
    let unpacked = Unpacked(unpacked);
    let is_near = shared_panels * shared_bytes <= NEAR_BYTES;

    let exact = AtomicBool::new(true);
    for slab_from in (0..blocks).step_by(slab) {
        let slab_to = (slab_from + slab).min(blocks);
        let place = |block: usize| (block * kc, kc.min(depth - block * kc));
        scratch::with_bytes((slab_to - slab_from) * shared_panels * shared_bytes, |memory| {
            let packed = Packed { start: memory, panels: shared_panels, bytes: shared_bytes, first: slab_from };
            let group = ((slab_to - slab_from) * shared_panels / (2 * threads)).clamp(1, GROUP_PANELS);
            let groups = shared_panels.div_ceil(group);
            for_each((slab_to - slab_from) * groups, |index| {
                let (block, panel) = (slab_from + index / groups, index % groups * group);
                let lane = panel * shared_lanes;
                let lanes = (lane, (group * shared_lanes).min(shared.lanes - lane));
                let target = (packed.panel(block, panel), shared_bytes);
                // SAFETY: within the operand; the panels are this task's alone.
                if !unsafe { K::pack_panels(shared, shared_side, lanes, place(block), target) } {
                    exact.store(false, Relaxed);
                }
            });
            for_each(tasks, |task| {
                let first = task * width;
                let panels = first..(first + width).min(streamed_panels);
                let packed_bytes = if lane_bytes > 0 { 0 } else { panels.len() * streamed_bytes };
                scratch::with_bytes(packed_bytes, |memory| {
                    let _session = K::session();
                    let mut result = Aligned([0.0; RESULT]);
                    for block in slab_from..slab_to {
                        let (from, count) = place(block);
                        let lane = first * streamed_lanes;
                        let lanes = (lane, (panels.len() * streamed_lanes).min(streamed.lanes - lane));
                        // SAFETY: within the operand; the memory is this thread's.
                        let target = (memory, streamed_bytes);
                        if lane_bytes == 0
                            && !unsafe { K::pack_panels(streamed, streamed_side, lanes, place(block), target) }
                        {
                            exact.store(false, Relaxed);
                        }
                        let mut product_of = |shared_panel: usize, panel: usize| {
                            let shared_at = packed.panel(block, shared_panel).cast_const();
                            let streamed_at = match lane_bytes {
                                0 => memory.wrapping_add((panel - first) * streamed_bytes).cast_const(),
                                _ => unpacked.at(panel * streamed_lanes * lane_bytes + from * 2),
                            };
                            let (a, b) = if share_left { (shared_at, streamed_at) } else { (streamed_at, shared_at) };
                            let (i, j) = if share_left { (shared_panel, panel) } else { (panel, shared_panel) };
                            let (rows, columns) = ((i * K::LEFT, K::LEFT), (j * K::RIGHT, K::RIGHT));
                            let tile = product.tile(rows, columns, (block == 0, block + 1 == blocks), partial);
                            // Prefetches the next shared panel, a piece with each of this one's products.
                            let piece = (panel - first) * shared_bytes / panels.len();
                            let ahead = shared_at.wrapping_add(shared_bytes + piece);
                            // SAFETY: packed above with this depth; tasks have their own part of the target.
                            unsafe {
                                if let (true, Some(out)) = (K::DIRECT, tile.direct(K::LEFT, K::ADDS)) {
                                    if !K::ADDS {
                                        tile.prefetch();
                                    }
                                    K::multiply(count, (a, lane_bytes), b, ahead, (out, tile.stride), !tile.first);
                                } else {
                                    tile.prefetch();
                                    K::multiply(
                                        count,
                                        (a, lane_bytes),
                                        b,
                                        ahead,
                                        (result.0.as_mut_ptr(), K::RIGHT),
                                        false,
                                    );
                                    K::finish(&tile, &result.0);
                                }
                            }
                        };
                        if is_near {
                            for panel in panels.clone() {
                                (0..shared_panels).for_each(|shared_panel| product_of(shared_panel, panel));
                            }
                        } else {
                            for shared_panel in 0..shared_panels {
                                panels.clone().for_each(|panel| product_of(shared_panel, panel));
                            }
                        }
                    }
                });
            });
        });
    }
    exact.into_inner()
}

/// An operand that is read as it is.
struct Unpacked(*const u8);

// SAFETY: a plain address, only read from.
unsafe impl Sync for Unpacked {}

impl Unpacked {
    fn at(&self, offset: usize) -> *const u8 {
        self.0.wrapping_add(offset)
    }
}

/// The packed panels of the shared side.
struct Packed {
    start: *mut u8,
    panels: usize,
    bytes: usize,
    first: usize,
}

// SAFETY: a plain address; tasks write different panels, and read them after all are written.
unsafe impl Sync for Packed {}

impl Packed {
    fn panel(&self, block: usize, panel: usize) -> *mut u8 {
        // SAFETY: blocks from `first` on are within the memory.
        unsafe { self.start.add(((block - self.first) * self.panels + panel) * self.bytes) }
    }
}
