use std::collections::{BTreeMap, HashMap};

use bertune_checkpoint::HostTensor;
use bertune_kernels::{AdamState, AdamStep, BertOps, LionStep, SgdStep, WeightDecay};
use burn_core::module::{AutodiffModule, ModuleMapper, Param, ParamId};
use burn_core::tensor::backend::AutodiffBackend;
use burn_core::tensor::ops::FloatTensor;
use burn_core::tensor::{Tensor, TensorData, TensorMetadata, TensorPrimitive};

use crate::{Gradients, OptimizerKind, ParameterGroup, ParameterGroups, TrainingConfig};

/// Adam, AdamW, SGD with momentum or Lion, over parameter groups; all state is in f32.
///
/// A parameter without a gradient is left as it is: no state, no decay.
#[derive(Debug)]
pub struct Optimizer<B: BertOps> {
    groups: ParameterGroups,
    rule: Rule,
    states: HashMap<ParamId, ParameterState<FloatTensor<B>>>,
}

/// What does not change during a run.
#[derive(Clone, Copy, Debug)]
struct Rule {
    kind: OptimizerKind,
    betas: [f64; 2],
    epsilon: f64,
    momentum: f64,
}

/// What the optimizer remembers of one parameter.
#[derive(Clone, Debug)]
struct ParameterState<T> {
    /// How often it was updated.
    steps: u64,
    moments: Moments<T>,
}

#[derive(Clone, Debug)]
enum Moments<T> {
    Adam(AdamState<T>),
    Momentum(T),
    /// With the [rows that wait](crate::waiting_rows).
    Elsewhere,
}

/// What one update multiplies learning rates and gradients with.
#[derive(Clone, Copy, Debug)]
pub struct Scales {
    /// The share of the peak learning rate.
    pub rate: f64,
    /// The scale that clips the gradients, or 1.
    pub gradient: f64,
}

/// An optimizer's state in host memory, by the parameters' names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizerState {
    /// How often each parameter was updated.
    pub steps: BTreeMap<String, u64>,
    /// `NAME.exp_avg` and `NAME.exp_avg_sq`, or `NAME.momentum_buffer`, as PyTorch calls them.
    pub tensors: BTreeMap<String, HostTensor>,
}

impl<B: BertOps> Optimizer<B> {
    /// An optimizer that has not seen a gradient yet.
    pub fn new(groups: ParameterGroups, config: &TrainingConfig) -> Self {
        let rule = Rule {
            kind: config.optimizer,
            betas: [config.beta_1, config.beta_2],
            epsilon: config.epsilon,
            momentum: config.momentum,
        };
        Self { groups, rule, states: HashMap::new() }
    }

    /// Updates all parameters that have a gradient.
    pub fn step<A, M>(&mut self, model: M, gradients: Gradients<B>, scales: Scales) -> M
    where
        A: AutodiffBackend<InnerBackend = B>,
        M: AutodiffModule<A>,
    {
        model.map(&mut Update { optimizer: self, gradients, scales })
    }

    /// Who learns how.
    pub fn groups(&self) -> &ParameterGroups {
        &self.groups
    }

    /// The Adam step that comes next for a parameter; `None` under another rule.
    pub(crate) fn next_adam_step(&self, id: ParamId, scales: Scales) -> Option<AdamStep> {
        let taken = self.states.get(&id).map_or(0, |state| state.steps);
        self.groups.get(id).and_then(|group| self.rule.adam_step(group, scales, taken + 1))
    }

    /// Takes Adam's moments of a parameter out, and leaves how often it was updated.
    pub(crate) fn take_moments(&mut self, id: ParamId) -> Option<AdamState<FloatTensor<B>>> {
        let state = self.states.get_mut(&id)?;
        std::mem::replace(&mut state.moments, Moments::Elsewhere).adam()
    }

    /// Puts Adam's moments of a parameter in their place.
    pub(crate) fn put_moments(&mut self, id: ParamId, moments: Option<AdamState<FloatTensor<B>>>) {
        let Some(moments) = moments.map(Moments::Adam) else { return };
        let steps = self.states.get(&id).map_or(0, |state| state.steps);
        self.states.insert(id, ParameterState { steps, moments });
    }

    /// The state, to be kept with a checkpoint.
    pub fn state(&self) -> OptimizerState {
        let mut state = OptimizerState::default();
        for (id, name) in self.groups.names() {
            let Some(ParameterState { steps, moments }) = self.states.get(id) else { continue };
            state.steps.insert(name.clone(), *steps);
            for (suffix, tensor) in moments.named() {
                state.tensors.insert(format!("{name}.{suffix}"), to_host::<B>(tensor.clone()));
            }
        }
        state
    }

    /// The optimizer as it was when `state` was taken.
    pub fn with_state(mut self, state: &OptimizerState, device: &B::Device) -> Self {
        for (id, name) in self.groups.names() {
            let Some(&steps) = state.steps.get(name) else { continue };
            let get = |suffix| state.tensors.get(&format!("{name}.{suffix}"));
            let tensor = |suffix| get(suffix).map(|tensor| to_device::<B>(tensor, device));
            let adam = tensor(EXP_AVG).zip(tensor(EXP_AVG_SQ));
            let adam = adam.map(|(first_moment, second_moment)| {
                Moments::Adam(AdamState { first_moment, second_moment })
            });
            if let Some(moments) = adam.or_else(|| tensor(MOMENTUM).map(Moments::Momentum)) {
                self.states.insert(*id, ParameterState { steps, moments });
            }
        }
        self
    }
}

const EXP_AVG: &str = "exp_avg";
const EXP_AVG_SQ: &str = "exp_avg_sq";
const MOMENTUM: &str = "momentum_buffer";

impl<T> Moments<T> {
    fn named(&self) -> Vec<(&'static str, &T)> {
        match self {
            Self::Adam(AdamState { first_moment, second_moment }) => {
                vec![(EXP_AVG, first_moment), (EXP_AVG_SQ, second_moment)]
            }
            Self::Momentum(momentum) => vec![(MOMENTUM, momentum)],
            Self::Elsewhere => Vec::new(),
        }
    }

    fn adam(self) -> Option<AdamState<T>> {
        if let Self::Adam(state) = self { Some(state) } else { None }
    }

    fn momentum(self) -> Option<T> {
        if let Self::Momentum(momentum) = self { Some(momentum) } else { None }
    }
}

fn to_host<B: BertOps>(tensor: FloatTensor<B>) -> HostTensor {
    let shape = tensor.shape();
    let flat = B::float_reshape(tensor, [shape.num_elements()].into());
    let flat = Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(flat));
    HostTensor { shape: shape.to_vec(), values: flat.into_data().iter::<f32>().collect() }
}

fn to_device<B: BertOps>(tensor: &HostTensor, device: &B::Device) -> FloatTensor<B> {
    let data = TensorData::new(tensor.values.clone(), [tensor.values.len()]);
    let flat = Tensor::<B, 1>::from_data(data, device).into_primitive().tensor();
    B::float_reshape(flat, tensor.shape.clone().into())
}

impl Rule {
    /// The new value of a parameter and the new moments.
    fn update<B: BertOps>(
        self,
        value: FloatTensor<B>,
        gradient: FloatTensor<B>,
        old: Option<Moments<FloatTensor<B>>>,
        group: ParameterGroup,
        scales: Scales,
        step: u64,
    ) -> (FloatTensor<B>, Moments<FloatTensor<B>>) {
        if let Some(step) = self.adam_step(group, scales, step) {
            let (value, state) = B::adam(value, gradient, old.and_then(Moments::adam), &step);
            return (value, Moments::Adam(state));
        }
        let ParameterGroup { weight_decay, .. } = group;
        let learning_rate = group.learning_rate * scales.rate;
        let (gradient_scale, [beta_1, beta_2]) = (scales.gradient, self.betas);
        let momentum = old.and_then(Moments::momentum);
        let (value, momentum) = if self.kind == OptimizerKind::Lion {
            let step = LionStep { learning_rate, beta_1, beta_2, weight_decay, gradient_scale };
            B::lion(value, gradient, momentum, &step)
        } else {
            let step =
                SgdStep { learning_rate, momentum: self.momentum, weight_decay, gradient_scale };
            B::sgd(value, gradient, momentum, &step)
        };
        (value, Moments::Momentum(momentum))
    }

    /// The numbers of an Adam step of a group; `None` under another rule.
    fn adam_step(self, group: ParameterGroup, scales: Scales, step: u64) -> Option<AdamStep> {
        let weight_decay = match self.kind {
            OptimizerKind::AdamW => WeightDecay::Decoupled(group.weight_decay),
            OptimizerKind::Adam => WeightDecay::Coupled(group.weight_decay),
            OptimizerKind::Sgd | OptimizerKind::Lion => return None,
        };
        let [beta_1, beta_2] = self.betas;
        Some(AdamStep {
            learning_rate: group.learning_rate * scales.rate,
            beta_1,
            beta_2,
            epsilon: self.epsilon,
            weight_decay,
            gradient_scale: scales.gradient,
            step,
        })
    }
}

/// Maps each parameter to its updated self.
struct Update<'a, B: BertOps> {
    optimizer: &'a mut Optimizer<B>,
    gradients: Gradients<B>,
    scales: Scales,
}

impl<A, B> ModuleMapper<A> for Update<'_, B>
where
    A: AutodiffBackend<InnerBackend = B>,
    B: BertOps,
{
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<A, D>>) -> Param<Tensor<A, D>> {
        let (id, tensor, mapper) = param.consume();
        let gradient = self.gradients.remove(id);
        let (Some(gradient), Some(group)) = (gradient, self.optimizer.groups.get(id)) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let old = self.optimizer.states.remove(&id);
        let (steps, old) = old.map(|old| (old.steps, old.moments)).unzip();
        let steps = steps.unwrap_or(0) + 1;
        let value = tensor.inner().into_primitive().tensor();
        let rule = self.optimizer.rule;
        let (value, moments) = rule.update::<B>(value, gradient, old, group, self.scales, steps);
        self.optimizer.states.insert(id, ParameterState { steps, moments });
        let value = Tensor::from_inner(Tensor::from_primitive(TensorPrimitive::Float(value)));
        Param::from_mapped_value(id, value.require_grad(), mapper)
    }
}
