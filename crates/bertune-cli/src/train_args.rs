use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use bertune::head::Pooling;
use bertune::train::{Interval, Preset, TrainingConfig};
use clap::Args;

use crate::args::{LimitArgs, TableArgs, named, seeds, set, set_some, time};
use crate::model::BOXED;
use crate::outside::Outside;
use crate::run_config::RunConfig;
use crate::source_args::SourceArgs;
use crate::training_args::TrainingArgs;

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
#[command(
    after_help = AFTER_HELP,
    allow_negative_numbers = true,
    mut_arg("max_length", |arg| {
        arg.help("The longest input, in tokens; the rest is cut off, unless there is a --stride [default: 128]")
    }),
)]
pub(crate) struct TrainArgs {
    /// The pretrained model: a folder, an id of the Hugging Face hub, or boxed, the small one that is
    /// inside this program [default: boxed].
    #[arg(long, value_name = "FOLDER|ID")]
    model: Option<String>,
    /// The file to learn from: csv, tsv, jsonl, parquet or arrow; several, or a folder of a data
    /// set with its splits.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    train: Vec<PathBuf>,
    /// The files to measure on; a tenth of --train where left out.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    validation: Vec<PathBuf>,
    /// The files to measure the best model on at the end.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    test: Vec<PathBuf>,
    /// The folder of the result.
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Replace the model that --output holds.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// A TOML file of settings, such as the bertune.toml beside a model.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ready-made training settings: article, bert-paper, gentle, full, small or lora [default: small
    /// for the boxed model, else none].
    #[arg(long, value_name = "NAME", value_parser = named::<Preset>)]
    preset: Option<Preset>,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
    /// Which vector the classifier reads: pooler or mean [default: the model's, else
    /// pooler].
    #[arg(long, value_name = "NAME", value_parser = named::<Pooling>)]
    pooling: Option<Pooling>,
    /// The share of --train to measure on where there is no --validation [default: 0.1].
    #[arg(long, value_name = "SHARE")]
    validation_fraction: Option<f64>,
    /// Layers, counted from the top, that begin anew [default: 0].
    #[arg(long, value_name = "N")]
    reinit_layers: Option<usize>,
    /// Dropout after the embeddings and each block [default: the model's].
    #[arg(long, value_name = "SHARE")]
    hidden_dropout: Option<f64>,
    /// Dropout of the attention probabilities [default: the model's].
    #[arg(long, value_name = "SHARE")]
    attention_dropout: Option<f64>,
    /// Dropout before the classifier [default: the model's].
    #[arg(long, value_name = "SHARE")]
    classifier_dropout: Option<f64>,
    /// Save the run so often that it can be resumed, such as '200 steps' or '1 epoch'.
    #[arg(long, value_name = "INTERVAL")]
    save_every: Option<Interval>,
    /// How many of those states are kept, the last ones [default: 2].
    #[arg(long, value_name = "N")]
    keep_states: Option<usize>,
    /// End after so much time, such as 50m or 2h, with a state that can be resumed.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) max_time: Option<Duration>,
    /// Train so many times, 2 to 1000, with as many seeds from --seed on, and tell mean and spread;
    /// each run has its folder OUTPUT/seed-N.
    #[arg(long, value_name = "N", value_parser = seeds, conflicts_with = "max_time")]
    pub(crate) seeds: Option<u64>,
    /// Write curves for TensorBoard into this folder.
    #[arg(long, value_name = "FOLDER")]
    tensorboard: Option<PathBuf>,
    /// Keep tokenized files in this folder, so that a later run on them starts at once.
    #[arg(long, value_name = "FOLDER")]
    token_cache: Option<PathBuf>,
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
    source: SourceArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    table: TableArgs,
}

impl TrainArgs {
    /// Whether the flags say how often is measured.
    pub(crate) fn says_evaluate_every(&self) -> bool {
        self.training.says_evaluate_every()
    }

    /// Defaults, then the preset, the file and the flags, each over those before.
    ///
    /// `required` are the flags, of --train and --output, that must have a value.
    pub(crate) fn resolve(&self, required: &[&str]) -> anyhow::Result<RunConfig> {
        let mut config = match &self.config {
            Some(path) => RunConfig::read(path, |model| self.preset_for(model))?,
            None => {
                let config = RunConfig::default();
                RunConfig { training: self.preset_for(&config.model), ..config }
            }
        };
        set(&mut config.model, self.model.clone());
        for (files, flag) in [
            (&mut config.train, &self.train),
            (&mut config.validation, &self.validation),
            (&mut config.test, &self.test),
        ] {
            if !flag.is_empty() {
                files.clone_from(flag);
            }
        }
        set(&mut config.reinit_layers, self.reinit_layers);
        set_some(&mut config.hidden_dropout, self.hidden_dropout);
        set_some(&mut config.attention_dropout, self.attention_dropout);
        set_some(&mut config.classifier_dropout, self.classifier_dropout);
        set_some(&mut config.save_every, self.save_every);
        set(&mut config.keep_states, self.keep_states);
        set_some(&mut config.token_cache, self.token_cache.clone());
        set(&mut config.output, self.output.clone());
        set(&mut config.device, self.device.clone());
        set_some(&mut config.pooling, self.pooling);
        set(&mut config.validation_fraction, self.validation_fraction);
        set_some(&mut config.revision, self.revision.clone());
        self.limits.apply(&mut config.tokens);
        self.table.apply(&mut config.data);
        self.source.apply(&mut config.source, &mut config.source_weights);
        self.source.check(&config.source)?;
        self.training.apply(&mut config.training);
        self.training.check(&config.training)?;
        if self.validation_fraction.is_some() && !config.validation.is_empty() {
            bail!("--validation-fraction has no effect beside --validation; leave one out");
        }
        config.validate(required)?;
        Ok(config)
    }
}

impl TrainArgs {
    /// The training settings to begin with, where `model` is that of the file, or else the default.
    fn preset_for(&self, model: &str) -> TrainingConfig {
        let model = self.model.as_deref().unwrap_or(model);
        let preset = self.preset.or_else(|| (model == BOXED).then_some(Preset::Small));
        preset.map_or_else(TrainingConfig::default, Preset::config)
    }

    /// What is not the run's own.
    pub(crate) fn outside(&self) -> Outside {
        Outside {
            overwrite: self.overwrite,
            quiet: self.quiet,
            offline: self.offline,
            max_time: self.max_time,
            tensorboard: self.tensorboard.clone(),
            inputs: None,
        }
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
