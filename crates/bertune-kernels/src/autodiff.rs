//! The backward of every operation, once for all backends: each op is one node of Burn's graph
//! that calls the inner backend's `*_backward`.

mod products;

use burn_autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_autodiff::{Autodiff, NodeId};
use burn_core::tensor::TensorMetadata;
use burn_core::tensor::backend::{AutodiffBackend, Backend};
use burn_core::tensor::ops::{FloatTensor, IntTensor};

use self::products::{AddProject, DropoutProject, Linear, LinearState, Project};
use crate::{Activation, BertOps, Dropout, LayerNormState, Precision, Sequences};

/// Gives each parent that is tracked its gradient.
fn register<B: Backend, const N: usize>(
    parents: [Option<NodeId>; N],
    gradients: [FloatTensor<B>; N],
    grads: &mut Gradients,
) {
    for (parent, gradient) in parents.into_iter().zip(gradients) {
        if let Some(parent) = parent {
            grads.register::<B>(parent, gradient);
        }
    }
}

/// [`BertOps::cross_entropy`]; its state is the logits and the labels.
#[derive(Debug)]
struct CrossEntropy;

impl<B: BertOps> Backward<B, 1> for CrossEntropy {
    type State = (FloatTensor<B>, IntTensor<B>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (logits, labels) = ops.state;
        let grad = grads.consume::<B>(&ops.node);
        let parents = ops.parents.map(|parent| parent.map(|parent| parent.id));
        register::<B, 1>(parents, [B::cross_entropy_backward(grad, logits, labels)], grads);
    }
}

/// [`BertOps::embedding_sum`]; its state is the ids and the number of rows of each table.
#[derive(Debug)]
struct EmbeddingSum;

impl<B: BertOps> Backward<B, 3> for EmbeddingSum {
    type State = [(IntTensor<B>, usize); 3];

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        for (parent, (ids, rows)) in ops.parents.into_iter().zip(ops.state) {
            if let Some(parent) = parent {
                let gradient = B::embedding_gradient(grad.clone(), ids, rows);
                grads.register::<B>(parent.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct BiasActivation;

impl<B: BertOps> Backward<B, 2> for BiasActivation {
    type State = (NodeId, NodeId, Activation);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let (x, bias, activation) = ops.state;
        let x = saved.retrieve_node_output::<FloatTensor<B>>(x);
        let bias = saved.retrieve_node_output::<FloatTensor<B>>(bias);
        let grad = grads.consume::<B>(&ops.node);
        let gradients = B::bias_activation_backward(grad, x, bias, activation);
        register::<B, 2>(ops.parents.map(|parent| parent.map(|node| node.id)), gradients, grads);
    }
}

#[derive(Debug)]
struct DropoutAddLayerNorm;

impl<B: BertOps> Backward<B, 5> for DropoutAddLayerNorm {
    type State = (LayerNormState<FloatTensor<B>>, NodeId, Option<Dropout>);

    fn backward(self, ops: Ops<Self::State, 5>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let (state, gamma, dropout) = ops.state;
        let gamma = saved.retrieve_node_output::<FloatTensor<B>>(gamma);
        let grad = grads.consume::<B>(&ops.node);
        let gradients = B::dropout_add_layer_norm_backward(grad, state, gamma, dropout);
        register::<B, 5>(ops.parents.map(|parent| parent.map(|node| node.id)), gradients, grads);
    }
}

#[derive(Debug)]
struct LayerNormDropout;

impl<B: BertOps> Backward<B, 3> for LayerNormDropout {
    type State = (LayerNormState<FloatTensor<B>>, NodeId, Option<Dropout>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let (state, gamma, dropout) = ops.state;
        let gamma = saved.retrieve_node_output::<FloatTensor<B>>(gamma);
        let grad = grads.consume::<B>(&ops.node);
        let gradients = B::layer_norm_dropout_backward(grad, state, gamma, dropout);
        register::<B, 3>(ops.parents.map(|parent| parent.map(|node| node.id)), gradients, grads);
    }
}

#[derive(Debug)]
struct PlainDropout;

impl<B: BertOps> Backward<B, 1> for PlainDropout {
    type State = Option<Dropout>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        register::<B, 1>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            [B::dropout(grad, ops.state)],
            grads,
        );
    }
}

#[derive(Debug)]
struct VarlenAttention;

/// What [`VarlenAttention`] keeps: the inputs by node, the output and the backend's own state.
#[derive(Clone, Debug)]
struct AttentionState<T> {
    inputs: [NodeId; 3],
    out: T,
    state: T,
    sequences: Sequences,
    heads: usize,
    dropout: Option<Dropout>,
}

impl<B: BertOps> Backward<B, 3> for VarlenAttention {
    type State = AttentionState<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let AttentionState { inputs, out, state, sequences, heads, dropout } = ops.state;
        let [query, key, value] = inputs.map(|id| saved.retrieve_node_output(id));
        let grad = grads.consume::<B>(&ops.node);
        let gradients = B::varlen_attention_backward(
            grad, query, key, value, out, state, &sequences, heads, dropout,
        );
        register::<B, 3>(ops.parents.map(|parent| parent.map(|node| node.id)), gradients, grads);
    }
}

#[derive(Debug)]
struct FirstAttention;

/// What [`FirstAttention`] keeps: the inputs by node.
#[derive(Clone, Debug)]
struct FirstAttentionState {
    inputs: [NodeId; 3],
    sequences: Sequences,
    heads: usize,
    dropout: Option<Dropout>,
}

impl<B: BertOps> Backward<B, 3> for FirstAttention {
    type State = FirstAttentionState;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let FirstAttentionState { inputs, sequences, heads, dropout } = ops.state;
        let [query, key, value] = inputs.map(|id| saved.retrieve_node_output(id));
        let grad = grads.consume::<B>(&ops.node);
        let gradients =
            B::first_attention_backward(grad, query, key, value, &sequences, heads, dropout);
        register::<B, 3>(ops.parents.map(|parent| parent.map(|node| node.id)), gradients, grads);
    }
}

/// The state of a layer norm as untracked tensors of the autodiff backend.
fn untracked<A: AutodiffBackend>(
    state: LayerNormState<FloatTensor<A::InnerBackend>>,
) -> LayerNormState<FloatTensor<A>> {
    LayerNormState {
        normalized: A::from_inner(state.normalized),
        reciprocal_std: A::from_inner(state.reciprocal_std),
    }
}

impl<B: BertOps, C: CheckpointStrategy> BertOps for Autodiff<B, C> {
    fn has_precision(precision: Precision) -> bool {
        B::has_precision(precision)
    }

    fn settle(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let mut settled = x;
        settled.primitive = B::settle(settled.primitive);
        settled
    }

    fn project(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        let nodes = [x.node.clone(), weight.node.clone()];
        match Project.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = LinearState {
                    x: (!weight.node.requirement.is_none()).then(|| prep.checkpoint(&x)),
                    weight: (!x.node.requirement.is_none()).then(|| prep.checkpoint(&weight)),
                    precision,
                };
                prep.finish(state, B::project(x.primitive, weight.primitive, precision))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::project(x.primitive, weight.primitive, precision))
            }
        }
    }

    fn project_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        let nodes = [x.node.clone(), weight.node.clone(), bias.node.clone()];
        let kind = Linear.prepare::<C>(nodes).compute_bound().stateful();
        let (x_input, weight_input) = (x.clone(), weight.clone());
        let y = B::project_bias(x.primitive, weight.primitive, bias.primitive, precision);
        match kind {
            OpsKind::Tracked(mut prep) => {
                let (x, weight) = (&x_input, &weight_input);
                let state = LinearState {
                    x: (!weight.node.requirement.is_none()).then(|| prep.checkpoint(x)),
                    weight: (!x.node.requirement.is_none()).then(|| prep.checkpoint(weight)),
                    precision,
                };
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn dropout_project(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self> {
        let nodes = [x.node.clone(), weight.node.clone()];
        match DropoutProject.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&weight), dropout);
                prep.finish(state, B::dropout_project(x.primitive, weight.primitive, dropout))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::dropout_project(x.primitive, weight.primitive, dropout))
            }
        }
    }

    fn add_project(
        y: FloatTensor<Self>,
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        let nodes = [y.node.clone(), x.node.clone(), weight.node.clone()];
        let kind = AddProject.prepare::<C>(nodes).compute_bound().stateful();
        let (x_input, weight_input) = (x.clone(), weight.clone());
        let sum = B::add_project(y.primitive, x.primitive, weight.primitive, scale);
        match kind {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x_input), prep.checkpoint(&weight_input), scale);
                prep.finish(state, sum)
            }
            OpsKind::UnTracked(prep) => prep.finish(sum),
        }
    }

    fn embedding_sum(
        tables: [FloatTensor<Self>; 3],
        ids: [IntTensor<Self>; 3],
    ) -> FloatTensor<Self> {
        let nodes = tables.each_ref().map(|table| table.node.clone());
        let rows = tables.each_ref().map(|table| table.primitive.shape()[0]);
        let kind = EmbeddingSum.prepare::<C>(nodes).compute_bound().stateful();
        let sum = B::embedding_sum(tables.map(|table| table.primitive), ids.clone());
        let mut rows = rows.into_iter();
        let state = ids.map(|ids| (ids, rows.next().unwrap_or_default()));
        match kind {
            OpsKind::Tracked(prep) => prep.finish(state, sum),
            OpsKind::UnTracked(prep) => prep.finish(sum),
        }
    }

    fn cross_entropy(logits: FloatTensor<Self>, labels: IntTensor<Self>) -> FloatTensor<Self> {
        let logits_input = logits.primitive.clone();
        match CrossEntropy.prepare::<C>([logits.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let losses = B::cross_entropy(logits_input.clone(), labels.clone());
                prep.finish((logits_input, labels), losses)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::cross_entropy(logits_input, labels)),
        }
    }

    fn bias_activation(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let nodes = [x.node.clone(), bias.node.clone()];
        match BiasActivation.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&bias), activation);
                prep.finish(state, B::bias_activation(x.primitive, bias.primitive, activation))
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::bias_activation(x.primitive, bias.primitive, activation))
            }
        }
    }

    fn dropout_add_layer_norm(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        dropout: Option<Dropout>,
    ) -> (FloatTensor<Self>, LayerNormState<FloatTensor<Self>>) {
        let nodes = [&x, &bias, &residual, &gamma, &beta].map(|input| input.node.clone());
        let kind = DropoutAddLayerNorm.prepare::<C>(nodes).compute_bound().stateful();
        let gamma_input = gamma.clone();
        let (y, state) = B::dropout_add_layer_norm(
            x.primitive,
            bias.primitive,
            residual.primitive,
            gamma.primitive,
            beta.primitive,
            epsilon,
            dropout,
        );
        let y = match kind {
            OpsKind::Tracked(mut prep) => {
                let gamma = prep.checkpoint(&gamma_input);
                prep.finish((state.clone(), gamma, dropout), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, untracked::<Self>(state))
    }

    fn layer_norm_dropout(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        dropout: Option<Dropout>,
    ) -> (FloatTensor<Self>, LayerNormState<FloatTensor<Self>>) {
        let nodes = [&x, &gamma, &beta].map(|input| input.node.clone());
        let kind = LayerNormDropout.prepare::<C>(nodes).compute_bound().stateful();
        let gamma_input = gamma.clone();
        let (y, state) =
            B::layer_norm_dropout(x.primitive, gamma.primitive, beta.primitive, epsilon, dropout);
        let y = match kind {
            OpsKind::Tracked(mut prep) => {
                let gamma = prep.checkpoint(&gamma_input);
                prep.finish((state.clone(), gamma, dropout), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, untracked::<Self>(state))
    }

    fn dropout(x: FloatTensor<Self>, dropout: Option<Dropout>) -> FloatTensor<Self> {
        match PlainDropout.prepare::<C>([x.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(dropout, B::dropout(x.primitive, dropout)),
            OpsKind::UnTracked(prep) => prep.finish(B::dropout(x.primitive, dropout)),
        }
    }

    fn varlen_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        sequences: &Sequences,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let inputs = [query, key, value];
        let nodes = inputs.each_ref().map(|input| input.node.clone());
        let kind = VarlenAttention.prepare::<C>(nodes).compute_bound().stateful();
        let [query, key, value] = inputs.each_ref().map(|input| input.primitive.clone());
        let (out, state) = B::varlen_attention(query, key, value, sequences, heads, dropout);
        let tracked = match kind {
            OpsKind::Tracked(mut prep) => {
                let saved = AttentionState {
                    inputs: inputs.each_ref().map(|input| prep.checkpoint(input)),
                    out: out.clone(),
                    state: state.clone(),
                    sequences: sequences.clone(),
                    heads,
                    dropout,
                };
                prep.finish(saved, out)
            }
            OpsKind::UnTracked(prep) => prep.finish(out),
        };
        (tracked, Self::from_inner(state))
    }

    fn first_attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        sequences: &Sequences,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self> {
        let inputs = [query, key, value];
        let nodes = inputs.each_ref().map(|input| input.node.clone());
        let kind = FirstAttention.prepare::<C>(nodes).compute_bound().stateful();
        let [query, key, value] = inputs.each_ref().map(|input| input.primitive.clone());
        let out = B::first_attention(query, key, value, sequences, heads, dropout);
        match kind {
            OpsKind::Tracked(mut prep) => {
                let inputs = inputs.each_ref().map(|input| prep.checkpoint(input));
                let sequences = sequences.clone();
                prep.finish(FirstAttentionState { inputs, sequences, heads, dropout }, out)
            }
            OpsKind::UnTracked(prep) => prep.finish(out),
        }
    }
}
