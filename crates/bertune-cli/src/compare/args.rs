use anyhow::bail;
use bertune::train::{Interval, Preset};
use clap::Args;
use clap::builder::Resettable;

use super::method::{LORA, Method, MethodNumber, method, method_rate, step_share};
use super::size::{Size, size};
use crate::args::named;
use crate::run_config::RunConfig;
use crate::train_args::TrainArgs;

const AFTER_HELP: &str = "\
Each run is one method, size and seed; a finished one is kept in OUTPUT/cells, and the same command
goes on where it stopped. On one size all methods take the same number of steps: --max-steps, or
those of --epochs, but --min-steps at least; --step-shares gives a method fewer. OUTPUT/index.html
tells what was found.

Methods:
  scratch   the same architecture with new weights: what the others are compared with
  frozen    the encoder stays as it is; the pooler and the classifier learn
  full      all weights learn
  gradual   layers learn one after another from the top, lower ones more slowly
  lora      low-rank changes of a frozen encoder learn, and pooler and classifier

Example:
  bertune compare --model bert-folder --train train.csv --test test.csv --output comparison \\
      --sizes 64,256,all --seeds 3";

/// The flags of `compare`.
#[derive(Args)]
#[command(
    after_help = AFTER_HELP,
    mut_arg("seeds", |arg| {
        let help = "Compare over so many seeds, from --seed on [default: 3]";
        arg.help(help).value_parser(clap::value_parser!(u64).range(1..=1000)).conflicts_with(Resettable::Reset)
    }),
    mut_arg("max_time", |arg| arg.help("Stop after so much time, such as 50m or 2h; the same command goes on")),
    mut_arg("output", |arg| arg.help("The folder of the comparison, which goes on with what is in it")),
    mut_arg("overwrite", |arg| arg.help("Compute those runs in --output anew that are of other settings or data")),
    mut_arg("preset", |arg| {
        let help = "Ready-made settings of all methods: article, bert-paper, gentle, full or small \
                    [default: small for the boxed model, else none]";
        arg.help(help).value_parser(preset)
    }),
    mut_arg("head_learning_rate", |arg| {
        let help = "The peak learning rate of pooler and classifier, in full and gradual alone \
                    [default: the preset's, or 5e-4]";
        arg.help(help)
    }),
    mut_arg("gradual_unfreezing", |arg| arg.hide(true)),
    mut_arg("save_every", |arg| arg.hide(true)),
    mut_arg("keep_states", |arg| arg.hide(true)),
    mut_arg("tensorboard", |arg| arg.hide(true)),
    mut_arg("token_cache", |arg| arg.hide(true)),
    mut_arg("reinit_layers", |arg| arg.hide(true)),
    mut_arg("patience", |arg| arg.hide(true)),
)]
pub(crate) struct CompareArgs {
    /// Training sizes: numbers of rows, or all [default: 64,256,1024,all, as far as there are rows].
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = size)]
    pub(super) sizes: Vec<Size>,
    /// Which ways to train [default: scratch,frozen,full,gradual,lora].
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = method)]
    pub(super) methods: Vec<&'static Method>,
    /// The peak learning rate of a method, in place of its own [default:
    /// scratch=5e-4,frozen=1e-3,lora=5e-4; full and gradual have --learning-rate].
    #[arg(long, value_name = "METHOD=RATE,…", value_delimiter = ',', value_parser = method_rate)]
    pub(super) rates: Vec<MethodNumber>,
    /// The share of a size's steps that a method takes, with its whole schedule in them [default: 1 each].
    #[arg(long, value_name = "METHOD=SHARE,…", value_delimiter = ',', value_parser = step_share)]
    pub(super) step_shares: Vec<MethodNumber>,
    /// The fewest steps of a run, where the epochs of a small size are fewer [default: 100].
    #[arg(long, value_name = "N", value_parser = positive, conflicts_with = "max_steps")]
    pub(super) min_steps: Option<usize>,
    /// How often each run is measured on its way at most [default: 20].
    #[arg(long, value_name = "N", value_parser = positive, conflicts_with = "evaluate_every")]
    pub(super) evaluations: Option<usize>,
    #[command(flatten)]
    pub(super) train: TrainArgs,
}

impl CompareArgs {
    /// What all runs have in common, once it is known to make a comparison.
    pub(super) fn resolve(&self) -> anyhow::Result<RunConfig> {
        let mut config = self.train.resolve(&["--train", "--output"])?;
        self.check_methods(&config)?;
        if config.save_every.is_some() || self.train.outside().tensorboard.is_some() {
            bail!("a comparison keeps finished runs: --save-every and --tensorboard are for train");
        }
        if config.token_cache.is_some() || config.keep_states != RunConfig::default().keep_states {
            bail!(
                "--token-cache and --keep-states are for train: no run of a comparison has use for them"
            );
        }
        if !config.source.files.is_empty() {
            bail!("--source is for train: compare learns from rows of --train alone");
        }
        if config.reinit_layers > 0 {
            bail!("--reinit-layers is for train: compare has the method scratch, of new weights");
        }
        if config.training.tokens_per_batch.is_some() && config.training.max_steps.is_none() {
            bail!(
                "with --tokens-per-batch an epoch has no fixed number of steps; say --max-steps, \
                 so that all methods take as many"
            );
        }
        if config.training.patience.take().is_some() && !self.train.quiet {
            errln!("patience is left out: every run of a comparison takes all of its steps");
        }
        // The held-out rows are the same whatever the seed.
        config.split_seed = config.split_seed.or(Some(config.training.seed));
        Ok(config)
    }

    /// How often a run is measured on its way, where that is not said in steps or epochs.
    pub(super) fn evaluations(&self, config: &RunConfig) -> Option<usize> {
        let by_file = config.training.evaluate_every != Interval::EPOCH;
        let is_said = self.train.says_evaluate_every() || self.evaluations.is_none() && by_file;
        (!is_said).then(|| self.evaluations.unwrap_or(20))
    }

    /// Whether a method is among those that are compared.
    pub(super) fn compares(&self, name: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|method| method.name == name)
    }

    /// Refuses settings that no method would take.
    fn check_methods(&self, config: &RunConfig) -> anyhow::Result<()> {
        self.check_numbers("--rates", &self.rates)?;
        self.check_numbers("--step-shares", &self.step_shares)?;
        if config.training.lora.is_some() && !self.compares(LORA) {
            bail!(
                "--lora-rank and its like are for the method lora, which is not among --methods: \
                 add it, or leave them out"
            );
        }
        if config.training.gradual_unfreezing.is_some() {
            bail!(
                "--gradual-unfreezing is for train: compare has the method gradual, which spreads \
                 the layers over half of its steps"
            );
        }
        Ok(())
    }

    /// Refuses numbers of methods that are not compared, and a second one of the same.
    fn check_numbers(&self, flag: &str, numbers: &[MethodNumber]) -> anyhow::Result<()> {
        if let Some(MethodNumber { method, .. }) =
            numbers.iter().find(|own| !self.compares(own.method))
        {
            bail!(
                "{flag} has one for {method}, which is not among --methods: add it, or leave it out"
            );
        }
        let is_again = |(i, own): &(usize, &MethodNumber)| {
            numbers[..*i].iter().any(|before| before.method == own.method)
        };
        if let Some((_, again)) = numbers.iter().enumerate().find(is_again) {
            bail!("{flag} has more than one for {}; leave all but one out", again.method);
        }
        Ok(())
    }

    /// The seeds, from the first on.
    pub(super) fn seeds(&self, config: &RunConfig) -> Vec<u64> {
        let first = config.training.seed;
        (0..self.train.seeds.unwrap_or(3)).map(|i| first.wrapping_add(i)).collect()
    }
}

/// Settings of all methods; those of LoRA are one method's.
fn preset(name: &str) -> Result<Preset, String> {
    let preset = named::<Preset>(name).map_err(|error| error.to_string())?;
    match preset {
        Preset::Lora => Err("lora is one of --methods, and no preset of all of them".into()),
        preset => Ok(preset),
    }
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "give a number from 1 on".into())
}
