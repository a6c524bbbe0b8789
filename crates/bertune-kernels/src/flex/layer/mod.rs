//! A whole layer for inference: no dropout, and nothing kept for a backward.
//!
//! Each row of a result depends on the tokens of its own sequence alone, to the last bit: not on
//! the other sequences of the batch, nor on where it stands among them.

mod attention;
mod block;
mod first_attention;
mod panels;
mod parts;
mod rows;

use burn_flex::FlexTensor;

use self::block::Block;
use self::first_attention::FirstAttention;
use self::panels::Panels;
use self::parts::in_parts;
use super::slices::{contiguous, dims, elements, tensor};
use super::tile;
use crate::{LayerRows, LayerWeights, Sequences};

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
    let (states, heads, block) = (elements(&x), weights.heads, Block::new(&weights));
    assert!(width.is_multiple_of(heads), "{heads} heads share {width} columns");
    let out = match rows {
        LayerRows::All => {
            let inputs = weights.inputs.each_ref().map(Panels::of);
            in_parts(states, sequences, rows, |states, sequences, out| {
                let inputs = inputs.each_ref().map(|map| map.apply(states));
                let inputs = inputs.each_ref().map(Vec::as_slice);
                block.apply(&attention::attend(inputs, sequences, heads, width), states, out);
            })
        }
        LayerRows::Firsts => {
            let attention = FirstAttention::new(&weights);
            in_parts(states, sequences, rows, |states, sequences, out| {
                let firsts = first_rows(states, sequences, width);
                block.apply(&attention.apply(&firsts, states, sequences), &firsts, out);
            })
        }
    };
    let rows = out.len() / width.max(1);
    tensor(out, [rows, width])
}

/// `x · weightᵀ + bias`, each row as [`forward`] computes it.
pub(super) fn linear(x: &[f32], weight: &[f32], bias: &[f32], shape: [usize; 2]) -> Vec<f32> {
    Panels::new(weight, bias, shape).apply(x)
}

/// The states of each sequence's first token.
fn first_rows(states: &[f32], sequences: &Sequences, width: usize) -> Vec<f32> {
    sequences.ranges().flat_map(|range| &states[range.start * width..][..width]).copied().collect()
}
