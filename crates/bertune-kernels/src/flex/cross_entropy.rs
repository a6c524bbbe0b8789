//! The cross-entropy of rows of logits: a vocabulary wide, so that it is passed over as rarely as
//! can be.

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::embedding::indices;
use super::simd::{exp, max, multiversion, sum_of};
use super::slices::{Unwritten, contiguous, dims, elements, owned, tensor};

/// Rows of one task.
const ROWS: usize = 8;

pub(super) fn forward(logits: FlexTensor, labels: FlexTensor) -> FlexTensor {
    let [rows, width] = dims(&logits);
    let (logits, labels) = (contiguous(logits), checked(labels, rows, width));
    let mut losses = Unwritten::new(rows);
    losses
        .par_zeroed_chunks(ROWS)
        .zip(elements(&logits).par_chunks(ROWS * width))
        .zip(labels.par_chunks(ROWS))
        .for_each(|((losses, logits), labels)| losses_of(logits, labels, losses));
    // SAFETY: the chunks are all elements.
    tensor(unsafe { losses.written() }, [rows])
}

pub(super) fn backward(grad: FlexTensor, logits: FlexTensor, labels: FlexTensor) -> FlexTensor {
    let [rows, width] = dims(&logits);
    let (grad, labels) = (contiguous(grad), checked(labels, rows, width));
    // Each element is read where its gradient is then written.
    let mut logits = owned(logits);
    logits
        .storage_mut::<f32>()
        .par_chunks_mut(ROWS * width)
        .zip(elements(&grad).par_chunks(ROWS))
        .zip(labels.par_chunks(ROWS))
        .for_each(|((logits, grad), labels)| gradients_of(logits, labels, grad));
    logits
}

fn checked(labels: FlexTensor, rows: usize, classes: usize) -> Vec<usize> {
    let labels = indices(labels);
    assert!(labels.len() == rows && labels.iter().all(|&label| label < classes), "row labels");
    labels
}

/// The sum of `e^(x - largest)`.
#[inline(always)]
fn sum_of_powers(row: &[f32], largest: f32) -> f32 {
    sum_of(row, row, |sum, x, _| sum + exp(x - largest))
}

multiversion! {
    fn losses_of(logits: &[f32], labels: &[usize], losses: &mut [f32]) {
        let width = logits.len() / labels.len();
        let rows = logits.chunks_exact(width).zip(labels);
        for ((row, &label), loss) in rows.zip(losses) {
            let largest = max(row);
            *loss = sum_of_powers(row, largest).ln() - (row[label] - largest);
        }
    }
}

multiversion! {
    /// `(softmax(logits) - onehot(label)) · grad`, in the logits' place.
    fn gradients_of(logits: &mut [f32], labels: &[usize], grads: &[f32]) {
        let width = logits.len() / labels.len();
        let rows = logits.chunks_exact_mut(width).zip(labels);
        for ((row, &label), &grad) in rows.zip(grads) {
            let largest = max(row);
            let scale = grad / sum_of_powers(row, largest);
            for x in &mut *row {
                *x = exp(*x - largest) * scale;
            }
            row[label] -= grad;
        }
    }
}
