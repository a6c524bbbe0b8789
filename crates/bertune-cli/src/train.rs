use std::process::ExitCode;

use crate::learning::begin;
use crate::seeds;
use crate::train_args::TrainArgs;

/// Fine-tunes.
pub(crate) fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let config = args.resolve(&["--train", "--output"])?;
    match args.seeds {
        Some(seeds) => seeds::run(config, args, seeds),
        None => Ok(begin(config, &args.outside())?.exit_code()),
    }
}
