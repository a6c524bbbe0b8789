//! The layer in one piece against the operations that it is made of.

use super::*;
use crate::{LayerRows, LayerWeights, LinearWeights, NormWeights};

/// Hidden size, inner size, heads.
type Shape = [usize; 3];

const SHAPES: [Shape; 6] =
    [[6, 9, 1], [32, 70, 2], [15, 20, 3], [80, 33, 2], [64, 128, 2], [128, 64, 1]];

/// Some of them are more than threads take at once: in tokens, or in sequences.
fn layouts() -> [Vec<usize>; 6] {
    let few: [&[usize]; 5] = [
        &[0, 1],
        &[0, 5, 6, 29, 61],
        &[0, 33, 50, 52],
        &[0, 130, 194],
        &[0, 250, 255, 256, 300, 301, 600],
    ];
    let [a, b, c, d, e] = few.map(<[usize]>::to_vec);
    [a, b, c, d, e, (0..=40).map(|i| 3 * i).collect()]
}

fn weights<B: BertOps>(
    [hidden, inner, heads]: Shape,
    activation: Activation,
) -> LayerWeights<Tensor<B, 2>, Tensor<B, 1>> {
    let device = Default::default();
    let vector = |size, seed| Tensor::<B, 1>::from_data(random(&[size], seed), &device);
    let linear = |from: usize, to: usize, seed| LinearWeights {
        weight: Tensor::from_data(random(&[to, from], seed), &device) / (from as f64).sqrt(),
        bias: vector(to, seed + 100),
    };
    let norm = |seed| NormWeights {
        gamma: vector(hidden, seed),
        beta: vector(hidden, seed + 1),
        epsilon: 1e-12,
    };
    LayerWeights {
        inputs: [1, 2, 3].map(|seed| linear(hidden, hidden, seed)),
        attention_output: linear(hidden, hidden, 4),
        attention_norm: norm(5),
        intermediate: linear(hidden, inner, 7),
        output: linear(inner, hidden, 8),
        output_norm: norm(9),
        heads,
        activation,
    }
}

/// All tokens' states by the other operations.
fn composed<B: BertOps>(
    x: Tensor<B, 2>,
    weights: LayerWeights<Tensor<B, 2>, Tensor<B, 1>>,
    sequences: &Sequences,
) -> Tensor<B, 2> {
    let linear = |x, map: LinearWeights<_, _>| ops::linear(x, map.weight, map.bias, Precision::F32);
    let [query, key, value] = weights.inputs.map(|map| linear(x.clone(), map));
    let attended = ops::varlen_attention(query, key, value, sequences, weights.heads, None);
    let end = |inner, map: LinearWeights<_, _>, residual, norm| {
        let inner = ops::project(inner, map.weight, Precision::F32);
        ops::dropout_add_layer_norm(inner, map.bias, residual, norm, None)
    };
    let x = end(attended, weights.attention_output, x, weights.attention_norm);
    let LinearWeights { weight, bias } = weights.intermediate;
    let inner = ops::project(x.clone(), weight, Precision::F32);
    let inner = ops::bias_activation(inner, bias, weights.activation);
    end(inner, weights.output, x, weights.output_norm)
}

fn input(sequences: &Sequences, hidden: usize) -> Tensor<Flex, 2> {
    Tensor::from_data(random(&[sequences.tokens(), hidden], 1), &Default::default())
}

/// `None` where the processor lacks what it needs.
fn in_one_piece(
    x: Tensor<Flex, 2>,
    shape: Shape,
    sequences: &Sequences,
    rows: LayerRows,
) -> Option<TensorData> {
    let weights = weights::<Flex>(shape, Activation::Gelu);
    Some(ops::layer(x, weights, sequences, rows)?.into_data())
}

#[test]
fn a_layer_in_one_piece_equals_its_operations() {
    for (shape, offsets) in SHAPES.into_iter().flat_map(|s| layouts().map(|l| (s, l))) {
        for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Relu] {
            let sequences = Sequences::new(&offsets);
            let x = random(&[sequences.tokens(), shape[0]], 1);
            let device = Default::default();
            let expected = composed::<NdArray>(
                Tensor::from_data(x.clone(), &device),
                weights(shape, activation),
                &sequences,
            );
            let starts: Vec<i64> = sequences.ranges().map(|range| range.start as i64).collect();
            let starts = Tensor::from_data(starts.as_slice(), &device);
            let firsts = expected.clone().select(0, starts);
            for (rows, expected) in [(LayerRows::All, expected), (LayerRows::Firsts, firsts)] {
                let x = Tensor::<Flex, 2>::from_data(x.clone(), &Default::default());
                let weights = weights(shape, activation);
                let Some(ours) = ops::layer(x, weights, &sequences, rows) else { return };
                let case = format!("{shape:?} {offsets:?} {activation:?} {rows:?}");
                assert_close(&[ours.into_data()], &[expected.into_data()], &case);
            }
        }
    }
}

#[test]
fn a_layer_gives_a_sequence_the_same_bits_in_any_batch() {
    for (shape, rows) in
        SHAPES.into_iter().flat_map(|shape| [LayerRows::All, LayerRows::Firsts].map(|r| (shape, r)))
    {
        let offsets: Vec<usize> = [0, 7, 20, 90, 93].into_iter().chain(320..350).collect();
        let sequences = Sequences::new(&offsets);
        let x = input(&sequences, shape[0]);
        let Some(together) = in_one_piece(x.clone(), shape, &sequences, rows) else { return };
        let together = Tensor::<Flex, 2>::from_data(together, &Default::default());
        for (i, range) in sequences.ranges().enumerate() {
            let alone = Sequences::new(&[0, range.len()]);
            let alone = in_one_piece(x.clone().slice(range.clone()), shape, &alone, rows).unwrap();
            let rows = if rows == LayerRows::All { range } else { i..i + 1 };
            assert_eq!(alone, together.clone().slice(rows).into_data(), "{shape:?}, {i}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_layer_in_one_piece() {
    let (shape, sequences) = ([64, 128, 2], Sequences::new(&[0, 40, 41, 300, 310]));
    let x = input(&sequences, shape[0]);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        [LayerRows::All, LayerRows::Firsts]
            .map(|rows| pool.install(|| in_one_piece(x.clone(), shape, &sequences, rows)))
    };
    let alone = on(1);
    for threads in [2, 3, 8] {
        assert_eq!(on(threads), alone, "{threads} threads");
    }
}

#[test]
fn where_gradients_are_computed_there_is_no_layer_in_one_piece() {
    let (shape, sequences) = ([6, 9, 1], Sequences::new(&[0, 3]));
    let x = Tensor::<Autodiff<Flex>, 2>::from_data(random(&[3, 6], 1), &Default::default());
    let weights = weights(shape, Activation::Gelu);
    assert!(ops::layer(x, weights, &sequences, LayerRows::All).is_none());
}

/// What the unsafe code of a layer relies on is checked before it runs.
#[test]
fn weights_that_do_not_fit_are_refused() {
    type Weights = LayerWeights<Tensor<Flex, 2>, Tensor<Flex, 1>>;
    let shape = [32, 70, 2];
    let other = || weights::<Flex>([64, 128, 2], Activation::Gelu);
    type Fault = fn(&mut Weights, Weights);
    let faults: [(&str, Fault); 6] = [
        ("a wider value", |weights, other| weights.inputs[2] = other.output),
        ("a longer bias", |weights, other| weights.inputs[0].bias = other.intermediate.bias),
        ("another width", |weights, other| weights.intermediate = other.intermediate),
        ("a longer gamma", |weights, other| weights.output_norm.gamma = other.output_norm.gamma),
        ("heads that do not share the columns", |weights, _| weights.heads = 3),
        ("no heads", |weights, _| weights.heads = 0),
    ];
    let sequences = Sequences::new(&[0, 3, 7]);
    if in_one_piece(input(&sequences, 32), shape, &sequences, LayerRows::Firsts).is_none() {
        return;
    }
    let refuses = |weights: Weights, sequences: &Sequences| {
        let layer = || ops::layer(input(sequences, 32), weights, sequences, LayerRows::Firsts);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(layer)).is_err()
    };
    for (fault, make) in faults {
        let mut weights = weights::<Flex>(shape, Activation::Gelu);
        make(&mut weights, other());
        assert!(refuses(weights, &sequences), "{fault}");
    }
    assert!(refuses(weights(shape, Activation::Gelu), &Sequences::new(&[0, 3, 3, 7])));
}
