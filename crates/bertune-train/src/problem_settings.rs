use bertune_head::ProblemType;

use crate::scores::has_metric;
use crate::{ClassWeightRule, ClassWeights, Sampling, Thresholds, TrainError, TrainingConfig};

impl TrainingConfig {
    /// Checks that the settings mean something for labels of this kind and these names: what
    /// [`validate`](Self::validate) cannot know, and training would refuse after reading all texts.
    ///
    /// # Errors
    ///
    /// Naming the first setting that does not.
    pub fn validate_for(
        &self,
        problem_type: ProblemType,
        label_names: &[String],
    ) -> Result<(), TrainError> {
        check_metric(self, problem_type)?;
        check_settings(self, problem_type)?;
        check_classes(self, label_names)
    }
}

/// Refuses a metric of another problem.
pub(crate) fn check_metric(
    config: &TrainingConfig,
    problem_type: ProblemType,
) -> Result<(), TrainError> {
    match config.metric.filter(|name| !has_metric(problem_type, *name)) {
        Some(metric) => Err(TrainError::MetricOfOtherProblem { metric, problem_type }),
        None => Ok(()),
    }
}

/// Refuses settings that mean nothing for this problem.
pub(crate) fn check_settings(
    config: &TrainingConfig,
    problem_type: ProblemType,
) -> Result<(), TrainError> {
    use ProblemType::{MultiLabelClassification as Sets, SingleLabelClassification as Classes};
    let by_rule =
        matches!(config.class_weights, ClassWeights::Rule(rule) if rule != ClassWeightRule::None);
    let by_name = matches!(config.class_weights, ClassWeights::Explicit(_));
    let balanced = config.sampling == Sampling::Balanced;
    let checks = [
        ("sampling", balanced, [Classes].as_slice()),
        ("label_smoothing", config.label_smoothing > 0.0, &[Classes, Sets]),
        ("focal_gamma", config.focal_gamma > 0.0, &[Classes]),
        ("class_weights by a rule", by_rule, &[Classes]),
        ("class_weights", by_name, &[Classes, Sets]),
        ("calibrate", config.calibrate, &[Classes]),
        ("thresholds", config.thresholds == Thresholds::Half, &[Sets]),
    ];
    match checks.iter().find(|(_, is_set, makes)| *is_set && !makes.contains(&problem_type)) {
        Some((key, ..)) => Err(TrainError::SettingOfOtherProblem { key, problem_type }),
        None => Ok(()),
    }
}

/// Refuses the weight of a class that there is not.
pub(crate) fn check_classes(
    config: &TrainingConfig,
    label_names: &[String],
) -> Result<(), TrainError> {
    let ClassWeights::Explicit(weights) = &config.class_weights else { return Ok(()) };
    match weights.keys().find(|class| !label_names.contains(class)) {
        Some(class) => {
            let classes = label_names.join("', '");
            Err(TrainError::UnknownClass { class: class.clone(), classes })
        }
        None => Ok(()),
    }
}
