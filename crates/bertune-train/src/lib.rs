//! Fine-tuning BERT into a classifier: parameter groups, schedule, loop, evaluation, run record.
//!
//! [`fine_tune`] is one page, and reads as what it does. What would bloat it stands behind four
//! nouns: [`BatchPlan`](bertune_data::BatchPlan) (which examples), [`Schedule`] (learning rates),
//! [`ParameterGroups`] (who learns how fast, who decays) and [`Run`] (telling, stopping, keeping
//! the best model).

mod config;
mod error;
mod evaluate;
mod export;
mod fine_tune;
mod gradient_norm;
mod history;
mod metrics;
mod model_card;
mod optimizer;
mod parameter_groups;
mod run;
mod schedule;

pub use config::{OptimizerKind, Preset, ScheduleKind, TrainingConfig};
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate};
pub use export::{Classifier, save_classifier};
pub use fine_tune::{FineTuned, TrainingData, fine_tune};
pub use gradient_norm::{clipping_scale, global_norm};
pub use history::{EpochRecord, History};
pub use metrics::{ConfusionMatrix, Metrics};
pub use model_card::ModelCard;
pub use optimizer::Optimizer;
pub use parameter_groups::{ParameterGroup, ParameterGroups};
pub use run::{Event, Run, StopSignal};
pub use schedule::Schedule;
