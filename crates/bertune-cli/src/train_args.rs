use std::path::PathBuf;

use bertune::head::Pooling;
use bertune::train::{OptimizerKind, Preset, ScheduleKind, TrainingConfig};
use clap::Args;

use crate::args::{LimitArgs, TableArgs, named, set, set_some};
use crate::run_config::RunConfig;

const AFTER_HELP: &str = "\
Flags override the file of --config, which overrides --preset. Progress goes to standard error; the
line of each epoch and the results go to standard output. Ctrl-C ends the run after the step it is
in and keeps the best model.

Examples:
  bertune train --model bert-folder --train train.csv --output classifier
  bertune train --model google-bert/bert-base-uncased --train train.tsv --validation dev.tsv \\
      --test test.tsv --output classifier --text sentence --label label --epochs 4
  bertune train --config classifier/bertune.toml --overwrite";

/// The flags of `train`.
#[derive(Args)]
#[command(after_help = AFTER_HELP, allow_negative_numbers = true)]
pub(crate) struct TrainArgs {
    /// The pretrained model: a folder or an id of the Hugging Face hub.
    #[arg(long, value_name = "FOLDER|ID")]
    model: Option<String>,
    /// The file to learn from: csv, tsv or jsonl.
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// The file to measure on after each epoch; a tenth of --train where left out.
    #[arg(long, value_name = "FILE")]
    validation: Option<PathBuf>,
    /// The file to measure the best model on at the end.
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// The folder of the result.
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Replace the model that --output holds.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// A TOML file of settings, such as the bertune.toml beside a model.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ready-made training settings: article or bert-paper.
    #[arg(long, value_name = "NAME", value_parser = named::<Preset>)]
    preset: Option<Preset>,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
    /// Which vector the classifier reads: pooler or mean [default: pooler].
    #[arg(long, value_name = "NAME", value_parser = named::<Pooling>)]
    pooling: Option<Pooling>,
    /// The share of --train to measure on where there is no --validation [default: 0.1].
    #[arg(long, value_name = "SHARE")]
    validation_fraction: Option<f64>,
    /// A branch, a tag or a commit of the hub's model.
    #[arg(long)]
    revision: Option<String>,
    /// Never ask the hub: use its cache.
    #[arg(long)]
    pub(crate) offline: bool,
    /// No progress, only the epochs and the result.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    training: TrainingArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    table: TableArgs,
}

#[derive(Args)]
#[command(next_help_heading = "Training")]
struct TrainingArgs {
    /// Passes over the training examples [default: 3].
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Examples of one step [default: 32].
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// The encoder's peak learning rate [default: 5e-5].
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// The classifier's peak learning rate [default: the encoder's].
    #[arg(long, value_name = "RATE")]
    head_learning_rate: Option<f64>,
    /// The weight decay of all but biases and layer norms [default: 0.01].
    #[arg(long, value_name = "RATE")]
    weight_decay: Option<f64>,
    /// adamw or adam [default: adamw].
    #[arg(long, value_name = "NAME", value_parser = named::<OptimizerKind>)]
    optimizer: Option<OptimizerKind>,
    /// linear (to zero at the last step) or constant [default: linear].
    #[arg(long, value_name = "NAME", value_parser = named::<ScheduleKind>)]
    schedule: Option<ScheduleKind>,
    /// The share of all steps over which the learning rates rise [default: 0.1].
    #[arg(long, value_name = "SHARE")]
    warmup_ratio: Option<f64>,
    /// The largest global norm of a gradient; 0 is no limit [default: 1].
    #[arg(long, value_name = "NORM")]
    max_grad_norm: Option<f64>,
    /// What order, dropout, new weights and the split are drawn from [default: 1].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl TrainArgs {
    /// Defaults, then the preset, the file and the flags, each over those before.
    pub(crate) fn resolve(&self) -> anyhow::Result<RunConfig> {
        let training = self.preset.map_or_else(Default::default, Preset::config);
        let mut config = match &self.config {
            Some(path) => RunConfig::read(path, training)?,
            None => RunConfig { training, ..RunConfig::default() },
        };
        set(&mut config.model, self.model.clone());
        set(&mut config.train, self.train.clone());
        set_some(&mut config.validation, self.validation.clone());
        set_some(&mut config.test, self.test.clone());
        set(&mut config.output, self.output.clone());
        set(&mut config.device, self.device.clone());
        set(&mut config.pooling, self.pooling);
        set(&mut config.validation_fraction, self.validation_fraction);
        set_some(&mut config.revision, self.revision.clone());
        self.limits.apply(&mut config.tokens);
        self.table.apply(&mut config.data);
        self.training.apply(&mut config.training);
        config.validate()?;
        Ok(config)
    }
}

impl TrainingArgs {
    fn apply(&self, training: &mut TrainingConfig) {
        set(&mut training.epochs, self.epochs);
        set(&mut training.batch_size, self.batch_size);
        set(&mut training.learning_rate, self.learning_rate);
        set_some(&mut training.head_learning_rate, self.head_learning_rate);
        set(&mut training.weight_decay, self.weight_decay);
        set(&mut training.optimizer, self.optimizer);
        set(&mut training.schedule, self.schedule);
        set(&mut training.warmup_ratio, self.warmup_ratio);
        set(&mut training.max_grad_norm, self.max_grad_norm);
        set(&mut training.seed, self.seed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_tells_the_defaults() {
        let command = TrainArgs::augment_args(clap::Command::new("train"));
        let help_of = |flag: &str| {
            let mut arguments = command.get_arguments();
            let argument = arguments.find(|argument| argument.get_long() == Some(flag));
            argument.unwrap().get_help().unwrap().to_string()
        };
        let (run, training) = (RunConfig::default(), TrainingConfig::default());
        let defaults = [
            ("epochs", training.epochs.to_string()),
            ("batch-size", training.batch_size.to_string()),
            ("learning-rate", format!("{:e}", training.learning_rate)),
            ("weight-decay", training.weight_decay.to_string()),
            ("warmup-ratio", training.warmup_ratio.to_string()),
            ("max-grad-norm", training.max_grad_norm.to_string()),
            ("seed", training.seed.to_string()),
            ("validation-fraction", run.validation_fraction.to_string()),
        ];
        for (flag, default) in defaults {
            let help = help_of(flag);
            assert!(help.ends_with(&format!("[default: {default}]")), "{help}");
        }
    }
}
