//! Attention of packed sequences without dropout: one task per sequence and head.

use std::ops::Range;

use rayon::prelude::*;

use super::panels::lay_out;
use super::tile::{self, WIDTH};
use crate::flex::attention::scale;
use crate::flex::product::Matrix;
use crate::flex::shared::Shared;
use crate::flex::simd::{exp, max, multiversion, sum};
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
    let shape = [sequences.tokens(), width];
    assert!(width.is_multiple_of(heads), "{heads} heads share {width} columns");
    let dim = width / heads;
    let mut out = Unwritten::new(shape[0] * width);
    let place = Shared(out.place());
    tasks(sequences, heads).par_iter().for_each_init(Scratch::default, |scratch, task| {
        let columns = task.head * dim..(task.head + 1) * dim;
        let of_task = |x| Matrix::new(x, shape, width).part(task.tokens.clone(), columns.clone());
        let [query, key, value] = inputs.map(of_task);
        scratch.score(query, key);
        softmax_rows(task.tokens.len(), scale(dim), &mut scratch.scores);
        // SAFETY: the place lies within `out`, and no other task writes this head's columns of
        // these rows.
        unsafe { scratch.mix(value, place.at(task.tokens.start * width + columns.start), width) };
    });
    // SAFETY: the tasks are all heads of all sequences, which are all tokens.
    unsafe { out.written() }
}

/// One head of one sequence.
struct Task {
    tokens: Range<usize>,
    head: usize,
}

/// All tasks, the longest first, so that no thread ends with a long one.
fn tasks(sequences: &Sequences, heads: usize) -> Vec<Task> {
    let mut ranges: Vec<_> = sequences.ranges().filter(|range| !range.is_empty()).collect();
    ranges.sort_by_key(|range| std::cmp::Reverse(range.len()));
    let of_range =
        |tokens: Range<usize>| (0..heads).map(move |head| Task { tokens: tokens.clone(), head });
    ranges.into_iter().flat_map(of_range).collect()
}

/// What the tasks of a thread use one after another.
#[derive(Default)]
struct Scratch {
    panel: Vec<f32>,
    /// A row for each token of the task, a multiple of [`WIDTH`] long.
    scores: Vec<f32>,
}

impl Scratch {
    /// The products of queries and keys; those beyond the last key mean nothing.
    fn score(&mut self, query: Matrix<'_>, key: Matrix<'_>) {
        let (tokens, dim) = (key.rows(), key.columns());
        let stride = tokens.next_multiple_of(WIDTH);
        self.panel.resize(dim * WIDTH, 0.0);
        self.scores.resize(tokens * stride, 0.0);
        for first in (0..tokens).step_by(WIDTH) {
            lay_out(key.part(first..tokens.min(first + WIDTH), 0..dim), &mut self.panel);
            let panel = Matrix::new(&self.panel, [dim, WIDTH], WIDTH);
            let place = self.scores[first..].as_mut_ptr();
            // SAFETY: `scores` is borrowed, and has a row of `stride` elements for each token.
            unsafe { tile::multiply(query, panel, &[0.0; WIDTH], place, stride, WIDTH) };
        }
    }

    /// Writes the probabilities' products with the values.
    ///
    /// # Safety
    ///
    /// `out` must be valid for writes of a row for each token, `out_stride` apart, of as many
    /// elements as the values have columns, that nobody else touches.
    unsafe fn mix(&mut self, value: Matrix<'_>, out: *mut f32, out_stride: usize) {
        let (tokens, dim) = (value.rows(), value.columns());
        let stride = tokens.next_multiple_of(WIDTH);
        let probabilities = Matrix::new(&self.scores, [tokens, tokens], stride);
        if dim < WIDTH {
            self.panel.resize(tokens * WIDTH, 0.0);
            for (row, values) in self.panel.chunks_exact_mut(WIDTH).take(tokens).enumerate() {
                values[..dim].copy_from_slice(value.row(row));
            }
            let panel = Matrix::new(&self.panel, [tokens, WIDTH], WIDTH);
            // SAFETY: the caller's promise.
            return unsafe {
                tile::multiply(probabilities, panel, &[0.0; WIDTH], out, out_stride, dim)
            };
        }
        for first in (0..dim).step_by(WIDTH) {
            // What the last panel shares with the one before it comes out the same again.
            let first = first.min(dim - WIDTH);
            let panel = value.part(0..tokens, first..first + WIDTH);
            // SAFETY: the caller's promise: the place lies within the first row.
            unsafe {
                let place = out.add(first);
                tile::multiply(probabilities, panel, &[0.0; WIDTH], place, out_stride, WIDTH);
            }
        }
    }
}

multiversion! {
    /// Raw scores to probabilities, in place, in rows that are a multiple of [`WIDTH`] long.
    fn softmax_rows(tokens: usize, scale: f32, scores: &mut [f32]) {
        for row in scores.chunks_exact_mut(tokens.next_multiple_of(WIDTH)) {
            // Whole vectors are faster than a rest; these add nothing that a sum could hold.
            row[tokens..].fill(f32::NEG_INFINITY);
            let largest = max(row) * scale;
            row.iter_mut().for_each(|score| *score = exp(score.mul_add(scale, -largest)));
            let reciprocal = 1.0 / sum(row);
            row.iter_mut().for_each(|probability| *probability *= reciprocal);
        }
    }
}
