//! Every operation against its default body under Burn's own automatic differentiation: forward
//! and gradients, on Flex (fused) and ndarray (default bodies), with and without dropout.

#![expect(clippy::unwrap_used, reason = "tests")]

#[cfg(target_arch = "x86_64")]
mod instructions;
mod layer;
mod low_rank;
mod properties;
mod rows;
mod sums;

use std::sync::{Mutex, PoisonError};

use burn_autodiff::Autodiff;
use burn_core::tensor::backend::{AutodiffBackend, Backend};
use burn_core::tensor::{Distribution, Int, Tensor, TensorData};
use burn_flex::Flex;
use burn_ndarray::NdArray;

use crate::primitive::{self, unwrap, wrap};
use crate::{
    Activation, AdamState, AdamStep, BertOps, Dropout, DropoutKey, OptimizerOps, Precision,
    Sequences, WeightDecay, ops,
};

type Reference = Autodiff<NdArray>;

const WIDTHS: [usize; 4] = [6, 12, 32, 76];

fn dropouts() -> [Option<Dropout>; 2] {
    [None, Dropout::new(0.3, DropoutKey::new(5, 9).site(2, 1))]
}

/// The same numbers for the same seed: ndarray has one generator, which tests beside this one use too.
fn random(shape: &[usize], seed: u64) -> TensorData {
    static GENERATOR: Mutex<()> = Mutex::new(());
    let _mine = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    <NdArray as Backend>::seed(&Default::default(), seed);
    let n: usize = shape.iter().product();
    let values =
        Tensor::<NdArray, 1>::random([n], Distribution::Normal(0.3, 1.2), &Default::default());
    TensorData::new(values.into_data().to_vec::<f32>().unwrap(), shape.to_vec())
}

/// An operation's output and the gradients of its matrix and vector inputs, weighted so that no
/// gradient vanishes by symmetry.
fn run<B: AutodiffBackend, const M: usize, const V: usize>(
    matrices: &[TensorData; M],
    vectors: &[TensorData; V],
    operation: impl Fn([Tensor<B, 2>; M], [Tensor<B, 1>; V]) -> Tensor<B, 2>,
) -> Vec<TensorData> {
    let device = Default::default();
    let matrices =
        matrices.each_ref().map(|x| Tensor::<B, 2>::from_data(x.clone(), &device).require_grad());
    let vectors =
        vectors.each_ref().map(|x| Tensor::<B, 1>::from_data(x.clone(), &device).require_grad());
    let y = operation(matrices.clone(), vectors.clone());
    let weights = Tensor::from_data(random(&y.dims(), 99), &device);
    let grads = (y.clone() * weights).sum().backward();
    let mut results = vec![y.into_data()];
    results.extend(matrices.iter().map(|x| x.grad(&grads).unwrap().into_data()));
    results.extend(vectors.iter().map(|x| x.grad(&grads).unwrap().into_data()));
    results
}

fn assert_close(ours: &[TensorData], reference: &[TensorData], what: &str) {
    assert_eq!(ours.len(), reference.len());
    for (i, (ours, reference)) in ours.iter().zip(reference).enumerate() {
        assert_eq!(ours.shape, reference.shape, "{what}, result {i}");
        let scale = reference.iter::<f32>().fold(1.0f32, |a, b| a.max(b.abs()));
        let worst = ours.iter::<f32>().zip(reference.iter::<f32>());
        let worst = worst.map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap_or(0.0);
        assert!(worst <= 4e-6 * scale, "{what}, result {i}: {worst:e} of {scale}");
    }
}

#[test]
fn cross_entropy_equals_its_definition() {
    for classes in [1, 2, 37, 8000] {
        let rows = 21;
        let logits = [random(&[rows, classes], 1)];
        let labels: Vec<i32> = (0..rows).map(|row| (row * 389 % classes) as i32).collect();
        let labels = TensorData::new(labels, [rows]);
        let reference = run::<Reference, 1, 0>(&logits, &[], |[logits], []| {
            let labels =
                Tensor::<Reference, 1, Int>::from_data(labels.clone(), &Default::default());
            let losses =
                primitive::cross_entropy::<Reference>(unwrap(logits), labels.into_primitive());
            wrap::<Reference, 1>(losses).reshape([rows, 1])
        });
        fn ours<B: BertOps>(logits: Tensor<B, 2>, labels: &TensorData) -> Tensor<B, 2> {
            let labels = Tensor::<B, 1, Int>::from_data(labels.clone(), &Default::default());
            let [rows, _] = logits.dims();
            ops::cross_entropy(logits, labels).reshape([rows, 1])
        }
        let flex = run::<Autodiff<Flex>, 1, 0>(&logits, &[], |[x], []| ours(x, &labels));
        assert_close(&flex, &reference, &format!("flex, {classes} classes"));
        let plain = run::<Autodiff<NdArray>, 1, 0>(&logits, &[], |[x], []| ours(x, &labels));
        assert_close(&plain, &reference, &format!("ndarray, {classes} classes"));
    }
}

#[test]
fn bias_activation_equals_its_definition() {
    for width in WIDTHS {
        for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Relu] {
            let (x, bias) = ([random(&[70, width], 1)], [random(&[width], 2)]);
            let reference = run::<Reference, 1, 1>(&x, &bias, |[x], [bias]| {
                wrap(primitive::bias_activation::<Reference>(unwrap(x), unwrap(bias), activation))
            });
            fn ours<B: BertOps>(
                x: Tensor<B, 2>,
                bias: Tensor<B, 1>,
                a: Activation,
            ) -> Tensor<B, 2> {
                ops::bias_activation(x, bias, a)
            }
            let flex = run::<Autodiff<Flex>, 1, 1>(&x, &bias, |[x], [b]| ours(x, b, activation));
            let ndarray = run::<Reference, 1, 1>(&x, &bias, |[x], [b]| ours(x, b, activation));
            assert_close(&flex, &reference, &format!("flex {width} {activation:?}"));
            assert_close(&ndarray, &reference, &format!("ndarray {width} {activation:?}"));
        }
    }
}

#[test]
fn embeddings_equal_their_definition() {
    fn results<B: AutodiffBackend + BertOps>() -> Vec<TensorData> {
        let device = Default::default();
        let tables = [(700, 1), (40, 2), (2, 3)].map(|(rows, seed)| random(&[rows, 12], seed));
        let ids = [700, 40, 2].map(|rows| {
            let ids: Vec<i32> = (0..90).map(|i| i * i * 7 % rows).collect();
            Tensor::<B, 1, Int>::from_ints(ids.as_slice(), &device)
        });
        run::<B, 3, 0>(&tables, &[], |tables, []| ops::embedding_sum(tables, ids.clone()))
    }
    assert_close(&results::<Autodiff<Flex>>(), &results::<Reference>(), "flex");
    let [words, row] = [random(&[700, 12], 1), random(&[2, 12], 3)];
    let sum = results::<Reference>().remove(0);
    let (words, row) = (words.to_vec::<f32>().unwrap(), row.to_vec::<f32>().unwrap());
    let position = random(&[40, 12], 2).to_vec::<f32>().unwrap();
    // Token 3 has the ids 63, 23 and 1.
    let expected = words[63 * 12] + position[23 * 12] + row[12];
    assert!((sum.to_vec::<f32>().unwrap()[3 * 12] - expected).abs() < 1e-6);
}

/// However many groups there are, and some tokens in none.
#[test]
fn embedding_gradients_in_groups_equal_those_at_once() {
    for (tokens, rows) in [(1, 3), (63, 2), (1000, 40), (4099, 700)] {
        let ids: Vec<i32> = (0..tokens as i32).map(|i| i * 31 % rows as i32).collect();
        let ids = Tensor::<NdArray, 1, Int>::from_ints(ids.as_slice(), &Default::default());
        let grad = Tensor::<NdArray, 2>::from_data(random(&[tokens, 12], 4), &Default::default());
        let (grad, ids) = (|| unwrap(grad.clone()), || ids.clone().into_primitive());
        let at_once = primitive::embedding_gradient::<NdArray>(grad(), ids(), rows);
        let in_groups = primitive::embedding_gradient_in_groups::<NdArray>(grad(), ids(), rows);
        let [at_once, in_groups] =
            [at_once, in_groups].map(|table| wrap::<NdArray, 2>(table).into_data());
        assert_close(&[in_groups], &[at_once], &format!("{tokens} tokens, {rows} rows"));
    }
}

/// A matrix that is read twice gets the sum of both gradients, whichever comes first.
#[test]
fn gradients_of_a_shared_input_add_up() {
    fn results<B: AutodiffBackend + BertOps>() -> Vec<TensorData> {
        let matrices = [random(&[70, 20], 1), random(&[20, 20], 2)];
        run::<B, 2, 0>(&matrices, &[], |[x, w], []| {
            let first = ops::project(x.clone(), w.clone(), Precision::F32);
            let second = ops::project(x.clone(), w.clone() * 2.0, Precision::F32);
            first * second + x
        })
    }
    let reference =
        run::<Reference, 2, 0>(&[random(&[70, 20], 1), random(&[20, 20], 2)], &[], |[x, w], []| {
            x.clone().matmul(w.clone().transpose()).powi_scalar(2) * 2.0 + x
        });
    assert_close(&results::<Autodiff<Flex>>(), &reference, "flex");
    assert_close(&results::<Reference>(), &reference, "ndarray");
}

#[test]
fn projections_equal_their_definition() {
    let (x, weight) = (random(&[70, 19], 1), random(&[33, 19], 2));
    let matrices = [x, weight];
    let bias = [random(&[33], 3)];
    let reference = run::<Reference, 2, 1>(&matrices, &bias, |[x, weight], [bias]| {
        x.matmul(weight.transpose()) + bias.unsqueeze()
    });
    let flex = run::<Autodiff<Flex>, 2, 1>(&matrices, &bias, |[x, w], [b]| {
        ops::linear(x, w, b, Precision::F32)
    });
    let ndarray = run::<Reference, 2, 1>(&matrices, &bias, |[x, w], [b]| {
        ops::linear(x, w, b, Precision::F32)
    });
    assert_close(&flex, &reference, "flex");
    assert_close(&ndarray, &reference, "ndarray");
    let reference = run::<Reference, 2, 0>(&matrices, &[], |[x, w], []| x.matmul(w.transpose()));
    let flex = run::<Autodiff<Flex>, 2, 0>(&matrices, &[], |[x, w], []| {
        ops::project(x, w, Precision::F32)
    });
    assert_close(&flex, &reference, "flex without bias");
}

/// Rounding to bf16 moves products and gradients a little, where the backend has it, and else not.
#[test]
fn projections_of_bf16_are_near_those_of_f32() {
    fn results<B: AutodiffBackend + BertOps>(precision: Precision) -> Vec<TensorData> {
        let matrices = [random(&[70, 19], 1), random(&[33, 19], 2)];
        run::<B, 2, 1>(&matrices, &[random(&[33], 3)], |[x, w], [b]| {
            ops::project(x.clone(), w.clone(), precision) + ops::linear(x, w, b, precision)
        })
    }
    fn check<B: AutodiffBackend + BertOps>() {
        let [exact, rounded] = [Precision::F32, Precision::Bf16].map(results::<B>);
        for (i, (exact, rounded)) in exact.iter().zip(&rounded).enumerate() {
            let scale = exact.iter::<f32>().fold(0.0f32, |a, b| a.max(b.abs()));
            let pairs = exact.iter::<f32>().zip(rounded.iter::<f32>());
            let worst = pairs.map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap();
            assert!(worst < 1e-2 * scale, "result {i}: {worst} of {scale}");
            // The bias's gradient, the last result, is no product.
            assert_eq!(worst > 0.0, B::has_precision(Precision::Bf16) && i < 3, "result {i}");
        }
    }
    check::<Autodiff<Flex>>();
    check::<Reference>();
    assert!(!NdArray::has_precision(Precision::Bf16));
}

fn norm<B: BertOps>(gamma: Tensor<B, 1>, beta: Tensor<B, 1>) -> ops::LayerNormWeights<B> {
    ops::LayerNormWeights { gamma, beta, epsilon: 1e-12 }
}

#[test]
fn dropout_add_layer_norm_equals_its_definition() {
    for width in WIDTHS {
        for dropout in dropouts() {
            let matrices = [random(&[130, width], 1), random(&[130, width], 2)];
            let vectors = [3, 4, 5].map(|seed| random(&[width], seed));
            let reference =
                run::<Reference, 2, 3>(&matrices, &vectors, |[x, r], [b, gamma, beta]| {
                    let [x, r, b, gamma, beta] =
                        [unwrap(x), unwrap(r), unwrap(b), unwrap(gamma), unwrap(beta)];
                    let y = primitive::dropout_add_layer_norm::<Reference>(
                        x, b, r, gamma, beta, 1e-12, dropout,
                    );
                    wrap(y.0)
                });
            let flex = run::<Autodiff<Flex>, 2, 3>(&matrices, &vectors, |[x, r], [b, g, beta]| {
                ops::dropout_add_layer_norm(x, b, r, norm(g, beta), dropout)
            });
            let ndarray = run::<Reference, 2, 3>(&matrices, &vectors, |[x, r], [b, g, beta]| {
                ops::dropout_add_layer_norm(x, b, r, norm(g, beta), dropout)
            });
            assert_close(&flex, &reference, &format!("flex {width} {dropout:?}"));
            assert_close(&ndarray, &reference, &format!("ndarray {width} {dropout:?}"));
        }
    }
}

#[test]
fn layer_norm_dropout_equals_its_definition() {
    for dropout in dropouts() {
        let x = [random(&[70, 24], 1)];
        let vectors = [random(&[24], 2), random(&[24], 3)];
        let reference = run::<Reference, 1, 2>(&x, &vectors, |[x], [gamma, beta]| {
            let [x, gamma, beta] = [unwrap(x), unwrap(gamma), unwrap(beta)];
            let y = primitive::layer_norm::<Reference>(x, gamma, beta, 1e-12).0;
            wrap(primitive::dropout::<Reference>(y, dropout))
        });
        let flex = run::<Autodiff<Flex>, 1, 2>(&x, &vectors, |[x], [gamma, beta]| {
            ops::layer_norm_dropout(x, norm(gamma, beta), dropout)
        });
        let ndarray = run::<Reference, 1, 2>(&x, &vectors, |[x], [gamma, beta]| {
            ops::layer_norm_dropout(x, norm(gamma, beta), dropout)
        });
        assert_close(&flex, &reference, &format!("flex {dropout:?}"));
        assert_close(&ndarray, &reference, &format!("ndarray {dropout:?}"));
    }
}

#[test]
fn dropout_draws_the_same_mask_on_every_backend() {
    let x = [random(&[300, 41], 1)];
    for dropout in dropouts() {
        let flex = run::<Autodiff<Flex>, 1, 0>(&x, &[], |[x], []| ops::dropout(x, dropout));
        let ndarray = run::<Reference, 1, 0>(&x, &[], |[x], []| ops::dropout(x, dropout));
        assert_eq!(flex, ndarray, "{dropout:?}");
        let changed = flex[0] != x[0].clone();
        assert_eq!(changed, dropout.is_some());
    }
}

#[test]
fn attention_equals_its_definition() {
    let layouts: [&[usize]; 4] = [&[0, 1], &[0, 5, 5, 6, 29], &[0, 17, 50], &[0, 64]];
    for (offsets, dropout) in layouts.into_iter().flat_map(|l| dropouts().map(|d| (l, d))) {
        for (heads, dim) in [(1, 6), (2, 16), (3, 5)] {
            let sequences = Sequences::new(offsets);
            let inputs = [1, 2, 3].map(|seed| random(&[sequences.tokens(), heads * dim], seed));
            let reference = run::<Reference, 3, 0>(&inputs, &[], |[q, k, v], []| {
                let [q, k, v] = [q, k, v].map(unwrap);
                wrap(primitive::varlen_attention::<Reference>(q, k, v, &sequences, heads, dropout))
            });
            let flex = run::<Autodiff<Flex>, 3, 0>(&inputs, &[], |[q, k, v], []| {
                ops::varlen_attention(q, k, v, &sequences, heads, dropout)
            });
            let ndarray = run::<Reference, 3, 0>(&inputs, &[], |[q, k, v], []| {
                ops::varlen_attention(q, k, v, &sequences, heads, dropout)
            });
            let case = format!("{offsets:?} {heads} heads of {dim}, {dropout:?}");
            assert_close(&flex, &reference, &format!("flex {case}"));
            assert_close(&ndarray, &reference, &format!("ndarray {case}"));
        }
    }
}

/// The rows of the first tokens, of which only the first tokens' queries are asked.
#[test]
fn the_first_tokens_attention_equals_its_definition() {
    fn reference(
        [q, k, v]: [Tensor<Reference, 2>; 3],
        sequences: &Sequences,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> Tensor<Reference, 2> {
        let firsts: Vec<i64> = sequences.ranges().map(|range| range.start as i64).collect();
        let firsts = Tensor::from_data(firsts.as_slice(), &q.device());
        // All queries of a sequence are its first token's: the first row is the one that counts.
        let lengths = sequences.ranges().enumerate();
        let of: Vec<i64> = lengths.flat_map(|(s, range)| range.map(move |_| s as i64)).collect();
        let queries = q.select(0, Tensor::from_data(of.as_slice(), &k.device()));
        let [q, k, v] = [queries, k, v].map(unwrap);
        let all = primitive::varlen_attention::<Reference>(q, k, v, sequences, heads, dropout);
        wrap::<Reference, 2>(all).select(0, firsts)
    }
    for (offsets, dropout) in [&[0, 1][..], &[0, 5, 6, 29], &[0, 17, 50], &[0, 512, 520]]
        .into_iter()
        .flat_map(|layout| dropouts().map(|dropout| (layout, dropout)))
    {
        for (heads, dim) in [(1, 6), (2, 16), (3, 5)] {
            let sequences = Sequences::new(offsets);
            let rows = [sequences.len(), sequences.tokens(), sequences.tokens()];
            let inputs = [0, 1, 2].map(|i| random(&[rows[i], heads * dim], i as u64 + 1));
            let expected = run::<Reference, 3, 0>(&inputs, &[], |inputs, []| {
                reference(inputs, &sequences, heads, dropout)
            });
            let flex = run::<Autodiff<Flex>, 3, 0>(&inputs, &[], |[q, k, v], []| {
                ops::first_attention(q, k, v, &sequences, heads, dropout)
            });
            let ndarray = run::<Reference, 3, 0>(&inputs, &[], |[q, k, v], []| {
                ops::first_attention(q, k, v, &sequences, heads, dropout)
            });
            let case = format!("{offsets:?} {heads} heads of {dim}, {dropout:?}");
            assert_close(&flex, &expected, &format!("flex {case}"));
            assert_close(&ndarray, &expected, &format!("ndarray {case}"));
        }
    }
}

/// Every bit of a layer's output and gradients, on one thread and on several.
#[test]
fn the_number_of_threads_changes_nothing() {
    const HIDDEN: usize = 96;
    let sequences = Sequences::new(&[0, 40, 41, 300]);
    let dropout = Dropout::new(0.1, DropoutKey::new(1, 1));
    let matrices = [
        random(&[300, HIDDEN], 1),
        random(&[HIDDEN, HIDDEN], 2),
        random(&[4 * HIDDEN, HIDDEN], 3),
        random(&[HIDDEN, 4 * HIDDEN], 4),
    ];
    let vectors = [5, 6, 7].map(|seed| random(&[HIDDEN], seed));
    let layer = |precision: Precision| {
        run::<Autodiff<Flex>, 4, 3>(&matrices, &vectors, |[x, w, up, down], [bias, gamma, beta]| {
            let projected = ops::linear(x.clone(), w, bias.clone(), precision);
            let inputs = [projected.clone(), x.clone(), projected];
            let [q, k, v] = inputs;
            let attended = ops::varlen_attention(q, k, v, &sequences, 4, dropout);
            let inner = ops::project(attended, up, precision);
            let wide = Tensor::cat(vec![bias.clone(); 4], 0);
            let inner = ops::bias_activation(inner, wide, Activation::Gelu);
            let out = ops::project(inner, down, precision);
            ops::dropout_add_layer_norm(out, bias, x, norm(gamma, beta), dropout)
        })
    };
    for precision in [Precision::F32, Precision::Bf16] {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| layer(precision))
        };
        let alone = on(1);
        assert!(alone.iter().all(|result| result.iter::<f32>().all(f32::is_finite)));
        for threads in [2, 3, 8] {
            assert_eq!(on(threads), alone, "{threads} threads, {precision:?}");
        }
    }
}

#[test]
fn a_sequence_does_not_see_its_neighbours() {
    let device = Default::default();
    let input = |seed| Tensor::<Flex, 2>::from_data(random(&[12, 8], seed), &device);
    let attend = |inputs: [Tensor<Flex, 2>; 3], offsets: &[usize]| {
        let [q, k, v] = inputs;
        ops::varlen_attention(q, k, v, &Sequences::new(offsets), 2, None).into_data()
    };
    let together = attend([1, 2, 3].map(input), &[0, 5, 12]);
    let alone = attend([1, 2, 3].map(|seed| input(seed).slice(5..12)), &[0, 7]);
    assert_eq!(together.as_slice::<f32>().unwrap()[5 * 8..], *alone.as_slice::<f32>().unwrap());
}

#[test]
fn adam_steps_agree_between_backends() {
    fn steps<B: BertOps>(decay: WeightDecay) -> Vec<TensorData> {
        let device = Default::default();
        let mut parameter = unwrap(Tensor::<B, 2>::from_data(random(&[40, 33], 1), &device));
        let mut state: Option<AdamState<_>> = None;
        for step in 1..=5 {
            let grad = unwrap(Tensor::<B, 2>::from_data(random(&[40, 33], 10 + step), &device));
            let settings = AdamStep {
                learning_rate: 1e-2,
                beta_1: 0.9,
                beta_2: 0.999,
                epsilon: 1e-8,
                weight_decay: decay,
                gradient_scale: 0.5,
                step,
            };
            let (new, moments) = B::adam(parameter, grad, state, &settings);
            (parameter, state) = (new, Some(moments));
        }
        let state = state.unwrap();
        [parameter, state.first_moment, state.second_moment]
            .map(|x| wrap::<B, 2>(x).into_data())
            .to_vec()
    }
    for decay in [WeightDecay::Coupled(0.1), WeightDecay::Decoupled(0.1)] {
        assert_close(&steps::<Flex>(decay), &steps::<NdArray>(decay), &format!("{decay:?}"));
    }
}
