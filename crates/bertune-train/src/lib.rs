//! Fine-tuning BERT into a classifier, and pretraining it: parameter groups, schedule, loop, evaluation, run record.
//!
//! [`fine_tune`], [`fine_tune_tasks`] and [`pretrain`] share a loop of one page, which reads as what it
//! does. What would bloat it stands behind four nouns: [`BatchPlan`](bertune_data::BatchPlan) (which examples),
//! [`Schedule`] (learning rates), [`ParameterGroups`] (who learns how fast, who decays) and [`Run`]
//! (telling, stopping, keeping the best model).
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod config;
mod density_ratio;
mod error;
mod evaluate;
mod evaluation;
mod export;
mod export_adapter;
mod export_masked_lm;
mod fine_tune;
mod fine_tune_tasks;
mod fit_decisions;
mod gradients;
mod history;
mod interval;
mod label_agreement;
mod labelled_task;
mod lbfgs;
mod learn;
mod learned;
mod learning_share;
mod logistic_regression;
mod lora;
mod lr_find;
mod model_card;
mod objective;
mod optimizer;
mod parameter_groups;
mod pattern;
mod plan;
mod preset;
mod pretrain;
mod problem_settings;
mod run;
mod schedule;
mod scores;
mod self_check;
mod source_weighting;
mod sources;
mod state;
mod target_only;
mod task;
mod task_sampling;
mod task_scores;
mod timeline;
mod tradaboost;
mod training_data;
mod waiting_rows;
mod weight_share;

pub use config::{
    ClassWeightRule, ClassWeights, GroupConfig, OptimizerKind, Sampling, Thresholds, TrainingConfig,
};
pub use error::TrainError;
pub use evaluate::{evaluate, features, logits};
pub use evaluation::Evaluation;
pub use export::{Classifier, save_classifier, set_limits};
pub use export_adapter::{AdapterBase, base_tensors, save_adapter};
pub use export_masked_lm::{MaskedLm, Pooler, save_masked_lm};
pub use fine_tune::{FineTuned, fine_tune};
pub use fine_tune_tasks::{TunedTasks, fine_tune_tasks};
pub use fit_decisions::fit_decisions;
pub use gradients::{Gradients, clipping_scale};
pub use history::{EvaluationRecord, History, StepRecord};
pub use interval::{Interval, IntervalError};
pub use labelled_task::LabelledTask;
pub use learned::Learned;
pub use learning_share::LearningShare;
pub use lora::{LoraConfig, adapt};
pub use lr_find::{LrCurve, LrPoint, lr_find};
pub use model_card::ModelCard;
pub use optimizer::{Optimizer, OptimizerState, Scales};
pub use parameter_groups::{ParameterGroup, ParameterGroups};
pub use preset::Preset;
pub use pretrain::{Pretrained, PretrainingData, evaluate_masked_lm, pretrain};
pub use run::{Event, Run, StopSignal};
pub use schedule::{Schedule, ScheduleKind};
pub use scores::{MaskedLmScores, Scores, main_metric};
pub use self_check::FirstLoss;
pub use source_weighting::{SourceRule, SourceWeighting};
pub use sources::Sources;
pub use state::{SavedState, TrainingState};
pub use target_only::target_only;
pub use task_sampling::TaskSampling;
pub use task_scores::{TaskScores, TasksScores};
pub use training_data::TrainingData;
pub use weight_share::WeightShare;
