//! A whole layer for inference: no dropout, and nothing kept for a backward.
//!
//! Each row of a result depends on the tokens of its own sequence alone, to the last bit: not on
//! the other sequences of the batch, nor on where it stands among them.

mod attention;
mod panels;
mod rows;

use burn_flex::FlexTensor;
use rayon::prelude::*;

use self::panels::{Panels, rows_of_task};
use super::first_attention;
use super::slices::{Unwritten, contiguous, dims, elements, tensor};
use super::tile;
use crate::{Activation, LayerRows, LayerWeights, LinearWeights, NormWeights, Sequences};

/// Whether this processor has what the products here are made of.
pub(super) fn is_available() -> bool {
    tile::is_available()
}

/// The states of all tokens, or of each sequence's first.
///
/// # Panics
///
/// If this [is not available](is_available), or shapes do not fit.
pub(super) fn forward(
    x: FlexTensor,
    weights: LayerWeights<FlexTensor, FlexTensor>,
    sequences: &Sequences,
    rows: LayerRows,
) -> FlexTensor {
    let [_, width] = dims(&x);
    let (x, weights) = (contiguous(x), weights.map(contiguous, contiguous));
    let (states, heads) = (elements(&x), weights.heads);
    let [query, key, value] = weights.inputs.each_ref().map(panels);
    let [key, value] = [key, value].map(|map| map.apply(states));
    let block = Block::new(&weights);
    let out = match rows {
        LayerRows::All => {
            let inputs = [&query.apply(states)[..], &key, &value];
            block.apply(&attention::attend(inputs, sequences, heads, width), states)
        }
        LayerRows::Firsts => {
            let firsts = first_rows(states, sequences, width);
            let query = tensor(query.apply(&firsts), [sequences.len(), width]);
            let [key, value] = [key, value].map(|x| tensor(x, [sequences.tokens(), width]));
            let attended = first_attention::forward([query, key, value], sequences, heads, None);
            block.apply(elements(&attended), &firsts)
        }
    };
    let rows = out.len() / width.max(1);
    tensor(out, [rows, width])
}

/// `x · weightᵀ + bias`, each row as [`forward`] computes it.
pub(super) fn linear(x: &[f32], weight: &[f32], bias: &[f32], shape: [usize; 2]) -> Vec<f32> {
    Panels::new(weight, bias, shape).apply(x)
}

fn panels(map: &LinearWeights<FlexTensor, FlexTensor>) -> Panels {
    Panels::new(elements(&map.weight), elements(&map.bias), dims(&map.weight))
}

/// The states of each sequence's first token.
fn first_rows(states: &[f32], sequences: &Sequences, width: usize) -> Vec<f32> {
    sequences.ranges().flat_map(|range| &states[range.start * width..][..width]).copied().collect()
}

/// What follows attention, which each row goes through alone.
struct Block<'a> {
    attention_output: Panels,
    attention_norm: NormWeights<&'a [f32]>,
    intermediate: Panels,
    activation: Activation,
    output: Panels,
    output_norm: NormWeights<&'a [f32]>,
}

impl<'a> Block<'a> {
    fn new(weights: &'a LayerWeights<FlexTensor, FlexTensor>) -> Self {
        let norm = |norm: &'a NormWeights<FlexTensor>| NormWeights {
            gamma: elements(&norm.gamma),
            beta: elements(&norm.beta),
            epsilon: norm.epsilon,
        };
        Self {
            attention_output: panels(&weights.attention_output),
            attention_norm: norm(&weights.attention_norm),
            intermediate: panels(&weights.intermediate),
            activation: weights.activation,
            output: panels(&weights.output),
            output_norm: norm(&weights.output_norm),
        }
    }

    /// The layer's states from what attention gave and what came into the layer.
    ///
    /// A task takes its rows through all of it, so that what lies between stays in its cache.
    fn apply(&self, attended: &[f32], residual: &[f32]) -> Vec<f32> {
        let (width, inner) = (self.output.outputs(), self.intermediate.outputs());
        let of_task = rows_of_task(attended.len() / width);
        let mut out = Unwritten::new(attended.len());
        let scratch = || Box::<[f32]>::new_uninit_slice(of_task * (inner + width));
        out.par_chunks(of_task * width)
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
        // SAFETY: the chunks are all elements.
        unsafe { out.written() }
    }
}
