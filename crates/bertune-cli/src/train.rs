use std::process::ExitCode;

use crate::learning::{End, begin};
use crate::seeds;
use crate::train_args::TrainArgs;

/// Fine-tunes.
pub(crate) fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let config = args.resolve(&["--train", "--output"])?;
    match args.seeds {
        Some(seeds) => seeds::run(config, args, seeds),
        None => {
            let end = begin(config, &args.outside())?;
            if end == End::Unchecked {
                errln!("To know it, train anew with --overwrite");
            }
            Ok(end.exit_code())
        }
    }
}
