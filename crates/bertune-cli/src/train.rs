use std::process::ExitCode;

use crate::learning::begin;
use crate::seeds;
use crate::train_args::TrainArgs;

/// What train cannot do without.
const REQUIRED: [&str; 3] = ["--model", "--train", "--output"];

/// Fine-tunes.
pub(crate) fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let config = args.resolve(&REQUIRED)?;
    match args.seeds {
        Some(seeds) => seeds::run(config, args, seeds),
        None => Ok(begin(config, &args.outside())?.exit_code()),
    }
}
