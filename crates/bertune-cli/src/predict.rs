use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use bertune::data::{Labels, TableFormat, read_table};
use bertune::tokenize::TextInput;
use bertune::{BertOps, Prediction, TextClassifier};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::args::{LimitArgs, TableArgs};
use crate::device::{Job, default_name, dispatch};

/// Texts come from the arguments, from --file, or, where neither is given, from standard input,
/// one a line.
#[derive(Args)]
pub(crate) struct PredictArgs {
    /// The fine-tuned model's folder.
    #[arg(long, value_name = "FOLDER")]
    model: PathBuf,
    /// Texts to classify.
    #[arg(value_name = "TEXT", conflicts_with = "file")]
    texts: Vec<String>,
    /// The second text of a pair, for a single TEXT.
    #[arg(long, value_name = "TEXT")]
    pair: Option<String>,
    /// A csv, tsv or jsonl file of texts.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to print the result; csv where left out, and a table for texts in the arguments.
    #[arg(long)]
    output_format: Option<OutputFormat>,
    /// Write the result to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    table: TableArgs,
}

/// How predictions are printed.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum OutputFormat {
    /// Label, probability and text, for people.
    Table,
    /// Text, label, and the probability of each class.
    Csv,
    /// One object a line: text, label, and the probability of each class.
    Jsonl,
}

/// A text, or a pair.
type Input = (String, Option<String>);

/// Texts that are tokenized and computed before the next are.
const CHUNK: usize = 4096;

/// Classifies texts.
pub(crate) fn run(args: &PredictArgs) -> anyhow::Result<ExitCode> {
    let inputs = args.inputs()?;
    if inputs.is_empty() {
        bail!(
            "there is nothing to classify; give texts as arguments, by --file or on standard input"
        );
    }
    let device = args.device.clone().unwrap_or_else(default_name);
    dispatch(&device, Predicting { args, inputs })
}

impl PredictArgs {
    fn inputs(&self) -> anyhow::Result<Vec<Input>> {
        if self.pair.is_some() && self.texts.len() != 1 {
            bail!("--pair goes with exactly one TEXT");
        }
        if let Some(path) = &self.file {
            let mut format = TableFormat::default();
            self.table.apply(&mut format);
            let table = read_table(path, &format, Labels::Optional)?;
            return Ok(table
                .examples
                .into_iter()
                .map(|e| (e.text, e.text_pair))
                .collect());
        }
        if self.texts.is_empty() && !io::stdin().is_terminal() {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .context("cannot read standard input")?;
            return Ok(text.lines().map(|line| (line.to_owned(), None)).collect());
        }
        Ok(self
            .texts
            .iter()
            .map(|text| (text.clone(), self.pair.clone()))
            .collect())
    }

    fn format(&self) -> OutputFormat {
        let usual = if self.texts.is_empty() {
            OutputFormat::Csv
        } else {
            OutputFormat::Table
        };
        self.output_format.unwrap_or(usual)
    }
}

struct Predicting<'a> {
    args: &'a PredictArgs,
    inputs: Vec<Input>,
}

impl Job for Predicting<'_> {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let classifier = TextClassifier::<B>::open(&self.args.model, device)?;
        let mut limits = classifier.limits();
        self.args.limits.apply(&mut limits);
        let classifier = classifier.with_limits(limits)?;
        let write = |out: &mut dyn Write| self.write(&classifier, out);
        match &self.args.output {
            Some(path) => write_file(path, write)?,
            None => match write(&mut BufWriter::new(io::stdout().lock())) {
                // Whoever reads has seen enough, as `head` has.
                Err(error) if is_broken_pipe(&error) => {}
                result => result?,
            },
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Predicting<'_> {
    fn write<B: BertOps>(
        &self,
        classifier: &TextClassifier<B>,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let labels = classifier.labels();
        let with_pairs = self.inputs.iter().any(|(_, pair)| pair.is_some());
        let mut out = Output {
            out,
            labels,
            with_pairs,
            format: self.args.format(),
        };
        out.head()?;
        for chunk in self.inputs.chunks(CHUNK) {
            let inputs: Vec<_> = chunk
                .iter()
                .map(|(text, pair)| TextInput {
                    text,
                    text_pair: pair.as_deref(),
                })
                .collect();
            let predictions = classifier.predict(&inputs)?;
            for (input, prediction) in inputs.iter().zip(&predictions) {
                out.row(*input, prediction)?;
            }
        }
        Ok(out.out.flush()?)
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.into_iter()
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes a file that appears whole or not at all.
fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let file =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).with_context(cannot)?;
    let mut writer: BufWriter<&File> = BufWriter::new(file.as_file());
    write(&mut writer)?;
    drop(writer);
    file.persist(path).with_context(cannot)?;
    Ok(())
}

/// Predictions, one after another.
struct Output<'a> {
    out: &'a mut dyn Write,
    labels: &'a [String],
    with_pairs: bool,
    format: OutputFormat,
}

impl Output<'_> {
    fn head(&mut self) -> anyhow::Result<()> {
        if self.format != OutputFormat::Csv {
            return Ok(());
        }
        let pair = self.with_pairs.then_some("text_pair");
        let names = ["text"].into_iter().chain(pair).chain(["label"]);
        let probabilities = self.labels.iter().map(|label| format!("p({label})"));
        self.csv(names.map(String::from).chain(probabilities).collect())
    }

    fn row(&mut self, input: TextInput<'_>, prediction: &Prediction) -> anyhow::Result<()> {
        let class = prediction.class();
        let label = &self.labels[class];
        match self.format {
            OutputFormat::Table => {
                let width = self
                    .labels
                    .iter()
                    .map(|label| label.chars().count())
                    .max()
                    .unwrap_or(0);
                let probability = prediction.probabilities[class];
                let pair = input
                    .text_pair
                    .map(|pair| format!(" | {pair}"))
                    .unwrap_or_default();
                writeln!(
                    self.out,
                    "{label:<width$}  {probability:.4}  {}{pair}",
                    input.text
                )?;
            }
            OutputFormat::Csv => {
                let pair = self.with_pairs.then(|| input.text_pair.unwrap_or_default());
                let texts = [input.text].into_iter().chain(pair).chain([label.as_str()]);
                let numbers = prediction.probabilities.iter().map(f32::to_string);
                self.csv(texts.map(String::from).chain(numbers).collect())?;
            }
            OutputFormat::Jsonl => writeln!(self.out, "{}", self.json(input, prediction))?,
        }
        Ok(())
    }

    fn json(&self, input: TextInput<'_>, prediction: &Prediction) -> Value {
        let probabilities = prediction.probabilities.iter().map(|&p| json!(p));
        let probabilities: Map<_, _> = self.labels.iter().cloned().zip(probabilities).collect();
        let mut object = Map::from_iter([("text".to_owned(), json!(input.text))]);
        object.extend(
            input
                .text_pair
                .map(|pair| ("text_pair".to_owned(), json!(pair))),
        );
        object.insert("label".into(), json!(self.labels[prediction.class()]));
        object.insert("probabilities".into(), probabilities.into());
        object.into()
    }

    fn csv(&mut self, fields: Vec<String>) -> anyhow::Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        writer.write_record(fields)?;
        Ok(writer.flush()?)
    }
}
