//! What attention needs of a small matrix product, C [m, n] = start + A [m, k] B [k, n] with everything in the first two
//! caches. Operands are packed once and used many times; how is the implementation's affair (`broadcast`, `tiles`).

use super::vectors::Vectors;

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

/// What C starts from.
#[derive(Clone, Copy)]
pub(super) enum Start {
    Zero,
    Itself,
    /// C times one factor per column. [n]
    Rescaled(*const f32),
}

/// Every operand comes as rows of f32, padded with zeros to `padded` columns and a multiple of `ROWS` rows. The
/// "lane" of an operand is its index in C, its "depth" the index that is summed over. The packed operand may point into the
/// rows it was made of, or into its room.
///
/// # Safety
/// The processor must have the instruction set, and a session be open on this thread; pointers must be valid for the
/// extents, and a room hold what `left_room` or `right_room` say, aligned to 64 bytes.
pub(super) trait Products: 'static {
    type Vectors: Vectors;
    type Left: Copy;
    type Right: Copy;
    type Session;
    const ROWS: usize;
    /// Whether infinity and NaN are multiplied as IEEE 754 says. Where they are not, they must not come in.
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

    unsafe fn multiply(extent: Extent, left: Self::Left, right: Self::Right, c: Rows, start: Start);
}
