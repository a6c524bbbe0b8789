use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::simd::multiversion;
use super::slices::{Unwritten, contiguous, dims, elements, tensor};
use crate::dropout::{Dropout, hash};

/// A dropout made ready for the inner loops.
#[derive(Clone, Copy)]
pub(super) struct Mask {
    halves: (u32, u32),
    threshold: u32,
    scale: f32,
}

impl From<Dropout> for Mask {
    fn from(dropout: Dropout) -> Self {
        Self {
            halves: dropout.key.halves(),
            threshold: dropout.threshold(),
            scale: dropout.scale(),
        }
    }
}

impl Mask {
    /// What the element `index` is multiplied with.
    #[inline(always)]
    pub(super) fn factor(self, index: u32) -> f32 {
        if hash(index, self.halves) >> 8 < self.threshold { self.scale } else { 0.0 }
    }
}

/// Elements of one task.
const CHUNK: usize = 1 << 14;

pub(super) fn dropout(x: FlexTensor, dropout: Option<Dropout>) -> FlexTensor {
    let Some(dropout) = dropout else { return x };
    let shape = dims(&x);
    let x = contiguous(x);
    let mut y = Unwritten::new(shape[0] * shape[1]);
    let chunks = y.par_zeroed_chunks(CHUNK).zip(elements(&x).par_chunks(CHUNK));
    chunks.enumerate().for_each(|(chunk, (y, x))| {
        multiply((chunk * CHUNK) as u32, x, dropout.into(), y);
    });
    // SAFETY: the chunks are all elements.
    tensor(unsafe { y.written() }, shape)
}

/// `y = x · mask`, the elements counted from `first`.
pub(super) fn apply(first: u32, x: &[f32], mask: Mask, y: &mut [f32]) {
    multiply(first, x, mask, y);
}

multiversion! {
    fn multiply(first: u32, x: &[f32], mask: Mask, y: &mut [f32]) {
        for (offset, (x, y)) in x.iter().zip(y).enumerate() {
            *y = x * mask.factor(first.wrapping_add(offset as u32));
        }
    }
}
