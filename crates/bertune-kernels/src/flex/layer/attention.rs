//! Attention of packed sequences without dropout: one task per sequence and head.

use rayon::prelude::*;

use crate::flex::attention::{scale, tasks};
use crate::flex::head_products::{HeadProducts, row_len};
use crate::flex::matrix::Matrix;
use crate::flex::shared::Shared;
use crate::flex::simd::{LANES, exp, larger, multiversion};
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
    let mut out = Unwritten::new(sequences.tokens() * width);
    let start = Shared(out.place());
    let scratch = || (HeadProducts::default(), Vec::new());
    tasks(sequences, heads).par_iter().for_each_init(scratch, |(products, scores), task| {
        let [query, key, value] = inputs.map(|x| task.columns(x, width));
        scores.resize(task.len * row_len(task.len), 0.0);
        products.score(key, query, scores);
        softmax_columns(row_len(task.len), scale(width / heads), scores);
        let probabilities = Matrix::new(scores, [task.len, task.len], row_len(task.len));
        let place = task.place(start, width);
        // SAFETY: the place lies within `out`, and no other task writes this head's columns of
        // these rows.
        unsafe { products.mix(probabilities.transposed(), value, place, width) };
    });
    // SAFETY: the tasks are all heads of all sequences, which are all tokens.
    unsafe { out.written() }
}

multiversion! {
    /// Raw scores, in rows of `row_len`, to probabilities in place: each column of them is one.
    ///
    /// A column for each query: so many sums go on beside each other, and none lies across a vector.
    pub(super) fn softmax_columns(row_len: usize, scale: f32, scores: &mut [f32]) {
        for first in (0..row_len).step_by(LANES) {
            let mut largest = [f32::NEG_INFINITY; LANES];
            for row in scores.chunks_exact(row_len) {
                let row = &row[first..][..LANES];
                (0..LANES).for_each(|lane| largest[lane] = larger(largest[lane], row[lane]));
            }
            let mut sums = [0.0; LANES];
            for row in scores.chunks_exact_mut(row_len) {
                let row = &mut row[first..][..LANES];
                for lane in 0..LANES {
                    row[lane] = exp((row[lane] - largest[lane]) * scale);
                    sums[lane] += row[lane];
                }
            }
            let shares = sums.map(#[inline(always)] |sum| 1.0 / sum);
            for row in scores.chunks_exact_mut(row_len) {
                let row = &mut row[first..][..LANES];
                (0..LANES).for_each(|lane| row[lane] *= shares[lane]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_becomes_its_softmax() {
        for (rows, row_len) in [(1, 16), (3, 16), (16, 16), (40, 64)] {
            let raw: Vec<f32> =
                (0..rows * row_len).map(|i| (i as f32 * 1.7).sin() * 90.0).collect();
            let mut scores = raw.clone();
            softmax_columns(row_len, 0.5, &mut scores);
            for column in 0..row_len {
                let terms = |row: usize| f64::from(raw[row * row_len + column] * 0.5).exp();
                let sum: f64 = (0..rows).map(terms).sum();
                for row in 0..rows {
                    let error = f64::from(scores[row * row_len + column]) - terms(row) / sum;
                    assert!(error.abs() < 1e-6, "{rows} × {row_len}, {row}, {column}: {error}");
                }
            }
        }
    }
}
