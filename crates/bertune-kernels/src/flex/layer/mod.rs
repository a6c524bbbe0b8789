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
    assert_fit(&x, &weights, sequences, rows);
    let (states, heads, block) = (elements(&x), weights.heads, Block::new(&weights));
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

/// What the unsafe code below relies on.
fn assert_fit(
    x: &FlexTensor,
    weights: &LayerWeights<FlexTensor, FlexTensor>,
    sequences: &Sequences,
    rows: LayerRows,
) {
    let ([tokens, width], heads) = (dims(x), weights.heads);
    let [inner, _] = dims(&weights.intermediate.weight);
    assert_eq!(tokens, sequences.tokens(), "a row of states for each token");
    assert!(heads > 0 && width.is_multiple_of(heads), "{heads} heads share {width} columns");
    let [query, key, value] = &weights.inputs;
    let maps = [query, key, value, &weights.attention_output];
    let square = maps.map(|map| (map, [width, width]));
    let others = [(&weights.intermediate, [inner, width]), (&weights.output, [width, inner])];
    for (map, shape) in square.into_iter().chain(others) {
        assert_eq!(dims(&map.weight), shape, "a map from {} to {} columns", shape[1], shape[0]);
        assert_eq!(elements(&map.bias).len(), shape[0], "a bias of each column");
    }
    for norm in [&weights.attention_norm, &weights.output_norm] {
        let lens = [&norm.gamma, &norm.beta].map(|values| elements(values).len());
        assert_eq!(lens, [width; 2], "a norm of each column");
    }
    let has_firsts = rows == LayerRows::All || sequences.ranges().all(|range| !range.is_empty());
    assert!(has_firsts, "each sequence has a first token");
}

/// `x · weightᵀ + bias`, each row as [`forward`] computes it.
pub(super) fn linear(x: &[f32], weight: &[f32], bias: &[f32], shape: [usize; 2]) -> Vec<f32> {
    Panels::new(weight, bias, shape).apply(x)
}

/// The states of each sequence's first token.
fn first_rows(states: &[f32], sequences: &Sequences, width: usize) -> Vec<f32> {
    sequences.ranges().flat_map(|range| &states[range.start * width..][..width]).copied().collect()
}
