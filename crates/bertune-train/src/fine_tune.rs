use bertune_data::{BatchPlan, Dataset, PackedBatch, Prefetch};
use bertune_head::{BertForSequenceClassification, cross_entropy};
use bertune_kernels::{BertOps, DropoutKey};
use burn_core::module::AutodiffModule;
use burn_core::tensor::backend::{AutodiffBackend, Backend};

use crate::evaluate::{evaluate, on_device};
use crate::gradient_norm::{clipping_scale, global_norm};
use crate::{
    EpochRecord, Event, History, Optimizer, ParameterGroups, Run, Schedule, TrainError,
    TrainingConfig,
};

/// Labelled, tokenized examples.
#[derive(Clone, Copy, Debug)]
pub struct TrainingData<'a> {
    /// What the model learns from.
    pub train: &'a Dataset,
    /// What it is measured on after each epoch.
    pub validation: &'a Dataset,
}

/// A finished run.
#[derive(Debug)]
pub struct FineTuned<B: AutodiffBackend> {
    /// The best model, for inference.
    pub model: BertForSequenceClassification<B::InnerBackend>,
    /// What happened.
    pub history: History,
}

/// Fine-tunes all parameters of a classifier and returns its best state, measured after each
/// epoch (and where the run was stopped).
///
/// # Errors
///
/// If the configuration or the data does not fit, if the loss or a gradient is not finite, or
/// if the best model could not be kept.
pub fn fine_tune<B>(
    mut model: BertForSequenceClassification<B>,
    data: TrainingData<'_>,
    config: &TrainingConfig,
    mut run: Run<'_, B::InnerBackend>,
) -> Result<FineTuned<B>, TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    config.validate()?;
    data.validate(&model)?;
    let device = &model.device();
    let plan = BatchPlan::new(data.train.len(), config.batch_size, config.seed);
    let steps = config.epochs * plan.batches_per_epoch();
    let schedule = Schedule::new(config, steps);
    let mut optimizer = Optimizer::new(ParameterGroups::new(&model, config), config);
    let mut history = History::new(config, data.train.len(), data.validation.len());
    let mut best = model.valid();
    let mut step = 0;
    run.tell(Event::Begin { steps, epochs: config.epochs });

    for epoch in 1..=config.epochs {
        let (mut loss_sum, mut seen) = (0.0, 0);
        for batch in Prefetch::new(data.train, plan.epoch(epoch - 1)) {
            let rate_factor = schedule.factor(step);
            step += 1;
            let key = DropoutKey::new(config.seed, step as u64);
            let (loss, gradients) = gradients(&model, &batch, key, device);
            let gradient_norm = global_norm(&model, &gradients);
            check_finite(step, loss, gradient_norm, &batch)?;
            let scale = clipping_scale(gradient_norm, config.max_grad_norm);
            model = optimizer.step(model, gradients, rate_factor, scale);
            let examples = batch.sequences();
            (loss_sum, seen) = (loss_sum + loss * examples as f64, seen + examples);
            run.tell(Event::Step { step, epoch, loss, rate_factor, gradient_norm, examples });
            if run.is_stopped() {
                break;
            }
        }
        run.tell(Event::Evaluating { epoch });
        let measured = model.valid();
        let evaluation = evaluate(&measured, data.validation, config.eval_batch_size);
        let train_loss = loss_sum / seen as f64;
        let (validation_loss, validation) = (evaluation.loss, evaluation.metrics);
        let record = EpochRecord { epoch, train_loss, validation_loss, validation };
        history.epochs.push(record.clone());
        run.tell(Event::Epoch(record));
        if history.best().is_some_and(|best| best.epoch == epoch) {
            run.keep(&measured, &history, &evaluation)?;
            run.tell(Event::Kept { epoch });
            best = measured;
        }
        if run.is_stopped() {
            break;
        }
    }
    Ok(FineTuned { model: best, history })
}

/// The mean loss of a batch and its gradients.
fn gradients<B: AutodiffBackend + BertOps>(
    model: &BertForSequenceClassification<B>,
    batch: &PackedBatch,
    key: DropoutKey,
    device: &B::Device,
) -> (f64, B::Gradients) {
    let (tokens, labels) = on_device(batch, device);
    let loss = cross_entropy(model.forward(&tokens, Some(key)), labels).mean();
    let gradients = loss.backward();
    (loss.into_data().iter::<f64>().sum(), gradients)
}

fn check_finite(
    step: usize,
    loss: f64,
    gradient_norm: f64,
    batch: &PackedBatch,
) -> Result<(), TrainError> {
    let numbers = [("loss", loss), ("gradient norm", gradient_norm)];
    match numbers.into_iter().find(|(_, value)| !value.is_finite()) {
        Some((what, value)) => {
            let examples = batch.example_ids.clone();
            Err(TrainError::NotFinite { step, what, value, examples })
        }
        None => Ok(()),
    }
}

impl TrainingData<'_> {
    /// Checks that there are examples, and that the model can embed every token of them.
    fn validate<B: Backend>(
        &self,
        model: &BertForSequenceClassification<B>,
    ) -> Result<(), TrainError> {
        let embeddings = &model.bert.embeddings;
        let [vocab_size, _] = embeddings.word_embeddings.weight.lazy_shape().dims();
        let [positions, _] = embeddings.position_embeddings.weight.lazy_shape().dims();
        for (split, dataset) in [("training", self.train), ("validation", self.validation)] {
            if dataset.is_empty() {
                return Err(TrainError::Empty { split });
            }
            for encoding in dataset.encodings() {
                let tokens = encoding.input_ids.len();
                if tokens > positions {
                    return Err(TrainError::TooLong { tokens, positions });
                }
                let unknown = encoding.input_ids.iter().find(|&&id| id as usize >= vocab_size);
                if let Some(&id) = unknown {
                    return Err(TrainError::Vocabulary { id, vocab_size });
                }
            }
        }
        Ok(())
    }
}
