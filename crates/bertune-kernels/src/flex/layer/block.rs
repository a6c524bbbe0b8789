use std::mem::MaybeUninit;

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::panels::{Panels, rows_of_task};
use super::rows;
use crate::flex::slices::elements;
use crate::{Activation, LayerWeights, NormWeights};

/// What follows attention, which each row goes through alone.
pub(super) struct Block<'a> {
    attention_output: Panels,
    attention_norm: NormWeights<&'a [f32]>,
    intermediate: Panels,
    activation: Activation,
    output: Panels,
    output_norm: NormWeights<&'a [f32]>,
}

impl<'a> Block<'a> {
    pub(super) fn new(weights: &'a LayerWeights<FlexTensor, FlexTensor>) -> Self {
        let norm = |norm: &'a NormWeights<FlexTensor>| NormWeights {
            gamma: elements(&norm.gamma),
            beta: elements(&norm.beta),
            epsilon: norm.epsilon,
        };
        Self {
            attention_output: Panels::of(&weights.attention_output),
            attention_norm: norm(&weights.attention_norm),
            intermediate: Panels::of(&weights.intermediate),
            activation: weights.activation,
            output: Panels::of(&weights.output),
            output_norm: norm(&weights.output_norm),
        }
    }

    /// Writes the layer's states, from what attention gave and what came into the layer.
    ///
    /// A task takes its rows through all of it, so that what lies between stays in its cache.
    pub(super) fn apply(&self, attended: &[f32], residual: &[f32], out: &mut [MaybeUninit<f32>]) {
        assert_eq!(out.len(), attended.len(), "a row of states for each row");
        let (width, inner) = (self.output.outputs(), self.intermediate.outputs());
        let of_task = rows_of_task(attended.len() / width);
        let scratch = || Box::<[f32]>::new_uninit_slice(of_task * (inner + width));
        out.par_chunks_mut(of_task * width)
            .zip(attended.par_chunks(of_task * width))
            .zip(residual.par_chunks(of_task * width))
            .for_each_init(scratch, |scratch, ((out, attended), residual)| {
                let rows = out.len() / width;
                let (inner, rest) = scratch.split_at_mut(rows * inner);
                let out = self.attention_output.apply_to(attended, out);
                rows::add_norm(out, residual, &self.attention_norm);
                let inner = self.intermediate.apply_to(out, inner);
                rows::activate(inner, self.activation);
                let change = self.output.apply_to(inner, &mut rest[..rows * width]);
                rows::add_norm(out, change, &self.output_norm);
            });
    }
}
