//! Attention of packed sequences without dropout: one task per sequence and head.

use rayon::prelude::*;

use crate::flex::attention::{exponentials, scale, tasks};
use crate::flex::head_products::{HeadProducts, row_len};
use crate::flex::product::Matrix;
use crate::flex::shared::Shared;
use crate::flex::simd::multiversion;
use crate::flex::slices::Unwritten;
use crate::sequences::Sequences;

/// What each token makes of the values of its sequence.
///
/// # Shapes
///
/// `query, key, value: [tokens, heads · dim]` → `[tokens, heads · dim]`.
pub(super) fn attend(
    inputs: [&[f32]; 3],
    sequences: &Sequences,
    heads: usize,
    width: usize,
) -> Vec<f32> {
    assert!(width.is_multiple_of(heads), "{heads} heads share {width} columns");
    let mut out = Unwritten::new(sequences.tokens() * width);
    let start = Shared(out.place());
    let scratch = || (HeadProducts::default(), Vec::new());
    tasks(sequences, heads).par_iter().for_each_init(scratch, |(products, scores), task| {
        let [query, key, value] = inputs.map(|x| task.columns(x, width));
        scores.resize(task.len * row_len(task.len), 0.0);
        products.score(query, key, scores);
        softmax_rows(task.len, scale(width / heads), scores);
        let probabilities = Matrix::new(scores, [task.len, task.len], row_len(task.len));
        // SAFETY: the place lies within `out`, and no other task writes this head's columns of
        // these rows.
        unsafe { products.mix(probabilities, value, task.place(start, width), width) };
    });
    // SAFETY: the tasks are all heads of all sequences, which are all tokens.
    unsafe { out.written() }
}

multiversion! {
    /// Raw scores to probabilities, in place.
    fn softmax_rows(tokens: usize, scale: f32, scores: &mut [f32]) {
        for row in scores.chunks_exact_mut(row_len(tokens)) {
            let (_, total) = exponentials(row, tokens, scale);
            let reciprocal = 1.0 / total;
            row.iter_mut().for_each(|probability| *probability *= reciprocal);
        }
    }
}
