use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use bertune::data::MaskingUnit;
use bertune::kernels::Precision;
use bertune::train::{Interval, OptimizerKind, ScheduleKind};
use clap::Args;

use crate::args::{named, set, set_some, time};
use crate::device::dispatch;
use crate::learning::check_output;
use crate::outside::Outside;
use crate::pretrain_config::PretrainConfig;
use crate::pretraining::Pretraining;
use crate::run_folder::RunFolder;

const AFTER_HELP: &str = "\
Text is UTF-8, packed by gzip or not, one paragraph a line, with a blank line between documents. A
new model gets a vocabulary made of that text; --model goes on with one that there is, for example
on the texts of a trade. What comes out is a folder to fine-tune: bertune train --model OUTPUT.

Examples:
  bertune pretrain --text wiki.txt.gz books.txt --output my-bert
  bertune pretrain --model bert-folder --text reports.txt --output bert-of-reports --epochs 3
  bertune resume my-bert";

/// The flags of `pretrain`.
#[derive(Args)]
#[command(after_help = AFTER_HELP, allow_negative_numbers = true)]
pub(crate) struct PretrainArgs {
    /// The files of text to learn from.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    text: Vec<PathBuf>,
    /// The files of text to measure on; every fiftieth document of --text where left out.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    validation: Vec<PathBuf>,
    /// The folder of the result.
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Replace the model that --output holds.
    #[arg(long)]
    overwrite: bool,
    /// A model to go on with, a folder or an id of the hub, in place of a new one.
    #[arg(long, value_name = "FOLDER|ID")]
    model: Option<String>,
    /// A TOML file of settings, such as the pretraining.toml beside a model.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
    /// The tokens of one sequence [default: 128].
    #[arg(long, value_name = "N")]
    max_length: Option<usize>,
    /// The probability that a token is to be guessed [default: 0.15].
    #[arg(long, value_name = "SHARE")]
    masking_probability: Option<f64>,
    /// What is hidden at once: token or whole-word [default: token].
    #[arg(long, value_name = "NAME", value_parser = named::<MaskingUnit>)]
    masking_unit: Option<MaskingUnit>,
    /// Also let one vector of each sequence, the pooled output that classifiers read, guess the
    /// hidden tokens; this is how much that counts beside their own guesses [default: 0].
    #[arg(long, value_name = "WEIGHT")]
    pooled_loss: Option<f64>,
    /// Save the run so often that it can be resumed, such as '200 steps' or '1 epoch'.
    #[arg(long, value_name = "INTERVAL")]
    save_every: Option<Interval>,
    /// End after so much time, such as 50m or 2h, with a state that can be resumed.
    #[arg(long, value_name = "TIME", value_parser = time)]
    max_time: Option<Duration>,
    /// Write curves for TensorBoard into this folder.
    #[arg(long, value_name = "FOLDER")]
    tensorboard: Option<PathBuf>,
    /// Never ask the hub: use its cache.
    #[arg(long)]
    offline: bool,
    /// No progress, only the evaluations and the result.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    new_model: NewModelArgs,
    #[command(flatten)]
    training: PretrainTrainingArgs,
}

#[derive(Args)]
#[command(next_help_heading = "A new model")]
struct NewModelArgs {
    /// The folder of a tokenizer, in place of one made of the text.
    #[arg(long, value_name = "FOLDER")]
    tokenizer: Option<PathBuf>,
    /// The most tokens of a new vocabulary [default: 8000].
    #[arg(long, value_name = "N")]
    vocab_size: Option<usize>,
    /// Tell upper from lower case in a new vocabulary.
    #[arg(long)]
    cased: bool,
    /// The number of layers [default: 4].
    #[arg(long, value_name = "N")]
    layers: Option<usize>,
    /// The width of the states [default: 256].
    #[arg(long, value_name = "N")]
    hidden_size: Option<usize>,
    /// The number of attention heads [default: 4].
    #[arg(long, value_name = "N")]
    heads: Option<usize>,
    /// The width inside the feed-forward block [default: four times the states'].
    #[arg(long, value_name = "N")]
    intermediate_size: Option<usize>,
    /// The longest sequence that the model can take, in tokens [default: that of --max-length].
    #[arg(long, value_name = "N")]
    max_positions: Option<usize>,
    /// The dropout probability [default: 0.1].
    #[arg(long, value_name = "SHARE")]
    dropout: Option<f64>,
    /// The standard deviation of new weights [default: 0.02].
    #[arg(long, value_name = "NUMBER")]
    initializer_range: Option<f64>,
    /// Begin with heads of the first layer that look at neighbours, so that learning does not have
    /// to find them first: a fraction of the steps, most of all with few tokens.
    #[arg(long)]
    look_at_neighbours: bool,
}

/// The flags that are keys of the `[training]` table; the rest of it is for the file.
#[derive(Args)]
#[command(next_help_heading = "Training")]
struct PretrainTrainingArgs {
    /// Passes over the text [default: 10].
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// The number of steps, in place of --epochs.
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    max_steps: Option<usize>,
    /// Sequences of one step [default: 64].
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Sequences that are computed at once, to save memory [default: all of a step].
    #[arg(long, value_name = "N")]
    micro_batch_size: Option<usize>,
    /// What the factors of products are rounded to: f32 or bf16 [default: f32].
    #[arg(long, value_name = "NAME", value_parser = named::<Precision>)]
    precision: Option<Precision>,
    /// The peak learning rate [default: 5e-4].
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// adamw, adam, sgd or lion [default: adamw].
    #[arg(long, value_name = "NAME", value_parser = named::<OptimizerKind>)]
    optimizer: Option<OptimizerKind>,
    /// The weight decay of all but biases and layer norms [default: 0.01].
    #[arg(long, value_name = "RATE")]
    weight_decay: Option<f64>,
    /// How the rate moves after the warm-up, as in `bertune train` [default: linear].
    #[arg(long, value_name = "NAME", value_parser = named::<ScheduleKind>)]
    schedule: Option<ScheduleKind>,
    /// The share of all steps over which the rate rises [default: 0.05].
    #[arg(long, value_name = "SHARE")]
    warmup_ratio: Option<f64>,
    /// Measure so often, such as '500 steps' or '1 epoch' [default: 1 epoch].
    #[arg(long, value_name = "INTERVAL")]
    evaluate_every: Option<Interval>,
    /// End when so many evaluations in a row brought no gain.
    #[arg(long, value_name = "N")]
    patience: Option<usize>,
    /// What order, masks, dropout and new weights are drawn from [default: 1].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Pretrains.
pub(crate) fn run(args: &PretrainArgs) -> anyhow::Result<ExitCode> {
    let (config, outside) = (args.resolve()?, args.outside());
    crate::device::check(&config.device)?;
    RunFolder::refuse_states(&config.output, outside.overwrite)?;
    check_output(&config.output, config.inputs(), outside.overwrite)?;
    let run_folder = RunFolder::claim(&config.output)?;
    let pretraining = Pretraining::begin(config, run_folder, outside)?;
    let device = pretraining.config.device.clone();
    dispatch(&device, pretraining)
}

impl PretrainArgs {
    /// Defaults, then the file and the flags, each over those before.
    fn resolve(&self) -> anyhow::Result<PretrainConfig> {
        let mut config = match &self.config {
            Some(path) => PretrainConfig::read(path)?,
            None => PretrainConfig::default(),
        };
        for (files, flag) in
            [(&mut config.text, &self.text), (&mut config.validation, &self.validation)]
        {
            if !flag.is_empty() {
                files.clone_from(flag);
            }
        }
        set(&mut config.output, self.output.clone());
        set_some(&mut config.model, self.model.clone());
        set(&mut config.device, self.device.clone());
        set(&mut config.max_length, self.max_length);
        set(&mut config.masking.probability, self.masking_probability);
        set(&mut config.masking.unit, self.masking_unit);
        set(&mut config.pooled_loss, self.pooled_loss);
        set_some(&mut config.save_every, self.save_every);
        self.new_model.apply(&mut config)?;
        self.training.apply(&mut config);
        config.validate()?;
        Ok(config)
    }

    fn outside(&self) -> Outside {
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

impl NewModelArgs {
    /// Lets the flags that were given override `config`; they are refused where a model is gone on
    /// with, and those of a new vocabulary where there is a tokenizer.
    fn apply(&self, config: &mut PretrainConfig) -> anyhow::Result<()> {
        if let (Some(_), Some(flag)) = (&config.model, self.first_given()) {
            bail!("{flag} is for a new model, but --model goes on with one; leave one out");
        }
        set_some(&mut config.tokenizer, self.tokenizer.clone());
        let of_vocabulary = [("--vocab-size", self.vocab_size.is_some()), ("--cased", self.cased)];
        if let Some(tokenizer) = &config.tokenizer
            && let Some((flag, _)) = of_vocabulary.iter().find(|(_, is_given)| *is_given)
        {
            bail!(
                "{flag} is for a new vocabulary, but --tokenizer {} has one; leave one out",
                tokenizer.display()
            );
        }
        let architecture = &mut config.architecture;
        set(&mut architecture.vocab_size, self.vocab_size);
        architecture.cased |= self.cased;
        set(&mut architecture.layers, self.layers);
        set(&mut architecture.hidden_size, self.hidden_size);
        set(&mut architecture.heads, self.heads);
        set_some(&mut architecture.intermediate_size, self.intermediate_size);
        set_some(&mut architecture.max_positions, self.max_positions);
        set(&mut architecture.dropout, self.dropout);
        set(&mut architecture.initializer_range, self.initializer_range);
        architecture.look_at_neighbours |= self.look_at_neighbours;
        Ok(())
    }

    /// The first of these flags that was given.
    fn first_given(&self) -> Option<&'static str> {
        let are_given = [
            ("--tokenizer", self.tokenizer.is_some()),
            ("--vocab-size", self.vocab_size.is_some()),
            ("--cased", self.cased),
            ("--layers", self.layers.is_some()),
            ("--hidden-size", self.hidden_size.is_some()),
            ("--heads", self.heads.is_some()),
            ("--intermediate-size", self.intermediate_size.is_some()),
            ("--max-positions", self.max_positions.is_some()),
            ("--dropout", self.dropout.is_some()),
            ("--initializer-range", self.initializer_range.is_some()),
            ("--look-at-neighbours", self.look_at_neighbours),
        ];
        are_given.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
    }
}

impl PretrainTrainingArgs {
    fn apply(&self, config: &mut PretrainConfig) {
        let training = &mut config.training;
        if self.max_steps.is_none() && self.epochs.is_some() {
            training.max_steps = None;
        }
        set(&mut training.epochs, self.epochs);
        set_some(&mut training.max_steps, self.max_steps);
        set(&mut training.batch_size, self.batch_size);
        set_some(&mut training.micro_batch_size, self.micro_batch_size);
        set(&mut training.precision, self.precision);
        set(&mut training.learning_rate, self.learning_rate);
        set(&mut training.optimizer, self.optimizer);
        set(&mut training.weight_decay, self.weight_decay);
        set(&mut training.schedule, self.schedule);
        set(&mut training.warmup_ratio, self.warmup_ratio);
        set(&mut training.evaluate_every, self.evaluate_every);
        set_some(&mut training.patience, self.patience);
        set(&mut training.seed, self.seed);
    }
}
