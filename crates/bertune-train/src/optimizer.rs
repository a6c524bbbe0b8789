use std::collections::HashMap;

use bertune_kernels::{AdamState, AdamStep, BertOps, WeightDecay};
use burn_core::module::{AutodiffModule, ModuleMapper, Param, ParamId};
use burn_core::tensor::backend::AutodiffBackend;
use burn_core::tensor::ops::FloatTensor;
use burn_core::tensor::{Tensor, TensorPrimitive};

use crate::{OptimizerKind, ParameterGroup, ParameterGroups, TrainingConfig};

type Inner<B> = <B as AutodiffBackend>::InnerBackend;
type Moments<B> = AdamState<FloatTensor<Inner<B>>>;

/// Adam or AdamW over parameter groups.
///
/// A parameter without a gradient is left as it is: no state, no decay.
#[derive(Debug)]
pub struct Optimizer<B: AutodiffBackend> {
    groups: ParameterGroups,
    kind: OptimizerKind,
    betas: [f64; 2],
    epsilon: f64,
    states: HashMap<ParamId, (u64, Moments<B>)>,
}

impl<B: AutodiffBackend<InnerBackend: BertOps>> Optimizer<B> {
    /// An optimizer that has not seen a gradient yet.
    pub fn new(groups: ParameterGroups, config: &TrainingConfig) -> Self {
        Self {
            groups,
            kind: config.optimizer,
            betas: [config.beta_1, config.beta_2],
            epsilon: config.epsilon,
            states: HashMap::new(),
        }
    }

    /// Updates all parameters that have a gradient: learning rates times `rate_factor`,
    /// gradients times `gradient_scale`.
    pub fn step<M: AutodiffModule<B>>(
        &mut self,
        model: M,
        gradients: B::Gradients,
        rate_factor: f64,
        gradient_scale: f64,
    ) -> M {
        let scales = Scales { rate: rate_factor, gradient: gradient_scale };
        model.map(&mut Update { optimizer: self, gradients, scales })
    }

    fn settings(&self, group: ParameterGroup, scales: Scales, step: u64) -> AdamStep {
        AdamStep {
            learning_rate: group.learning_rate * scales.rate,
            beta_1: self.betas[0],
            beta_2: self.betas[1],
            epsilon: self.epsilon,
            weight_decay: match self.kind {
                OptimizerKind::AdamW => WeightDecay::Decoupled(group.weight_decay),
                OptimizerKind::Adam => WeightDecay::Coupled(group.weight_decay),
            },
            gradient_scale: scales.gradient,
            step,
        }
    }
}

/// What this update multiplies learning rates and gradients with.
#[derive(Clone, Copy)]
struct Scales {
    rate: f64,
    gradient: f64,
}

/// Maps each parameter to its updated self.
struct Update<'a, B: AutodiffBackend> {
    optimizer: &'a mut Optimizer<B>,
    gradients: B::Gradients,
    scales: Scales,
}

impl<B: AutodiffBackend<InnerBackend: BertOps>> ModuleMapper<B> for Update<'_, B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, tensor, mapper) = param.consume();
        let gradient = tensor.grad_remove(&mut self.gradients);
        let (Some(gradient), Some(group)) = (gradient, self.optimizer.groups.get(id)) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let (steps, moments) = self.optimizer.states.remove(&id).unzip();
        let step = steps.unwrap_or(0) + 1;
        let settings = self.optimizer.settings(group, self.scales, step);
        let value = tensor.inner().into_primitive().tensor();
        let gradient = gradient.into_primitive().tensor();
        let (value, moments) = <Inner<B> as BertOps>::adam(value, gradient, moments, &settings);
        self.optimizer.states.insert(id, (step, moments));
        let value = Tensor::from_inner(Tensor::from_primitive(TensorPrimitive::Float(value)));
        Param::from_mapped_value(id, value.require_grad(), mapper)
    }
}
