use bertune_data::PackedBatch;
use bertune_kernels::{BertOps, Precision};
use burn_core::module::ParamId;
use burn_core::tensor::backend::AutodiffBackend;

use crate::task::Task;
use crate::{Gradients, TrainError, TrainingState};

/// Examples that the check looks at.
const EXAMPLES: usize = 4;

/// What a model that has not learned yet made of a few examples.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstLoss {
    /// Of which task, where there are several.
    pub task: Option<String>,
    /// Its loss, without dropout.
    pub loss: f64,
    /// The loss of the same examples where all scores are zero, as those of a new head nearly are:
    /// the logarithm of the number of classes, where each example has one. None if that is nothing
    /// to go by.
    pub chance: Option<f64>,
}

impl FirstLoss {
    /// Whether the loss is so much worse than chance that something may be wrong. A head that is not
    /// new may well be wrong about new data; a new one cannot be so sure.
    pub fn is_suspicious(&self) -> bool {
        self.chance.is_some_and(|chance| self.loss > 2.0 * chance)
    }

    /// Whether the loss is so much better than chance that the model may have nothing to learn from
    /// these examples.
    fn is_good(&self) -> bool {
        self.chance.is_some_and(|chance| self.loss < 0.5 * chance)
    }
}

/// Checks, without dropout and on a few examples, that a step does what the configuration says:
/// every parameter that learns has a finite gradient other than zero, every other one has none,
/// and the gradient of the examples together is that of each alone, added up.
///
/// Examples that count nothing, or that the model is already quite sure of, have no gradient at all:
/// then only its absence can be checked.
///
/// Gives their loss beside what chance gives.
///
/// # Errors
///
/// Naming the first parameter of which this is not true; or if there is no gradient though the
/// examples count and chance does as well as the model.
pub(crate) fn self_check<B, T>(
    task: &T,
    state: &TrainingState<B, T::Model>,
    example_ids: &[usize],
) -> Result<FirstLoss, TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
    T: Task<B>,
{
    let (dataset, model, groups) = (task.examples(), &state.model, state.optimizer.groups());
    let example_ids = &example_ids[..EXAMPLES.min(example_ids.len())];
    let few = PackedBatch::pack(dataset, example_ids);
    let weight = task.weight(std::slice::from_ref(&few));
    let gradients = |batch: &PackedBatch| -> Gradients<B::InnerBackend> {
        Gradients::new::<B, _>(model, task.loss(model, batch, weight, None).backward())
    };
    let together = gradients(&few);
    let loss = task.loss(model, &few, weight, None).into_data().iter::<f64>().sum();
    let first = FirstLoss { task: None, loss, chance: task.chance(model, &few, weight) };
    let says_something = together.global_norm() != 0.0;
    for (id, name) in groups.names() {
        let learns = task.reads(model, example_ids, name) && groups.learns(*id, 0);
        check_gradient(name, together.norm(*id), learns, says_something)?;
    }
    let any_learns = groups.names().iter().any(|(id, _)| together.norm(*id).is_some());
    if any_learns && !says_something && weight > 0.0 && !first.is_good() {
        return Err(TrainError::NoGradient { examples: example_ids.len() });
    }
    let (mut alone, mut size) = (Gradients::default(), 0.0);
    for &id in example_ids {
        let gradients = gradients(&PackedBatch::pack(dataset, &[id]));
        size += gradients.global_norm();
        alone.add(gradients);
    }
    let rounding = rounding(state.history.config.precision);
    for (id, name) in groups.names() {
        check_sum((*id, name), &together, &alone, (rounding, size))?;
    }
    Ok(first)
}

fn check_gradient(
    name: &str,
    norm: Option<f64>,
    learns: bool,
    says_something: bool,
) -> Result<(), TrainError> {
    let error = |expected| {
        let found = norm.map_or("absent".to_owned(), |norm| format!("of norm {norm}"));
        Err(TrainError::SelfCheck { name: name.to_owned(), found, expected })
    };
    match norm {
        Some(norm) if !norm.is_finite() => error("finite"),
        Some(_) if !learns => error("absent, for it is frozen"),
        None if learns => error("there, for it learns"),
        Some(0.0) if says_something && !may_be_zero(name) => error("other than zero"),
        _ => Ok(()),
    }
}

/// Whether a gradient of zero is right: the softmax does not change when all keys are moved alike,
/// and the factor A of a low-rank change moves nothing before the first step, for B is zero.
fn may_be_zero(name: &str) -> bool {
    name.ends_with("attention.self.key.bias") || name.ends_with(".lora_A.weight")
}

/// How much of a gradient may be rounding: in bf16, half a percent was seen in six layers.
fn rounding(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 1e-3,
        Precision::Bf16 => 3e-2,
    }
}

/// Allows for rounding, a share of the gradient, and for what is nothing beside the gradients of whole
/// examples, whose norms add up to `size`: of the keys' bias, which has no effect, all is rounding.
fn check_sum<B: BertOps>(
    (id, name): (ParamId, &str),
    together: &Gradients<B>,
    alone: &Gradients<B>,
    (rounding, size): (f64, f64),
) -> Result<(), TrainError> {
    let (Some(difference), Some(norm)) = (together.distance(alone, id), together.norm(id)) else {
        return Ok(());
    };
    if difference <= rounding * norm + 1e-3 * rounding * size + 1e-5 {
        return Ok(());
    }
    Err(TrainError::SelfCheck {
        name: name.to_owned(),
        found: format!("{difference} away from the sum over examples, of norm {norm}"),
        expected: "that sum",
    })
}

#[cfg(test)]
mod tests {
    use burn_core::tensor::Tensor;
    use burn_flex::Flex;

    use super::*;

    fn check(norm: Option<f64>, learns: bool) -> Result<(), String> {
        let name = "bert.pooler.dense.weight";
        check_gradient(name, norm, learns, true).map_err(|error| error.to_string())
    }

    #[test]
    fn a_gradient_is_there_exactly_where_a_parameter_learns() {
        assert_eq!((check(Some(0.5), true), check(None, false)), (Ok(()), Ok(())));
        let faults = [
            (None, true, "is absent, but should be there"),
            (Some(0.0), true, "is of norm 0, but should be other than zero"),
            (Some(f64::NAN), true, "is of norm NaN, but should be finite"),
            (Some(f64::INFINITY), true, "is of norm inf, but should be finite"),
            (Some(0.5), false, "is of norm 0.5, but should be absent"),
        ];
        for (norm, learns, expected) in faults {
            let message = check(norm, learns).unwrap_err();
            assert!(message.contains(expected), "{message}");
            assert!(message.contains("bert.pooler.dense.weight"), "{message}");
            assert!(message.contains("targets are huge or cancel each other"), "{message}");
        }
    }

    #[test]
    fn a_loss_far_below_chance_is_that_of_a_model_which_needs_no_gradient() {
        let is_good = |loss, chance| FirstLoss { task: None, loss, chance }.is_good();
        assert!(is_good(0.0, Some(0.7)));
        assert!(!is_good(0.6, Some(0.7)) && !is_good(0.0, Some(0.0)) && !is_good(0.0, None));
    }

    #[test]
    fn zero_is_no_fault_of_the_keys_bias_of_a_factor_or_where_nothing_has_a_gradient() {
        let key = "bert.encoder.layer.0.attention.self.key.bias";
        assert!(check_gradient(key, Some(0.0), true, true).is_ok());
        let factor = "bert.encoder.layer.0.attention.self.query.lora_A.weight";
        assert!(check_gradient(factor, Some(0.0), true, true).is_ok());
        assert!(check_gradient(factor, None, true, true).is_err());
        assert!(check_gradient("classifier.bias", Some(0.0), true, false).is_ok());
        assert!(check_gradient("classifier.bias", None, true, false).is_err());
    }

    #[test]
    fn the_sum_over_examples_is_held_against_their_gradient() {
        let id = ParamId::from(1);
        let gradients = |values: [f32; 2]| {
            let values = Tensor::<Flex, 1>::from_floats(values, &Default::default());
            Gradients::<Flex>::of_one(id, values.into_primitive().tensor())
        };
        let together = gradients([3.0, 4.0]);
        let check = |alone, precision| {
            check_sum((id, "w"), &together, &gradients(alone), (rounding(precision), 5.0))
        };
        assert!(check([3.0, 4.001], Precision::F32).is_ok());
        assert!(check([3.0, 4.1], Precision::Bf16).is_ok());
        assert!(check([3.0, 4.2], Precision::Bf16).is_err());
        let message = check([3.0, 4.1], Precision::F32).unwrap_err();
        assert!(message.to_string().contains("away from the sum over examples"), "{message}");
    }
}
