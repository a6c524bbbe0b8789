use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use bertune::checkpoint::Checkpoint;
use bertune::data::{Dataset, LabelMap, Labels, Table, TableFormat, TargetKind, read_table};
use bertune::head::ProblemType;
use bertune::metrics::{ConfusionMatrix, MetricName};
use bertune::train::{Evaluation, evaluate};
use bertune::{BertOps, TextClassifier};
use clap::Args;
use serde_json::json;

use crate::args::{LimitArgs, TableArgs};
use crate::device::{self, Job, default_name, dispatch};
use crate::progress::in_digits;
use crate::text_table;

/// Examples that are computed together.
const BATCH_SIZE: usize = 64;

/// Classes up to which all confusions are printed.
const WIDEST_CONFUSION: usize = 12;

const AFTER_HELP: &str = "\
Examples:
  bertune evaluate --model classifier --data test.csv
  bertune evaluate --model classifier --data test.jsonl --json > scores.json";

/// The flags of `evaluate`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct EvaluateArgs {
    /// The fine-tuned model's folder.
    #[arg(long, value_name = "FOLDER")]
    model: PathBuf,
    /// The file of labelled texts: csv, tsv or jsonl.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    table: TableArgs,
}

/// Measures a model.
pub(crate) fn run(args: &EvaluateArgs) -> anyhow::Result<ExitCode> {
    let device = args.device.clone().unwrap_or_else(default_name);
    device::check(&device)?;
    let mut format = TableFormat::default();
    args.table.apply(&mut format);
    let table = read_table(&args.data, &format, Labels::Required)?;
    dispatch(&device, Evaluating { args, table })
}

struct Evaluating<'a> {
    args: &'a EvaluateArgs,
    table: Table,
}

impl Job for Evaluating<'_> {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let classifier = open_classifier::<B>(&self.args.model, self.args.limits, device)?;
        check_targets(&classifier, &self.table)?;
        let labels = LabelMap::from_names(classifier.labels().to_vec());
        let limits = classifier.limits();
        let dataset = Dataset::new(classifier.tokenizer(), limits, &self.table, &labels)?;
        let evaluation = evaluate(classifier.model(), &dataset, BATCH_SIZE);
        if self.args.json {
            println!("{}", to_json(&evaluation, labels.names()));
        } else {
            print_evaluation(&evaluation, labels.names());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A fine-tuned model, with the flags' limits in place of those it was trained with.
pub(crate) fn open_classifier<B: BertOps>(
    folder: &Path,
    flags: LimitArgs,
    device: &B::Device,
) -> anyhow::Result<TextClassifier<B>> {
    let classifier = TextClassifier::open(folder, device).map_err(|error| {
        if is_only_an_encoder(folder) {
            anyhow!(
                "{} holds no classifier, only an encoder; fine-tune it first: bertune train \
                 --model {0}",
                folder.display()
            )
        } else {
            error.into()
        }
    })?;
    let mut limits = classifier.limits();
    flags.apply(&mut limits);
    Ok(classifier.with_limits(limits)?)
}

/// Refuses a file whose labels are of another kind than those that the model gives.
pub(crate) fn check_targets<B: BertOps>(
    classifier: &TextClassifier<B>,
    table: &Table,
) -> anyhow::Result<()> {
    let (kind, name) = match classifier.problem_type() {
        ProblemType::SingleLabelClassification => (TargetKind::Class, "one label for each text"),
        ProblemType::MultiLabelClassification => (TargetKind::Set, "sets of labels"),
        ProblemType::Regression => (TargetKind::Values, "numbers"),
    };
    let flag = named_as(kind);
    if table.layout.targets != kind {
        bail!("the model gives {name}, but the file was not read so: say --targets {flag}");
    }
    Ok(())
}

fn named_as(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Class => "class",
        TargetKind::Set => "set",
        TargetKind::Values => "values",
    }
}

fn is_only_an_encoder(folder: &Path) -> bool {
    Checkpoint::open(folder)
        .is_ok_and(|checkpoint| !checkpoint.names().any(|name| name.contains("classifier")))
}

fn to_json(evaluation: &Evaluation, labels: &[String]) -> serde_json::Value {
    let mut json = json!({ "loss": evaluation.loss, "labels": labels });
    let Some(object) = json.as_object_mut() else { return json };
    for metric in MetricName::ALL {
        if let Some(score) = evaluation.scores.get(metric) {
            object.insert(metric.name().into(), score.into());
        }
    }
    let Some(confusion) = &evaluation.confusion else { return json };
    let class = |(class, name): (usize, &String)| {
        json!({
            "label": name,
            "examples": confusion.labelled(class),
            "precision": confusion.precision(class),
            "recall": confusion.recall(class),
            "f1": confusion.f1(class),
        })
    };
    object.insert("confusion".into(), json!(confusion.counts()));
    let classes: Vec<_> = labels.iter().enumerate().map(class).collect();
    object.insert("classes".into(), classes.into());
    json
}

/// Prints the scores, each class's, and which classes were taken for which.
pub(crate) fn print_evaluation(evaluation: &Evaluation, labels: &[String]) {
    let scores = evaluation.scores.shown();
    let scores = scores.map(|(title, score)| format!("{title} {}", in_digits(score)));
    println!("loss {:.4}  {}", evaluation.loss, scores.join("  "));
    let Some(confusion) = &evaluation.confusion else { return };
    println!();
    print_table(class_rows(confusion, labels));
    if labels.len() <= WIDEST_CONFUSION {
        println!("\nlabels down, predictions across");
        print_table(confusion_rows(confusion, labels));
    }
}

fn class_rows(confusion: &ConfusionMatrix, labels: &[String]) -> Vec<Vec<String>> {
    let head = ["class", "examples", "precision", "recall", "F1"].map(String::from);
    let row = |(class, name): (usize, &String)| {
        let scores = [confusion.precision(class), confusion.recall(class), confusion.f1(class)];
        let mut cells = vec![name.clone(), confusion.labelled(class).to_string()];
        cells.extend(scores.map(|score| format!("{score:.4}")));
        cells
    };
    let rows = labels.iter().enumerate().map(row);
    [head.to_vec()].into_iter().chain(rows).collect()
}

fn confusion_rows(confusion: &ConfusionMatrix, labels: &[String]) -> Vec<Vec<String>> {
    let head = [String::new()].into_iter().chain(labels.iter().cloned());
    let rows = labels.iter().zip(confusion.counts()).map(|(name, counts)| {
        let counts = counts.iter().map(u64::to_string);
        [name.clone()].into_iter().chain(counts).collect()
    });
    [head.collect()].into_iter().chain(rows).collect()
}

fn print_table(rows: Vec<Vec<String>>) {
    for line in text_table::lines(&rows) {
        println!("{line}");
    }
}
