//! Attention of each sequence's first token alone: one task per sequence.

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::attention::{row_index, scale};
use super::mask::Mask;
use super::simd::{dot, exp, max, multiversion, sum};
use super::slices::{contiguous, dims, elements, tensor};
use crate::dropout::Dropout;
use crate::sequences::Sequences;

/// One sequence: its query, and the keys and values of its tokens.
#[derive(Clone, Copy)]
struct Task<'a> {
    /// `[heads · dim]`.
    query: &'a [f32],
    /// `[len, heads · dim]`.
    keys: &'a [f32],
    /// `[len, heads · dim]`.
    values: &'a [f32],
    /// The number of the sequence's first token in the batch.
    first: usize,
    heads: usize,
    mask: Option<Mask>,
}

/// Where the gradients of a task go.
struct TaskGradients<'a> {
    query: &'a mut [f32],
    keys: &'a mut [f32],
    values: &'a mut [f32],
}

pub(super) fn forward(
    inputs: [FlexTensor; 3],
    sequences: &Sequences,
    heads: usize,
    dropout: Option<Dropout>,
) -> FlexTensor {
    let shape = dims(&inputs[0]);
    let inputs = inputs.map(contiguous);
    let mut out = vec![0.0f32; shape[0] * shape[1]];
    let tasks = tasks(inputs.each_ref().map(elements), sequences, heads, dropout);
    out.par_chunks_mut(shape[1]).zip(tasks).for_each_init(
        Vec::new,
        |probabilities, (out, task)| {
            probabilities.resize(task.len(), 0.0);
            attend(task, probabilities, out);
        },
    );
    tensor(out, shape)
}

/// The gradients of query, keys and values.
pub(super) fn backward(
    grad: FlexTensor,
    inputs: [FlexTensor; 3],
    sequences: &Sequences,
    heads: usize,
    dropout: Option<Dropout>,
) -> [FlexTensor; 3] {
    let shapes = inputs.each_ref().map(dims);
    let (grad, inputs) = (contiguous(grad), inputs.map(contiguous));
    let [mut query, mut keys, mut values] = shapes.map(|[rows, width]| vec![0.0f32; rows * width]);
    let width = shapes[0][1];
    let mut rest = (&mut keys[..], &mut values[..]);
    let places = query.chunks_exact_mut(width).zip(sequences.ranges()).map(|(query, range)| {
        let keys = rest.0.split_off_mut(..range.len() * width).unwrap_or_default();
        let values = rest.1.split_off_mut(..range.len() * width).unwrap_or_default();
        TaskGradients { query, keys, values }
    });
    let places: Vec<_> = places.collect();
    let tasks = tasks(inputs.each_ref().map(elements), sequences, heads, dropout);
    let grads = elements(&grad).par_chunks_exact(width);
    let work = places.into_par_iter().zip(tasks).zip(grads);
    work.for_each_init(Vec::new, |buffer, ((places, task), grad)| {
        buffer.resize(2 * task.len(), 0.0);
        let (probabilities, grad_scores) = buffer.split_at_mut(task.len());
        attend_backward(task, grad, probabilities, grad_scores, places);
    });
    let [query_shape, keys_shape, values_shape] = shapes;
    [tensor(query, query_shape), tensor(keys, keys_shape), tensor(values, values_shape)]
}

fn tasks<'a>(
    [query, key, value]: [&'a [f32]; 3],
    sequences: &Sequences,
    heads: usize,
    dropout: Option<Dropout>,
) -> Vec<Task<'a>> {
    let width = query.len() / sequences.len().max(1);
    let mask = dropout.map(Mask::from);
    let task = |(sequence, range): (usize, std::ops::Range<usize>)| Task {
        query: &query[sequence * width..][..width],
        keys: &key[range.start * width..range.end * width],
        values: &value[range.start * width..range.end * width],
        first: range.start,
        heads,
        mask,
    };
    sequences.ranges().enumerate().map(task).collect()
}

impl<'a> Task<'a> {
    #[inline(always)]
    fn width(self) -> usize {
        self.query.len()
    }

    /// The number of tokens.
    #[inline(always)]
    fn len(self) -> usize {
        self.keys.len() / self.width()
    }

    /// The columns of a head.
    #[inline(always)]
    fn columns(self, head: usize) -> std::ops::Range<usize> {
        let dim = self.width() / self.heads;
        head * dim..(head + 1) * dim
    }

    /// The probabilities of a head, before dropout.
    #[inline(always)]
    fn probabilities(self, head: usize, probabilities: &mut [f32]) {
        let columns = self.columns(head);
        let (query, scale) = (&self.query[columns.clone()], scale(columns.len()));
        let keys = self.keys.chunks_exact(self.width());
        for (score, key) in probabilities.iter_mut().zip(keys) {
            *score = dot(query, &key[columns.clone()]) * scale;
        }
        let largest = max(probabilities);
        probabilities.iter_mut().for_each(|score| *score = exp(*score - largest));
        let reciprocal = 1.0 / sum(probabilities);
        probabilities.iter_mut().for_each(|probability| *probability *= reciprocal);
    }

    /// What dropout multiplies the probability of a token with.
    #[inline(always)]
    fn factor(self, head: usize, token: usize) -> f32 {
        let first_index = (self.first * self.heads + head) as u32;
        match self.mask {
            Some(mask) => {
                mask.factor(row_index(first_index, 0, self.heads).wrapping_add(token as u32))
            }
            None => 1.0,
        }
    }
}

/// `y += factor · x`.
#[inline(always)]
fn add_scaled(y: &mut [f32], factor: f32, x: &[f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y = x.mul_add(factor, *y));
}

multiversion! {
    fn attend(task: Task<'_>, probabilities: &mut [f32], out: &mut [f32]) {
        for head in 0..task.heads {
            let columns = task.columns(head);
            task.probabilities(head, probabilities);
            let values = task.values.chunks_exact(task.width());
            for (token, (probability, value)) in probabilities.iter().zip(values).enumerate() {
                let share = probability * task.factor(head, token);
                add_scaled(&mut out[columns.clone()], share, &value[columns.clone()]);
            }
        }
    }
}

multiversion! {
    fn attend_backward(
        task: Task<'_>,
        grad: &[f32],
        probabilities: &mut [f32],
        grad_scores: &mut [f32],
        places: TaskGradients<'_>,
    ) {
        let width = task.width();
        for head in 0..task.heads {
            let columns = task.columns(head);
            let (grad, query) = (&grad[columns.clone()], &task.query[columns.clone()]);
            task.probabilities(head, probabilities);
            let values = task.values.chunks_exact(width);
            for (token, (grad_score, value)) in grad_scores.iter_mut().zip(values).enumerate() {
                *grad_score = dot(grad, &value[columns.clone()]) * task.factor(head, token);
            }
            let expected = dot(probabilities, grad_scores);
            let scale = scale(columns.len());
            for (grad_score, probability) in grad_scores.iter_mut().zip(probabilities.iter()) {
                *grad_score = probability * (*grad_score - expected) * scale;
            }
            let grad_query = &mut places.query[columns.clone()];
            for (token, (grad_score, key)) in grad_scores.iter().zip(task.keys.chunks_exact(width)).enumerate() {
                add_scaled(grad_query, *grad_score, &key[columns.clone()]);
                let place = token * width + columns.start..token * width + columns.end;
                add_scaled(&mut places.keys[place.clone()], *grad_score, query);
                let share = probabilities[token] * task.factor(head, token);
                add_scaled(&mut places.values[place], share, grad);
            }
        }
    }
}
