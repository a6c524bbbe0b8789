use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use bertune::train::{SavedState, TrainingConfig};
use clap::Args;

use crate::args::time;
use crate::device::dispatch;
use crate::learning::{End, Learning};
use crate::outside::Outside;
use crate::pretraining::Pretraining;
use crate::run_config::RunConfig;
use crate::run_folder::{PRETRAINING, RECORD, RunFolder, TASKS};
use crate::tasks_run::TasksRun;
use crate::training::Training;

const AFTER_HELP: &str = "\
A run leaves states to go on from where it was stopped (Ctrl-C, SIGTERM, --max-time), and at the
intervals of --save-every. They lie in OUTPUT.run until the run is at its end. The model that comes
out is, bit for bit on flex, the one that the run would have given without a stop.

Examples:
  bertune train --model bert-folder --train train.csv --output classifier --max-time 50m
  bertune resume classifier";

/// The flags of `resume`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ResumeArgs {
    /// The --output of the run.
    #[arg(value_name = "OUTPUT")]
    output: PathBuf,
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
}

/// Goes on with a run.
pub(crate) fn run(args: &ResumeArgs) -> anyhow::Result<ExitCode> {
    let run_folder = RunFolder::claim(&args.output)?;
    let Some(folder) = run_folder.newest()? else {
        bail!(
            "there is no stopped run to {}: either it is at its end, or it was never begun, or it \
             was killed before its first state was saved (see --save-every)",
            args.output.display()
        );
    };
    let outside = args.outside();
    if folder.join(PRETRAINING).is_file() {
        let pretraining = Pretraining::resume(&folder, run_folder, outside)?;
        let device = pretraining.config.device.clone();
        return dispatch(&device, pretraining);
    }
    if folder.join(TASKS).is_file() {
        let run = TasksRun::resume(&folder, run_folder, outside)?;
        return dispatch(&run.device(), run);
    }
    Ok(go_on(&folder, run_folder, outside)?.exit_code())
}

/// Goes on with a run of fine-tuning from this state of it.
pub(crate) fn go_on(state: &Path, run_folder: RunFolder, outside: Outside) -> anyhow::Result<End> {
    let outside = outside.of_state(state)?;
    let config = settings(state)?;
    let saved = SavedState::read(state)?;
    if !outside.quiet {
        errln!("Going on  after step {}", saved.steps());
    }
    let training = Training::prepare(config, &outside)?;
    let device = training.config.device.clone();
    let learning = Learning { training, run_folder, saved: Some(saved), outside: &outside };
    dispatch(&device, learning)
}

/// The settings of the run of fine-tuning that left this state.
pub(crate) fn settings(state: &Path) -> anyhow::Result<RunConfig> {
    RunConfig::read(&state.join(RECORD), |_| TrainingConfig::default())
}

impl ResumeArgs {
    /// What is not the run's own.
    fn outside(&self) -> Outside {
        Outside {
            quiet: self.quiet,
            offline: self.offline,
            max_time: self.max_time,
            tensorboard: self.tensorboard.clone(),
            ..Outside::default()
        }
    }
}
