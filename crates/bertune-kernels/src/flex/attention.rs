//! Attention of packed sequences: one task per sequence and head, which never sees a token of
//! another sequence.

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::head_products::{HeadProducts, row_len};
use super::mask::Mask;
use super::matrix::Matrix;
use super::shared::Shared;
use super::simd::{apply_and_sum, dot, exp, max, multiversion};
use super::slices::{Unwritten, contiguous, dims, elements, tensor};
use crate::dropout::{ATTENTION_STRIDE, Dropout};
use crate::sequences::Sequences;

/// The output, and the log of the sum of each row's exponentials, `[tokens, heads]`, from which
/// the backward computes the probabilities again.
pub(super) fn forward(
    inputs: [FlexTensor; 3],
    sequences: &Sequences,
    heads: usize,
    dropout: Option<Dropout>,
) -> (FlexTensor, FlexTensor) {
    let [tokens, width] = dims(&inputs[0]);
    assert_covered(sequences, heads, [tokens, width]);
    let inputs = inputs.map(contiguous);
    let [query, key, value] = inputs.each_ref().map(elements);
    let mask = dropout.map(Mask::from);
    let scale = scale(width / heads);
    let (mut out, mut log_sums) = (Unwritten::new(tokens * width), Unwritten::new(tokens * heads));
    let (out_start, log_sums_start) = (Shared(out.place()), Shared(log_sums.place()));
    tasks(sequences, heads).par_iter().for_each_init(Scratch::default, |scratch, task| {
        let [query, key, value] = [query, key, value].map(|x| task.columns(x, width));
        let n = task.len;
        let Scratch { products, scores, numbers: sums, .. } = scratch;
        scores.resize(n * row_len(n), 0.0);
        sums.resize(n, 0.0);
        products.score(query, key, scores);
        softmax_rows(n, scale, task.first_index(), task.heads, mask, scores, sums);
        let probabilities = Matrix::new(scores, [n, n], row_len(n));
        // SAFETY: no other task writes this head's columns of these rows.
        unsafe {
            products.mix(probabilities, value, task.place(out_start, width), width);
            for (row, &sum) in sums.iter().enumerate() {
                log_sums_start.at((task.first + row) * heads + task.head).write(sum);
            }
        }
    });
    // SAFETY: the tasks are all heads of all sequences, which are all tokens.
    let (out, log_sums) = unsafe { (out.written(), log_sums.written()) };
    (tensor(out, [tokens, width]), tensor(log_sums, [tokens, heads]))
}

/// The gradients of query, key and value.
pub(super) fn backward(
    grad: FlexTensor,
    inputs: [FlexTensor; 3],
    out: FlexTensor,
    log_sums: FlexTensor,
    sequences: &Sequences,
    heads: usize,
    dropout: Option<Dropout>,
) -> [FlexTensor; 3] {
    let [tokens, width] = dims(&grad);
    assert_covered(sequences, heads, [tokens, width]);
    let (grad, inputs) = (contiguous(grad), inputs.map(contiguous));
    let [query, key, value] = inputs.each_ref().map(elements);
    let (grad, out, log_sums) = (elements(&grad), elements(&out), elements(&log_sums));
    let mask = dropout.map(Mask::from);
    let dim = width / heads;
    let mut gradients = [(); 3].map(|()| Unwritten::new(tokens * width));
    let starts = gradients.each_mut().map(|gradient| Shared(gradient.place()));
    tasks(sequences, heads).par_iter().for_each_init(Scratch::default, |scratch, task| {
        let n = task.len;
        let Scratch { products, scores, grad_scores, numbers: expected } = scratch;
        scores.resize(n * row_len(n), 0.0);
        grad_scores.resize(n * row_len(n), 0.0);
        expected.resize(n, 0.0);
        for (row, expected) in expected.iter_mut().enumerate() {
            let start = (task.first + row) * width + task.head * dim;
            *expected = dot(&grad[start..start + dim], &out[start..start + dim]);
        }
        let [query, key, value, grad] = [query, key, value, grad].map(|x| task.columns(x, width));
        products.score(query, key, scores);
        products.score(grad, value, grad_scores);
        let log_sums = &log_sums[task.first * heads + task.head..];
        let numbers = RowNumbers { scale: scale(dim), log_sums, heads, expected };
        grad_score_rows(n, numbers, task.first_index(), mask, scores, grad_scores);
        let [dropped, grad_scores] =
            [&*scores, &*grad_scores].map(|x| Matrix::new(x, [n, n], row_len(n)));
        let [to_query, to_key, to_value] = starts.map(|start| task.place(start, width));
        // SAFETY: no other task writes this head's columns of these rows.
        unsafe {
            products.mix(grad_scores, key, to_query, width);
            products.mix(grad_scores.transposed(), query, to_key, width);
            products.mix(dropped.transposed(), grad, to_value, width);
        }
    });
    // SAFETY: the tasks are all heads of all sequences, which are all tokens.
    gradients.map(|gradient| tensor(unsafe { gradient.written() }, [tokens, width]))
}

/// Makes sure that all heads of all sequences are all elements.
fn assert_covered(sequences: &Sequences, heads: usize, [tokens, width]: [usize; 2]) {
    assert_eq!(sequences.tokens(), tokens, "the sequences are all tokens");
    assert!(width.is_multiple_of(heads), "{heads} heads share {width} columns");
}

pub(super) fn scale(dim: usize) -> f32 {
    1.0 / (dim as f32).sqrt()
}

/// What the tasks of a thread use one after another.
#[derive(Default)]
struct Scratch {
    products: HeadProducts,
    scores: Vec<f32>,
    grad_scores: Vec<f32>,
    /// One for each row.
    numbers: Vec<f32>,
}

/// One head of one sequence.
pub(super) struct Task {
    /// The sequence's first token.
    first: usize,
    /// The sequence's number of tokens.
    pub(super) len: usize,
    head: usize,
    heads: usize,
}

/// All tasks, the longest first, so that no thread ends with a long one.
pub(super) fn tasks(sequences: &Sequences, heads: usize) -> Vec<Task> {
    let mut ranges: Vec<_> = sequences.ranges().filter(|range| !range.is_empty()).collect();
    ranges.sort_by_key(|range| std::cmp::Reverse(range.len()));
    let of_range = |range: std::ops::Range<usize>| {
        (0..heads).map(move |head| Task { first: range.start, len: range.len(), head, heads })
    };
    ranges.into_iter().flat_map(of_range).collect()
}

impl Task {
    /// This head's columns of this sequence's rows, `[len, dim]`.
    pub(super) fn columns<'a>(&self, x: &'a [f32], width: usize) -> Matrix<'a> {
        let dim = width / self.heads;
        Matrix::new(&x[self.first * width + self.head * dim..], [self.len, dim], width)
    }

    /// Where this head's columns of this sequence's rows begin.
    pub(super) fn place(&self, x: Shared, width: usize) -> *mut f32 {
        x.0.wrapping_add(self.first * width + self.head * (width / self.heads))
    }

    /// The number of this head's first row among all `tokens · heads` rows of probabilities.
    fn first_index(&self) -> u32 {
        (self.first * self.heads + self.head) as u32
    }
}

/// The index of the first probability of `row` of a task.
#[inline(always)]
pub(super) fn row_index(first_index: u32, row: usize, heads: usize) -> u32 {
    first_index.wrapping_add((row * heads) as u32).wrapping_mul(ATTENTION_STRIDE)
}

/// A row of raw scores to exponentials, and its largest score and the sum of the exponentials.
#[inline(always)]
pub(super) fn exponentials(row: &mut [f32], tokens: usize, scale: f32) -> (f32, f32) {
    // Whole vectors are faster than a rest; these add nothing that a sum could hold.
    row[tokens..].fill(f32::NEG_INFINITY);
    let largest = max(row) * scale;
    let total = apply_and_sum(
        row,
        #[inline(always)]
        |score| exp(score.mul_add(scale, -largest)),
    );
    (largest, total)
}

multiversion! {
    /// Raw scores to dropped probabilities, in place; `sums` takes the log of each row's sum.
    fn softmax_rows(
        n: usize,
        scale: f32,
        first_index: u32,
        heads: usize,
        mask: Option<Mask>,
        scores: &mut [f32],
        sums: &mut [f32],
    ) {
        for (row, (scores, log_sum)) in scores.chunks_exact_mut(row_len(n)).zip(sums).enumerate() {
            let (largest, total) = exponentials(scores, n, scale);
            *log_sum = largest + total.ln();
            let reciprocal = 1.0 / total;
            match mask {
                Some(mask) => {
                    let first = row_index(first_index, row, heads);
                    for (column, score) in scores.iter_mut().enumerate() {
                        *score *= reciprocal * mask.factor(first.wrapping_add(column as u32));
                    }
                }
                None => scores.iter_mut().for_each(|score| *score *= reciprocal),
            }
        }
    }
}

/// What the backward knows of each row of a task.
#[derive(Clone, Copy)]
struct RowNumbers<'a> {
    scale: f32,
    /// Every `heads`-th is this task's.
    log_sums: &'a [f32],
    heads: usize,
    /// The gradient's product with the output.
    expected: &'a [f32],
}

multiversion! {
    /// Raw scores become dropped probabilities, and gradients of dropped probabilities become
    /// gradients of raw scores, both in place.
    fn grad_score_rows(
        n: usize,
        numbers: RowNumbers<'_>,
        first_index: u32,
        mask: Option<Mask>,
        scores: &mut [f32],
        grads: &mut [f32],
    ) {
        let RowNumbers { scale, log_sums, heads, expected } = numbers;
        let len = row_len(n);
        for (row, (scores, grads)) in scores.chunks_exact_mut(len).zip(grads.chunks_exact_mut(len)).enumerate() {
            let (log_sum, expected) = (log_sums[row * heads], expected[row]);
            let first = row_index(first_index, row, heads);
            for i in 0..len {
                let factor = match mask {
                    Some(mask) => mask.factor(first.wrapping_add(i as u32)),
                    None => 1.0,
                };
                let probability = exp(scores[i].mul_add(scale, -log_sum));
                grads[i] = probability * (grads[i] * factor - expected) * scale;
                scores[i] = probability * factor;
            }
        }
    }
}
