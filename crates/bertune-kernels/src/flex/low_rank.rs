//! Products of matrices with dropout, a few rows at a time: the masked rows never leave the cache.

use burn_flex::FlexTensor;
use gemm::Parallelism;
use rayon::prelude::*;

use super::mask::{self, Mask};
use super::matrix::{Destination, Matrix};
use super::multiply::multiply;
use super::product;
use super::simd::multiversion;
use super::slices::{Unwritten, contiguous, dims, elements, owned, sum_parts, tensor};
use crate::{Dropout, Precision};

/// Rows of one task.
const ROWS: usize = 128;

pub(super) fn dropout_project(
    x: FlexTensor,
    weight: FlexTensor,
    dropout: Option<Dropout>,
) -> FlexTensor {
    let Some(dropout) = dropout else {
        return product::project(x, weight, None, Precision::F32);
    };
    let ([tokens, input], [rank, _]) = (dims(&x), dims(&weight));
    let (x, weight) = (contiguous(x), contiguous(weight));
    let weight = Matrix::new(elements(&weight), [rank, input], input).transposed();
    let mut y = Unwritten::new(tokens * rank);
    let rows = y.par_zeroed_chunks(ROWS * rank).zip(elements(&x).par_chunks(ROWS * input));
    rows.enumerate().for_each_init(Vec::new, |dropped, (task, (y, x))| {
        let x = masked(dropped, x, dropout.into(), task * ROWS * input);
        add_product(y, matrix(x, input), weight);
    });
    // SAFETY: the chunks are all elements.
    tensor(unsafe { y.written() }, [tokens, rank])
}

pub(super) fn dropout_project_input_gradient(
    grad: FlexTensor,
    weight: FlexTensor,
    onto: Option<FlexTensor>,
    dropout: Option<Dropout>,
) -> FlexTensor {
    let Some(dropout) = dropout else {
        return product::project_input_gradient(grad, weight, onto, Precision::F32);
    };
    let ([tokens, rank], [_, input]) = (dims(&grad), dims(&weight));
    let (grad, weight) = (contiguous(grad), contiguous(weight));
    let (grads, mask) = (elements(&grad).par_chunks(ROWS * rank), Mask::from(dropout));
    let weight = Matrix::new(elements(&weight), [rank, input], input);
    let add_rows = |product: &mut Vec<f32>, task: usize, grad: &[f32], sum: &mut [f32]| {
        product.clear();
        product.resize(sum.len(), 0.0);
        add_product(product, matrix(grad, rank), weight);
        add_masked((task * ROWS * input) as u32, product, mask, sum);
    };
    if let Some(onto) = onto {
        let mut sum = owned(onto);
        let rows = sum.storage_mut::<f32>().par_chunks_mut(ROWS * input).zip(grads);
        rows.enumerate().for_each_init(Vec::new, |product, (task, (sum, grad))| {
            add_rows(product, task, grad, sum);
        });
        return sum;
    }
    let mut sum = Unwritten::new(tokens * input);
    let rows = sum.par_zeroed_chunks(ROWS * input).zip(grads);
    rows.enumerate().for_each_init(Vec::new, |product, (task, (sum, grad))| {
        add_rows(product, task, grad, sum);
    });
    // SAFETY: the chunks are all elements.
    tensor(unsafe { sum.written() }, [tokens, input])
}

pub(super) fn dropout_project_weight_gradient(
    grad: FlexTensor,
    x: FlexTensor,
    dropout: Option<Dropout>,
) -> FlexTensor {
    let Some(dropout) = dropout else {
        return product::project_weight_gradient(grad, x, Precision::F32);
    };
    let ([tokens, rank], [_, input]) = (dims(&grad), dims(&x));
    let (grad, x) = (contiguous(grad), contiguous(x));
    let width = rank * input;
    let mut parts = vec![0.0; tokens.div_ceil(ROWS) * width];
    let rows = elements(&grad).par_chunks(ROWS * rank).zip(elements(&x).par_chunks(ROWS * input));
    rows.zip(parts.par_chunks_mut(width)).enumerate().for_each_init(
        Vec::new,
        |dropped, (task, ((grad, x), part))| {
            let x = masked(dropped, x, dropout.into(), task * ROWS * input);
            add_product(part, matrix(grad, rank).transposed(), matrix(x, input));
        },
    );
    tensor(sum_parts(&parts, width), [rank, input])
}

/// A slice as whole rows.
fn matrix(values: &[f32], columns: usize) -> Matrix<'_> {
    Matrix::new(values, [values.len() / columns, columns], columns)
}

/// `x · mask` in `room`, the elements counted from `first`.
fn masked<'a>(room: &'a mut Vec<f32>, x: &[f32], mask: Mask, first: usize) -> &'a [f32] {
    room.clear();
    room.resize(x.len(), 0.0);
    mask::apply(first as u32, x, mask, room);
    room
}

/// `out += a · b`, by this thread alone.
fn add_product(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>) {
    assert_eq!(out.len(), a.rows() * b.columns(), "the size of a product");
    // SAFETY: `out` is ours alone, initialised, and has the product's size.
    unsafe {
        multiply(out.as_mut_ptr(), b.columns(), a, b, Destination::AddTo, Parallelism::None);
    }
}

multiversion! {
    /// `sum += x · mask`, the elements counted from `first`.
    fn add_masked(first: u32, x: &[f32], mask: Mask, sum: &mut [f32]) {
        for (offset, (x, sum)) in x.iter().zip(sum).enumerate() {
            *sum += x * mask.factor(first.wrapping_add(offset as u32));
        }
    }
}
