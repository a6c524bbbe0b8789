use bertune_data::{Dataset, PackedBatch};
use bertune_head::{BertForSequenceClassification, Decisions};
use bertune_kernels::{BertOps, DropoutKey};
use burn_core::module::AutodiffModule;
use burn_core::tensor::Tensor;
use burn_core::tensor::backend::AutodiffBackend;

use crate::evaluate::{evaluate, logits, on_device};
use crate::learn::learn;
use crate::objective::Objective;
use crate::plan::Draws;
use crate::task::Task;
use crate::timeline::Timeline;
use crate::tradaboost::{TrAdaBoost, errors};
use crate::{
    Evaluation, Learned, Run, SourceRule, Sources, TrainError, TrainingConfig, TrainingData, adapt,
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
    let model = adapt(model, config)?.with_precision(config.precision);
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

    fn chance(&self, model: &Self::Model, batch: &PackedBatch, step_weight: f64) -> Option<f64> {
        self.objective.chance::<B>(batch, step_weight, &model.device())
    }

    fn reads(&self, model: &Self::Model, _: &[usize], name: &str) -> bool {
        model.reads(name)
    }

    fn row_table(&self) -> Option<&'static str> {
        Some("bert.embeddings.word_embeddings.weight")
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

    fn reweighs_after(&self, steps: usize, timeline: &Timeline) -> bool {
        self.data.sources.map(Sources::weighting).is_some_and(|weighting| {
            weighting.rule == SourceRule::TrAdaBoost
                && timeline.is_due(weighting.every, steps)
                && steps < timeline.steps
        })
    }

    fn next_weights(
        &self,
        model: &Self::Model,
        weights: Vec<f32>,
        timeline: &Timeline,
    ) -> Vec<f32> {
        let Some(sources) = self.data.sources else { return weights };
        let rule = TrAdaBoost {
            target_examples: sources.target_examples(),
            rounds: timeline.times_before_end(sources.weighting().every),
        };
        let (logits, width) = logits(&model.valid(), self.data.train, self.eval_batch_size);
        rule.reweighed(&weights, &errors(&logits, width, self.data.train.targets()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bertune_data::Targets;
    use bertune_encoder::{BertConfig, Initializer};
    use bertune_head::{LabelNames, SequenceClassificationConfig};
    use bertune_tokenize::Encoding;
    use burn_autodiff::Autodiff;
    use burn_flex::Flex;

    use super::*;
    use crate::learn::gradients;
    use crate::timeline::Timeline;
    use crate::{ClassWeightRule, ClassWeights, Event, FirstLoss, ParameterGroups, StopSignal};

    type B = Autodiff<Flex>;

    fn model() -> BertForSequenceClassification<B> {
        let bert = BertConfig {
            vocab_size: 50,
            hidden_size: 16,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 32,
            max_position_embeddings: 32,
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            ..BertConfig::default()
        };
        let config = SequenceClassificationConfig::new(bert, LabelNames::numbered(3));
        BertForSequenceClassification::new(&config, &Initializer::new(3, 0.2), &Default::default())
    }

    /// 39 examples of 3 to 12 tokens, each with a weight: steps of 32 and of 7.
    fn dataset(targets: Targets) -> Dataset {
        let encoding = |i: usize| {
            let tokens = 3 + i * 7 % 10;
            let input_ids = (0..tokens).map(|t| 1 + (i * 31 + t * 17) as u32 % 49).collect();
            Encoding { input_ids, token_type_ids: vec![0; tokens], ..Encoding::default() }
        };
        Dataset::with_targets((0..39).map(encoding).collect(), targets)
            .weighted((0..39).map(|i| 0.25 + (i % 4) as f32).collect())
    }

    /// The gradients of a full and of a short step, computed in parts of 32, 8 and 1.
    fn check(targets: Targets, config: TrainingConfig) {
        let dataset = dataset(targets);
        let label_names = &["a", "b", "c"].map(String::from);
        let data =
            TrainingData { train: &dataset, validation: &dataset, label_names, sources: None };
        let task = Classification::new(data, &config).unwrap();
        let model = model();
        let groups = ParameterGroups::new(&model, &config, 2).unwrap();
        let of_parts = |size| {
            let config = TrainingConfig { micro_batch_size: Some(size), ..config.clone() };
            let timeline = Timeline::new(&config, &dataset, None);
            let steps = timeline.windows(&dataset, 0).take(2);
            let steps = steps.map(|window| {
                (window.examples(), window.parts.len(), gradients(&task, &model, &window, 1, 1))
            });
            steps.collect::<Vec<_>>()
        };
        let whole = of_parts(32);
        for (size, counts) in [(32, [1, 1]), (8, [4, 1]), (1, [32, 7])] {
            let parts = of_parts(size);
            for step in 0..2 {
                let (examples, _, (loss, whole)) = &whole[step];
                let (_, count, (other_loss, other)) = &parts[step];
                assert_eq!((*examples, *count), ([32, 7][step], counts[step]));
                assert!((loss - other_loss).abs() <= 1e-6 * loss, "{loss} {other_loss}");
                let distance = |(id, _): &(_, String)| whole.distance(other, *id).unwrap().powi(2);
                let distance = groups.names().iter().map(distance).sum::<f64>().sqrt();
                let limit = 1e-6 * whole.global_norm();
                assert!(distance <= limit, "{size}, step {step}: {distance:e} above {limit:e}");
            }
        }
    }

    #[test]
    fn the_gradient_is_the_same_in_parts_for_classes_sets_and_numbers() {
        let config = TrainingConfig { epochs: 1, ..TrainingConfig::default() };
        let classes = Targets::Classes((0..39).map(|i| i * i % 3).collect());
        let values: Vec<f32> = (0..117).map(|i| (i % 5) as f32 - 1.5).collect();
        let sets = values.iter().map(|value| f32::from(*value > 0.0)).collect();
        let class_weights = ClassWeights::Rule(ClassWeightRule::Auto);
        check(classes, TrainingConfig { class_weights, label_smoothing: 0.1, ..config.clone() });
        let weights = BTreeMap::from([("a".to_owned(), 2.0), ("c".to_owned(), 0.5)]);
        let class_weights = ClassWeights::Explicit(weights);
        let sets = Targets::Sets { values: sets, classes: 3 };
        check(sets, TrainingConfig { class_weights, label_smoothing: 0.1, ..config.clone() });
        check(Targets::Values { values, width: 3 }, config);
    }

    fn tuned(config: &TrainingConfig, run: Run<'_, B>) -> FineTuned<B> {
        try_tuned(config, run).unwrap()
    }

    fn try_tuned(config: &TrainingConfig, run: Run<'_, B>) -> Result<FineTuned<B>, TrainError> {
        let dataset = dataset(Targets::Classes((0..39).map(|i| i * i % 3).collect()));
        let label_names = &["a", "b", "c"].map(String::from);
        let data =
            TrainingData { train: &dataset, validation: &dataset, label_names, sources: None };
        fine_tune(model(), data, config, run)
    }

    #[test]
    fn a_run_begins_when_nothing_is_wrong_with_it() {
        let config = TrainingConfig { max_steps: Some(1), ..TrainingConfig::default() };
        let pattern = TrainingConfig { freeze: vec!["gate".into()], ..config.clone() };
        let no_gradient = TrainingConfig { focal_gamma: 1e6, ..config.clone() };
        for (config, begins) in [(config, true), (pattern, false), (no_gradient, false)] {
            let mut begun = false;
            let run = Run::default().beginning(|| {
                begun = true;
                Ok(())
            });
            assert_eq!(try_tuned(&config, run).is_ok(), begins);
            assert_eq!(begun, begins);
        }
    }

    #[test]
    fn the_first_loss_is_told_beside_what_chance_gives() {
        let config = TrainingConfig { epochs: 1, ..TrainingConfig::default() };
        let smoothed = TrainingConfig { label_smoothing: 0.2, ..config.clone() };
        let focal = TrainingConfig { focal_gamma: 2.0, ..config.clone() };
        let even = 3f64.ln();
        for (config, chance) in [(config, even), (smoothed, even), (focal, even * 4.0 / 9.0)] {
            let mut told = Vec::new();
            let run = Run::default().telling(|event| {
                if let Event::Checked(first) = event {
                    told.push(first.clone());
                }
            });
            tuned(&config, run);
            let [first] = &told[..] else { panic!("{told:?}") };
            assert!((first.chance.unwrap() - chance).abs() < 1e-5, "{first:?}");
            assert!(first.loss > 0.0 && !first.is_suspicious(), "{first:?}");
        }
        assert!(FirstLoss { task: None, loss: 3.0, chance: Some(1.1) }.is_suspicious());
    }

    #[test]
    fn a_run_that_is_stopped_while_it_is_measured_takes_no_more_steps() {
        let (stop, mut saved) = (StopSignal::default(), Vec::new());
        let run = Run::default()
            .telling(|event| {
                if let Event::Evaluating { step: 1 } = event {
                    stop.stop();
                }
            })
            .saving(None, |state| {
                saved.push(state.steps());
                Ok(())
            })
            .until(stop.clone());
        let evaluate_every = "1 step".parse().unwrap();
        let tuned = tuned(&TrainingConfig { evaluate_every, ..TrainingConfig::default() }, run);
        assert_eq!((tuned.history.evaluations.len(), tuned.finished), (1, false));
        assert_eq!(saved, [1]);
    }
}
