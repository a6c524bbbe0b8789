use bertune_data::{Dataset, PackedBatch};
use bertune_head::{BertForTasks, Decisions};
use bertune_kernels::{BertOps, DropoutKey};
use bertune_metrics::MetricName;
use burn_core::tensor::Tensor;
use burn_core::tensor::backend::AutodiffBackend;

use crate::evaluate::{evaluate, on_device};
use crate::learn::learn;
use crate::objective::Objective;
use crate::plan::Draws;
use crate::state::Inputs;
use crate::task::Task;
use crate::task_scores::TasksScores;
use crate::timeline::Window;
use crate::{
    ClassWeights, Evaluation, History, LabelledTask, Learned, Run, Scores, TaskSampling,
    TrainError, TrainingConfig,
};

/// A finished run of [`fine_tune_tasks`].
pub type TunedTasks<B> = Learned<B, BertForTasks<B>>;

/// Fine-tunes one encoder for several tasks and returns its best state: the one with the highest
/// mean of the tasks' main scores, where the configuration names no metric, and else with the best
/// mean of that.
///
/// Each step learns from examples of one task. Which, and which examples, is a function of the seed
/// and the step; an epoch has as many steps as one pass over each task. All else is as in
/// [`fine_tune`](crate::fine_tune).
///
/// # Errors
///
/// If the configuration or the data of a task does not fit, if the loss or a gradient is not finite,
/// or if the best model or the state could not be kept.
///
/// # Panics
///
/// If the model is not one of so many tasks.
pub fn fine_tune_tasks<B>(
    model: BertForTasks<B>,
    tasks: &[LabelledTask<'_>],
    sampling: TaskSampling,
    config: &TrainingConfig,
    run: Run<'_, B, BertForTasks<B>>,
) -> Result<TunedTasks<B>, TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    assert_eq!(model.classifier.len(), tasks.len(), "a classifier for each task");
    config.validate()?;
    sampling.validate()?;
    check_settings(config)?;
    for (number, task) in tasks.iter().enumerate() {
        task.validate((number, &model), config).map_err(|error| error.in_task(task.name))?;
    }
    let learner = Tasks::new(tasks, sampling, config)?;
    let history = learner.history(config);
    let model = model.with_precision(config.precision);
    learn(&learner, model, (history, learner.inputs()), run)
}

/// Refuses what has a meaning for a single task alone.
fn check_settings(config: &TrainingConfig) -> Result<(), TrainError> {
    let by_name = matches!(config.class_weights, ClassWeights::Explicit(_));
    let of_one_task = [
        ("lora", config.lora.is_some(), "the encoder itself is what the tasks share"),
        ("class_weights", by_name, "say 'auto' or 'sqrt', or give rows weights of their own"),
    ];
    match of_one_task.into_iter().find(|(_, is_set, _)| *is_set) {
        Some((key, _, why)) => Err(TrainError::SettingOfOneTask { key, why }),
        None => Ok(()),
    }
}

/// Examples of several tasks, and an encoder to be.
struct Tasks<'a> {
    tasks: &'a [LabelledTask<'a>],
    objectives: Vec<Objective>,
    probabilities: Vec<f64>,
    /// Those of all tasks, one task after another, without their targets, which may be of several
    /// kinds.
    examples: Dataset,
    /// Where each task's end.
    ends: Vec<usize>,
}

impl<'a> Tasks<'a> {
    fn new(
        tasks: &'a [LabelledTask<'a>],
        sampling: TaskSampling,
        config: &TrainingConfig,
    ) -> Result<Self, TrainError> {
        let objective = |task: &LabelledTask<'_>| {
            let objective = Objective::new(config, task.data.train, task.data.label_names);
            objective.map_err(|error| error.in_task(task.name))
        };
        let rows = |task: &LabelledTask<'_>| (task.data.train.len(), task.weight);
        let examples: Vec<Dataset> =
            tasks.iter().map(|task| task.data.train.without_targets()).collect();
        let ends = examples.iter().scan(0, |end, task| {
            *end += task.len();
            Some(*end)
        });
        Ok(Self {
            objectives: tasks.iter().map(objective).collect::<Result<_, _>>()?,
            probabilities: sampling.probabilities(tasks.iter().map(rows)),
            ends: ends.collect(),
            examples: Dataset::joined(&examples.iter().collect::<Vec<_>>()),
            tasks,
        })
    }

    /// The record of a run that has not begun.
    fn history(&self, config: &TrainingConfig) -> History {
        let metric = Some(config.metric.unwrap_or(MetricName::MeanScore));
        let config = TrainingConfig { metric, ..config.clone() };
        let validation = self.tasks.iter().map(|task| task.data.validation.len()).sum();
        History::new(&config, None, self.examples.len(), validation)
    }

    /// What a run that is resumed must find unchanged.
    fn inputs(&self) -> Inputs {
        let of_tasks = |split: fn(Inputs) -> String| -> String {
            let of_task = |(task, share): (&LabelledTask<'_>, &f64)| {
                format!("{}:{}:{share};", task.name, split(task.data.inputs()))
            };
            self.tasks.iter().zip(&self.probabilities).map(of_task).collect()
        };
        Inputs {
            train: of_tasks(|inputs| inputs.train),
            validation: of_tasks(|inputs| inputs.validation),
        }
    }

    /// The number of the task that these examples are of.
    fn task_of(&self, example_ids: &[usize]) -> usize {
        let first = example_ids.first().copied().unwrap_or_default();
        self.ends.partition_point(|&end| end <= first)
    }

    /// What the examples of a batch are to be given, and their weights, without their tokens.
    fn targets(&self, batch: &PackedBatch) -> (usize, PackedBatch) {
        let task = self.task_of(&batch.example_ids);
        let train = self.tasks[task].data.train;
        let first = self.ends[task] - train.len();
        let own: Vec<usize> = batch.example_ids.iter().map(|example| example - first).collect();
        let targets = PackedBatch {
            labels: own
                .iter()
                .filter_map(|&example| train.labels().get(example).copied())
                .collect(),
            targets: train.targets().select(&own),
            weights: batch.weights.clone(),
            example_ids: batch.example_ids.clone(),
            ..PackedBatch::default()
        };
        (task, targets)
    }
}

impl<B> Task<B> for Tasks<'_>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    type Model = BertForTasks<B>;

    fn examples(&self) -> &Dataset {
        &self.examples
    }

    fn weight(&self, parts: &[PackedBatch]) -> f64 {
        let weight = |part: &PackedBatch| {
            let (task, targets) = self.targets(part);
            self.objectives[task].weight(std::slice::from_ref(&targets))
        };
        parts.iter().map(weight).sum()
    }

    fn loss(
        &self,
        model: &Self::Model,
        batch: &PackedBatch,
        step_weight: f64,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 1> {
        let (task, targets) = self.targets(batch);
        let logits = model.forward(task, &on_device(batch, &model.device()), key);
        self.objectives[task].loss(logits, &targets, step_weight)
    }

    fn chance(&self, model: &Self::Model, batch: &PackedBatch, step_weight: f64) -> Option<f64> {
        let (task, targets) = self.targets(batch);
        self.objectives[task].chance::<B>(&targets, step_weight, &model.device())
    }

    fn reads(&self, model: &Self::Model, example_ids: &[usize], name: &str) -> bool {
        model.reads(self.task_of(example_ids), name)
    }

    /// The first examples of each task.
    fn checked(&self, _: &Window) -> Vec<(Option<&str>, Vec<usize>)> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let examples = begins.zip(&self.ends).map(|(begin, &end)| (begin..end).collect());
        self.tasks.iter().map(|task| Some(task.name)).zip(examples).collect()
    }

    fn row_table(&self) -> Option<&'static str> {
        Some("bert.embeddings.word_embeddings.weight")
    }

    /// The mean loss and the scores of each task, by the usual decisions.
    fn evaluate(&self, model: &BertForTasks<B::InnerBackend>, batch_size: usize) -> Evaluation {
        let evaluate = |(number, task): (usize, &LabelledTask<'_>)| {
            let model = model.task(number);
            evaluate(&model, &Decisions::default(), task.data.validation, batch_size)
        };
        let evaluations: Vec<_> = self.tasks.iter().enumerate().map(evaluate).collect();
        let loss: f64 = evaluations.iter().map(|evaluation| evaluation.loss).sum();
        let names = self.tasks.iter().map(|task| task.name);
        Evaluation {
            loss: loss / evaluations.len() as f64,
            scores: Scores::Tasks(TasksScores::new(names.zip(&evaluations))),
            confusion: None,
            logits: evaluations.into_iter().flat_map(|evaluation| evaluation.logits).collect(),
        }
    }

    fn draws(&self) -> Option<Draws> {
        let examples = self.tasks.iter().map(|task| task.data.train.clone()).collect();
        Some(Draws::Tasks { examples, weights: self.probabilities.clone() })
    }
}
