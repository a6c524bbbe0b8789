use bertune_data::{Dataset, PackedBatch};
use bertune_head::{BertForSequenceClassification, Decisions};
use bertune_kernels::{BertOps, DropoutKey};
use burn_core::module::AutodiffModule;
use burn_core::tensor::Tensor;
use burn_core::tensor::backend::AutodiffBackend;

use crate::evaluate::{evaluate, logits, on_device};
use crate::learn::{Task, learn};
use crate::objective::Objective;
use crate::timeline::{Draws, Timeline};
use crate::tradaboost::{TrAdaBoost, errors};
use crate::{
    Evaluation, Learned, Run, SourceRule, Sources, TrainError, TrainingConfig, TrainingData,
};

/// A finished run of [`fine_tune`].
pub type FineTuned<B> = Learned<B, BertForSequenceClassification<B>>;

/// Fine-tunes a classifier and returns its best state, measured at the intervals of the
/// configuration, at the end, and where the run was stopped.
///
/// # Errors
///
/// If the configuration or the data does not fit, if the loss or a gradient is not finite, or
/// if the best model or the state could not be kept.
pub fn fine_tune<B>(
    model: BertForSequenceClassification<B>,
    data: TrainingData<'_>,
    config: &TrainingConfig,
    run: Run<'_, B>,
) -> Result<FineTuned<B>, TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    config.validate()?;
    data.validate(&model)?;
    let task = Classification::new(data, config)?;
    let model = model.with_precision(config.precision);
    learn(&task, model, (data.history(config)?, data.inputs()), run)
}

/// Examples with labels, and a classifier to be.
pub(crate) struct Classification<'a> {
    data: TrainingData<'a>,
    objective: Objective,
    eval_batch_size: usize,
}

impl<'a> Classification<'a> {
    pub(crate) fn new(data: TrainingData<'a>, config: &TrainingConfig) -> Result<Self, TrainError> {
        let objective = Objective::new(config, data.train, data.label_names)?;
        Ok(Self { data, objective, eval_batch_size: config.eval_batch_size })
    }
}

impl<B> Task<B> for Classification<'_>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    type Model = BertForSequenceClassification<B>;

    fn examples(&self) -> &Dataset {
        self.data.train
    }

    fn weight(&self, parts: &[PackedBatch]) -> f64 {
        self.objective.weight(parts)
    }

    fn loss(
        &self,
        model: &Self::Model,
        batch: &PackedBatch,
        step_weight: f64,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 1> {
        let tokens = on_device(batch, &model.device());
        self.objective.loss(model.forward(&tokens, key), batch, step_weight)
    }

    fn reads(&self, model: &Self::Model, name: &str) -> bool {
        model.reads(name)
    }

    /// The scores by the usual decisions: those that fit are not known before the end.
    fn evaluate(
        &self,
        model: &BertForSequenceClassification<B::InnerBackend>,
        batch_size: usize,
    ) -> Evaluation {
        evaluate(model, &Decisions::default(), self.data.validation, batch_size)
    }

    fn draws(&self) -> Option<Draws> {
        self.data.sources.and_then(Sources::draws)
    }

    fn first_weights(&self) -> Option<Vec<f32>> {
        self.data.sources.map(|sources| sources.weights().to_vec())
    }

    fn next_weights(
        &self,
        model: &Self::Model,
        weights: &[f32],
        timeline: &Timeline,
        steps: usize,
    ) -> Option<Vec<f32>> {
        let is_due = |sources: &&Sources| {
            let weighting = sources.weighting();
            let ends = steps == timeline.steps;
            weighting.rule == SourceRule::TrAdaBoost
                && timeline.is_due(weighting.every, steps)
                && !ends
        };
        let sources = self.data.sources.filter(is_due)?;
        let rule = TrAdaBoost {
            target_examples: sources.target_examples(),
            rounds: timeline.times_before_end(sources.weighting().every),
        };
        let (logits, width) = logits(&model.valid(), self.data.train, self.eval_batch_size);
        Some(rule.reweighed(weights, &errors(&logits, width, self.data.train.targets())))
    }
}
