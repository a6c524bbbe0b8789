//! Each fused operation on Flex, forward and backward, at the sizes of a MiniLM layer: 32 sequences of
//! 64 tokens, hidden size 384, 12 heads, inner size 1,536, dropout 0.1; and the layer of prediction and
//! the updates of AdamW, which have no backward.
//!
//! `cargo bench -p bertune-benches --bench kernels`
#![expect(missing_docs, reason = "criterion's macro")]

use bertune::BertOps;
use bertune::backend::{Autodiff, Flex, keep_freed_memory};
use bertune::burn::tensor::ops::{FloatTensor, FloatTensorOps};
use bertune::burn::tensor::{Distribution, Int, Tensor};
use bertune::kernels::ops::{self, LayerNormWeights};
use bertune::kernels::{
    Activation, AdamState, AdamStep, Dropout, DropoutKey, LayerRows, LayerWeights, LinearWeights,
    NormWeights, OptimizerOps, Precision, Sequences, WaitingRow, WeightDecay,
};
use criterion::{Criterion, criterion_group, criterion_main};

type B = Autodiff<Flex>;

const SEQUENCES: usize = 32;
const LENGTH: usize = 64;
const TOKENS: usize = SEQUENCES * LENGTH;
const HIDDEN: usize = 384;
const INNER: usize = 4 * HIDDEN;
const HEADS: usize = 12;
const VOCABULARY: usize = 30_522;

/// Of a low-rank change.
const RANK: usize = 8;

/// Tokens that a masked language model guesses.
const GUESSED: usize = TOKENS * 15 / 100;

/// Updates that a row of a word has missed.
const MISSED: usize = 3;

/// An update under which no moment comes down to zero, however often it is measured.
const STEP: AdamStep = AdamStep {
    learning_rate: 0.0,
    beta_1: 0.999_999,
    beta_2: 0.999_999,
    epsilon: 1e-8,
    weight_decay: WeightDecay::Decoupled(0.01),
    gradient_scale: 1.0,
    step: 10,
};

fn matrix(rows: usize, columns: usize) -> Tensor<B, 2> {
    let normal = Distribution::Normal(0.0, 1.0);
    Tensor::random([rows, columns], normal, &Default::default()).require_grad()
}

fn vector(length: usize) -> Tensor<B, 1> {
    let normal = Distribution::Normal(0.0, 1.0);
    Tensor::random([length], normal, &Default::default()).require_grad()
}

/// A matrix as the operations without a backward take it.
fn primitive(rows: usize, columns: usize) -> FloatTensor<Flex> {
    matrix(rows, columns).inner().into_primitive().tensor()
}

/// Ids below `rows`, of which as many as that are all different.
fn ids(count: usize, rows: usize) -> Tensor<B, 1, Int> {
    let ids: Vec<i32> = (0..count).map(|i| (i * 7919 % rows) as i32).collect();
    Tensor::from_ints(ids.as_slice(), &Default::default())
}

fn dropout() -> Option<Dropout> {
    Dropout::new(0.1, DropoutKey::new(1, 1))
}

fn sequences() -> Sequences {
    let ends: Vec<usize> = (0..=SEQUENCES).map(|i| i * LENGTH).collect();
    Sequences::new(&ends)
}

/// Times an operation and its backward; the product with ones that starts the backward is a pass over
/// the output, and in every figure, and so is the copy of what would be written in place if it were not
/// held for the next run.
fn measure<const D: usize>(
    criterion: &mut Criterion,
    name: &str,
    operation: impl Fn() -> Tensor<B, D>,
) {
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| operation().sum().backward());
    });
}

/// Times what changes a value in place, which nobody else holds meanwhile.
fn measure_change<T>(criterion: &mut Criterion, name: &str, start: T, change: impl Fn(T) -> T) {
    let mut present = Some(start);
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| present = present.take().map(&change));
    });
}

fn kernels(criterion: &mut Criterion) {
    keep_freed_memory();
    products(criterion);
    low_rank(criterion);
    attention(criterion);
    rows(criterion);
    layer(criterion);
    vocabulary(criterion);
    updates(criterion);
    updates_of_rows(criterion);
}

fn products(criterion: &mut Criterion) {
    let (x, weight, bias) = (matrix(TOKENS, HIDDEN), matrix(INNER, HIDDEN), vector(INNER));
    for precision in [Precision::F32, Precision::Bf16] {
        if Flex::has_precision(precision) {
            let name = |of: &str| format!("{of} {precision:?}").to_lowercase();
            measure(criterion, &name("project"), || {
                ops::project(x.clone(), weight.clone(), precision)
            });
            measure(criterion, &name("linear"), || {
                ops::linear(x.clone(), weight.clone(), bias.clone(), precision)
            });
        }
    }
}

fn low_rank(criterion: &mut Criterion) {
    let [x, y] = [(); 2].map(|()| matrix(TOKENS, HIDDEN));
    let (narrow, down, up) = (matrix(TOKENS, RANK), matrix(RANK, HIDDEN), matrix(HIDDEN, RANK));
    measure(criterion, "dropout_project", || {
        ops::dropout_project(x.clone(), down.clone(), dropout())
    });
    measure(criterion, "add_project", || {
        ops::add_project(y.clone(), narrow.clone(), up.clone(), 2.0)
    });
}

fn attention(criterion: &mut Criterion) {
    let [query, key, value] = [(); 3].map(|()| matrix(TOKENS, HIDDEN));
    let (firsts, sequences) = (matrix(SEQUENCES, HIDDEN), sequences());
    measure(criterion, "varlen_attention", || {
        let [query, key, value] = [&query, &key, &value].map(Tensor::clone);
        ops::varlen_attention(query, key, value, &sequences, HEADS, dropout())
    });
    measure(criterion, "first_attention", || {
        let [firsts, key, value] = [&firsts, &key, &value].map(Tensor::clone);
        ops::first_attention(firsts, key, value, &sequences, HEADS, dropout())
    });
}

fn rows(criterion: &mut Criterion) {
    let [x, residual] = [(); 2].map(|()| matrix(TOKENS, HIDDEN));
    let [bias, gamma, beta] = [(); 3].map(|()| vector(HIDDEN));
    let norm = || LayerNormWeights { gamma: gamma.clone(), beta: beta.clone(), epsilon: 1e-12 };
    measure(criterion, "dropout_add_layer_norm", || {
        ops::dropout_add_layer_norm(x.clone(), bias.clone(), residual.clone(), norm(), dropout())
    });
    measure(criterion, "layer_norm_dropout", || {
        ops::layer_norm_dropout(x.clone(), norm(), dropout())
    });
    let (inner, bias) = (matrix(TOKENS, INNER), vector(INNER));
    measure(criterion, "bias_activation", || {
        ops::bias_activation(inner.clone(), bias.clone(), Activation::Gelu)
    });
}

/// A whole layer of prediction, where this processor has it in one piece.
fn layer(criterion: &mut Criterion) {
    let linear =
        |to, from| LinearWeights { weight: matrix(to, from).inner(), bias: vector(to).inner() };
    let norm = || NormWeights {
        gamma: vector(HIDDEN).inner(),
        beta: vector(HIDDEN).inner(),
        epsilon: 1e-12,
    };
    let weights = LayerWeights {
        inputs: [(); 3].map(|()| linear(HIDDEN, HIDDEN)),
        attention_output: linear(HIDDEN, HIDDEN),
        attention_norm: norm(),
        intermediate: linear(INNER, HIDDEN),
        output: linear(HIDDEN, INNER),
        output_norm: norm(),
        heads: HEADS,
        activation: Activation::Gelu,
    };
    let (x, sequences) = (matrix(TOKENS, HIDDEN).inner(), sequences());
    for (name, rows) in [("layer", LayerRows::All), ("layer firsts", LayerRows::Firsts)] {
        let forward = || ops::layer(x.clone(), weights.clone(), &sequences, rows);
        if forward().is_some() {
            criterion.bench_function(name, |bencher| bencher.iter(forward));
        }
    }
}

/// What is as wide or as long as the vocabulary.
fn vocabulary(criterion: &mut Criterion) {
    let tables = [matrix(VOCABULARY, HIDDEN), matrix(512, HIDDEN), matrix(2, HIDDEN)];
    let of_tokens = [VOCABULARY, 512, 2].map(|rows| ids(TOKENS, rows));
    measure(criterion, "embedding_sum", || ops::embedding_sum(tables.clone(), of_tokens.clone()));
    let (logits, labels) = (matrix(GUESSED, VOCABULARY), ids(GUESSED, VOCABULARY));
    measure(criterion, "cross_entropy", || ops::cross_entropy(logits.clone(), labels.clone()));
}

fn updates(criterion: &mut Criterion) {
    let [parameter, gradient] = [(); 2].map(|()| primitive(INNER, HIDDEN));
    criterion.bench_function("sum_of_squares", |bencher| {
        bencher.iter(|| Flex::sum_of_squares(gradient.clone()));
    });
    measure_change(criterion, "adam", (parameter, None), |(parameter, state)| {
        let (parameter, state) = Flex::adam(parameter, gradient.clone(), state, &STEP);
        (parameter, Some(state))
    });
}

/// Updates of the words of a batch, no two of whose tokens are the same.
fn updates_of_rows(criterion: &mut Criterion) {
    let mut rows: Vec<usize> = (0..TOKENS).map(|i| i * 7919 % VOCABULARY).collect();
    rows.sort_unstable();
    let table = || primitive(VOCABULARY, HIDDEN);
    let waiting: Vec<WaitingRow> = rows.iter().map(|&row| WaitingRow { row, since: 0 }).collect();
    let moments = AdamState { first_moment: table(), second_moment: Flex::float_abs(table()) };
    measure_change(criterion, "adam_catch_up", (table(), moments), |(table, moments)| {
        Flex::adam_catch_up(table, Some(moments), &waiting, &[STEP; MISSED])
    });
    let values = primitive(TOKENS, HIDDEN);
    measure_change(criterion, "put_rows", table(), |table| {
        Flex::put_rows(table, &rows, values.clone())
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = kernels
}
criterion_main!(benches);
