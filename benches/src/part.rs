//! The parts of a training step, each timed by itself on Flex.

use std::time::Instant;

use bertune::BertOps;
use bertune::backend::Flex;
use bertune::burn::tensor::ops::FloatTensor;
use bertune::burn::tensor::ops::FloatTensorOps;
use bertune::burn::tensor::{Distribution, Int, Tensor};
use bertune::kernels::{
    Activation, AdamState, AdamStep, Dropout, DropoutKey, Sequences, WaitingRow, WeightDecay,
};

use crate::{Case, Machine, VOCABULARY, median};

type F = FloatTensor<Flex>;

/// A part of a step.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it is.
    pub name: &'static str,
    /// How often a step has it.
    pub times: usize,
    seconds: f64,
    flops: f64,
    bytes: f64,
}

impl Part {
    /// Times one run of a part, with what it multiplies and moves.
    fn new(
        name: &'static str,
        times: usize,
        flops: f64,
        numbers: f64,
        mut run: impl FnMut(),
    ) -> Self {
        let time = |_| {
            let began = Instant::now();
            run();
            began.elapsed().as_secs_f64()
        };
        let seconds: Vec<f64> = (0..6).map(time).skip(1).collect();
        Self { name, times, seconds: median(&seconds), flops, bytes: 4.0 * numbers }
    }

    /// What it takes of a step.
    pub fn milliseconds(&self) -> f64 {
        1000.0 * self.times as f64 * self.seconds
    }

    /// What it would take at the machine's best, in milliseconds.
    pub fn floor(&self, machine: &Machine) -> f64 {
        1000.0 * self.times as f64 * (self.flops / machine.flops).max(self.bytes / machine.bytes)
    }
}

/// All parts of a step, forward and backward, in the order of the forward. The last layer computes the
/// first tokens alone.
pub fn parts(case: &Case) -> Vec<Part> {
    let [hidden, layers, heads, inner] = case.shape;
    let (tokens, sequences, below) = (case.tokens(), case.lengths.len(), layers - 1);
    let product = |name, times, rows, shape| product(case, name, times, rows, shape);
    vec![
        embeddings(case),
        product("products to queries, keys, values", 3 * below + 2, tokens, [hidden, hidden]),
        attention(case, heads, below),
        product("product of the attention's end", below, tokens, [hidden, hidden]),
        norm("dropout, residual, layer norm", 2 * below, [tokens, hidden]),
        product("product to the inner width", below, tokens, [hidden, inner]),
        activation("bias and GELU", below, [tokens, inner]),
        product("product from the inner width", below, tokens, [inner, hidden]),
        last_layer(case, [sequences, hidden, heads, inner]),
        gradient_norm(case),
        dense_adam(case),
        waiting_rows(case),
    ]
}

fn matrix([rows, columns]: [usize; 2]) -> F {
    let normal = Distribution::Normal(0.0, 1.0);
    Tensor::<Flex, 2>::random([rows, columns], normal, &Default::default())
        .into_primitive()
        .tensor()
}

fn vector(length: usize) -> F {
    let normal = Distribution::Normal(0.0, 1.0);
    Tensor::<Flex, 1>::random([length], normal, &Default::default()).into_primitive().tensor()
}

fn dropout() -> Option<Dropout> {
    Dropout::new(0.1, DropoutKey::new(1, 1))
}

/// A product with both of its gradients.
fn product(
    case: &Case,
    name: &'static str,
    times: usize,
    rows: usize,
    [from, to]: [usize; 2],
) -> Part {
    let (x, weight, grad) = (matrix([rows, from]), matrix([to, from]), matrix([rows, to]));
    let flops = 6.0 * (rows * from * to) as f64;
    let numbers = 3 * (rows * from + from * to + rows * to);
    let precision = case.precision;
    Part::new(name, times, flops, numbers as f64, || {
        drop(Flex::project(x.clone(), weight.clone(), precision));
        drop(Flex::project_input_gradient(grad.clone(), weight.clone(), None, precision));
        drop(Flex::project_weight_gradient(grad.clone(), x.clone(), precision));
    })
}

fn attention(case: &Case, heads: usize, times: usize) -> Part {
    let shape = [case.tokens(), case.shape[0]];
    let [query, key, value, grad] = [(); 4].map(|()| matrix(shape));
    let sequences = sequences(case);
    let squares: usize = case.lengths.iter().map(|length| length * length).sum();
    // Two products forward; backward, one of them again and four.
    let flops = 14.0 * (squares * shape[1]) as f64;
    let numbers = 11.0 * (shape[0] * shape[1]) as f64;
    Part::new("attention", times, flops, numbers, || {
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

fn sequences(case: &Case) -> Sequences {
    let mut ends = vec![0];
    case.lengths.iter().for_each(|length| ends.push(ends[ends.len() - 1] + length));
    Sequences::new(&ends)
}

fn norm(name: &'static str, times: usize, shape: [usize; 2]) -> Part {
    let [x, residual, grad] = [(); 3].map(|()| matrix(shape));
    let [bias, gamma, beta] = [(); 3].map(|()| vector(shape[1]));
    let numbers = 8.0 * (shape[0] * shape[1]) as f64;
    Part::new(name, times, 0.0, numbers, || {
        let (x, residual, bias) = (x.clone(), residual.clone(), bias.clone());
        let (gamma, beta) = (gamma.clone(), beta.clone());
        let scale = gamma.clone();
        let (_, state) =
            Flex::dropout_add_layer_norm(x, bias, residual, gamma, beta, 1e-12, dropout());
        drop(Flex::dropout_add_layer_norm_backward(grad.clone(), state, scale, dropout()));
    })
}

fn activation(name: &'static str, times: usize, shape: [usize; 2]) -> Part {
    let (x, grad, bias) = (matrix(shape), matrix(shape), vector(shape[1]));
    let numbers = 5.0 * (shape[0] * shape[1]) as f64;
    Part::new(name, times, 0.0, numbers, || {
        drop(Flex::bias_activation(x.clone(), bias.clone(), Activation::Gelu));
        // The gradient is written in place of the one that comes in, as in a step.
        let grad = Flex::float_add_scalar(grad.clone(), 0.0f32.into());
        drop(Flex::bias_activation_backward(grad, x.clone(), bias.clone(), Activation::Gelu));
    })
}

/// The sum of the embeddings with its norm, and the gradients of the rows that occur.
fn embeddings(case: &Case) -> Part {
    let (tokens, hidden) = (case.tokens(), case.shape[0]);
    let rows = [case.words(), 512, 2];
    let tables = rows.map(|rows| matrix([rows, hidden]));
    let ids = rows.map(|rows| {
        let ids: Vec<i32> = (0..tokens).map(|i| (i % rows) as i32).collect();
        Tensor::<Flex, 1, Int>::from_ints(ids.as_slice(), &Default::default()).into_primitive()
    });
    let grad = matrix([tokens, hidden]);
    let [gamma, beta] = [(); 2].map(|()| vector(hidden));
    let numbers = 12.0 * (tokens * hidden) as f64;
    Part::new("embeddings", 1, 0.0, numbers, || {
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

/// What the last layer computes for the first tokens alone, beside its keys and values.
fn last_layer(case: &Case, [sequences, hidden, heads, inner]: [usize; 4]) -> Part {
    let shape = [case.tokens(), hidden];
    let [key, value] = [(); 2].map(|()| matrix(shape));
    let [query, grad] = [(); 2].map(|()| matrix([sequences, hidden]));
    let of_batch = self::sequences(case);
    let products = [[hidden, hidden], [hidden, hidden], [hidden, inner], [inner, hidden]];
    let products: Vec<Part> = products.map(|shape| product(case, "", 1, sequences, shape)).into();
    let numbers = 4.0 * (shape[0] * hidden) as f64;
    let mut part = Part::new("last layer, first tokens", 1, 0.0, numbers, || {
        let inputs = || [&query, &key, &value].map(Clone::clone);
        let [q, k, v] = inputs();
        drop(Flex::first_attention(q, k, v, &of_batch, heads, dropout()));
        let [q, k, v] = inputs();
        let grad = grad.clone();
        drop(Flex::first_attention_backward(grad, q, k, v, &of_batch, heads, dropout()));
    });
    for product in products {
        part.seconds += product.seconds;
        part.flops += product.flops;
        part.bytes += product.bytes;
    }
    part
}

/// Numbers of the parameters that every step updates.
fn dense(case: &Case) -> usize {
    case.parameters() - VOCABULARY * case.shape[0]
}

fn gradient_norm(case: &Case) -> Part {
    let numbers = dense(case) + case.words() * case.shape[0];
    let gradient = vector(numbers);
    Part::new("norm of the gradients", 1, 0.0, numbers as f64, || {
        drop(Flex::sum_of_squares(gradient.clone()));
    })
}

fn adam_step() -> AdamStep {
    AdamStep {
        learning_rate: 1e-5,
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-8,
        weight_decay: WeightDecay::Decoupled(0.01),
        gradient_scale: 1.0,
        step: 10,
    }
}

fn dense_adam(case: &Case) -> Part {
    let numbers = dense(case);
    let gradient = vector(numbers);
    let mut present = Some((vector(numbers), None));
    Part::new("AdamW", 1, 0.0, 7.0 * numbers as f64, || {
        let (parameter, state) = present.take().unwrap_or_else(|| unreachable!("it was put back"));
        let (parameter, state) = Flex::adam(parameter, gradient.clone(), state, &adam_step());
        present = Some((parameter, Some(state)));
    })
}

/// The rows of words that occur: taken out of their tables, updated and put back.
fn waiting_rows(case: &Case) -> Part {
    let (words, hidden) = (case.words(), case.shape[0]);
    let rows: Vec<usize> = (0..words).collect();
    let ids: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
    let ids = Tensor::<Flex, 1, Int>::from_ints(ids.as_slice(), &Default::default());
    let ids = ids.into_primitive();
    let waiting: Vec<_> = rows.iter().map(|&row| WaitingRow { row, since: 0 }).collect();
    let gradient = matrix([words, hidden]);
    let table = || Some(matrix([VOCABULARY, hidden]));
    let (mut table, mut moments) = (
        table(),
        Some(AdamState {
            first_moment: matrix([VOCABULARY, hidden]),
            second_moment: Flex::float_abs(matrix([VOCABULARY, hidden])),
        }),
    );
    // Taken, updated (one step that was missed, and this one) and put back.
    let numbers = (6 + 6 + 7 + 6) as f64 * (words * hidden) as f64;
    Part::new("AdamW of the words' rows", 1, 0.0, numbers, || {
        let step = adam_step();
        let whole = table.take().unwrap_or_else(|| unreachable!("it was put back"));
        let (whole, all) = Flex::adam_catch_up(whole, moments.take(), &waiting, &[step]);
        let take = |of: &F| Flex::float_select(of.clone(), 0, ids.clone());
        let state = AdamState {
            first_moment: take(&all.first_moment),
            second_moment: take(&all.second_moment),
        };
        let (few, state) = Flex::adam(take(&whole), gradient.clone(), Some(state), &step);
        table = Some(Flex::put_rows(whole, &rows, few));
        moments = Some(AdamState {
            first_moment: Flex::put_rows(all.first_moment, &rows, state.first_moment),
            second_moment: Flex::put_rows(all.second_moment, &rows, state.second_moment),
        });
    })
}
