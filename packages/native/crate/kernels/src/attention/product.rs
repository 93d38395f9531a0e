//! The interface of small matrix products for attention, C [m, n] = start + A [m, k] B [k, n], with everything in the first
//! two cache levels. Operands are packed once and used many times, in the layout of the implementation (`broadcast`,
//! `tiles`).

use crate::vectors::Vectors;

/// C is [m, n], the sums are k long.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub m: usize,
    pub n: usize,
    pub k: usize,
}

/// Row i starts at `start + i * stride`.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub start: *mut f32,
    pub stride: usize,
}

/// The initial value of C.
#[derive(Clone, Copy)]
pub(super) enum Start {
    Zero,
    Itself,
    /// C times one factor per column. [n]
    Rescaled(*const f32),
}

/// Memory for a packed block of scores or probabilities. A row is a key, a column a query.
pub(super) struct Block {
    /// [keys, P::PANEL]; unused if operands are packed directly from vectors.
    pub rows: Rows,
    pub keys: usize,
    /// Room for the A operand whose lanes are keys, if that is wanted.
    pub left: Option<*mut f32>,
    /// Room for the B operand whose lanes are queries, if that is wanted.
    pub right: Option<*mut f32>,
}

/// Two rows of two vectors.
pub(super) type Patch<P> = [[<<P as Products>::Vectors as Vectors>::Vector; 2]; 2];

/// Independent work for the vector units, done in steps while a product keeps other units busy.
pub(super) trait Beside {
    unsafe fn step(&mut self);
}

impl<B: Beside> Beside for Option<B> {
    #[inline(always)]
    unsafe fn step(&mut self) {
        if let Some(work) = self {
            unsafe { work.step() };
        }
    }
}

/// Every operand is given as rows of f32, padded with zeros to `padded` columns and a multiple of `ROWS` rows. The
/// "lane" of an operand is its index in C, its "depth" the index that is summed over. The packed operand may point into
/// these rows or into its room.
///
/// # Safety
/// The processor must have the instruction set, and a session must be open on this thread; pointers must be valid for the
/// extents, and a room must hold `left_room` or `right_room` floats, aligned to 64 bytes.
pub(super) trait Products: Sized + 'static {
    type Vectors: Vectors;
    type Left: Copy;
    type Right: Copy;
    type Session;
    const ROWS: usize;
    /// The most queries of a panel: at most `problem::PANEL`, a multiple of `SLICE_COLUMNS`.
    const PANEL: usize;
    /// The number of keys and of queries whose scores are computed at a time.
    const SLICE_ROWS: usize;
    const SLICE_COLUMNS: usize;
    /// The number of queries of a slice that a product takes at a time: it skips keys that none of them sees.
    const STRIP: usize;
    /// The distance of rows that `put` takes together: j and j + `PAIR`, for j in the first half of 2 * `PAIR` rows.
    const PAIR: usize;
    /// Whether infinity and NaN are multiplied as in IEEE 754. If not, operands must be finite.
    const ANY_NUMBER: bool;

    fn session() -> Self::Session;
    fn padded(head_size: usize) -> usize;

    /// Floats of room for an operand.
    fn left_room(lanes: usize, depth: usize) -> usize;
    fn right_room(lanes: usize, depth: usize) -> usize;

    /// A, with a lane per row.
    unsafe fn left(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> Self::Left;
    /// A, with a lane per column.
    unsafe fn left_transposed(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> Self::Left;
    /// B, with a lane per column.
    unsafe fn right(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> Self::Right;
    /// B, with a lane per row.
    unsafe fn right_transposed(rows: Rows, lanes: usize, depth: usize, room: *mut f32) -> Self::Right;
    /// The part of an operand from a lane and a depth on, multiples of a slice.
    fn left_from(left: Self::Left, lane: usize, depth: usize) -> Self::Left;
    fn right_from(right: Self::Right, lane: usize, depth: usize) -> Self::Right;

    /// Writes two rows, `PAIR` apart, of two adjacent vectors each, to be packed as operands.
    unsafe fn put(patch: Patch<Self>, row: usize, column: usize, to: &Block);
    /// The operands A and B of what was `put`.
    fn put_left(block: &Block) -> Self::Left;
    fn put_right(block: &Block) -> Self::Right;

    /// How often a product of this extent calls `step`; 0 if it uses the vector units itself.
    fn steps(extent: Extent) -> usize;
    unsafe fn multiply<B: Beside>(
        extent: Extent,
        operands: (Self::Left, Self::Right),
        c: Rows,
        start: Start,
        beside: &mut B,
    );
}
