use bertune_data::{Dataset, PackedBatch, Targets};
use bertune_head::{ProblemType, binary_cross_entropy, soft_cross_entropy, squared_error};
use burn_core::tensor::{Tensor, TensorData, backend::Backend};

use crate::{ClassWeightRule, ClassWeights, Sampling, TrainError, TrainingConfig};

/// What training makes small: the loss of the problem's type, with what the configuration says
/// about weights and smoothing.
///
/// A step's loss is the weighted mean over all its examples, as PyTorch's losses take it, in
/// however many parts it is computed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Objective {
    problem_type: ProblemType,
    class_weights: Vec<f64>,
    label_smoothing: f64,
    focal_gamma: f64,
}

impl Objective {
    pub(crate) fn new(
        config: &TrainingConfig,
        dataset: &Dataset,
        label_names: &[String],
    ) -> Result<Self, TrainError> {
        let problem_type = problem_type(dataset.targets());
        check_settings(config, problem_type)?;
        let class_weights = match &config.class_weights {
            ClassWeights::Rule(rule) => by_frequency(*rule, dataset.labels(), label_names.len()),
            ClassWeights::Explicit(weights) => {
                if let Some(class) = weights.keys().find(|class| !label_names.contains(class)) {
                    let classes = label_names.join("', '");
                    return Err(TrainError::UnknownClass { class: class.clone(), classes });
                }
                label_names.iter().map(|name| weights.get(name).copied().unwrap_or(1.0)).collect()
            }
        };
        let TrainingConfig { label_smoothing, focal_gamma, .. } = *config;
        Ok(Self { problem_type, class_weights, label_smoothing, focal_gamma })
    }

    /// What the losses of a step's examples are divided by.
    pub(crate) fn weight(&self, parts: &[PackedBatch]) -> f64 {
        let weight = |batch: &PackedBatch| -> f64 {
            (0..batch.sequences()).map(|i| self.example_weight(batch, i)).sum()
        };
        parts.iter().map(weight).sum()
    }

    /// The part that these examples have in the mean loss of a step, whose examples weigh
    /// `step_weight` together.
    ///
    /// # Shapes
    ///
    /// `logits: [sequences, classes]` → `[1]`.
    pub(crate) fn loss<B: Backend>(
        &self,
        logits: Tensor<B, 2>,
        batch: &PackedBatch,
        step_weight: f64,
    ) -> Tensor<B, 1> {
        let device = logits.device();
        let shape = [batch.sequences(), self.class_weights.len()];
        let tensor = |values| Tensor::from_data(TensorData::new(values, shape), &device);
        let weights = self.weights(batch, step_weight);
        let targets = self.targets(batch);
        match self.problem_type {
            ProblemType::SingleLabelClassification => {
                let weighted = weights.iter().zip(&targets).map(|(weight, target)| weight * target);
                soft_cross_entropy(logits, tensor(weighted.collect()), self.focal_gamma).sum()
            }
            ProblemType::MultiLabelClassification => {
                (binary_cross_entropy(logits, tensor(targets)) * tensor(weights)).sum()
            }
            ProblemType::Regression => {
                (squared_error(logits, tensor(targets)) * tensor(weights)).sum()
            }
        }
    }

    /// What each class is to be given, smoothed, or each number; `[sequences · classes]`.
    fn targets(&self, batch: &PackedBatch) -> Vec<f32> {
        let classes = self.class_weights.len();
        let keep = 1.0 - self.label_smoothing;
        match &batch.targets {
            Targets::None => Vec::new(),
            Targets::Classes(labels) => {
                let even = self.label_smoothing / classes as f64;
                let target = |label, class| if label == class { keep + even } else { even };
                let rows = labels.iter().flat_map(|&label| (0..classes).map(move |c| (label, c)));
                rows.map(|(label, class)| target(label, class) as f32).collect()
            }
            Targets::Sets { values, .. } => {
                let even = self.label_smoothing / 2.0;
                values.iter().map(|&value| (f64::from(value) * keep + even) as f32).collect()
            }
            Targets::Values { values, .. } => values.clone(),
        }
    }

    /// The share of each class of each example in the mean loss of a step; `[sequences · classes]`.
    fn weights(&self, batch: &PackedBatch, step_weight: f64) -> Vec<f32> {
        let step_weight = step_weight.max(f64::MIN_POSITIVE);
        let share = |i| sample_weight(batch, i) / step_weight;
        (0..batch.sequences())
            .flat_map(|i| self.class_weights.iter().map(move |weight| (share(i) * weight) as f32))
            .collect()
    }

    fn example_weight(&self, batch: &PackedBatch, i: usize) -> f64 {
        let class_weight = match batch.labels.get(i) {
            Some(&label) => self.class_weights[label],
            None => self.class_weights.len() as f64,
        };
        sample_weight(batch, i) * class_weight
    }
}

/// The problem that these targets pose.
pub(crate) fn problem_type(targets: &Targets) -> ProblemType {
    match targets {
        Targets::None | Targets::Classes(_) => ProblemType::SingleLabelClassification,
        Targets::Sets { .. } => ProblemType::MultiLabelClassification,
        Targets::Values { .. } => ProblemType::Regression,
    }
}

/// Refuses settings that mean nothing for this problem.
fn check_settings(config: &TrainingConfig, problem_type: ProblemType) -> Result<(), TrainError> {
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
    ];
    match checks.iter().find(|(_, is_set, makes)| *is_set && !makes.contains(&problem_type)) {
        Some((key, ..)) => Err(TrainError::SettingOfOtherProblem { key, problem_type }),
        None => Ok(()),
    }
}

/// How much an example counts by itself.
fn sample_weight(batch: &PackedBatch, i: usize) -> f64 {
    batch.weights.get(i).map_or(1.0, |&weight| f64::from(weight))
}

/// The weights of classes by how often they occur; 1 where there are no classes.
fn by_frequency(rule: ClassWeightRule, labels: &[usize], classes: usize) -> Vec<f64> {
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&label| counts[label] += 1);
    let balanced = |count: usize| labels.len() as f64 / (classes * count.max(1)) as f64;
    let weight = |count| match rule {
        ClassWeightRule::None => 1.0,
        ClassWeightRule::Auto => balanced(count),
        ClassWeightRule::Sqrt => balanced(count).sqrt(),
    };
    counts.into_iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_classes_count_more() {
        let labels = [0, 0, 0, 1];
        assert_eq!(by_frequency(ClassWeightRule::None, &labels, 2), [1.0, 1.0]);
        assert_eq!(by_frequency(ClassWeightRule::Auto, &labels, 2), [4.0 / 6.0, 2.0]);
        assert_eq!(by_frequency(ClassWeightRule::Sqrt, &labels, 2)[1], 2f64.sqrt());
    }
}
