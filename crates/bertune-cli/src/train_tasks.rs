use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bertune::checkpoint::StagedFolder;
use clap::Args;

use crate::args::{set, time};
use crate::device::{self, dispatch};
use crate::learning::check_free;
use crate::outside::Outside;
use crate::run_folder::RunFolder;
use crate::tasks_config::TasksConfig;
use crate::tasks_record::TasksRecord;
use crate::tasks_run::TasksRun;

const AFTER_HELP: &str = "\
Each step learns from a batch of one task. All tasks share the encoder and its pooler, and each has a
classifier of its own. What comes out is a folder OUTPUT/NAME for each task, as `bertune train` makes
it.

A file of tasks:
  model = \"bert-folder\"
  output = \"tasks\"
  sampling = \"square-root\"    # or \"proportional\", or { temperature = 3.0 }

  [training]
  epochs = 3

  [[tasks]]
  name = \"topic\"
  train = \"topics.csv\"
  test = \"topics-test.csv\"
  data = { text = \"body\", label = \"topic\" }

  [[tasks]]
  name = \"stars\"
  train = \"reviews.csv\"
  data = { targets = \"values\", label = \"stars\" }

Example:
  bertune train-tasks tasks.toml
  bertune predict --model tasks/topic \"some text\"";

/// The flags of `train-tasks`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TrainTasksArgs {
    /// The TOML file of the tasks and the settings.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The folder of the results.
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Replace the models that --output holds.
    #[arg(long)]
    overwrite: bool,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
    /// What tasks, order, dropout and new weights are drawn from.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
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

/// Fine-tunes for several tasks.
pub(crate) fn run(args: &TrainTasksArgs) -> anyhow::Result<ExitCode> {
    let (config, outside) = (args.resolve()?, args.outside());
    device::check(&config.device)?;
    RunFolder::refuse_states(&config.output, outside.overwrite)?;
    check_free(&config.output, config.inputs(), outside.overwrite)?;
    StagedFolder::create_over(&config.output, TasksRecord::is_at)?;
    let run_folder = RunFolder::claim(&config.output)?;
    let run = TasksRun::begin(config, run_folder, outside)?;
    dispatch(&run.device(), run)
}

impl TrainTasksArgs {
    /// The file, and the flags over it.
    fn resolve(&self) -> anyhow::Result<TasksConfig> {
        let mut config = TasksConfig::read(&self.file)?;
        set(&mut config.output, self.output.clone());
        set(&mut config.device, self.device.clone());
        set(&mut config.training.seed, self.seed);
        config.validate(&self.file)?;
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
