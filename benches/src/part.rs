//! The parts of a training step, each timed by itself on Flex: the operations that forward, backward and
//! update call, with what they write in place not held by anybody else.

mod last_layer;
mod layer;
mod product;
mod update;

use std::time::Instant;

use bertune::backend::Flex;
use bertune::burn::tensor::ops::{FloatTensor, FloatTensorOps, IntTensor};
use bertune::burn::tensor::{Distribution, Int, Tensor};
use bertune::kernels::{Dropout, DropoutKey, Sequences};

use self::last_layer::{head, last_layer};
use self::layer::{activation, attention, embeddings, norm};
use self::product::Product;
use self::update::{dense_adam, gradient_norm, waiting_rows};
use crate::{Case, Machine, ids, median};

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
        Self::using_up(name, times, flops, numbers, || (), |()| run())
    }

    /// The same of a run that uses something up, which is made before each.
    fn using_up<T>(
        name: &'static str,
        times: usize,
        flops: f64,
        numbers: f64,
        mut make: impl FnMut() -> T,
        mut run: impl FnMut(T),
    ) -> Self {
        let time = |_| {
            let used_up = make();
            let began = Instant::now();
            run(used_up);
            began.elapsed().as_secs_f64()
        };
        let seconds: Vec<f64> = (0..6).map(time).skip(1).collect();
        Self { name, times, seconds: median(&seconds), flops, bytes: 4.0 * numbers }
    }

    /// Several parts as one.
    fn together(name: &'static str, parts: &[Self]) -> Self {
        let sum = |of: fn(&Self) -> f64| -> f64 {
            parts.iter().map(|part| part.times as f64 * of(part)).sum()
        };
        Self {
            name,
            times: 1,
            seconds: sum(|part| part.seconds),
            flops: sum(|part| part.flops),
            bytes: sum(|part| part.bytes),
        }
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
/// first tokens alone. Not among them are the loss, the graph, and finding the rows of words that a step
/// reads.
pub fn parts(case: &Case) -> Vec<Part> {
    let [hidden, layers, _, inner] = case.shape;
    let (tokens, below) = (case.tokens(), layers - 1);
    let product = |from, to| Product::new([tokens, from, to], case.precision);
    let inputs = product(hidden, hidden).with_bias().onto_gradient();
    vec![
        embeddings(case),
        inputs.part("products to queries, keys, values", 3 * below + 2),
        attention(case, below),
        product(hidden, hidden).part("product of the attention's end", below),
        norm("dropout, residual, layer norm", 2 * below, [tokens, hidden]),
        product(hidden, inner).onto_gradient().part("product to the inner width", below),
        activation("bias and GELU", below, [tokens, inner]),
        product(inner, hidden).part("product from the inner width", below),
        last_layer(case),
        head(case),
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

fn numbers(of: &[i32]) -> IntTensor<Flex> {
    Tensor::<Flex, 1, Int>::from_ints(of, &Default::default()).into_primitive()
}

/// A copy that nobody else holds, to be written to in place.
fn copy(x: &F) -> F {
    Flex::float_add_scalar(x.clone(), 0.0f32.into())
}

fn dropout() -> Option<Dropout> {
    Dropout::new(0.1, DropoutKey::new(1, 1))
}

/// Where each sequence begins, and the last ends.
fn offsets(case: &Case) -> Vec<usize> {
    let mut offsets = vec![0];
    case.lengths.iter().for_each(|length| offsets.push(offsets[offsets.len() - 1] + length));
    offsets
}

fn sequences(case: &Case) -> Sequences {
    Sequences::new(&offsets(case))
}

/// The words of a batch, each once, in rising order: the rows that its step reads.
fn words(case: &Case, batch: usize) -> Vec<usize> {
    let mut words: Vec<usize> =
        ids(case.tokens(), batch).into_iter().map(|id| id as usize).collect();
    words.sort_unstable();
    words.dedup();
    words
}
