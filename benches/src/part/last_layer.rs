//! What a classifier computes for each sequence's first token alone.

use bertune::BertOps;
use bertune::backend::Flex;
use bertune::burn::tensor::Tensor;
use bertune::burn::tensor::ops::FloatTensorOps;
use bertune::kernels::Precision;

use super::layer::{activation, norm};
use super::product::Product;
use super::{Part, copy, dropout, matrix, numbers, offsets, sequences};
use crate::Case;

/// The last layer beside its keys and values.
pub(super) fn last_layer(case: &Case) -> Part {
    let [hidden, _, _, inner] = case.shape;
    let sequences = case.lengths.len();
    let product = |from, to| Product::new([sequences, from, to], case.precision);
    let parts = [
        firsts(case),
        product(hidden, hidden).with_bias().onto_gradient().part("", 1),
        first_attention(case),
        product(hidden, hidden).part("", 1),
        product(hidden, inner).onto_gradient().part("", 1),
        activation("", 1, [sequences, inner]),
        product(inner, hidden).part("", 1),
        norm("", 2, [sequences, hidden]),
    ];
    Part::together("last layer, first tokens", &parts)
}

/// The rows of the first tokens, and their gradients among zeros.
fn firsts(case: &Case) -> Part {
    let (tokens, sequences, hidden) = (case.tokens(), case.lengths.len(), case.shape[0]);
    let (x, grad) = (matrix([tokens, hidden]), matrix([sequences, hidden]));
    let starts: Vec<i32> = offsets(case)[..sequences].iter().map(|&start| start as i32).collect();
    let starts = numbers(&starts);
    let moved = (tokens + 4 * sequences) * hidden;
    Part::new("", 1, 0.0, moved as f64, || {
        drop(Flex::float_select(x.clone(), 0, starts.clone()));
        let zeros = Tensor::<Flex, 2>::zeros([tokens, hidden], &Default::default());
        let zeros = zeros.into_primitive().tensor();
        drop(Flex::float_select_add(zeros, 0, starts.clone(), grad.clone()));
    })
}

fn first_attention(case: &Case) -> Part {
    let [hidden, _, heads, _] = case.shape;
    let shape = [case.tokens(), hidden];
    let [key, value] = [(); 2].map(|()| matrix(shape));
    let [query, grad] = [(); 2].map(|()| matrix([case.lengths.len(), hidden]));
    let sequences = sequences(case);
    let moved = 4.0 * (shape[0] * shape[1]) as f64;
    Part::new("", 1, 0.0, moved, || {
        let inputs = || [&query, &key, &value].map(Clone::clone);
        let [q, k, v] = inputs();
        drop(Flex::first_attention(q, k, v, &sequences, heads, dropout()));
        let ([q, k, v], grad) = (inputs(), grad.clone());
        drop(Flex::first_attention_backward(grad, q, k, v, &sequences, heads, dropout()));
    })
}

/// The pooler and a classifier of two classes, whose products are of f32.
pub(super) fn head(case: &Case) -> Part {
    let (sequences, hidden) = (case.lengths.len(), case.shape[0]);
    let product = |to| Product::new([sequences, hidden, to], Precision::F32).with_bias();
    let between = tanh_and_dropout([sequences, hidden]);
    let parts = [product(hidden).part("", 1), between, product(2).part("", 1)];
    Part::together("pooler and classifier", &parts)
}

/// `dropout(tanh(x))`, with the gradient of tanh as Burn computes it.
fn tanh_and_dropout(shape: [usize; 2]) -> Part {
    let (x, grad) = (matrix(shape), matrix(shape));
    let moved = 9.0 * (shape[0] * shape[1]) as f64;
    let in_place = || copy(&x);
    Part::using_up("", 1, 0.0, moved, in_place, |x_alone| {
        drop(Flex::dropout(Flex::float_tanh(x_alone), dropout()));
        let grad = Flex::dropout(grad.clone(), dropout());
        let tanh = Flex::float_tanh(x.clone());
        let square = Flex::float_mul(tanh.clone(), tanh);
        let slope = Flex::float_add_scalar(Flex::float_neg(square), 1.0f32.into());
        drop(Flex::float_mul(grad, slope));
    })
}
