use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use bertune::tokenize::TextInput;
use bertune::{BertOps, TextClassifier};
use clap::Args;

use crate::args::{DecisionArgs, LimitArgs, PrecisionArgs, TableArgs};
use crate::base::BaseArgs;
use crate::device::{self, Job, default_name, dispatch};
use crate::evaluate::{NAME_PAIR, check_pairs, open_classifier};
use crate::inputs::Inputs;
use crate::prediction_writer::{OutputFormat, PredictionWriter};
use crate::whole_file::WholeFile;

const AFTER_HELP: &str = "\
Texts come from the arguments, from --file, or, where neither is given, from standard input, one a
line. Each gives one row, in their order.

Examples:
  bertune predict --model classifier \"where is my parcel?\" \"I want my money back\"
  bertune predict --model classifier \"a first text\" --pair \"and its second\"
  bertune predict --model classifier --file messages.csv --output predictions.csv
  bertune predict --model classifier --output-format jsonl < one-text-a-line.txt";

/// The flags of `predict`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PredictArgs {
    /// The fine-tuned model's folder, or an adapter's.
    #[arg(long, value_name = "FOLDER")]
    model: PathBuf,
    /// Texts to classify.
    #[arg(value_name = "TEXT", conflicts_with = "file")]
    texts: Vec<String>,
    /// The second text of a pair, for a single TEXT.
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    pair: Option<String>,
    /// A csv, tsv, jsonl, parquet or arrow file of texts.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to give the result; csv where left out, and a table for texts in the arguments.
    #[arg(long)]
    output_format: Option<OutputFormat>,
    /// Write the result to a file, which appears whole or not at all; or into a device or a pipe.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
    #[command(flatten)]
    base: BaseArgs,
    #[command(flatten)]
    decisions: DecisionArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    table: TableArgs,
}

/// Texts that are tokenized, and computed, in one go; meanwhile the next are read and tokenized.
const CHUNK: usize = 1024;

/// Classifies texts.
pub(crate) fn run(args: &PredictArgs) -> anyhow::Result<ExitCode> {
    let device = args.device.clone().unwrap_or_else(default_name);
    device::check(&device)?;
    args.check_output()?;
    let inputs = args.inputs()?;
    let file = args.output.as_deref().map(WholeFile::create).transpose()?;
    dispatch(&device, Predicting { args, inputs, file })
}

impl PredictArgs {
    fn inputs(&self) -> anyhow::Result<Inputs> {
        if self.pair.is_some() && self.texts.len() != 1 {
            bail!("--pair goes with exactly one TEXT");
        }
        if self.file.is_none()
            && let Some(flag) = self.table.first_given()
        {
            bail!(
                "{flag} says how a file is read, but there is no --file; name one (/dev/stdin is \
                 standard input), or leave {flag} out"
            );
        }
        match &self.file {
            Some(path) => Inputs::of_file(path, &self.table),
            None if self.texts.is_empty() => Inputs::of_standard_input(),
            None => Ok(Inputs::of_arguments(&self.texts, self.pair.as_deref())),
        }
    }

    /// Refuses to write over the file that is read.
    fn check_output(&self) -> anyhow::Result<()> {
        let real = |path: &Option<PathBuf>| path.as_ref()?.canonicalize().ok();
        match (real(&self.file), real(&self.output)) {
            (Some(file), Some(output)) if file == output && file.is_file() => bail!(
                "{} is read by this command and would be lost; name another --output",
                file.display()
            ),
            _ => Ok(()),
        }
    }

    /// What to do where single texts were given, and a model wants pairs.
    fn pair_advice(&self) -> &'static str {
        match &self.file {
            Some(_) => NAME_PAIR,
            None if self.texts.is_empty() => "give a --file of both, with --text-pair",
            None => "give the second text with --pair",
        }
    }

    /// Where what is said goes.
    fn place(&self) -> String {
        let path = self.output.as_ref().map(|path| path.display().to_string());
        path.unwrap_or_else(|| "standard output".into())
    }

    fn format(&self) -> OutputFormat {
        let usual = if self.texts.is_empty() { OutputFormat::Csv } else { OutputFormat::Table };
        self.output_format.unwrap_or(usual)
    }
}

struct Predicting<'a> {
    args: &'a PredictArgs,
    inputs: Inputs,
    file: Option<WholeFile>,
}

impl Job for Predicting<'_> {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let classifier =
            open_classifier::<B>(&self.args.model, &self.args.base, self.args.limits, device)?;
        let classifier = self.args.precision.apply(self.args.decisions.apply(classifier)?);
        check_pairs(&classifier, self.inputs.with_pairs(), self.args.pair_advice())?;
        let Some(file) = self.file else {
            let mut out = BufWriter::new(io::stdout().lock());
            let result = write(&classifier, self.inputs, self.args, &mut out);
            return result.or_else(unless_nobody_reads);
        };
        let mut out = BufWriter::new(file.as_file());
        write(&classifier, self.inputs, self.args, &mut out).or_else(unless_nobody_reads)?;
        drop(out);
        file.commit()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Classifies all texts and writes what each is.
fn write<B: BertOps>(
    classifier: &TextClassifier<B>,
    mut inputs: Inputs,
    args: &PredictArgs,
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let with_pairs = inputs.with_pairs();
    let (labels, problem_type) = (classifier.labels(), classifier.problem_type());
    let mut out = PredictionWriter::new(out, labels, args.format(), with_pairs, problem_type);
    let unwritten = || format!("cannot write to {}", args.place());
    out.head().with_context(unwritten)?;
    for chunk in classifier.predict_chunks(inputs.chunks(CHUNK)) {
        let (texts, predictions) = chunk?;
        for ((text, pair), prediction) in texts.iter().zip(&predictions) {
            let input = TextInput { text, text_pair: pair.as_deref() };
            out.row(input, prediction).with_context(unwritten)?;
        }
    }
    out.flush().with_context(unwritten)?;
    Ok(ExitCode::SUCCESS)
}

/// Whoever reads has seen enough, as `head` has: that is no fault.
fn unless_nobody_reads(error: anyhow::Error) -> anyhow::Result<ExitCode> {
    let is_broken_pipe = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe);
    if is_broken_pipe { Ok(ExitCode::SUCCESS) } else { Err(error) }
}
