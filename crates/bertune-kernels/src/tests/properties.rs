//! Operations of random shapes: against their default bodies, and their gradients against finite
//! differences.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn sequences_of(lengths: &[usize]) -> Sequences {
    let mut ends = vec![0];
    lengths.iter().for_each(|length| ends.push(ends[ends.len() - 1] + length));
    Sequences::new(&ends)
}

/// Many short sequences, or one or two of any length.
fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![vec(1..=24usize, 1..=40), vec(1..=512usize, 1..=2)]
}

fn dropout() -> impl Strategy<Value = Option<Dropout>> {
    (select(vec![0.0, 0.1]), any::<u64>())
        .prop_map(|(probability, seed)| Dropout::new(probability, DropoutKey::new(seed, 1)))
}

/// An operation of `M` matrices and `V` vectors, on any backend.
trait Operation<const M: usize, const V: usize> {
    fn run<B: BertOps>(
        &self,
        matrices: [Tensor<B, 2>; M],
        vectors: [Tensor<B, 1>; V],
    ) -> Tensor<B, 2>;

    /// Flex against ndarray, and the gradients of Flex against differences.
    fn check(&self, matrices: [[usize; 2]; M], vectors: [usize; V]) {
        let mut seed = 0;
        let mut next = |shape: &[usize]| {
            seed += 1;
            random(shape, seed)
        };
        let matrices = matrices.map(|shape| next(&shape));
        let vectors = vectors.map(|length| next(&[length]));
        let flex = run::<Autodiff<Flex>, M, V>(&matrices, &vectors, |m, v| self.run(m, v));
        let ndarray = run::<Reference, M, V>(&matrices, &vectors, |m, v| self.run(m, v));
        assert_close(&flex, &ndarray, "flex and ndarray");
        self.check_differences(&matrices, &vectors, &flex[1..]);
    }

    /// The slope along a random direction is the gradient's product with it.
    fn check_differences(
        &self,
        matrices: &[TensorData; M],
        vectors: &[TensorData; V],
        gradients: &[TensorData],
    ) {
        const STEP: f32 = 1e-2;
        let directions: Vec<TensorData> =
            gradients.iter().zip(50..).map(|(of, seed)| random(&of.shape, seed)).collect();
        let moved = |from: &TensorData, i: usize, step: f32| {
            let along = directions[i].iter::<f32>();
            let values: Vec<f32> =
                from.iter::<f32>().zip(along).map(|(x, along)| x + step * along).collect();
            TensorData::new(values, from.shape.clone())
        };
        let value = |step: f32| {
            let device = Default::default();
            let mut i = 0..;
            let mut moved = |from: &TensorData| moved(from, i.next().unwrap(), step);
            let matrices =
                matrices.each_ref().map(|x| Tensor::<Flex, 2>::from_data(moved(x), &device));
            let vectors =
                vectors.each_ref().map(|x| Tensor::<Flex, 1>::from_data(moved(x), &device));
            let y = self.run(matrices, vectors).into_data();
            let weights = random(&y.shape, 99);
            let terms = y.iter::<f64>().zip(weights.iter::<f64>()).map(|(y, weight)| y * weight);
            terms.sum::<f64>()
        };
        let slope = (value(STEP) - value(-STEP)) / f64::from(2.0 * STEP);
        let numbers = |of: &[TensorData]| -> Vec<f64> {
            of.iter().flat_map(|data| data.iter::<f64>().collect::<Vec<_>>()).collect()
        };
        let (gradient, direction) = (numbers(gradients), numbers(&directions));
        let expected: f64 = gradient.iter().zip(&direction).map(|(a, b)| a * b).sum();
        let length = gradient.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((slope - expected).abs() <= 1e-2 * length, "{slope} {expected} of {length}");
    }
}

struct Attention {
    sequences: Sequences,
    heads: usize,
    dropout: Option<Dropout>,
}

impl Operation<3, 0> for Attention {
    fn run<B: BertOps>(&self, [q, k, v]: [Tensor<B, 2>; 3], []: [Tensor<B, 1>; 0]) -> Tensor<B, 2> {
        ops::varlen_attention(q, k, v, &self.sequences, self.heads, self.dropout)
    }
}

struct FirstAttention(Attention);

impl Operation<3, 0> for FirstAttention {
    fn run<B: BertOps>(&self, [q, k, v]: [Tensor<B, 2>; 3], []: [Tensor<B, 1>; 0]) -> Tensor<B, 2> {
        let Attention { sequences, heads, dropout } = &self.0;
        ops::first_attention(q, k, v, sequences, *heads, *dropout)
    }
}

struct AddNorm(Option<Dropout>);

impl Operation<2, 3> for AddNorm {
    fn run<B: BertOps>(
        &self,
        [x, residual]: [Tensor<B, 2>; 2],
        [bias, gamma, beta]: [Tensor<B, 1>; 3],
    ) -> Tensor<B, 2> {
        ops::dropout_add_layer_norm(x, bias, residual, norm(gamma, beta), self.0)
    }
}

struct NormDropout(Option<Dropout>);

impl Operation<1, 2> for NormDropout {
    fn run<B: BertOps>(
        &self,
        [x]: [Tensor<B, 2>; 1],
        [gamma, beta]: [Tensor<B, 1>; 2],
    ) -> Tensor<B, 2> {
        ops::layer_norm_dropout(x, norm(gamma, beta), self.0)
    }
}

struct Linear;

impl Operation<2, 1> for Linear {
    fn run<B: BertOps>(
        &self,
        [x, w]: [Tensor<B, 2>; 2],
        [bias]: [Tensor<B, 1>; 1],
    ) -> Tensor<B, 2> {
        ops::linear(x, w, bias, Precision::F32)
    }
}

struct BiasActivation(Activation);

impl Operation<1, 1> for BiasActivation {
    fn run<B: BertOps>(&self, [x]: [Tensor<B, 2>; 1], [bias]: [Tensor<B, 1>; 1]) -> Tensor<B, 2> {
        ops::bias_activation(x, bias, self.0)
    }
}

struct CrossEntropy(Vec<i32>);

impl Operation<1, 0> for CrossEntropy {
    fn run<B: BertOps>(&self, [x]: [Tensor<B, 2>; 1], []: [Tensor<B, 1>; 0]) -> Tensor<B, 2> {
        let labels = Tensor::from_ints(self.0.as_slice(), &x.device());
        ops::cross_entropy(x, labels).unsqueeze()
    }
}

struct EmbeddingSum([Vec<i32>; 3]);

impl Operation<3, 0> for EmbeddingSum {
    fn run<B: BertOps>(&self, tables: [Tensor<B, 2>; 3], []: [Tensor<B, 1>; 0]) -> Tensor<B, 2> {
        let device = tables[0].device();
        let ids = self.0.each_ref().map(|ids| Tensor::from_ints(ids.as_slice(), &device));
        ops::embedding_sum(tables, ids)
    }
}

// The norm of a few numbers that nearly agree is a step, which has no slope: those of narrower rows are
// compared with their definition alone, by the tests beside this one.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn attention_of_any_shape_has_its_gradient(
        lengths in lengths(),
        heads in 1..=3usize,
        dim in select(vec![5, 16, 32, 40, 64]),
        dropout in dropout(),
    ) {
        let sequences = sequences_of(&lengths);
        let (tokens, width) = (sequences.tokens(), heads * dim);
        let attention = Attention { sequences, heads, dropout };
        attention.check([[tokens, width]; 3], []);
        let first = FirstAttention(attention);
        first.check([[lengths.len(), width], [tokens, width], [tokens, width]], []);
    }

    #[test]
    fn norms_of_any_shape_have_their_gradients(rows in 1..=150usize, width in 16..=100usize, dropout in dropout()) {
        AddNorm(dropout).check([[rows, width]; 2], [width; 3]);
        NormDropout(dropout).check([[rows, width]], [width; 2]);
    }

    #[test]
    fn linear_maps_of_any_shape_have_their_gradients(rows in 1..=150usize, from in 1..=100usize, to in 1..=100usize) {
        Linear.check([[rows, from], [to, from]], [to]);
    }

    #[test]
    fn activations_of_any_shape_have_their_gradients(
        rows in 1..=150usize,
        width in 1..=100usize,
        activation in select(vec![Activation::Gelu, Activation::GeluTanh]),
    ) {
        BiasActivation(activation).check([[rows, width]], [width]);
    }

    #[test]
    fn losses_of_any_shape_have_their_gradients(labels in vec(0..50i32, 1..=60), more in 0..=300usize) {
        let shape = [labels.len(), 50 + more];
        CrossEntropy(labels).check([shape], []);
    }

    #[test]
    fn embeddings_of_any_shape_have_their_gradients(ids in vec((0..90i32, 0..40i32, 0..2i32), 1..=200), width in 1..=70usize) {
        let rows = [90, 40, 2].map(|rows| [rows, width]);
        let of = |id: fn(&(i32, i32, i32)) -> i32| ids.iter().map(id).collect();
        EmbeddingSum([of(|ids| ids.0), of(|ids| ids.1), of(|ids| ids.2)]).check(rows, []);
    }
}
