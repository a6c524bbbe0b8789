use serde::{Deserialize, Serialize};

use crate::TrainError;

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
    /// Examples of one step.
    pub batch_size: usize,
    /// The encoder's peak learning rate.
    pub learning_rate: f64,
    /// The classifier's peak learning rate; the encoder's if absent.
    pub head_learning_rate: Option<f64>,
    /// The optimizer.
    pub optimizer: OptimizerKind,
    /// The decay rate of the optimizer's first moment.
    pub beta_1: f64,
    /// The decay rate of the optimizer's second moment.
    pub beta_2: f64,
    /// What keeps the optimizer's division finite.
    pub epsilon: f64,
    /// The weight decay of all parameters but biases and layer norms.
    pub weight_decay: f64,
    /// How the learning rates move after the warm-up.
    pub schedule: ScheduleKind,
    /// The share of all steps over which the learning rates rise from zero, `0..=1`.
    pub warmup_ratio: f64,
    /// The largest global norm of a gradient; longer ones are scaled down to it. 0 is no limit.
    pub max_grad_norm: f64,
    /// What the order of examples, dropout and new weights are drawn from.
    pub seed: u64,
    /// Examples of one batch of evaluation.
    pub eval_batch_size: usize,
}

/// The optimizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay ([Loshchilov and Hutter, 2019](https://arxiv.org/abs/1711.05101)).
    AdamW,
    /// Adam, weight decay as part of the gradient ([Kingma and Ba, 2015](https://arxiv.org/abs/1412.6980)).
    Adam,
}

/// How learning rates move after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// They stay.
    Constant,
    /// They fall in a straight line to zero at the last step.
    Linear,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            epochs: 3,
            batch_size: 32,
            learning_rate: 5e-5,
            head_learning_rate: None,
            optimizer: OptimizerKind::AdamW,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
            schedule: ScheduleKind::Linear,
            warmup_ratio: 0.1,
            max_grad_norm: 1.0,
            seed: 1,
            eval_batch_size: 64,
        }
    }
}

/// Ready-made configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The article's: Adam, 1e-5 for the encoder and 1e-4 for the head, nothing else.
    Article,
    /// The BERT paper's: AdamW, 2e-5 everywhere, linear with 10 % warm-up.
    BertPaper,
}

impl Preset {
    /// The configuration.
    pub fn config(self) -> TrainingConfig {
        let default = TrainingConfig::default();
        match self {
            Self::Article => TrainingConfig {
                learning_rate: 1e-5,
                head_learning_rate: Some(1e-4),
                optimizer: OptimizerKind::Adam,
                weight_decay: 0.0,
                schedule: ScheduleKind::Constant,
                warmup_ratio: 0.0,
                max_grad_norm: 0.0,
                ..default
            },
            Self::BertPaper => TrainingConfig { learning_rate: 2e-5, ..default },
        }
    }
}

impl TrainingConfig {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// Naming the key, the value and the range of the first that is out of it.
    pub fn validate(&self) -> Result<(), TrainError> {
        let at_least_1 = |x: usize| x >= 1;
        let not_negative = |x: f64| x >= 0.0 && x.is_finite();
        let below_1 = |x: f64| (0.0..1.0).contains(&x);
        let head_learning_rate = self.head_learning_rate.unwrap_or(self.learning_rate);
        let checks = [
            ("epochs", self.epochs as f64, at_least_1(self.epochs), "at least 1"),
            ("batch_size", self.batch_size as f64, at_least_1(self.batch_size), "at least 1"),
            (
                "eval_batch_size",
                self.eval_batch_size as f64,
                at_least_1(self.eval_batch_size),
                "at least 1",
            ),
            ("learning_rate", self.learning_rate, not_negative(self.learning_rate), "at least 0"),
            (
                "head_learning_rate",
                head_learning_rate,
                not_negative(head_learning_rate),
                "at least 0",
            ),
            ("beta_1", self.beta_1, below_1(self.beta_1), "at least 0 and below 1"),
            ("beta_2", self.beta_2, below_1(self.beta_2), "at least 0 and below 1"),
            ("epsilon", self.epsilon, self.epsilon > 0.0 && self.epsilon.is_finite(), "above 0"),
            ("weight_decay", self.weight_decay, not_negative(self.weight_decay), "at least 0"),
            (
                "warmup_ratio",
                self.warmup_ratio,
                (0.0..=1.0).contains(&self.warmup_ratio),
                "from 0 to 1",
            ),
            ("max_grad_norm", self.max_grad_norm, not_negative(self.max_grad_norm), "at least 0"),
        ];
        match checks.into_iter().find(|(_, _, holds, _)| !holds) {
            Some((key, value, _, range)) => Err(TrainError::Setting { key, value, range }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_valid() {
        for preset in [Preset::Article, Preset::BertPaper] {
            preset.config().validate().unwrap();
        }
        TrainingConfig::default().validate().unwrap();
    }

    #[test]
    fn a_value_out_of_range_is_named() {
        let config = TrainingConfig { warmup_ratio: 1.5, ..Default::default() };
        let message = config.validate().unwrap_err().to_string();
        assert_eq!(message, "training setting warmup_ratio is 1.5, but must be from 0 to 1");
        let config = TrainingConfig { learning_rate: f64::NAN, ..Default::default() };
        assert!(config.validate().is_err());
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = toml::from_str::<TrainingConfig>("learning_rat = 1e-5").unwrap_err();
        assert!(error.to_string().contains("unknown field `learning_rat`"), "{error}");
    }
}
