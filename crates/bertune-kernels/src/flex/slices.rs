//! Between Flex tensors and slices, without a copy.

use std::mem::MaybeUninit;

use burn_core::tensor::{Bytes, DType, Shape, TensorMetadata};
use burn_flex::{FlexTensor, Layout};
use rayon::prelude::*;

/// The tensor itself if its elements lie in order, else a copy in which they do.
pub(super) fn contiguous(x: FlexTensor) -> FlexTensor {
    if x.as_slice::<f32>().is_some() { x } else { x.to_contiguous() }
}

/// A tensor whose storage is exactly its elements in order, to be written to in place: by
/// `storage_mut`, which copies what somebody else holds too.
pub(super) fn owned(x: FlexTensor) -> FlexTensor {
    let whole = x.is_contiguous() && x.storage::<f32>().len() == x.shape().num_elements();
    if whole { x } else { x.to_contiguous() }
}

/// Room for elements that are all to be written through a pointer, without zeros before.
pub(super) struct Unwritten {
    values: Vec<f32>,
    len: usize,
}

impl Unwritten {
    /// Room for `len` elements.
    pub(super) fn new(len: usize) -> Self {
        Self { values: Vec::with_capacity(len), len }
    }

    /// Where the elements go; none may be read before it was written.
    pub(super) fn place(&mut self) -> *mut f32 {
        self.values.as_mut_ptr()
    }

    /// The elements in chunks of `size`, each zeroed by the task that takes it, just before it
    /// writes there.
    pub(super) fn par_zeroed_chunks(
        &mut self,
        size: usize,
    ) -> impl IndexedParallelIterator<Item = &mut [f32]> {
        self.par_chunks(size).map(|chunk| {
            chunk.fill(MaybeUninit::new(0.0));
            // SAFETY: each element was initialised in the line above, and has the same layout.
            unsafe { &mut *(chunk as *mut [MaybeUninit<f32>] as *mut [f32]) }
        })
    }

    /// The places of the elements in chunks of `size`, as they are.
    pub(super) fn par_chunks(
        &mut self,
        size: usize,
    ) -> impl IndexedParallelIterator<Item = &mut [MaybeUninit<f32>]> {
        self.places().par_chunks_mut(size)
    }

    /// The places of all elements.
    pub(super) fn places(&mut self) -> &mut [MaybeUninit<f32>] {
        &mut self.values.spare_capacity_mut()[..self.len]
    }

    /// The elements.
    ///
    /// # Safety
    ///
    /// Every one of them was written.
    pub(super) unsafe fn written(mut self) -> Vec<f32> {
        // SAFETY: the capacity is there, and the caller promises that the elements were written.
        unsafe { self.values.set_len(self.len) };
        self.values
    }
}

/// The elements of a tensor that went through [`contiguous`].
pub(super) fn elements(x: &FlexTensor) -> &[f32] {
    x.as_slice().unwrap_or_else(|| unreachable!("the tensor was made contiguous"))
}

/// A tensor that takes over `values`.
pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(Shape::from(shape)), DType::F32)
}

/// Rows and columns of a matrix.
pub(super) fn dims(x: &FlexTensor) -> [usize; 2] {
    x.shape().dims()
}

/// The sum of `parts`, rows of `width` numbers each, in their order.
pub(super) fn sum_parts(parts: &[f32], width: usize) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    for part in parts.chunks_exact(width) {
        sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
    sum
}
