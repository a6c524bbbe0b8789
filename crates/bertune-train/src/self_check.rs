use bertune_data::{Dataset, PackedBatch};
use bertune_head::BertForSequenceClassification;
use bertune_kernels::BertOps;
use burn_core::module::ParamId;
use burn_core::tensor::backend::AutodiffBackend;

use crate::evaluate::on_device;
use crate::objective::Objective;
use crate::{Gradients, ParameterGroups, TrainError};

/// Examples that the check looks at.
const EXAMPLES: usize = 4;

/// Checks, without dropout and on a few examples, that a step does what the configuration says:
/// every parameter that learns has a finite gradient other than zero, every other one has none,
/// and the gradient of the examples together is that of each alone, added up.
///
/// # Errors
///
/// Naming the first parameter of which this is not true.
pub(crate) fn self_check<B>(
    model: &BertForSequenceClassification<B>,
    groups: &ParameterGroups,
    objective: &Objective,
    dataset: &Dataset,
    example_ids: &[usize],
) -> Result<(), TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    let example_ids = &example_ids[..EXAMPLES.min(example_ids.len())];
    let few = PackedBatch::pack(dataset, example_ids);
    let weight = objective.weight(std::slice::from_ref(&few));
    let gradients = |batch: &PackedBatch| -> Gradients<B::InnerBackend> {
        let logits = model.forward(&on_device(batch, &model.device()), None);
        Gradients::new::<B, _>(model, objective.loss(logits, batch, weight).backward())
    };
    let together = gradients(&few);
    for (id, name) in groups.names() {
        let is_used = model.reads(name) && weight > 0.0;
        check_gradient(name, together.norm(*id), is_used && groups.learns(*id, 0))?;
    }
    let mut alone = Gradients::default();
    for &id in example_ids {
        alone.add(gradients(&PackedBatch::pack(dataset, &[id])));
    }
    for (id, name) in groups.names() {
        check_sum(*id, name, &together, &alone)?;
    }
    Ok(())
}

fn check_gradient(name: &str, norm: Option<f64>, learns: bool) -> Result<(), TrainError> {
    let error = |expected| {
        let found = norm.map_or("absent".to_owned(), |norm| format!("of norm {norm}"));
        Err(TrainError::SelfCheck { name: name.to_owned(), found, expected })
    };
    match norm {
        Some(norm) if !norm.is_finite() => error("finite"),
        Some(_) if !learns => error("absent, for it is frozen"),
        None if learns => error("there, for it learns"),
        // The softmax does not change when all keys are moved alike.
        Some(0.0) if !name.ends_with("attention.self.key.bias") => error("other than zero"),
        _ => Ok(()),
    }
}

/// Allows for rounding: 1e-3 of the gradient, or what is nothing beside an ordinary gradient.
fn check_sum<B: BertOps>(
    id: ParamId,
    name: &str,
    together: &Gradients<B>,
    alone: &Gradients<B>,
) -> Result<(), TrainError> {
    let (Some(difference), Some(norm)) = (together.distance(alone, id), together.norm(id)) else {
        return Ok(());
    };
    if difference <= 1e-3 * norm + 1e-5 {
        return Ok(());
    }
    Err(TrainError::SelfCheck {
        name: name.to_owned(),
        found: format!("{difference} away from the sum over examples, of norm {norm}"),
        expected: "that sum",
    })
}
