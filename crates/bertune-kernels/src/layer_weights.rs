use crate::Activation;

/// The parameters of one post-norm layer, for [`BertOps::layer`](crate::BertOps::layer).
///
/// Matrices, of type `M`, are `[out, in]` as in checkpoints; vectors are of type `V`.
#[derive(Clone, Debug)]
pub struct LayerWeights<M, V> {
    /// The projections to queries, keys and values.
    pub inputs: [LinearWeights<M, V>; 3],
    /// The projection of all heads together.
    pub attention_output: LinearWeights<M, V>,
    /// The norm after attention.
    pub attention_norm: NormWeights<V>,
    /// The projection to the feed-forward block's inner width.
    pub intermediate: LinearWeights<M, V>,
    /// The projection back.
    pub output: LinearWeights<M, V>,
    /// The norm after the feed-forward block.
    pub output_norm: NormWeights<V>,
    /// The number of attention heads.
    pub heads: usize,
    /// What stands between the feed-forward block's projections.
    pub activation: Activation,
}

/// The parameters of a linear map.
#[derive(Clone, Debug)]
pub struct LinearWeights<M, V> {
    /// `[out, in]`.
    pub weight: M,
    /// `[out]`.
    pub bias: V,
}

/// The parameters of a layer norm.
#[derive(Clone, Debug)]
pub struct NormWeights<V> {
    /// The scale, `[hidden]`.
    pub gamma: V,
    /// The shift, `[hidden]`.
    pub beta: V,
    /// What keeps the division finite.
    pub epsilon: f64,
}

/// Whose states a layer is to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerRows {
    /// Every token's.
    All,
    /// Each sequence's first token's.
    Firsts,
}

impl<M, V> LayerWeights<M, V> {
    /// The same with other types of matrices and vectors.
    pub(crate) fn map<N, W>(
        self,
        matrix: impl Fn(M) -> N,
        vector: impl Fn(V) -> W,
    ) -> LayerWeights<N, W> {
        let linear = |map: LinearWeights<M, V>| LinearWeights {
            weight: matrix(map.weight),
            bias: vector(map.bias),
        };
        let norm = |norm: NormWeights<V>| NormWeights {
            gamma: vector(norm.gamma),
            beta: vector(norm.beta),
            epsilon: norm.epsilon,
        };
        LayerWeights {
            inputs: self.inputs.map(linear),
            attention_output: linear(self.attention_output),
            attention_norm: norm(self.attention_norm),
            intermediate: linear(self.intermediate),
            output: linear(self.output),
            output_norm: norm(self.output_norm),
            heads: self.heads,
            activation: self.activation,
        }
    }
}
