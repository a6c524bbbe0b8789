use std::path::PathBuf;
use std::process::ExitCode;

use bertune::data::{Dataset, LabelMap, Labels, Table, TableFormat, read_table};
use bertune::train::{Evaluation, evaluate};
use bertune::{BertOps, TextClassifier};
use clap::Args;
use serde_json::json;

use crate::args::{LimitArgs, TableArgs};
use crate::device::{Job, default_name, dispatch};
use crate::text_table;

#[derive(Args)]
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
    let mut format = TableFormat::default();
    args.table.apply(&mut format);
    let table = read_table(&args.data, &format, Labels::Required)?;
    let device = args.device.clone().unwrap_or_else(default_name);
    dispatch(&device, Evaluating { args, table })
}

struct Evaluating<'a> {
    args: &'a EvaluateArgs,
    table: Table,
}

impl Job for Evaluating<'_> {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let classifier = TextClassifier::<B>::open(&self.args.model, device)?;
        let mut limits = classifier.limits();
        self.args.limits.apply(&mut limits);
        let classifier = classifier.with_limits(limits)?;
        let labels = LabelMap::from_names(classifier.labels().to_vec());
        let dataset = Dataset::new(classifier.tokenizer(), limits, &self.table, &labels)?;
        let evaluation = evaluate(classifier.model(), &dataset, 64);
        if self.args.json {
            println!("{}", to_json(&evaluation, labels.names()));
        } else {
            print_evaluation(&evaluation, labels.names());
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn to_json(evaluation: &Evaluation, labels: &[String]) -> serde_json::Value {
    json!({
        "loss": evaluation.loss,
        "accuracy": evaluation.metrics.accuracy,
        "macro_f1": evaluation.metrics.macro_f1,
        "mcc": evaluation.metrics.mcc,
        "labels": labels,
        "confusion": evaluation.confusion.counts(),
    })
}

/// Prints the scores, each class's, and which classes were taken for which.
pub(crate) fn print_evaluation(evaluation: &Evaluation, labels: &[String]) {
    let Evaluation {
        loss,
        metrics,
        confusion,
    } = evaluation;
    println!(
        "loss {loss:.4}  accuracy {:.4}  macro F1 {:.4}  MCC {:.4}\n",
        metrics.accuracy, metrics.macro_f1, metrics.mcc
    );
    let mut rows = vec![
        ["class", "examples", "predicted", "F1"]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(labels.iter().enumerate().map(|(class, name)| {
        let (labelled, predicted) = (confusion.labelled(class), confusion.predicted(class));
        let f1 = format!("{:.4}", confusion.f1(class));
        vec![
            name.clone(),
            labelled.to_string(),
            predicted.to_string(),
            f1,
        ]
    }));
    print_lines(&rows);
    if labels.len() <= 12 {
        println!("\nlabels down, predictions across");
        let mut rows = vec![
            [String::new()]
                .into_iter()
                .chain(labels.iter().cloned())
                .collect(),
        ];
        rows.extend(labels.iter().zip(confusion.counts()).map(|(name, counts)| {
            [name.clone()]
                .into_iter()
                .chain(counts.iter().map(u64::to_string))
                .collect()
        }));
        print_lines(&rows);
    }
}

fn print_lines(rows: &[Vec<String>]) {
    text_table::lines(rows)
        .iter()
        .for_each(|line| println!("{line}"));
}
