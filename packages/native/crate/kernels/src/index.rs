//! Gather, scatter, one-hot, top-k, cumulative sums, and appending to the key/value cache.

use crate::bf16::Element;
use crate::parallel::for_each_chunk;
use crate::reduce::Extent;
use crate::view::{CHUNK, View, ViewMut, typed, typed_mut};

/// out [batch, outer, indices, inner] = x [batch, outer, count, inner] at indices [batch, indices].
pub fn gather<T: Copy + Send + Sync>(
    x: &[T],
    indices: &[i32],
    (batch, outer, count, inner): (usize, usize, usize, usize),
    out: &mut [T],
) {
    let picked = indices.len() / batch.max(1);
    assert!(
        x.len() == batch * outer * count * inner && out.len() == batch * outer * picked * inner,
        "gather: {} elements do not fill [{batch}, {outer}, {count}, {inner}]",
        x.len()
    );
    let check = |index: i32| {
        assert!(
            (0..count as i64).contains(&i64::from(index)),
            "gather: index {index} is outside of a dimension of {count}"
        );
    };
    if out.is_empty() {
        indices.iter().for_each(|&index| check(index));
        return;
    }
    let group = (CHUNK / inner).max(1);
    for_each_chunk(out, group * inner, |task, out| {
        for (i, out) in out.chunks_exact_mut(inner).enumerate() {
            let row = task * group + i;
            let (place, slot) = (row / picked, row % picked);
            let index = indices[place / outer * picked + slot];
            check(index);
            out.copy_from_slice(&x[(place * count + index as usize) * inner..][..inner]);
        }
    });
}

/// Where `scatter_add` adds rows.
#[derive(Clone, Copy)]
pub struct Scatter<'a> {
    /// [rank] The indexed dimensions, and their strides in rows.
    pub sizes: &'a [usize],
    pub strides: &'a [usize],
    /// The length of a row.
    pub width: usize,
    /// Whether to skip indices outside of their dimension; otherwise they panic.
    pub skip_outside: bool,
}

impl Scatter<'_> {
    /// The row of an index [rank].
    fn row(&self, index: &[i32]) -> Option<usize> {
        let mut row = 0;
        for ((&index, &size), &stride) in index.iter().zip(self.sizes).zip(self.strides) {
            if !(0..size as i64).contains(&i64::from(index)) {
                assert!(self.skip_outside, "index {index} is outside of a dimension of {size}");
                return None;
            }
            row += index as usize * stride;
        }
        Some(row)
    }
}

/// out [..., width] += updates [N, width] at indices [N, rank].
pub fn scatter_add<T: Copy + std::ops::AddAssign>(indices: &[i32], scatter: &Scatter, updates: &[T], out: &mut [T]) {
    let (rank, width) = (scatter.sizes.len(), scatter.width);
    if width == 0 {
        return;
    }
    for (i, update) in updates.chunks_exact(width).enumerate() {
        if let Some(row) = scatter.row(&indices[i * rank..][..rank]) {
            out[row * width..][..width].iter_mut().zip(update).for_each(|(out, &x)| *out += x);
        }
    }
}

/// out [N, depth] = `on` in the column of the index, `off` in the others.
pub fn one_hot<T: Copy + Send + Sync>(indices: &[i32], depth: usize, (on, off): (T, T), out: &mut [T]) {
    assert_eq!(out.len(), indices.len() * depth, "one-hot rows of {depth}");
    if depth == 0 {
        return;
    }
    let group = (CHUNK / depth).max(1);
    for_each_chunk(out, group * depth, |task, out| {
        out.fill(off);
        for (row, &index) in out.chunks_exact_mut(depth).zip(&indices[task * group..]) {
            if let Some(slot) = usize::try_from(index).ok().and_then(|index| row.get_mut(index)) {
                *slot = on;
            }
        }
    });
}

/// The k largest elements of each row of x [N, width] in descending order, ties by index, and their indices.
pub fn top_k(x: &[f32], width: usize, k: usize, values: &mut [f32], positions: &mut [i32]) {
    assert!(k <= width && values.len() == positions.len(), "top {k} of {width}");
    if values.is_empty() {
        return;
    }
    for ((row, values), positions) in
        x.chunks_exact(width).zip(values.chunks_exact_mut(k)).zip(positions.chunks_exact_mut(k))
    {
        let mut order: Vec<u32> = (0..width as u32).collect();
        let descending = |&a: &u32, &b: &u32| row[b as usize].total_cmp(&row[a as usize]).then(a.cmp(&b));
        if k < width {
            order.select_nth_unstable_by(k - 1, descending);
            order.truncate(k);
        }
        order.sort_unstable_by(descending);
        for ((value, position), at) in values.iter_mut().zip(positions).zip(order) {
            *value = row[at as usize];
            *position = at as i32;
        }
    }
}

/// out = cumulative sums of x [outer, count, inner] along its middle dimension.
pub fn cumulative_sum<T: Copy + Default + Send + Sync + std::ops::Add<Output = T>>(
    x: &[T],
    extent: Extent,
    (exclusive, reverse): (bool, bool),
    out: &mut [T],
) {
    let Extent { outer, count, inner } = extent;
    assert!(
        x.len() == outer * count * inner && out.len() == x.len(),
        "cumulative sum: {} elements do not fill {extent:?}",
        x.len()
    );
    if x.is_empty() {
        return;
    }
    for_each_chunk(out, count * inner, |i, out| {
        let x = &x[i * count * inner..][..count * inner];
        for column in 0..inner {
            let mut total = T::default();
            for step in 0..count {
                let at = (if reverse { count - 1 - step } else { step }) * inner + column;
                let next = total + x[at];
                out[at] = if exclusive { total } else { next };
                total = next;
            }
        }
    });
}

/// The sizes of the tensors of `cache_append`.
#[derive(Clone, Copy)]
pub struct CacheShape {
    pub pages: usize,
    pub page_size: usize,
    /// Key heads times head size.
    pub width: usize,
    pub batch: usize,
    pub tokens: usize,
    pub pages_per_row: usize,
}

/// Writes values [B, T, width] into the cache [pages, page size, width]: token t of row b at position positions[b] + t,
/// in page table[b, position / page size]. All positions are checked before anything is written.
pub fn cache_append(
    shape: CacheShape,
    values: View,
    table: &[i32],
    positions: &[i32],
    cache: ViewMut,
) -> Result<(), String> {
    let CacheShape { pages, page_size, width, batch, tokens, pages_per_row } = shape;
    assert_eq!(cache.len(), pages * page_size * width, "a cache of {pages} pages of {page_size}");
    assert_eq!(values.len(), batch * tokens * width, "{tokens} tokens of {batch} rows");
    assert!(table.len() == batch * pages_per_row && positions.len() == batch, "page table of {batch} rows");
    let mut slots = Vec::with_capacity(batch * tokens);
    for row in 0..batch {
        for token in 0..tokens {
            let position = i64::from(positions[row]) + token as i64;
            if position < 0 || position >= (pages_per_row * page_size) as i64 {
                return Err(format!(
                    "position {position} of row {row} is outside its {pages_per_row} pages of {page_size}"
                ));
            }
            let position = position as usize;
            let page = table[row * pages_per_row + position / page_size];
            if page < 0 || page as usize >= pages {
                return Err(format!("the page table of row {row} names page {page}, but the cache has {pages} pages"));
            }
            slots.push(page as usize * page_size + position % page_size);
        }
    }
    typed!([values] typed_mut!([cache] {
        for (from, slot) in slots.into_iter().enumerate() {
            let to = &mut cache[slot * width..][..width];
            to.iter_mut().zip(&values[from * width..][..width]).for_each(|(to, from)| *to = put(from.get()));
        }
    }));
    Ok(())
}

fn put<T: Element>(value: f32) -> T {
    T::put(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gather_along_a_middle_dimension_and_with_batches() {
        let x: Vec<i32> = (0..24).collect();
        let mut out = [0; 8];
        gather(&x, &[2, 0], (1, 2, 3, 4), &mut [0; 16]);
        gather(&x[..12], &[1, 0, 2, 2], (2, 1, 3, 2), &mut out);
        assert_eq!(out, [2, 3, 0, 1, 10, 11, 10, 11]);
    }

    #[test]
    fn scatter_adds_where_indices_repeat() {
        let mut out = [0.0; 6];
        let scatter = Scatter { sizes: &[3, 2], strides: &[2, 1], width: 1, skip_outside: false };
        scatter_add(&[1, 1, 0, 0, 1, 1], &scatter, &[1.0, 2.0, 4.0], &mut out);
        assert_eq!(out, [2.0, 0.0, 0.0, 5.0, 0.0, 0.0]);
    }

    #[test]
    fn top_k_and_running_sums() {
        let (mut values, mut positions) = ([0.0; 6], [0; 6]);
        top_k(&[1.0, 5.0, 5.0, 0.0, 2.0, -3.0, -1.0, -2.0, -1.0, -9.0], 5, 3, &mut values, &mut positions);
        assert_eq!(positions, [1, 2, 4, 1, 3, 2]);
        assert_eq!(values, [5.0, 5.0, 2.0, -1.0, -1.0, -2.0]);
        let mut sums = [0; 6];
        let extent = Extent { outer: 2, count: 3, inner: 1 };
        cumulative_sum(&[1, 2, 3, 4, 5, 6], extent, (true, true), &mut sums);
        assert_eq!(sums, [5, 3, 0, 11, 6, 0]);
        cumulative_sum(&[1, 2, 3, 4, 5, 6], Extent { outer: 1, count: 3, inner: 2 }, (false, false), &mut sums);
        assert_eq!(sums, [1, 2, 4, 6, 9, 12]);
    }

    #[test]
    fn appends_to_pages_or_says_why_not() {
        let shape = CacheShape { pages: 3, page_size: 2, width: 1, batch: 1, tokens: 2, pages_per_row: 2 };
        let mut cache = [0.0; 6];
        let values = [7.0, 8.0];
        cache_append(shape, View::F32(&values), &[2, 0], &[1], ViewMut::F32(&mut cache)).unwrap();
        assert_eq!(cache, [8.0, 0.0, 0.0, 0.0, 0.0, 7.0]);
        let mut fails = |table: &[i32], position| {
            cache_append(shape, View::F32(&values), table, &[position], ViewMut::F32(&mut cache)).unwrap_err()
        };
        assert_eq!(fails(&[2, 0], 3), "position 4 of row 0 is outside its 2 pages of 2");
        assert_eq!(fails(&[2, 3], 1), "the page table of row 0 names page 3, but the cache has 3 pages");
    }

    #[test]
    fn one_hot_rows() {
        let mut out = [9; 6];
        one_hot(&[2, -1], 3, (1, 0), &mut out);
        assert_eq!(out, [0, 0, 1, 0, 0, 0]);
    }
}
