use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use bertune::checkpoint::{Adapter, Checkpoint, StagedFolder, module_tensors, write_checkpoint};
use bertune::{BertOps, TextClassifier};
use clap::Args;

use crate::base::{self, BaseArgs};
use crate::device::{Job, default_name, dispatch};
use crate::learning::check_output;
use crate::model::BOXED;

const AFTER_HELP: &str = "\
The result is a folder as `bertune train` writes it without LoRA: every program that opens Hugging
Face folders opens it, without peft and without the base.

Example:
  bertune merge --model adapter --output classifier";

/// The flags of `merge`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct MergeArgs {
    /// The adapter's folder.
    #[arg(long, value_name = "FOLDER")]
    model: PathBuf,
    #[command(flatten)]
    base: BaseArgs,
    /// The folder of the result.
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
    /// Replace the model that --output holds.
    #[arg(long)]
    overwrite: bool,
}

/// Makes a whole model of an adapter and its base.
pub(crate) fn run(args: &MergeArgs) -> anyhow::Result<ExitCode> {
    if args.model.is_dir() && !Adapter::is_at(&args.model) {
        bail!("{} is no adapter: there is nothing to merge", args.model.display());
    }
    if args.model == Path::new(BOXED) && !args.model.exists() {
        bail!("{BOXED} is the model that is inside this program, and no adapter to merge");
    }
    let base = base::find(&args.model, &args.base)?;
    check_output(&args.output, [args.model.as_path(), &base].into_iter(), args.overwrite)?;
    dispatch(&default_name(), Merging { args, base })
}

struct Merging<'a> {
    args: &'a MergeArgs,
    base: PathBuf,
}

impl Job for Merging<'_> {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let Self { args, base } = self;
        let name = base::name(&args.model, &args.base)?;
        let classifier = TextClassifier::<B>::open_adapter(&args.model, &base, device)?;
        let model = classifier.model().clone().merged();
        let staged = StagedFolder::create(&args.output)?;
        let json = classifier.config().to_json(Checkpoint::open(&base)?.config_json());
        write_checkpoint(staged.path(), &module_tensors::<B, _>(&model), &json)?;
        classifier.tokenizer().save(staged.path())?;
        let card = staged.path().join("README.md");
        std::fs::write(&card, readme(&args.model, &name))
            .with_context(|| format!("cannot write {}", card.display()))?;
        staged.commit()?;
        outln!("{} and {name} are one in {}", args.model.display(), args.output.display());
        Ok(ExitCode::SUCCESS)
    }
}

fn readme(adapter: &Path, base: &str) -> String {
    format!(
        "---\npipeline_tag: text-classification\nlibrary_name: transformers\ntags:\n\
         - text-classification\n- bert\n- bertune\n---\n\n# Text classifier\n\n\
         The LoRA adapter `{}` and its base `{base}`, merged by bertune {}.\n",
        adapter.display(),
        env!("CARGO_PKG_VERSION")
    )
}
