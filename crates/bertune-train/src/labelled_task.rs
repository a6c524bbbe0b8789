use bertune_head::{BertForTasks, Decisions};
use bertune_metrics::MetricName;
use burn_core::tensor::backend::Backend;

use crate::objective::problem_type;
use crate::{
    Evaluation, EvaluationRecord, History, Scores, TrainError, TrainingConfig, TrainingData,
};

/// One of several tasks on one encoder.
#[derive(Clone, Copy, Debug)]
pub struct LabelledTask<'a> {
    /// Its name, no other task's.
    pub name: &'a str,
    /// Its examples, without sources.
    pub data: TrainingData<'a>,
    /// How often it is drawn, in proportion to what the sampling rule says.
    pub weight: f64,
}

impl LabelledTask<'_> {
    /// Checks that the task of this number can be learned by this model with these settings.
    pub(crate) fn validate<B: Backend>(
        &self,
        (task, model): (usize, &BertForTasks<B>),
        config: &TrainingConfig,
    ) -> Result<(), TrainError> {
        if !(self.weight.is_finite() && self.weight > 0.0) {
            return Err(TrainError::Setting {
                key: "weight",
                value: self.weight,
                range: "above 0",
            });
        }
        self.data.validate(&model.task(task))?;
        self.data.history(&alone(config)).map(|_| ())
    }

    /// The record of this task in a run of several: its last evaluation.
    pub fn history(&self, whole: &History) -> History {
        let TrainingData { train, validation, .. } = self.data;
        let problem_type = Some(problem_type(train.targets()));
        let config = alone(&whole.config);
        let last = whole.evaluations.last().and_then(|record| record.of_task(self.name));
        History {
            evaluations: last.into_iter().collect(),
            ..History::new(&config, problem_type, train.len(), validation.len())
        }
    }

    /// The evaluation of each task, of that of all.
    ///
    /// # Panics
    ///
    /// If it is not one of these tasks.
    pub fn evaluations(tasks: &[Self], whole: &Evaluation) -> Vec<Evaluation> {
        let mut logits = &whole.logits[..];
        let of_task = |task: &LabelledTask<'_>| {
            let width = task.data.label_names.len();
            let targets = task.data.validation.targets();
            let (own, others) = logits.split_at(targets.len() * width);
            logits = others;
            Evaluation::new(own.to_vec(), width, targets, &Decisions::default())
        };
        tasks.iter().map(of_task).collect()
    }
}

impl EvaluationRecord {
    /// What it says of one of several tasks.
    fn of_task(&self, name: &str) -> Option<Self> {
        let Scores::Tasks(scores) = &self.validation else { return None };
        let task = scores.tasks.iter().find(|task| task.name == name)?;
        Some(Self { validation_loss: task.loss, validation: task.scores.clone(), ..self.clone() })
    }
}

/// The settings as they are for a single task, whose main score is not a mean.
fn alone(config: &TrainingConfig) -> TrainingConfig {
    let metric = config.metric.filter(|metric| *metric != MetricName::MeanScore);
    TrainingConfig { metric, ..config.clone() }
}
