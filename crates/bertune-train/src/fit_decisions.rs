use bertune_data::Targets;
use bertune_head::Decisions;
use bertune_metrics::{Rows, fit_temperature, tune_thresholds};

use crate::evaluation::{in_set, sigmoid};
use crate::{Evaluation, Thresholds, TrainingConfig};

/// The decisions that fit the validation examples best, where the configuration asks for it: each
/// class's threshold with the highest F1, and the temperature with the lowest loss.
///
/// # Panics
///
/// If these are not the targets of the evaluation.
pub fn fit_decisions(
    config: &TrainingConfig,
    validation: &Evaluation,
    targets: &Targets,
) -> Decisions {
    let logits = &validation.logits;
    match targets {
        Targets::Classes(labels) if config.calibrate => {
            let logits = Rows::new(logits, logits.len() / labels.len());
            Decisions { temperature: fit_temperature(labels, logits), thresholds: None }
        }
        Targets::Sets { values, classes } if config.thresholds == Thresholds::Tuned => {
            let probabilities: Vec<f64> = logits.iter().map(|&logit| sigmoid(logit)).collect();
            let (labels, probabilities) = (in_set(values), Rows::new(&probabilities, *classes));
            let thresholds = tune_thresholds(Rows::new(&labels, *classes), probabilities);
            Decisions { temperature: None, thresholds: Some(thresholds) }
        }
        _ => Decisions::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(config: &TrainingConfig, logits: &[f64], width: usize, targets: &Targets) -> Decisions {
        let validation = Evaluation::new(logits.to_vec(), width, targets, &Decisions::default());
        fit_decisions(config, &validation, targets)
    }

    #[test]
    fn a_classifier_that_is_too_sure_gets_a_temperature() {
        let logits = [99f64.ln(), 0.0].repeat(4);
        let targets = Targets::Classes(vec![0, 0, 0, 1]);
        let config = TrainingConfig { calibrate: true, ..Default::default() };
        let decisions = fit(&config, &logits, 2, &targets);
        let calibrated = Evaluation::new(logits.clone(), 2, &targets, &decisions);
        let raw = Evaluation::new(logits.clone(), 2, &targets, &Decisions::default());
        assert!(decisions.temperature() > 4.0 && calibrated.loss < raw.loss);
        assert_eq!(fit(&TrainingConfig::default(), &logits, 2, &targets), Decisions::default());
    }

    #[test]
    fn thresholds_are_where_each_class_is_told_apart() {
        let (rare, common) = ([-2.0, -3.0, -2.5, -1.0], [1.0, 2.0, 3.0, -1.0]);
        let logits: Vec<f64> = rare.iter().zip(common).flat_map(|(&a, b)| [a, b]).collect();
        let values = vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        let targets = Targets::Sets { values, classes: 2 };
        let decisions = fit(&TrainingConfig::default(), &logits, 2, &targets);
        let tuned = Evaluation::new(logits.clone(), 2, &targets, &decisions);
        assert_eq!(tuned.scores.main_metric().name(), "micro_f1");
        assert_eq!(tuned.scores.get(tuned.scores.main_metric()), Some(1.0), "{decisions:?}");
        let half = TrainingConfig { thresholds: Thresholds::Half, ..Default::default() };
        assert_eq!(fit(&half, &logits, 2, &targets), Decisions::default());
    }
}
