use std::path::PathBuf;
use std::process::ExitCode;

use bertune::checkpoint::{Checkpoint, Dtype, StagedFolder, convert};
use clap::Args;

use crate::args::named;
use crate::learning::check_output;
use crate::model::find_model;
use crate::outside::Outside;

const AFTER_HELP: &str = "\
All other files of the folder are copied. bertune and transformers read each of the formats; bertune
computes in single precision whatever the format of the file.

Examples:
  bertune convert --model classifier --output small-classifier --dtype f16
  bertune convert --model boxed --output my-bert";

/// The flags of `convert`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ConvertArgs {
    /// The model: a folder, an id of the Hugging Face hub, or boxed.
    #[arg(long, value_name = "FOLDER|ID")]
    model: String,
    /// The folder of the result.
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
    /// How the numbers are stored: f32, or in half the space f16, the more exact, or bf16.
    #[arg(long, value_name = "NAME", default_value = "f32", value_parser = named::<Dtype>)]
    dtype: Dtype,
    /// Replace the model that --output holds.
    #[arg(long)]
    overwrite: bool,
    /// Never ask the hub: use its cache.
    #[arg(long)]
    offline: bool,
}

/// Writes a model with its numbers in another format.
pub(crate) fn run(args: &ConvertArgs) -> anyhow::Result<ExitCode> {
    let outside = Outside { offline: args.offline, ..Outside::default() };
    let model = find_model(&args.model, None, &outside)?;
    check_output(&args.output, [model.as_path()].into_iter(), args.overwrite)?;
    let checkpoint = Checkpoint::open(&model)?;
    let staged = StagedFolder::create(&args.output)?;
    convert(&checkpoint, staged.path(), args.dtype)?;
    staged.commit()?;
    outln!("{} is in {}", args.model, args.output.display());
    Ok(ExitCode::SUCCESS)
}
