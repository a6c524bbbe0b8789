use std::collections::HashMap;

use bertune_kernels::BertOps;
use burn_core::module::{AutodiffModule, ModuleVisitor, Param, ParamId};
use burn_core::tensor::backend::AutodiffBackend;
use burn_core::tensor::ops::FloatTensor;
use burn_core::tensor::{Tensor, TensorPrimitive};

/// The gradients of a model's parameters, on the device; a parameter that does not learn has none.
#[derive(Clone, Debug)]
pub struct Gradients<B: BertOps> {
    /// The model's order, so that sums over all parameters are always added up alike.
    order: Vec<ParamId>,
    values: HashMap<ParamId, FloatTensor<B>>,
}

impl<B: BertOps> Default for Gradients<B> {
    fn default() -> Self {
        Self { order: Vec::new(), values: HashMap::new() }
    }
}

impl<B: BertOps> Gradients<B> {
    /// The gradients that `backward` found for the parameters of `model`.
    pub fn new<A, M>(model: &M, gradients: A::Gradients) -> Self
    where
        A: AutodiffBackend<InnerBackend = B>,
        M: AutodiffModule<A>,
    {
        let mut collector = Collector::<A> { gradients, found: Self::default() };
        model.visit(&mut collector);
        collector.found
    }

    /// Adds the gradients of another part of the same step.
    pub fn add(&mut self, other: Self) {
        let Self { order, mut values } = other;
        for id in order {
            let Some(value) = values.remove(&id) else { continue };
            let sum = match self.values.remove(&id) {
                Some(sum) => B::float_add(sum, value),
                None => {
                    self.order.push(id);
                    value
                }
            };
            self.values.insert(id, sum);
        }
    }

    /// The Euclidean norm of all gradients as one vector, on the host.
    pub fn global_norm(&self) -> f64 {
        let square = |id| B::sum_of_squares(self.values[id].clone());
        let sums: Vec<Tensor<B, 1>> = self
            .order
            .iter()
            .map(|id| Tensor::from_primitive(TensorPrimitive::Float(square(id))))
            .collect();
        if sums.is_empty() {
            return 0.0;
        }
        Tensor::cat(sums, 0).into_data().iter::<f64>().sum::<f64>().sqrt()
    }

    /// The gradient of a single parameter.
    #[cfg(test)]
    pub(crate) fn of_one(id: ParamId, value: FloatTensor<B>) -> Self {
        Self { order: vec![id], values: [(id, value)].into() }
    }

    /// The norm of the gradient of one parameter, if it has one.
    pub fn norm(&self, id: ParamId) -> Option<f64> {
        self.get(id).map(norm::<B>)
    }

    /// How far the gradients of one parameter are apart, if both have one.
    pub(crate) fn distance(&self, other: &Self, id: ParamId) -> Option<f64> {
        let both = self.get(id).zip(other.get(id));
        both.map(|(ours, theirs)| norm::<B>(B::float_sub(ours, theirs)))
    }

    /// The gradient of one parameter, if it has one.
    pub fn get(&self, id: ParamId) -> Option<FloatTensor<B>> {
        self.values.get(&id).cloned()
    }

    pub(crate) fn remove(&mut self, id: ParamId) -> Option<FloatTensor<B>> {
        self.values.remove(&id)
    }
}

fn norm<B: BertOps>(gradient: FloatTensor<B>) -> f64 {
    let sum = Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(B::sum_of_squares(gradient)));
    sum.into_data().iter::<f64>().sum::<f64>().sqrt()
}

struct Collector<A: AutodiffBackend<InnerBackend: BertOps>> {
    gradients: A::Gradients,
    found: Gradients<A::InnerBackend>,
}

impl<A: AutodiffBackend<InnerBackend: BertOps>> ModuleVisitor<A> for Collector<A> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<A, D>>) {
        if let Some(gradient) = param.val().grad_remove(&mut self.gradients) {
            self.found.order.push(param.id);
            self.found.values.insert(param.id, gradient.into_primitive().tensor());
        }
    }
}

/// What gradients of this global norm are multiplied with so that none is longer than
/// `max_grad_norm`, as PyTorch's `clip_grad_norm_` does; 0 is no limit.
pub fn clipping_scale(global_norm: f64, max_grad_norm: f64) -> f64 {
    if max_grad_norm == 0.0 { 1.0 } else { (max_grad_norm / (global_norm + 1e-6)).min(1.0) }
}
