use serde::{Deserialize, Serialize};

use crate::{Metrics, TrainingConfig};

/// What one epoch gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The mean loss of its training examples, in nats, as they were met.
    pub train_loss: f64,
    /// The mean loss of the validation examples, in nats.
    pub validation_loss: f64,
    /// The scores on the validation examples.
    pub validation: Metrics,
}

/// The record of a run, saved beside its model as `training.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The version of this program.
    pub bertune_version: String,
    /// The resolved configuration.
    pub config: TrainingConfig,
    /// The number of training examples.
    pub train_examples: usize,
    /// The number of validation examples.
    pub validation_examples: usize,
    /// The epochs that were evaluated.
    pub epochs: Vec<EpochRecord>,
}

impl History {
    /// The record of a run that has not done an epoch yet.
    pub fn new(config: &TrainingConfig, train_examples: usize, validation_examples: usize) -> Self {
        Self {
            bertune_version: env!("CARGO_PKG_VERSION").into(),
            config: config.clone(),
            train_examples,
            validation_examples,
            epochs: Vec::new(),
        }
    }

    /// The epoch whose model is the best: the one of the highest accuracy, then of the lowest
    /// validation loss, then the earliest.
    pub fn best(&self) -> Option<&EpochRecord> {
        self.epochs.iter().reduce(|best, new| if is_better(new, best) { new } else { best })
    }
}

fn is_better(new: &EpochRecord, old: &EpochRecord) -> bool {
    let (new_accuracy, old_accuracy) = (new.validation.accuracy, old.validation.accuracy);
    new_accuracy > old_accuracy
        || new_accuracy == old_accuracy && new.validation_loss < old.validation_loss
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best_of(epochs: &[(f64, f64)]) -> Option<usize> {
        let mut history = History::new(&TrainingConfig::default(), 1, 1);
        for (i, &(accuracy, validation_loss)) in epochs.iter().enumerate() {
            let validation = Metrics { accuracy, macro_f1: 0.0, mcc: 0.0 };
            let record = EpochRecord { epoch: i + 1, train_loss: 0.0, validation_loss, validation };
            history.epochs.push(record);
        }
        history.best().map(|record| record.epoch)
    }

    #[test]
    fn the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss() {
        assert_eq!(best_of(&[]), None);
        assert_eq!(best_of(&[(0.7, 1.0), (0.8, 2.0), (0.75, 0.5)]), Some(2));
        assert_eq!(best_of(&[(0.8, 1.0), (0.8, 0.9), (0.8, 0.9)]), Some(2));
    }
}
