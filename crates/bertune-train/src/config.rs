use std::collections::BTreeMap;

use bertune_kernels::Precision;
use bertune_metrics::MetricName;
use serde::{Deserialize, Serialize};

use crate::{Interval, LoraConfig, ScheduleKind, TrainError};

/// How to fine-tune: the `[training]` table of a TOML file, the argument of
/// [`fine_tune`](crate::fine_tune), and the record in the run.
///
/// Defaults are the BERT paper's recipe (Devlin et al., 2019, appendix A.3) with the learning
/// rate that serves small encoders too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Passes over the training examples.
    pub epochs: usize,
    /// The number of steps, in place of `epochs`, which then follow from it.
    pub max_steps: Option<usize>,
    /// Examples of one step.
    pub batch_size: usize,
    /// The most tokens of one step, in place of `batch_size`: as many examples as have no more
    /// together, so that steps are of equal work whatever the lengths.
    pub tokens_per_batch: Option<usize>,
    /// Examples that are computed at once; a step adds up the gradients of as many such parts as
    /// it needs. All of a step if absent. Less takes less memory and changes nothing else.
    pub micro_batch_size: Option<usize>,
    /// What the factors of the encoder's products are rounded to, in training and in measuring;
    /// f32 where the backend or the processor has nothing else. Weights stay f32.
    pub precision: Precision,
    /// What the order of examples, dropout and new weights are drawn from.
    pub seed: u64,

    /// The encoder's peak learning rate.
    pub learning_rate: f64,
    /// The classifier's peak learning rate; the encoder's if absent.
    pub head_learning_rate: Option<f64>,
    /// What the learning rate is multiplied with from each layer to the one below, `0..=1`: the
    /// top layer has the whole rate, the embeddings the smallest ([Sun et al.,
    /// 2019](https://arxiv.org/abs/1905.05583)).
    pub layer_decay: f64,
    /// Whether the embeddings stay as they are.
    pub freeze_embeddings: bool,
    /// How many layers stay as they are, counted from the embeddings.
    pub freeze_layers: usize,
    /// Regular expressions; parameters whose name has a match stay as they are.
    pub freeze: Vec<String>,
    /// How long until each next layer learns too, from the top: first the classifier and the
    /// pooler, then the last layer, at the end the embeddings ([Howard and Ruder,
    /// 2018](https://arxiv.org/abs/1801.06146)). Absent: all learn from the first step.
    pub gradual_unfreezing: Option<Interval>,

    /// The optimizer.
    pub optimizer: OptimizerKind,
    /// The decay rate of the optimizer's first moment (Adam, AdamW, Lion).
    pub beta_1: f64,
    /// The decay rate of the optimizer's second moment (Adam, AdamW), or of Lion's momentum.
    pub beta_2: f64,
    /// What keeps the optimizer's division finite (Adam, AdamW).
    pub epsilon: f64,
    /// How much of the last step's direction is kept (SGD).
    pub momentum: f64,
    /// The weight decay of all parameters but biases and layer norms.
    pub weight_decay: f64,
    /// The largest global norm of a gradient; longer ones are scaled down to it. 0 is no limit.
    pub max_grad_norm: f64,

    /// How the learning rates move after the warm-up.
    pub schedule: ScheduleKind,
    /// The share of all steps over which the learning rates rise from zero, `0..=1`.
    pub warmup_ratio: f64,
    /// The number of those steps, in place of the share.
    pub warmup_steps: Option<usize>,
    /// The share of the peak that the learning rates do not fall below after the warm-up, `0..=1`.
    pub floor: f64,
    /// The number of cosines: 0.5 (once down) in `cosine`, 1 in `cosine_with_restarts` if absent.
    pub cycles: Option<f64>,
    /// The exponent of `polynomial`.
    pub power: f64,

    /// The share of each label that is spread evenly over all classes, `0..1` ([Szegedy et al.,
    /// 2016](https://arxiv.org/abs/1512.00567)).
    pub label_smoothing: f64,
    /// How much less an example counts the surer the model is of its class: the exponent of
    /// `1 - p` ([Lin et al., 2017](https://arxiv.org/abs/1708.02002)). 0 is cross-entropy.
    pub focal_gamma: f64,

    /// How the examples of an epoch are drawn.
    pub sampling: Sampling,

    /// When the validation examples are measured.
    pub evaluate_every: Interval,
    /// Examples of one batch of evaluation.
    pub eval_batch_size: usize,
    /// What the best model is best in; accuracy, micro F1 or Pearson's correlation if absent.
    pub metric: Option<MetricName>,
    /// After how many evaluations in a row without a gain the run ends; absent: never.
    pub patience: Option<usize>,
    /// How much better an evaluation must be to count as a gain, for `patience`.
    pub min_gain: f64,

    /// Which thresholds the probabilities of a set's classes get.
    pub thresholds: Thresholds,
    /// Whether the scores of a classifier of one class a text get the temperature with which its
    /// probabilities fit the validation examples best.
    pub calibrate: bool,

    /// How much each class counts.
    pub class_weights: ClassWeights,
    /// Parameters with a learning rate or a weight decay of their own; where several patterns
    /// match, the last one counts.
    pub groups: Vec<GroupConfig>,

    /// Changes of low rank that linear maps learn in place of their weights. If it is there, only
    /// they learn, and in full what stands on the encoder. Absent: all learn.
    pub lora: Option<LoraConfig>,
}

/// Parameters that learn in their own way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupConfig {
    /// A regular expression: the group is all parameters whose Hugging Face name, such as
    /// `bert.encoder.layer.0.attention.self.query.weight`, has a match.
    pub pattern: String,
    /// Their peak learning rate, if it is their own.
    #[serde(default)]
    pub learning_rate: Option<f64>,
    /// Their weight decay, if it is their own.
    #[serde(default)]
    pub weight_decay: Option<f64>,
}

/// The optimizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay ([Loshchilov and Hutter, 2019](https://arxiv.org/abs/1711.05101)).
    AdamW,
    /// Adam, weight decay as part of the gradient ([Kingma and Ba, 2015](https://arxiv.org/abs/1412.6980)).
    Adam,
    /// Gradient descent with momentum ([Sutskever et al., 2013](https://proceedings.mlr.press/v28/sutskever13.html)).
    Sgd,
    /// The sign of a blend of gradient and momentum ([Chen et al., 2023](https://arxiv.org/abs/2302.06675));
    /// it wants a learning rate three to ten times smaller than AdamW's.
    Lion,
}

impl OptimizerKind {
    /// Whether it is Adam, with either kind of weight decay.
    pub(crate) fn is_adam(self) -> bool {
        matches!(self, Self::AdamW | Self::Adam)
    }
}

/// Which thresholds the probabilities of a set's classes get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Thresholds {
    /// For each class the one with the best F1 on the validation examples.
    Tuned,
    /// 0.5 for each.
    Half,
}

/// How the examples of an epoch are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Each once, in a new order.
    Shuffled,
    /// As many as there are, each class as likely as every other.
    Balanced,
}

/// How much each class counts in the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassWeights {
    /// By how often it occurs.
    Rule(ClassWeightRule),
    /// By its name; a class that is not named counts 1.
    Explicit(BTreeMap<String, f64>),
}

/// How a class counts by how often it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassWeightRule {
    /// All classes alike.
    None,
    /// `examples / (classes · examples of the class)`, as scikit-learn's `balanced`.
    Auto,
    /// The square root of that.
    Sqrt,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            epochs: 3,
            max_steps: None,
            batch_size: 32,
            tokens_per_batch: None,
            micro_batch_size: None,
            precision: Precision::F32,
            seed: 1,
            learning_rate: 5e-5,
            head_learning_rate: None,
            layer_decay: 1.0,
            freeze_embeddings: false,
            freeze_layers: 0,
            freeze: Vec::new(),
            gradual_unfreezing: None,
            optimizer: OptimizerKind::AdamW,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            momentum: 0.9,
            weight_decay: 0.01,
            max_grad_norm: 1.0,
            schedule: ScheduleKind::Linear,
            warmup_ratio: 0.1,
            warmup_steps: None,
            floor: 0.0,
            cycles: None,
            power: 1.0,
            label_smoothing: 0.0,
            focal_gamma: 0.0,
            sampling: Sampling::Shuffled,
            evaluate_every: Interval::EPOCH,
            eval_batch_size: 64,
            metric: None,
            patience: None,
            min_gain: 0.0,
            thresholds: Thresholds::Tuned,
            calibrate: false,
            class_weights: ClassWeights::Rule(ClassWeightRule::None),
            groups: Vec::new(),
            lora: None,
        }
    }
}

impl TrainingConfig {
    /// What pretraining begins with: larger batches at a higher rate, which falls from a short
    /// warm-up to zero, and the model of the lowest loss.
    pub fn pretraining() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            learning_rate: 5e-4,
            warmup_ratio: 0.05,
            beta_2: 0.98,
            epsilon: 1e-6,
            ..Self::default()
        }
    }

    /// Checks every value on its own.
    ///
    /// # Errors
    ///
    /// Naming the key, the value and the range of the first that is out of it.
    pub fn validate(&self) -> Result<(), TrainError> {
        let counts = [
            ("epochs", Some(self.epochs)),
            ("max_steps", self.max_steps),
            ("batch_size", Some(self.batch_size)),
            ("tokens_per_batch", self.tokens_per_batch),
            ("micro_batch_size", self.micro_batch_size),
            ("eval_batch_size", Some(self.eval_batch_size)),
            ("patience", self.patience),
        ];
        for (key, count) in counts {
            check(key, count.map(|count| count as f64), |count| count >= 1.0, "at least 1")?;
        }
        if let Some(lora) = &self.lora {
            lora.validate()?;
        }
        let rates = [
            ("learning_rate", Some(self.learning_rate)),
            ("head_learning_rate", self.head_learning_rate),
            ("weight_decay", Some(self.weight_decay)),
            ("max_grad_norm", Some(self.max_grad_norm)),
            ("power", Some(self.power)),
            ("cycles", self.cycles),
            ("focal_gamma", Some(self.focal_gamma)),
            ("min_gain", Some(self.min_gain)),
        ];
        for (key, rate) in rates {
            check(key, rate, |rate| rate >= 0.0, "at least 0")?;
        }
        for group in &self.groups {
            check("groups.learning_rate", group.learning_rate, |rate| rate >= 0.0, "at least 0")?;
            check("groups.weight_decay", group.weight_decay, |rate| rate >= 0.0, "at least 0")?;
        }
        for (key, share) in [
            ("layer_decay", self.layer_decay),
            ("warmup_ratio", self.warmup_ratio),
            ("floor", self.floor),
        ] {
            check(key, Some(share), |share| (0.0..=1.0).contains(&share), "from 0 to 1")?;
        }
        for (key, share) in [
            ("beta_1", self.beta_1),
            ("beta_2", self.beta_2),
            ("momentum", self.momentum),
            ("label_smoothing", self.label_smoothing),
        ] {
            check(key, Some(share), |share| (0.0..1.0).contains(&share), "at least 0 and below 1")?;
        }
        check("epsilon", Some(self.epsilon), |epsilon| epsilon > 0.0, "above 0")?;
        if let ClassWeights::Explicit(weights) = &self.class_weights {
            for &weight in weights.values() {
                check("class_weights", Some(weight), |weight| weight >= 0.0, "at least 0")?;
            }
        }
        Ok(())
    }
}

/// Refuses a value that is there and not finite or out of its range.
pub(crate) fn check(
    key: &'static str,
    value: Option<f64>,
    holds: impl Fn(f64) -> bool,
    range: &'static str,
) -> Result<(), TrainError> {
    match value {
        Some(value) if !(value.is_finite() && holds(value)) => {
            Err(TrainError::Setting { key, value, range })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(config: &TrainingConfig) -> String {
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn a_value_out_of_range_is_named() {
        let config = TrainingConfig { warmup_ratio: 1.5, ..Default::default() };
        assert_eq!(
            message(&config),
            "training setting warmup_ratio is 1.5, but must be from 0 to 1"
        );
        let config = TrainingConfig { patience: Some(0), ..Default::default() };
        assert_eq!(message(&config), "training setting patience is 0, but must be at least 1");
        let config = TrainingConfig { learning_rate: f64::NAN, ..Default::default() };
        assert!(config.validate().is_err());
        let group =
            GroupConfig { pattern: String::new(), learning_rate: Some(-1.0), weight_decay: None };
        let config = TrainingConfig { groups: vec![group], ..Default::default() };
        assert!(message(&config).contains("groups.learning_rate"));
        let weights = ClassWeights::Explicit([("spam".to_owned(), -2.0)].into());
        let config = TrainingConfig { class_weights: weights, ..Default::default() };
        assert!(message(&config).contains("class_weights is -2"));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = toml::from_str::<TrainingConfig>("learning_rat = 1e-5").unwrap_err();
        assert!(error.to_string().contains("unknown field `learning_rat`"), "{error}");
    }

    #[test]
    fn a_configuration_survives_its_toml() {
        let mut config = TrainingConfig {
            max_steps: Some(7),
            gradual_unfreezing: Some(Interval::EPOCH),
            freeze: vec!["pooler".into()],
            class_weights: ClassWeights::Explicit([("spam".to_owned(), 2.5)].into()),
            ..Default::default()
        };
        let pattern = "LayerNorm".to_owned();
        config.groups =
            vec![GroupConfig { pattern, learning_rate: Some(1e-3), weight_decay: None }];
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<TrainingConfig>(&text).unwrap(), config, "{text}");
        let config: TrainingConfig = toml::from_str("class_weights = 'sqrt'").unwrap();
        assert_eq!(config.class_weights, ClassWeights::Rule(ClassWeightRule::Sqrt));
    }
}
