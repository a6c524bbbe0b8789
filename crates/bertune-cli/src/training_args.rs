use anyhow::bail;
use bertune::kernels::Precision;
use bertune::metrics::MetricName;
use bertune::train::{
    ClassWeightRule, ClassWeights, GroupConfig, Interval, OptimizerKind, ScheduleKind, Thresholds,
    TrainingConfig,
};
use clap::Args;

use crate::args::{named, set, set_some};
use crate::lora_args::LoraArgs;

/// The flags that are keys of the `[training]` table.
#[derive(Args)]
#[command(next_help_heading = "Training")]
pub(crate) struct TrainingArgs {
    /// Passes over the training examples [default: 3].
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// The number of steps, in place of --epochs.
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    max_steps: Option<usize>,
    /// Examples of one step [default: 32].
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// The most tokens of one step, in place of --batch-size: steps of equal work, whatever the
    /// lengths.
    #[arg(long, value_name = "N", conflicts_with = "batch_size")]
    tokens_per_batch: Option<usize>,
    /// Examples that are computed at once, to save memory [default: all of a step].
    #[arg(long, value_name = "N")]
    micro_batch_size: Option<usize>,
    /// What the factors of products are rounded to: f32, or bf16, which is faster where the
    /// processor has it [default: f32].
    #[arg(long, value_name = "NAME", value_parser = named::<Precision>)]
    precision: Option<Precision>,
    /// adamw, adam, sgd or lion [default: adamw].
    #[arg(long, value_name = "NAME", value_parser = named::<OptimizerKind>)]
    optimizer: Option<OptimizerKind>,
    /// How much of the last step's direction sgd keeps [default: 0.9].
    #[arg(long, value_name = "SHARE")]
    momentum: Option<f64>,
    /// The weight decay of all but biases and layer norms [default: 0.01].
    #[arg(long, value_name = "RATE")]
    weight_decay: Option<f64>,
    /// The largest global norm of a gradient; 0 is no limit [default: 1].
    #[arg(long, value_name = "NORM")]
    max_grad_norm: Option<f64>,
    /// What order, dropout, new weights and the split are drawn from [default: 1].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    rates: RateArgs,
    #[command(flatten)]
    freezing: FreezingArgs,
    #[command(flatten)]
    lora: LoraArgs,
    #[command(flatten)]
    loss: LossArgs,
    #[command(flatten)]
    monitoring: MonitoringArgs,
    #[command(flatten)]
    decisions: DecisionFitArgs,
}

#[derive(Args)]
#[command(next_help_heading = "Learning rates")]
struct RateArgs {
    /// The encoder's peak learning rate [default: 5e-5].
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// The classifier's peak learning rate [default: the encoder's].
    #[arg(long, value_name = "RATE")]
    head_learning_rate: Option<f64>,
    /// What the rate is multiplied with from each layer to the one below [default: 1].
    #[arg(long, value_name = "SHARE")]
    layer_decay: Option<f64>,
    /// Parameters with a rate or a decay of their own: PATTERN=RATE or PATTERN=RATE,DECAY, where
    /// PATTERN is a regular expression on names such as bert.pooler.dense.weight.
    #[arg(long = "group", value_name = "PATTERN=RATE", value_parser = group)]
    groups: Vec<GroupConfig>,
    /// constant, linear, cosine, cosine_with_restarts, polynomial, inverse_sqrt or one_cycle
    /// [default: linear].
    #[arg(long, value_name = "NAME", value_parser = named::<ScheduleKind>)]
    schedule: Option<ScheduleKind>,
    /// The share of all steps over which the learning rates rise [default: 0.1].
    #[arg(long, value_name = "SHARE")]
    warmup_ratio: Option<f64>,
    /// The number of those steps, in place of the share.
    #[arg(long, value_name = "N", conflicts_with = "warmup_ratio")]
    warmup_steps: Option<usize>,
    /// The share of the peak that the rates do not fall below afterwards [default: 0].
    #[arg(long, value_name = "SHARE")]
    floor: Option<f64>,
    /// The number of cosines [default: 0.5 in cosine, 1 in cosine_with_restarts].
    #[arg(long, value_name = "N")]
    cycles: Option<f64>,
    /// The exponent of polynomial [default: 1].
    #[arg(long, value_name = "N")]
    power: Option<f64>,
}

#[derive(Args)]
#[command(next_help_heading = "Freezing")]
struct FreezingArgs {
    /// Leave the embeddings as they are.
    #[arg(long)]
    freeze_embeddings: bool,
    /// Leave so many layers as they are, counted from the embeddings [default: 0].
    #[arg(long, value_name = "N")]
    freeze_layers: Option<usize>,
    /// Leave the parameters as they are whose name matches this regular expression.
    #[arg(long, value_name = "PATTERN")]
    freeze: Vec<String>,
    /// Let the layers learn one after another, from the top, each so long after the one above,
    /// such as '1 epoch' or '100 steps'.
    #[arg(long, value_name = "INTERVAL")]
    gradual_unfreezing: Option<Interval>,
}

#[derive(Args)]
#[command(next_help_heading = "Loss")]
struct LossArgs {
    /// The share of each label that is spread over all classes [default: 0].
    #[arg(long, value_name = "SHARE")]
    label_smoothing: Option<f64>,
    /// The exponent of the focal loss [default: 0].
    #[arg(long, value_name = "N")]
    focal_gamma: Option<f64>,
    /// How much each class counts: none, auto (by how rare it is), sqrt, or for example
    /// spam=2,ham=0.5, which is {"spam": 2, "ham": 0.5} in JSON [default: none].
    #[arg(long, value_name = "WEIGHTS", value_parser = class_weights)]
    class_weights: Option<ClassWeights>,
    /// How examples are drawn: shuffled, or balanced (each class as often) [default: shuffled].
    #[arg(long, value_name = "NAME", value_parser = named::<bertune::train::Sampling>)]
    sampling: Option<bertune::train::Sampling>,
}

#[derive(Args, Clone, Copy)]
#[command(next_help_heading = "Deciding (fitted to the validation examples)")]
struct DecisionFitArgs {
    /// The probability from which each class is in a set: tuned (the best F1 on the validation
    /// examples) or half [default: tuned].
    #[arg(long, value_name = "NAME", value_parser = named::<Thresholds>)]
    thresholds: Option<Thresholds>,
    /// Give the probabilities of one class a text the temperature that fits the validation
    /// examples best.
    #[arg(long)]
    calibrate: bool,
}

#[derive(Args)]
#[command(next_help_heading = "Measuring and stopping")]
struct MonitoringArgs {
    /// When the validation examples are measured, such as '200 steps' [default: 1 epoch].
    #[arg(long, value_name = "INTERVAL")]
    evaluate_every: Option<Interval>,
    /// What the best model is best in, such as macro_f1 or loss [default: accuracy, micro_f1 for
    /// sets of labels, pearson for numbers].
    #[arg(long, value_name = "NAME")]
    metric: Option<MetricName>,
    /// End after so many evaluations without a gain [default: never].
    #[arg(long, value_name = "N")]
    patience: Option<usize>,
    /// How much better an evaluation must be to count as a gain [default: 0].
    #[arg(long, value_name = "GAIN")]
    min_gain: Option<f64>,
}

impl TrainingArgs {
    /// Whether the flags say how often is measured.
    pub(crate) fn says_evaluate_every(&self) -> bool {
        self.monitoring.evaluate_every.is_some()
    }

    /// Lets the flags that were given override `training`.
    pub(crate) fn apply(&self, training: &mut TrainingConfig) {
        if self.max_steps.is_none() && self.epochs.is_some() {
            training.max_steps = None;
        }
        if self.tokens_per_batch.is_none() && self.batch_size.is_some() {
            training.tokens_per_batch = None;
        }
        set(&mut training.epochs, self.epochs);
        set_some(&mut training.max_steps, self.max_steps);
        set(&mut training.batch_size, self.batch_size);
        set_some(&mut training.tokens_per_batch, self.tokens_per_batch);
        set_some(&mut training.micro_batch_size, self.micro_batch_size);
        set(&mut training.precision, self.precision);
        set(&mut training.optimizer, self.optimizer);
        set(&mut training.momentum, self.momentum);
        set(&mut training.weight_decay, self.weight_decay);
        set(&mut training.max_grad_norm, self.max_grad_norm);
        set(&mut training.seed, self.seed);
        self.rates.apply(training);
        self.freezing.apply(training);
        self.lora.apply(training);
        self.loss.apply(training);
        self.monitoring.apply(training);
        self.decisions.apply(training);
    }
}

impl TrainingArgs {
    /// Refuses flags that have no effect beside these settings.
    pub(crate) fn check(&self, training: &TrainingConfig) -> anyhow::Result<()> {
        let schedule = training.schedule;
        let falls_in_waves =
            matches!(schedule, ScheduleKind::Cosine | ScheduleKind::CosineWithRestarts);
        let idle = [
            (
                "--momentum",
                self.momentum.is_some(),
                training.optimizer == OptimizerKind::Sgd,
                "--optimizer sgd",
            ),
            (
                "--floor",
                self.rates.floor.is_some(),
                schedule != ScheduleKind::Constant,
                "a --schedule that falls",
            ),
            ("--cycles", self.rates.cycles.is_some(), falls_in_waves, "--schedule cosine"),
            (
                "--power",
                self.rates.power.is_some(),
                schedule == ScheduleKind::Polynomial,
                "--schedule polynomial",
            ),
            (
                "--min-gain",
                self.monitoring.min_gain.is_some(),
                training.patience.is_some(),
                "--patience",
            ),
        ];
        match idle.into_iter().find(|(_, is_given, has_effect, _)| *is_given && !has_effect) {
            Some((flag, .., needed)) => bail!("{flag} has no effect without {needed}"),
            None => Ok(()),
        }
    }
}

impl RateArgs {
    fn apply(&self, training: &mut TrainingConfig) {
        set(&mut training.learning_rate, self.learning_rate);
        set_some(&mut training.head_learning_rate, self.head_learning_rate);
        set(&mut training.layer_decay, self.layer_decay);
        training.groups.extend(self.groups.iter().cloned());
        set(&mut training.schedule, self.schedule);
        if self.warmup_steps.is_none() && self.warmup_ratio.is_some() {
            training.warmup_steps = None;
        }
        set(&mut training.warmup_ratio, self.warmup_ratio);
        set_some(&mut training.warmup_steps, self.warmup_steps);
        set(&mut training.floor, self.floor);
        set_some(&mut training.cycles, self.cycles);
        set(&mut training.power, self.power);
    }
}

impl FreezingArgs {
    fn apply(&self, training: &mut TrainingConfig) {
        training.freeze_embeddings |= self.freeze_embeddings;
        set(&mut training.freeze_layers, self.freeze_layers);
        training.freeze.extend(self.freeze.iter().cloned());
        set_some(&mut training.gradual_unfreezing, self.gradual_unfreezing);
    }
}

impl LossArgs {
    fn apply(&self, training: &mut TrainingConfig) {
        set(&mut training.label_smoothing, self.label_smoothing);
        set(&mut training.focal_gamma, self.focal_gamma);
        set(&mut training.class_weights, self.class_weights.clone());
        set(&mut training.sampling, self.sampling);
    }
}

impl MonitoringArgs {
    fn apply(&self, training: &mut TrainingConfig) {
        set(&mut training.evaluate_every, self.evaluate_every);
        set_some(&mut training.metric, self.metric);
        set_some(&mut training.patience, self.patience);
        set(&mut training.min_gain, self.min_gain);
    }
}

impl DecisionFitArgs {
    fn apply(self, training: &mut TrainingConfig) {
        set(&mut training.thresholds, self.thresholds);
        training.calibrate |= self.calibrate;
    }
}

fn group(text: &str) -> Result<GroupConfig, String> {
    let error = || format!("'{text}' is not PATTERN=RATE or PATTERN=RATE,DECAY");
    let (pattern, numbers) = text.rsplit_once('=').ok_or_else(error)?;
    let mut numbers = numbers.split(',').map(|number| number.trim().parse::<f64>());
    let mut next = || numbers.next().transpose().map_err(|_| error());
    let group =
        GroupConfig { pattern: pattern.to_owned(), learning_rate: next()?, weight_decay: next()? };
    if numbers.next().is_some() { Err(error()) } else { Ok(group) }
}

fn class_weights(text: &str) -> Result<ClassWeights, String> {
    if let Ok(rule) = named::<ClassWeightRule>(text) {
        return Ok(ClassWeights::Rule(rule));
    }
    // Names may hold commas there.
    if text.trim_start().starts_with('{') {
        let weights = serde_json::from_str(text).map(ClassWeights::Explicit);
        return weights.map_err(|error| format!("as JSON: {error}"));
    }
    let weight = |part: &str| {
        let (class, weight) = part.rsplit_once('=')?;
        Some((class.trim().to_owned(), weight.trim().parse().ok()?))
    };
    let weights: Option<_> = text.split(',').map(weight).collect();
    let weights = weights.map(ClassWeights::Explicit);
    weights.ok_or_else(|| "say none, auto, sqrt, or weights such as spam=2,ham=0.5".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_a_rate_and_perhaps_a_decay() {
        let parsed = group(r"layer\.1\.=1e-5,0.1").unwrap();
        assert_eq!(parsed.pattern, r"layer\.1\.");
        assert_eq!((parsed.learning_rate, parsed.weight_decay), (Some(1e-5), Some(0.1)));
        assert_eq!(group("pooler=0").unwrap().weight_decay, None);
        for text in ["pooler", "pooler=fast", "pooler=1,2,3"] {
            assert!(group(text).is_err(), "{text}");
        }
    }

    #[test]
    fn class_weights_are_a_rule_or_numbers() {
        assert_eq!(class_weights("sqrt"), Ok(ClassWeights::Rule(ClassWeightRule::Sqrt)));
        let explicit = [("a=b".to_owned(), 2.0), ("c".to_owned(), 0.5)].into();
        assert_eq!(class_weights("a=b=2, c=0.5"), Ok(ClassWeights::Explicit(explicit)));
        let with_a_comma = [("a, b".to_owned(), 2.0)].into();
        let in_json = class_weights(r#"{"a, b": 2}"#);
        assert_eq!(in_json, Ok(ClassWeights::Explicit(with_a_comma)));
        for text in ["balanced", "a=1,b", r#"{"a": "much"}"#] {
            assert!(class_weights(text).is_err(), "{text}");
        }
    }
}
