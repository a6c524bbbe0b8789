//! The backward of products by weights.

use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops};
use burn_autodiff::{Autodiff, NodeId};
use burn_core::tensor::backend::AutodiffBackend;
use burn_core::tensor::ops::FloatTensor;

use crate::{BertOps, Dropout, Precision};

/// [`BertOps::project`] and [`BertOps::project_bias`]: a gradient that nobody asks for, as of a frozen
/// weight, is not computed, and what it alone would need is not kept.
#[derive(Debug)]
pub(super) struct Linear;

/// What [`Linear`] keeps, by node: the input for the weight's gradient, the weight for the input's.
#[derive(Clone, Debug)]
pub(super) struct LinearState {
    pub(super) x: Option<NodeId>,
    pub(super) weight: Option<NodeId>,
    pub(super) precision: Precision,
}

impl<B: BertOps> Backward<B, 3> for Linear {
    type State = LinearState;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let LinearState { x, weight, precision } = ops.state;
        let x = x.map(|x| saved.retrieve_node_output::<FloatTensor<B>>(x));
        let weight = weight.map(|weight| saved.retrieve_node_output::<FloatTensor<B>>(weight));
        let grad = grads.consume::<B>(&ops.node);
        let [for_x, for_weight, for_bias] = ops.parents;
        if let Some((parent, weight)) = for_x.zip(weight) {
            let mut input = Autodiff::<B>::from_inner(grad.clone());
            input.node = parent.clone();
            // What `x` has from elsewhere, as from a residual connection, is added to in place.
            let onto = grads.remove::<B>(&input);
            let for_x = B::project_input_gradient(grad.clone(), weight, onto, precision);
            grads.register::<B>(parent.id, for_x);
        }
        if let Some((parent, x)) = for_weight.zip(x) {
            let for_weight = B::project_weight_gradient(grad.clone(), x, precision);
            grads.register::<B>(parent.id, for_weight);
        }
        if let Some(parent) = for_bias {
            grads.register::<B>(parent.id, B::sum_rows(grad));
        }
    }
}

#[derive(Debug)]
pub(super) struct Project;

impl<B: BertOps> Backward<B, 2> for Project {
    type State = LinearState;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let [x, weight] = ops.parents;
        let ops = Ops { parents: [x, weight, None], node: ops.node, state: ops.state };
        Backward::<B, 3>::backward(Linear, ops, grads, saved);
    }
}

/// [`BertOps::dropout_project`]; its state is the input and the weight by node, and the dropout.
#[derive(Debug)]
pub(super) struct DropoutProject;

impl<B: BertOps> Backward<B, 2> for DropoutProject {
    type State = (NodeId, NodeId, Option<Dropout>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let (x, weight, dropout) = ops.state;
        let x = saved.retrieve_node_output::<FloatTensor<B>>(x);
        let weight = saved.retrieve_node_output::<FloatTensor<B>>(weight);
        let grad = grads.consume::<B>(&ops.node);
        let [for_x, for_weight] = ops.parents;
        if let Some(parent) = for_x {
            let mut input = Autodiff::<B>::from_inner(x.clone());
            input.node = parent.clone();
            let onto = grads.remove::<B>(&input);
            let for_x = B::dropout_project_input_gradient(grad.clone(), weight, onto, dropout);
            grads.register::<B>(parent.id, for_x);
        }
        if let Some(parent) = for_weight {
            let for_weight = B::dropout_project_weight_gradient(grad, x, dropout);
            grads.register::<B>(parent.id, for_weight);
        }
    }
}

/// [`BertOps::add_project`]; its state is the narrow input and the weight by node, and the scale.
#[derive(Debug)]
pub(super) struct AddProject;

impl<B: BertOps> Backward<B, 3> for AddProject {
    type State = (NodeId, NodeId, f64);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let (x, weight, scale) = ops.state;
        let x = saved.retrieve_node_output::<FloatTensor<B>>(x);
        let weight = saved.retrieve_node_output::<FloatTensor<B>>(weight);
        let grad = grads.consume::<B>(&ops.node);
        let [for_y, for_x, for_weight] = ops.parents;
        if let Some(parent) = for_x {
            let for_x = B::project_input_gradient(grad.clone(), weight, None, Precision::F32);
            grads.register::<B>(parent.id, B::float_mul_scalar(for_x, scale.into()));
        }
        if let Some(parent) = for_weight {
            let for_weight = B::project_weight_gradient(grad.clone(), x, Precision::F32);
            grads.register::<B>(parent.id, B::float_mul_scalar(for_weight, scale.into()));
        }
        if let Some(parent) = for_y {
            grads.register::<B>(parent.id, grad);
        }
    }
}
