use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use crate::learning::{End, begin};
use crate::outside::Outside;
use crate::run_record::{RUN_RECORD, RunRecord};
use crate::tasks_record::TasksRecord;

const AFTER_HELP: &str = "\
Repeats the run that left this record, into another folder, and compares: on the same kind of
machine the same files give the same numbers, bit for bit. A file that has changed is refused.

Example:
  bertune replay classifier/run.json --output again";

/// The flags of `replay`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ReplayArgs {
    /// The run.json beside a model.
    #[arg(value_name = "FILE")]
    record: PathBuf,
    /// The folder of the result.
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
    /// Replace the model that --output holds.
    #[arg(long)]
    overwrite: bool,
    /// Never ask the hub: use its cache.
    #[arg(long)]
    offline: bool,
    /// No progress, only the evaluations and the result.
    #[arg(long, short)]
    quiet: bool,
}

/// Repeats a run.
pub(crate) fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let record = match args.record.is_dir() {
        true => args.record.join(RUN_RECORD),
        false => args.record.clone(),
    };
    if TasksRecord::is(&record) {
        bail!(
            "{} is of several tasks, which replay does not take; repeat that run with bertune \
             train-tasks and the tasks.toml beside it",
            record.display()
        );
    }
    if is_of_pretraining(&record) {
        bail!(
            "{} is of pretraining, which replay does not take; repeat that run with bertune pretrain \
             --config and the pretraining.toml beside it",
            record.display()
        );
    }
    let old = RunRecord::read(&record)?;
    if !old.finished {
        bail!(
            "{}: this run was stopped before its end; end it with bertune resume {}",
            record.display(),
            record.parent().unwrap_or(&record).display()
        );
    }
    let mut settings = old.settings.clone();
    settings.output.clone_from(&args.output);
    let outside = Outside {
        overwrite: args.overwrite,
        quiet: args.quiet,
        offline: args.offline,
        max_time: None,
        tensorboard: None,
        inputs: Some(old.inputs.clone()),
    };
    let end = begin(settings, &outside)?;
    if end != End::Finished {
        return Ok(end.exit_code());
    }
    let path = args.output.join(RUN_RECORD);
    let mut new = RunRecord::read(&path)?;
    // A comparison with the target alone that was stopped says nothing about the run.
    if let (Some(new), Some(old)) = (&mut new.sources, &old.sources)
        && old.check.is_none()
    {
        new.check = None;
    }
    if (&new.history, &new.test, &new.sources) == (&old.history, &old.test, &old.sources) {
        outln!("\nThe run gave the same numbers, bit for bit");
        return Ok(ExitCode::SUCCESS);
    }
    bail!(
        "the run gave other numbers than {}: compare it with {} (another processor or device \
         rounds differently; the versions were {} and are {})",
        args.record.display(),
        path.display(),
        old.bertune_version,
        new.bertune_version
    )
}

/// Whether a file is the record of a run of pretraining, which alone reads text without labels.
fn is_of_pretraining(path: &Path) -> bool {
    let json = std::fs::read(path).ok();
    let record = json.and_then(|json| serde_json::from_slice::<serde_json::Value>(&json).ok());
    record.is_some_and(|record| record["settings"]["text"].is_array())
}
