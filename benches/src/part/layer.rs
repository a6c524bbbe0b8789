//! What stands between the products of a layer, and below all layers.

use bertune::BertOps;
use bertune::backend::Flex;
use bertune::kernels::Activation;

use super::{Part, copy, dropout, matrix, numbers, sequences, vector, words};
use crate::{Case, ids};

/// The sum of the embeddings with its norm, and the gradients of the rows that occur.
pub(super) fn embeddings(case: &Case) -> Part {
    let (tokens, hidden) = (case.tokens(), case.shape[0]);
    let rows = [case.words(), 512, 2];
    let tables = rows.map(|rows| matrix([rows, hidden]));
    // Words by their place among those that occur, as in a step whose other rows wait.
    let words = words(case, 0);
    let place = |id: u32| words.partition_point(|&word| word < id as usize) as i32;
    let places: Vec<i32> = ids(tokens, 0).into_iter().map(place).collect();
    let positions: Vec<i32> = case.lengths.iter().flat_map(|&length| 0..length as i32).collect();
    let ids = [places, positions, vec![0; tokens]].map(|ids| numbers(&ids));
    let grad = matrix([tokens, hidden]);
    let [gamma, beta] = [(); 2].map(|()| vector(hidden));
    let moved = 12.0 * (tokens * hidden) as f64;
    Part::new("embeddings", 1, 0.0, moved, || {
        let sum = Flex::embedding_sum(tables.clone(), ids.clone());
        let (_, state) =
            Flex::layer_norm_dropout(sum, gamma.clone(), beta.clone(), 1e-12, dropout());
        let [grad, ..] =
            Flex::layer_norm_dropout_backward(grad.clone(), state, gamma.clone(), dropout());
        for (rows, ids) in rows.into_iter().zip(&ids) {
            drop(Flex::embedding_gradient(grad.clone(), ids.clone(), rows));
        }
    })
}

pub(super) fn attention(case: &Case, times: usize) -> Part {
    let [hidden, _, heads, _] = case.shape;
    let shape = [case.tokens(), hidden];
    let [query, key, value, grad] = [(); 4].map(|()| matrix(shape));
    let sequences = sequences(case);
    let squares: usize = case.lengths.iter().map(|length| length * length).sum();
    // Two products forward; backward, one of them again and four.
    let flops = 14.0 * (squares * hidden) as f64;
    let moved = 11.0 * (shape[0] * shape[1]) as f64;
    Part::new("attention", times, flops, moved, || {
        let inputs = || [&query, &key, &value].map(Clone::clone);
        let [q, k, v] = inputs();
        let (out, state) = Flex::varlen_attention(q, k, v, &sequences, heads, dropout());
        let [q, k, v] = inputs();
        drop(Flex::varlen_attention_backward(
            grad.clone(),
            q,
            k,
            v,
            out,
            state,
            &sequences,
            heads,
            dropout(),
        ));
    })
}

pub(super) fn norm(name: &'static str, times: usize, shape: [usize; 2]) -> Part {
    let [x, residual, grad] = [(); 3].map(|()| matrix(shape));
    let [bias, gamma, beta] = [(); 3].map(|()| vector(shape[1]));
    let moved = 8.0 * (shape[0] * shape[1]) as f64;
    // Normalised rows are written in place of those that come in, and gradients too.
    let in_place = || (copy(&x), copy(&grad));
    Part::using_up(name, times, 0.0, moved, in_place, |(x, grad)| {
        let (residual, bias) = (residual.clone(), bias.clone());
        let (gamma, beta) = (gamma.clone(), beta.clone());
        let scale = gamma.clone();
        let (_, state) =
            Flex::dropout_add_layer_norm(x, bias, residual, gamma, beta, 1e-12, dropout());
        drop(Flex::dropout_add_layer_norm_backward(grad, state, scale, dropout()));
    })
}

pub(super) fn activation(name: &'static str, times: usize, shape: [usize; 2]) -> Part {
    let (x, grad, bias) = (matrix(shape), matrix(shape), vector(shape[1]));
    let moved = 5.0 * (shape[0] * shape[1]) as f64;
    // The gradient is written in place of the one that comes in.
    let in_place = || copy(&grad);
    Part::using_up(name, times, 0.0, moved, in_place, |grad| {
        drop(Flex::bias_activation(x.clone(), bias.clone(), Activation::Gelu));
        drop(Flex::bias_activation_backward(grad, x.clone(), bias.clone(), Activation::Gelu));
    })
}
