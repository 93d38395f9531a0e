//! Checks the arguments of a call, with one line for each mistake. The kernels themselves index without bounds checks.

use super::AttentionGradients;
use super::layout::KeyBlocks;
use super::problem::{AttentionDropout, AttentionOptions, AttentionShape, BLOCK, Bias, DistanceBias, Problem};
use crate::view::ViewMut;

pub(super) fn length(name: &str, actual: usize, expected: usize) {
    assert!(actual == expected, "attention: {name} has {actual} elements, expected {expected}");
}

fn check_dropout(dropout: &AttentionDropout, shape: &AttentionShape) {
    assert!((0.0..1.0).contains(&dropout.rate), "attention: dropout rate {} is not in [0, 1)", dropout.rate);
    let local = [shape.batch, shape.heads, shape.queries, shape.keys];
    for ((origin, size), global) in dropout.origin.into_iter().zip(local).zip(dropout.global_shape) {
        assert!(
            origin + size <= global,
            "attention: dropout origin {:?} with shape {local:?} is outside the global shape {:?}",
            dropout.origin,
            dropout.global_shape
        );
    }
}

impl<E> Problem<'_, E> {
    pub fn check(&self) {
        let AttentionShape { batch, queries, keys, heads, kv_heads, head_size } = self.shape;
        assert!(
            head_size > 0 && kv_heads > 0 && heads.is_multiple_of(kv_heads),
            "attention: {heads} query heads on {kv_heads} key heads of size {head_size}"
        );
        length("q", self.q.len(), batch * queries * heads * head_size);
        if let Some(ranges) = self.options.ranges {
            length("ranges", ranges.len(), batch * queries * 2);
        }
        if let Some(layout) = &self.options.layout {
            layout.check(&self.shape);
        }
        if let Some(DistanceBias { numbers, heads: biased }) = self.options.distance_bias {
            assert!(biased == 1 || biased == heads, "attention: a distance bias of {biased} heads for {heads} heads");
            length("distanceBias", numbers.len(), biased * self.distances());
        }
        if let Some(sinks) = self.options.sinks {
            length("sinks", sinks.len(), heads);
        }
        if let Some(Bias { numbers, batch: rows, heads: biased }) = self.options.bias {
            assert!(
                (rows == 1 || rows == batch) && (biased == 1 || biased == heads),
                "attention: a bias of {rows} rows and {biased} heads for {batch} rows and {heads} heads"
            );
            length("bias", numbers.len(), rows * biased * queries * keys);
        }
        if let Some(dropout) = &self.options.dropout {
            check_dropout(dropout, &self.shape);
        }
        match self.options.pages {
            None => {
                length("k", self.k.len(), batch * keys * kv_heads * head_size);
                length("v", self.v.len(), batch * keys * kv_heads * head_size);
            }
            Some(_) => self.check_pages(),
        }
    }

    pub fn check_gradients(&self, gradients: &AttentionGradients<E>) {
        length("dq", gradients.dq.len(), self.q.len());
        length("dk", gradients.dk.len(), self.k.len());
        length("dv", gradients.dv.len(), self.v.len());
        self.check_bias_gradient(gradients.dbias.as_ref());
        let AttentionOptions { distance_bias, sinks, .. } = self.options;
        let expected = [distance_bias.map(|bias| bias.numbers.len()), sinks.map(<[f32]>::len)];
        let actual = [&gradients.ddistance_bias, &gradients.dsinks].map(|x| x.as_ref().map(|x| x.len()));
        for ((name, expected), actual) in ["distance bias", "sinks"].into_iter().zip(expected).zip(actual) {
            assert!(expected == actual, "attention: {name} and the gradient come together, in one size");
        }
    }

    fn check_bias_gradient(&self, gradient: Option<&ViewMut>) {
        let (bias, gradient) = match (self.options.bias, gradient) {
            (Some(bias), Some(gradient)) => (bias, gradient),
            (bias, gradient) => {
                assert!(bias.is_none() && gradient.is_none(), "attention: a bias and its gradient come together");
                return;
            }
        };
        length("dbias", gradient.len(), bias.numbers.len());
        let alone = bias.batch == self.shape.batch && bias.heads == self.shape.heads;
        assert!(
            alone || matches!(gradient, ViewMut::F32(_)),
            "attention: the gradient of a bias that rows or heads share is summed in f32"
        );
    }

    fn check_pages(&self) {
        let Some(pages) = self.options.pages else { return };
        let AttentionShape { batch, keys, kv_heads, head_size, .. } = self.shape;
        length("pageTable", pages.table.len(), batch * pages.pages_per_row);
        length("pages", pages.pages_per_row * pages.page_size, keys);
        let page = (pages.page_size * kv_heads * head_size).max(1);
        let count = self.k.len() / page;
        length("k", self.k.len(), count * page);
        length("v", self.v.len(), count * page);
        for row in 0..batch {
            let seen = (0..self.rows()).map(|query| self.range(row, query)).filter(|(from, to)| from < to);
            let (first, last) = seen.fold((keys, 0), |(first, last), (from, to)| (first.min(from), last.max(to)));
            let check = |(first, last): (usize, usize)| {
                for index in (first..last).step_by(pages.page_size.max(1)).chain((last > first).then(|| last - 1)) {
                    let number = pages.table[row * pages.pages_per_row + index / pages.page_size];
                    assert!(
                        usize::try_from(number).is_ok_and(|number| number < count),
                        "attention: row {row} sees key {index} on page {number}, but there are {count} pages"
                    );
                }
            };
            if self.options.layout.is_none() {
                check((first, last));
                continue;
            }
            for group in 0..kv_heads {
                for start in KeyBlocks::new(self, (row, group), (0, self.rows()), (first, last)) {
                    check((start.max(first), (start + BLOCK).min(last)));
                }
            }
        }
    }
}
