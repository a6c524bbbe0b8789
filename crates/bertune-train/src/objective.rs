use bertune_data::{Dataset, PackedBatch, Targets};
use bertune_head::{ProblemType, binary_cross_entropy, soft_cross_entropy, squared_error};
use bertune_kernels::{BertOps, ops};
use burn_core::tensor::{Tensor, TensorData, backend::Backend};

use crate::problem_settings::{check_classes, check_settings};
use crate::{ClassWeightRule, ClassWeights, TrainError, TrainingConfig};

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
        check_classes(config, label_names)?;
        let class_weights = match &config.class_weights {
            ClassWeights::Rule(rule) => by_frequency(*rule, dataset.labels(), label_names.len()),
            ClassWeights::Explicit(weights) => {
                label_names.iter().map(|name| weights.get(name).copied().unwrap_or(1.0)).collect()
            }
        };
        let TrainingConfig { label_smoothing, focal_gamma, .. } = *config;
        let objective = Self { problem_type, class_weights, label_smoothing, focal_gamma };
        match objective.counts_any(dataset) {
            true => Ok(objective),
            false => Err(TrainError::NothingCounts),
        }
    }

    /// Whether an example, and a class of it, has a weight above 0.
    fn counts_any(&self, dataset: &Dataset) -> bool {
        let counts = |i: usize| {
            let is_drawn = dataset.weights().is_none_or(|weights| weights[i] > 0.0);
            is_drawn
                && match dataset.labels().get(i) {
                    Some(&label) => self.class_weights[label] > 0.0,
                    None => self.class_weights.iter().any(|&weight| weight > 0.0),
                }
        };
        (0..dataset.len()).any(counts)
    }

    /// What the losses of a step's examples are divided by.
    pub(crate) fn weight(&self, parts: &[PackedBatch]) -> f64 {
        let weight = |batch: &PackedBatch| -> f64 {
            (0..batch.examples()).map(|i| self.example_weight(batch, i)).sum()
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
        let shape = [batch.examples(), self.class_weights.len()];
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

    /// That part where a model says nothing: all its scores are zero.
    pub(crate) fn chance<B: BertOps>(
        &self,
        batch: &PackedBatch,
        step_weight: f64,
        device: &B::Device,
    ) -> Option<f64> {
        // Numbers in memory: Burn 0.21's fusion fails on a loss of zeros that it makes itself.
        let nothing = TensorData::zeros::<f32, _>([batch.examples(), self.class_weights.len()]);
        let nothing = ops::settled(Tensor::<B, 2>::from_data(nothing, device));
        self.loss(nothing, batch, step_weight).into_data().iter::<f64>().next()
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
        (0..batch.examples())
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
    use bertune_tokenize::Encoding;
    use burn_autodiff::Autodiff;
    use burn_flex::Flex;
    use serde_json::Value;

    use super::*;
    use crate::{Sampling, Thresholds};

    type B = Autodiff<Flex>;

    #[test]
    fn rare_classes_count_more() {
        let labels = [0, 0, 0, 1];
        assert_eq!(by_frequency(ClassWeightRule::None, &labels, 2), [1.0, 1.0]);
        assert_eq!(by_frequency(ClassWeightRule::Auto, &labels, 2), [4.0 / 6.0, 2.0]);
        assert_eq!(by_frequency(ClassWeightRule::Sqrt, &labels, 2)[1], 2f64.sqrt());
    }

    fn flat(rows: &Value) -> Vec<f32> {
        let rows: Vec<Vec<f32>> = serde_json::from_value(rows.clone()).unwrap();
        rows.concat()
    }

    /// The golden's six examples, with these targets.
    fn dataset(goldens: &Value, case: &Value) -> Dataset {
        let labels = || serde_json::from_value(goldens["labels"].clone()).unwrap();
        let targets = match case["targets"].as_str().unwrap() {
            "classes" => Targets::Classes(labels()),
            "sets" => Targets::Sets { values: flat(&goldens["sets"]), classes: 4 },
            _ => Targets::Values { values: flat(&goldens["values"]), width: 4 },
        };
        let encoding =
            Encoding { input_ids: vec![1], token_type_ids: vec![0], offsets: vec![(0, 0)] };
        let dataset = Dataset::with_targets(vec![encoding; 6], targets);
        match case["with_sample_weights"] == true {
            true => {
                dataset.weighted(serde_json::from_value(goldens["sample_weights"].clone()).unwrap())
            }
            false => dataset,
        }
    }

    /// The loss of these examples of the golden and the gradient of their logits.
    fn part(
        goldens: &Value,
        objective: &Objective,
        dataset: &Dataset,
        examples: &[usize],
        weight: f64,
    ) -> (f64, Vec<f64>) {
        let batch = PackedBatch::pack(dataset, examples);
        let all = flat(&goldens["logits"]);
        let rows = examples.iter().flat_map(|&example| &all[4 * example..][..4]).copied();
        let data = TensorData::new(rows.collect::<Vec<f32>>(), [examples.len(), 4]);
        let logits = Tensor::<B, 2>::from_data(data, &Default::default()).require_grad();
        let loss = objective.loss(logits.clone(), &batch, weight);
        let gradient = logits.grad(&loss.backward()).unwrap();
        (loss.into_data().iter::<f64>().sum(), gradient.into_data().iter::<f64>().collect())
    }

    /// Values and gradients, of all examples at once and in parts of two, as PyTorch has them.
    #[test]
    fn losses_equal_pytorch() {
        let goldens: Value =
            serde_json::from_str(include_str!("../tests/goldens/training.json")).unwrap();
        let names = ["a", "b", "c", "d"].map(String::from);
        let cases = goldens["losses"].as_array().unwrap();
        assert_eq!(cases.len(), 13);
        for case in cases {
            let config: TrainingConfig = serde_json::from_value(case["settings"].clone()).unwrap();
            let dataset = dataset(&goldens, case);
            let objective = Objective::new(&config, &dataset, &names).unwrap();
            let all: Vec<usize> = (0..6).collect();
            for size in [6, 2] {
                let parts: Vec<&[usize]> = all.chunks(size).collect();
                let batches: Vec<_> =
                    parts.iter().map(|part| PackedBatch::pack(&dataset, part)).collect();
                let weight = objective.weight(&batches);
                let (values, gradients): (Vec<f64>, Vec<Vec<f64>>) = parts
                    .iter()
                    .map(|examples| part(&goldens, &objective, &dataset, examples, weight))
                    .unzip();
                let expected: Vec<f64> = serde_json::from_value(case["gradient"].clone()).unwrap();
                let value = values.iter().sum::<f64>() - case["value"].as_f64().unwrap();
                assert!(value.abs() < 1e-6, "{case}: {value}");
                for (ours, expected) in gradients.concat().iter().zip(&expected) {
                    assert!((ours - expected).abs() < 1e-6, "{case}: {ours} {expected}");
                }
            }
        }
    }

    #[test]
    fn settings_of_other_problems_are_refused() {
        let values = Targets::Values { values: vec![1.0], width: 1 };
        let refused = |config: TrainingConfig| {
            let encoding =
                Encoding { input_ids: vec![1], token_type_ids: vec![0], offsets: vec![(0, 0)] };
            let dataset = Dataset::with_targets(vec![encoding], values.clone());
            Objective::new(&config, &dataset, &["x".to_owned()]).is_err()
        };
        assert!(!refused(TrainingConfig::default()));
        assert!(refused(TrainingConfig { label_smoothing: 0.1, ..Default::default() }));
        assert!(refused(TrainingConfig { focal_gamma: 1.0, ..Default::default() }));
        assert!(refused(TrainingConfig { sampling: Sampling::Balanced, ..Default::default() }));
        assert!(refused(TrainingConfig { thresholds: Thresholds::Half, ..Default::default() }));
        let class_weights = ClassWeights::Rule(ClassWeightRule::Auto);
        assert!(refused(TrainingConfig { class_weights, ..Default::default() }));
    }
}
