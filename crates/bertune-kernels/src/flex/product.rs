//! Products of tensors: of f32 through the `gemm` crate, of bf16 our own.

use burn_flex::FlexTensor;
use gemm::Parallelism;
use rayon::prelude::*;

use super::ROWS;
use super::matrix::{Destination, Matrix};
use super::multiply::multiply;
use super::slices::{Unwritten, contiguous, dims, elements, owned, sum_parts, tensor};
#[cfg(target_arch = "x86_64")]
use super::{bf16, layer};
use crate::Precision;

/// Whether this processor multiplies by this precision.
pub(super) fn has_precision(precision: Precision) -> bool {
    match precision {
        Precision::F32 => true,
        #[cfg(target_arch = "x86_64")]
        Precision::Bf16 => bf16::is_available(),
        #[cfg(not(target_arch = "x86_64"))]
        Precision::Bf16 => false,
    }
}

/// Below this many multiplications one thread is faster.
const PARALLEL_FROM: usize = 1 << 20;

/// [`multiply`], by factors of `precision` where the processor has it, on as many threads as pay.
///
/// # Safety
///
/// As [`multiply`]'s.
unsafe fn multiply_by(
    precision: Precision,
    out: *mut f32,
    row_stride: usize,
    a: Matrix<'_>,
    b: Matrix<'_>,
    destination: Destination,
) {
    #[cfg(target_arch = "x86_64")]
    if precision == Precision::Bf16 && bf16::is_available() {
        // SAFETY: the caller's promise.
        return unsafe { bf16::multiply(out, row_stride, a, b, destination) };
    }
    let _ = precision;
    let parallel = a.rows() * a.columns() * b.columns() >= PARALLEL_FROM;
    let parallelism = if parallel { Parallelism::Rayon(0) } else { Parallelism::None };
    // SAFETY: the caller's promise.
    unsafe { multiply(out, row_stride, a, b, destination, parallelism) };
}

/// `a · b`, added to `start`, which is [`owned`], or on its own.
fn product(
    a: Matrix<'_>,
    b: Matrix<'_>,
    start: Option<FlexTensor>,
    precision: Precision,
) -> FlexTensor {
    let shape = [a.rows(), b.columns()];
    let len = shape[0] * shape[1];
    if let Some(mut out) =
        start.or_else(|| (a.columns() == 0).then(|| tensor(vec![0.0; len], shape)))
    {
        let values = out.storage_mut::<f32>();
        assert_eq!(values.len(), len, "the start has the product's shape");
        let (place, destination) = (values.as_mut_ptr(), Destination::AddTo);
        // SAFETY: `values` are ours alone, initialised, and have the product's size.
        unsafe { multiply_by(precision, place, shape[1], a, b, destination) };
        return out;
    }
    let mut out = Unwritten::new(len);
    let (place, destination) = (out.place(), Destination::Overwrite);
    // SAFETY: the place is ours alone and has the product's size, and a product over at least one
    // column writes every element.
    unsafe {
        multiply_by(precision, place, shape[1], a, b, destination);
        tensor(out.written(), shape)
    }
}

pub(super) fn project(
    x: FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    precision: Precision,
) -> FlexTensor {
    let (x_shape, weight_shape): ([usize; 2], [usize; 2]) = (dims(&x), dims(&weight));
    assert_eq!(x_shape[1], weight_shape[1], "inner dimensions of a product");
    let (x, weight, bias) = (contiguous(x), contiguous(weight), bias.map(contiguous));
    #[cfg(target_arch = "x86_64")]
    if let Some(bias) = &bias
        && layer::is_available()
        && (precision == Precision::F32 || !has_precision(precision))
    {
        let out = layer::linear(elements(&x), elements(&weight), elements(bias), weight_shape);
        return tensor(out, [x_shape[0], weight_shape[0]]);
    }
    let start = bias.map(|bias| repeated(elements(&bias), x_shape[0]));
    let weight = Matrix::whole(elements(&weight), weight_shape);
    product(Matrix::whole(elements(&x), x_shape), weight.transposed(), start, precision)
}

/// `rows` times the same row.
fn repeated(row: &[f32], rows: usize) -> FlexTensor {
    let width = row.len();
    let mut all = Unwritten::new(rows * width);
    all.par_zeroed_chunks(ROWS * width).for_each(|rows| {
        rows.chunks_exact_mut(width).for_each(|to| to.copy_from_slice(row));
    });
    // SAFETY: the chunks are all elements.
    tensor(unsafe { all.written() }, [rows, width])
}

pub(super) fn project_input_gradient(
    grad: FlexTensor,
    weight: FlexTensor,
    onto: Option<FlexTensor>,
    precision: Precision,
) -> FlexTensor {
    let (grad_shape, weight_shape) = (dims(&grad), dims(&weight));
    let (grad, weight) = (contiguous(grad), contiguous(weight));
    let grad = Matrix::whole(elements(&grad), grad_shape);
    product(grad, Matrix::whole(elements(&weight), weight_shape), onto.map(owned), precision)
}

pub(super) fn project_weight_gradient(
    grad: FlexTensor,
    x: FlexTensor,
    precision: Precision,
) -> FlexTensor {
    let (grad_shape, x_shape) = (dims(&grad), dims(&x));
    let (grad, x) = (contiguous(grad), contiguous(x));
    let grad = Matrix::whole(elements(&grad), grad_shape);
    product(grad.transposed(), Matrix::whole(elements(&x), x_shape), None, precision)
}

pub(super) fn sum_rows(x: FlexTensor) -> FlexTensor {
    let [rows, width] = dims(&x);
    let x = contiguous(x);
    let mut parts = vec![0.0f32; rows.div_ceil(ROWS) * width];
    let chunks = elements(&x).par_chunks(ROWS * width);
    chunks.zip(parts.par_chunks_mut(width)).for_each(|(rows, part)| {
        for row in rows.chunks_exact(width) {
            part.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
    });
    tensor(sum_parts(&parts, width), [width])
}
