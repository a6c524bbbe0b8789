//! Each fused operation on Flex, forward and backward, at the sizes of a MiniLM layer: 32 sequences of
//! 64 tokens, hidden size 384, 12 heads, inner size 1,536, dropout 0.1.
//!
//! `cargo bench -p bertune-benches --bench kernels`
#![expect(missing_docs, reason = "criterion's macro")]

use bertune::BertOps;
use bertune::backend::{Autodiff, Flex, keep_freed_memory};
use bertune::burn::tensor::{Distribution, Int, Tensor};
use bertune::kernels::ops::{self, LayerNormWeights};
use bertune::kernels::{Activation, Dropout, DropoutKey, Precision, Sequences};
use criterion::{Criterion, criterion_group, criterion_main};

type B = Autodiff<Flex>;

const SEQUENCES: usize = 32;
const LENGTH: usize = 64;
const TOKENS: usize = SEQUENCES * LENGTH;
const HIDDEN: usize = 384;
const INNER: usize = 4 * HIDDEN;
const HEADS: usize = 12;
const VOCABULARY: usize = 30_522;

fn matrix(rows: usize, columns: usize) -> Tensor<B, 2> {
    let normal = Distribution::Normal(0.0, 1.0);
    Tensor::random([rows, columns], normal, &Default::default()).require_grad()
}

fn vector(length: usize) -> Tensor<B, 1> {
    let normal = Distribution::Normal(0.0, 1.0);
    Tensor::random([length], normal, &Default::default()).require_grad()
}

/// Times an operation and its backward; the product with ones that starts the backward is a pass over
/// the output, and in every figure.
fn measure(criterion: &mut Criterion, name: &str, operation: impl Fn() -> Tensor<B, 2>) {
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| operation().sum().backward());
    });
}

fn kernels(criterion: &mut Criterion) {
    keep_freed_memory();
    let dropout = Dropout::new(0.1, DropoutKey::new(1, 1));
    let [x, residual, query, key, value] = [(); 5].map(|()| matrix(TOKENS, HIDDEN));
    let (inner, weight) = (matrix(TOKENS, INNER), matrix(INNER, HIDDEN));
    for precision in [Precision::F32, Precision::Bf16] {
        if Flex::has_precision(precision) {
            let name = format!("project {precision:?}").to_lowercase();
            measure(criterion, &name, || ops::project(x.clone(), weight.clone(), precision));
        }
    }
    let ends: Vec<usize> = (0..=SEQUENCES).map(|i| i * LENGTH).collect();
    let sequences = Sequences::new(&ends);
    measure(criterion, "varlen_attention", || {
        let [query, key, value] = [&query, &key, &value].map(Tensor::clone);
        ops::varlen_attention(query, key, value, &sequences, HEADS, dropout)
    });
    let [bias, gamma, beta] = [(); 3].map(|()| vector(HIDDEN));
    measure(criterion, "dropout_add_layer_norm", || {
        let norm = LayerNormWeights { gamma: gamma.clone(), beta: beta.clone(), epsilon: 1e-12 };
        ops::dropout_add_layer_norm(x.clone(), bias.clone(), residual.clone(), norm, dropout)
    });
    let bias = vector(INNER);
    measure(criterion, "bias_activation", || {
        ops::bias_activation(inner.clone(), bias.clone(), Activation::Gelu)
    });
    let tables = [matrix(VOCABULARY, HIDDEN), matrix(512, HIDDEN), matrix(2, HIDDEN)];
    let ids = [VOCABULARY, 512, 2].map(|rows| {
        let ids: Vec<i32> = (0..TOKENS).map(|i| (i * 7919 % rows) as i32).collect();
        Tensor::<B, 1, Int>::from_ints(ids.as_slice(), &Default::default())
    });
    measure(criterion, "embedding_sum", || ops::embedding_sum(tables.clone(), ids.clone()));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = kernels
}
criterion_main!(benches);
