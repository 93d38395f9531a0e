//! Embedding: the rows of a table by token id, and the gradient of the table.

use crate::bf16::Element;
use crate::parallel::{Disjoint, for_each, for_each_chunk, threads};
use crate::simd::simd;
use crate::view::{View, ViewMut, typed, typed_mut};

/// The first id that is outside a table of `rows` rows.
pub fn id_outside(ids: &[i32], rows: usize) -> Option<i32> {
    ids.iter().copied().find(|&id| id < 0 || id as usize >= rows)
}

/// out [N, h] = table [V, h] at ids [N].
pub fn embedding(ids: &[i32], table: View, h: usize, out: ViewMut) {
    assert_eq!(out.len(), ids.len() * h, "{} rows of {h}", ids.len());
    if out.is_empty() {
        return;
    }
    assert!(id_outside(ids, table.len() / h).is_none(), "a token id is outside the table");
    let group = (4096 / h).max(1);
    typed!([table] typed_mut!([out] for_each_chunk(out, group * h, |index, out| {
        for (out, &id) in out.chunks_exact_mut(h).zip(&ids[index * group..]) {
            copy_row(&table[id as usize * h..][..h], out);
        }
    })))
}

simd! {
    fn copy_row[S, A: Element, B: Element](from: &[A], to: &mut [B]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = B::put(from.get());
        }
    }
}

/// out [V, h] = zeros plus dy [N, h] at ids [N], in the order of the ids. Each task has its own rows of the table.
pub fn embedding_gradient(ids: &[i32], dy: View, h: usize, out: &mut [f32]) {
    assert_eq!(dy.len(), ids.len() * h, "{} rows of {h}", ids.len());
    if out.is_empty() {
        return;
    }
    let rows = out.len() / h;
    assert!(id_outside(ids, rows).is_none(), "a token id is outside the table");
    let group = rows.div_ceil(8 * threads());
    let out = Disjoint::new(out);
    typed!([dy] for_each(rows.div_ceil(group), |task| {
        let first = task * group;
        let count = group.min(rows - first);
        // SAFETY: tasks have their own rows.
        let part = unsafe { out.part(first * h, count * h) };
        part.fill(0.0);
        for (row, &id) in ids.iter().enumerate() {
            if let Some(at) = (id as usize).checked_sub(first).filter(|&at| at < count) {
                add_row(&dy[row * h..][..h], &mut part[at * h..][..h]);
            }
        }
    }))
}

simd! {
    fn add_row[S, T: Element](from: &[T], to: &mut [f32]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to += from.get();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gather_and_scatter() {
        let table: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let ids = [3, 0, 3];
        let mut out = [0.0; 9];
        embedding(&ids, View::F32(&table), 3, ViewMut::F32(&mut out));
        assert_eq!(out, [9.0, 10.0, 11.0, 0.0, 1.0, 2.0, 9.0, 10.0, 11.0]);
        let mut gradient = [f32::NAN; 12];
        embedding_gradient(&ids, View::F32(&out), 3, &mut gradient);
        assert_eq!(gradient, [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 18.0, 20.0, 22.0]);
        assert_eq!(id_outside(&[0, 4, 1], 4), Some(4));
        assert_eq!(id_outside(&[0, -2], 4), Some(-2));
    }
}
