//! Attention of each sequence's first token, without the keys and values of its tokens.
//!
//! With `x` a token's state, its score is `q · (K x)`, which is `(Kᵀ q) · x`; and what a head makes
//! of the values is `Σ p (V x)`, which is `V (Σ p x)`. There is one `q` for each sequence, so that
//! the maps `K` and `V` are applied once a sequence and head, not once a token. The bias of the keys
//! is the same in all scores of a head, so softmax does not see it, and that of the values comes in
//! whole, for the probabilities are one together.

use std::ops::Range;

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::attention::softmax_columns;
use super::panels::Panels;
use crate::flex::attention::scale;
use crate::flex::head_products::{HeadProducts, row_len};
use crate::flex::matrix::Matrix;
use crate::flex::slices::{Unwritten, dims, elements};
use crate::{LayerWeights, Sequences};

/// Sequences of one task at most.
const SEQUENCES: usize = 28;

/// The maps of attention as the first tokens need them.
pub(super) struct FirstAttention<'a> {
    query: Panels,
    /// `[heads · dim, width]`.
    key: Matrix<'a>,
    /// Of each head, `[dim, width]`.
    values: Vec<Panels>,
}

/// What the tasks of a thread use one after another.
#[derive(Default)]
struct Scratch {
    products: HeadProducts,
    /// `[sequences, heads, width]`.
    by_state: Vec<f32>,
    scores: Vec<f32>,
}

impl<'a> FirstAttention<'a> {
    pub(super) fn new(weights: &'a LayerWeights<FlexTensor, FlexTensor>) -> Self {
        let [query, key, value] = &weights.inputs;
        let shape = dims(&key.weight);
        let [dim, width] = [shape[0] / weights.heads, shape[1]];
        let heads = elements(&value.weight).chunks(dim * width);
        let heads = heads.zip(elements(&value.bias).chunks(dim));
        Self {
            query: Panels::of(query),
            key: Matrix::new(elements(&key.weight), shape, width),
            values: heads.map(|(head, bias)| Panels::new(head, bias, [dim, width])).collect(),
        }
    }

    /// What each first token makes of the values of its sequence.
    ///
    /// # Shapes
    ///
    /// `firsts: [sequences, width]`, `states: [tokens, width]` → `[sequences, width]`.
    pub(super) fn apply(&self, firsts: &[f32], states: &[f32], sequences: &Sequences) -> Vec<f32> {
        let width = self.key.columns();
        let query = self.query.apply(firsts);
        let ranges: Vec<_> = sequences.ranges().collect();
        let mut out = Unwritten::new(query.len());
        out.par_zeroed_chunks(SEQUENCES * width)
            .zip(query.par_chunks(SEQUENCES * width))
            .zip(ranges.par_chunks(SEQUENCES))
            .for_each_init(Scratch::default, |scratch, ((out, query), ranges)| {
                self.attend(query, states, ranges, scratch, out);
            });
        // SAFETY: the chunks are all elements.
        unsafe { out.written() }
    }

    fn attend(
        &self,
        query: &[f32],
        states: &[f32],
        ranges: &[Range<usize>],
        Scratch { products, by_state, scores }: &mut Scratch,
        out: &mut [f32],
    ) {
        let (rows, heads, width) = (ranges.len(), self.values.len(), self.key.columns());
        let dim = width / heads;
        by_state.resize(rows * heads * width, 0.0);
        let query = Matrix::new(query, [rows, width], width);
        for (head, columns) in (0..heads).map(|head| (head, head * dim..(head + 1) * dim)) {
            let place = by_state[head * width..].as_mut_ptr();
            let (query, key) =
                (query.part(0..rows, columns.clone()), self.key.part(columns, 0..width));
            // SAFETY: `by_state` is borrowed, and has a row of this head for each sequence.
            unsafe { products.mix(query, key, place, heads * width) };
        }
        for (range, by_state) in ranges.iter().zip(by_state.chunks_exact_mut(heads * width)) {
            let len = range.len();
            let states = Matrix::new(&states[range.start * width..], [len, width], width);
            scores.resize(len * row_len(heads), 0.0);
            products.score(states, Matrix::new(by_state, [heads, width], width), scores);
            softmax_columns(row_len(heads), scale(dim), scores);
            let shares = Matrix::new(scores, [len, heads], row_len(heads)).transposed();
            // What the heads mix takes the place of what they asked for.
            // SAFETY: `by_state` is borrowed, and has a row for each head.
            unsafe { products.mix(shares, states, by_state.as_mut_ptr(), width) };
        }
        for (head, value) in self.values.iter().enumerate() {
            let mixed = Matrix::new(&by_state[head * width..], [rows, width], heads * width);
            // SAFETY: `out` is borrowed, and has this head's columns in a row for each sequence.
            unsafe { value.multiply(mixed, out[head * dim..].as_mut_ptr(), width) };
        }
    }
}
