use bertune_head::ProblemType;
use bertune_metrics::MetricName;
use serde::{Deserialize, Serialize};

use crate::scores::main_metric;
use crate::{Scores, TrainingConfig};

/// What one evaluation of the model under training gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// The steps taken so far.
    pub step: usize,
    /// The epoch of the last of them, from 1.
    pub epoch: usize,
    /// The mean loss of the training examples since the last evaluation, in nats, as they were
    /// met; 0 if none of them counted.
    pub train_loss: f64,
    /// The mean loss of the validation examples, in nats.
    pub validation_loss: f64,
    /// The scores on the validation examples.
    pub validation: Scores,
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step, from 1.
    pub step: usize,
    /// The mean loss of its examples.
    pub loss: f64,
    /// The share of the peak learning rate.
    pub rate_factor: f64,
    /// The global norm of the gradient before clipping.
    pub gradient_norm: f64,
}

/// The most steps that a history keeps of a run.
const MOST_STEPS: usize = 1000;

/// The record of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The version of this program.
    pub bertune_version: String,
    /// The resolved configuration.
    pub config: TrainingConfig,
    /// What the labels are; `None` in pretraining, which has none.
    pub problem_type: Option<ProblemType>,
    /// The number of training examples.
    pub train_examples: usize,
    /// How many of them are of sources, that is of other tasks or domains.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub source_examples: usize,
    /// The number of validation examples.
    pub validation_examples: usize,
    /// The evaluations, in order.
    pub evaluations: Vec<EvaluationRecord>,
    /// The steps, in order; of a long run every second, third and so on.
    pub steps: Vec<StepRecord>,
}

fn is_zero(examples: &usize) -> bool {
    *examples == 0
}

impl EvaluationRecord {
    /// The score that the best model is chosen by; `None` where it is undefined.
    pub fn score(&self, metric: MetricName) -> Option<f64> {
        match metric {
            MetricName::Loss => Some(self.validation_loss),
            metric => self.validation.get(metric),
        }
    }
}

impl History {
    /// The record of a run that was not measured yet.
    pub fn new(
        config: &TrainingConfig,
        problem_type: Option<ProblemType>,
        train_examples: usize,
        validation_examples: usize,
    ) -> Self {
        Self {
            bertune_version: env!("CARGO_PKG_VERSION").into(),
            config: config.clone(),
            problem_type,
            train_examples,
            source_examples: 0,
            validation_examples,
            evaluations: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// What the best model is best in.
    pub fn metric(&self) -> MetricName {
        self.config.metric.unwrap_or_else(|| main_metric(self.problem_type))
    }

    /// The evaluation of the best model: the one with the best score, then with the lowest
    /// validation loss, then the earliest.
    pub fn best(&self) -> Option<&EvaluationRecord> {
        let evaluations = self.evaluations.iter();
        evaluations.reduce(|best, new| if self.is_better(new, best) { new } else { best })
    }

    /// The history as it was when the best model was measured.
    pub(crate) fn up_to_best(&self) -> Self {
        let mut history = self.clone();
        let end = self.best().map_or(0, |best| best.step);
        history.evaluations.retain(|record| record.step <= end);
        history.steps.retain(|record| record.step <= end);
        history
    }

    /// Keeps a step of a run of `steps`, unless it is one of many.
    pub(crate) fn add_step(&mut self, record: StepRecord, steps: usize) {
        if record.step.is_multiple_of(steps.div_ceil(MOST_STEPS)) {
            self.steps.push(record);
        }
    }

    /// Whether the last evaluation is the best.
    pub fn ends_with_best(&self) -> bool {
        self.best().is_some_and(|best| self.evaluations.last() == Some(best))
    }

    /// Whether as many evaluations in a row brought no gain as the configuration has patience for.
    /// Where the score is undefined, the loss decides in its place.
    pub fn is_stalled(&self) -> bool {
        let (mut best, mut without_gain) = (None, 0);
        for record in &self.evaluations {
            let gain = best.map(|best| self.gain(record, best));
            let gains = gain.is_none_or(|gain| gain > self.config.min_gain);
            without_gain = if gains { 0 } else { without_gain + 1 };
            if gain.is_none_or(|gain| gain > 0.0) {
                best = Some(record);
            }
        }
        self.config.patience.is_some_and(|patience| without_gain >= patience)
    }

    /// How much better an evaluation is than another: by the score, or by the loss where both have
    /// none.
    fn gain(&self, new: &EvaluationRecord, old: &EvaluationRecord) -> f64 {
        let metric = self.metric();
        match (new.score(metric), old.score(metric)) {
            (Some(new), Some(old)) => metric.gain(new, old),
            (Some(_), None) => f64::INFINITY,
            (None, Some(_)) => f64::NEG_INFINITY,
            (None, None) => old.validation_loss - new.validation_loss,
        }
    }

    fn is_better(&self, new: &EvaluationRecord, old: &EvaluationRecord) -> bool {
        let gain = self.gain(new, old);
        gain > 0.0 || gain == 0.0 && new.validation_loss < old.validation_loss
    }
}

#[cfg(test)]
mod tests {
    use bertune_metrics::{ClassificationScores, Rows};

    use super::*;

    fn history(config: &TrainingConfig, evaluations: &[(f64, f64)]) -> History {
        let mut history = History::new(config, Some(ProblemType::SingleLabelClassification), 1, 1);
        for (i, &(accuracy, validation_loss)) in evaluations.iter().enumerate() {
            let mut scores = ClassificationScores::new(&[0], Rows::new(&[1.0, 0.0], 2));
            scores.accuracy = accuracy;
            let validation = Scores::Classification(scores);
            history.evaluations.push(EvaluationRecord {
                step: i + 1,
                epoch: 1,
                train_loss: 0.0,
                validation_loss,
                validation,
            });
        }
        history
    }

    fn best_of(metric: MetricName, evaluations: &[(f64, f64)]) -> Option<usize> {
        let config = TrainingConfig { metric: Some(metric), ..Default::default() };
        let history = history(&config, evaluations);
        history.best().map(|record| record.step)
    }

    #[test]
    fn the_best_evaluation_has_the_best_score_then_the_lowest_loss() {
        assert_eq!(best_of(MetricName::Accuracy, &[]), None);
        assert_eq!(best_of(MetricName::Accuracy, &[(0.7, 1.0), (0.8, 2.0), (0.75, 0.5)]), Some(2));
        assert_eq!(best_of(MetricName::Accuracy, &[(0.8, 1.0), (0.8, 0.9), (0.8, 0.9)]), Some(2));
        assert_eq!(best_of(MetricName::Loss, &[(0.7, 1.0), (0.8, 2.0), (0.75, 0.5)]), Some(3));
    }

    fn is_stalled(patience: usize, min_gain: f64, accuracies: &[f64]) -> bool {
        let config = TrainingConfig { patience: Some(patience), min_gain, ..Default::default() };
        let evaluations: Vec<_> = accuracies.iter().map(|&accuracy| (accuracy, 1.0)).collect();
        history(&config, &evaluations).is_stalled()
    }

    #[test]
    fn a_run_stalls_when_its_patience_is_at_an_end() {
        assert!(!is_stalled(2, 0.0, &[0.5]));
        assert!(!is_stalled(2, 0.0, &[0.5, 0.4]));
        assert!(is_stalled(2, 0.0, &[0.5, 0.4, 0.5]));
        assert!(!is_stalled(2, 0.0, &[0.5, 0.4, 0.6, 0.5]));
        assert!(is_stalled(2, 0.05, &[0.5, 0.52, 0.54]));
        assert!(!is_stalled(2, 0.05, &[0.5, 0.52, 0.6]));
    }

    #[test]
    fn where_the_score_is_undefined_the_loss_is_waited_for() {
        let metric = Some(MetricName::RocAuc);
        let config = TrainingConfig { patience: Some(2), metric, ..Default::default() };
        let is_stalled = |losses: &[f64]| {
            let evaluations: Vec<_> = losses.iter().map(|&loss| (0.5, loss)).collect();
            history(&config, &evaluations).is_stalled()
        };
        assert!(!is_stalled(&[0.9, 0.8, 0.7, 0.6]));
        assert!(is_stalled(&[0.9, 0.8, 0.85, 0.8]));
    }
}
