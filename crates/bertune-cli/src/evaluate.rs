use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use bertune::checkpoint::Checkpoint;
use bertune::data::{Dataset, LabelMap, Labels, Table, TableFormat, TargetKind, read_table};
use bertune::head::ProblemType;
use bertune::metrics::MetricName;
use bertune::train::evaluate;
use bertune::{BertOps, TextClassifier};
use clap::Args;

use crate::args::{DecisionArgs, LimitArgs, PrecisionArgs, TableArgs};
use crate::base::{self, BaseArgs};
use crate::device::{self, Job, default_name, dispatch};
use crate::measured::Measured;
use crate::model::BOXED;
use crate::one_task::check_one_task;

/// Examples that are computed together.
const BATCH_SIZE: usize = 64;

const AFTER_HELP: &str = "\
Examples:
  bertune evaluate --model classifier --data test.csv
  bertune evaluate --model classifier --data test.jsonl --json > scores.json";

/// The flags of `evaluate`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct EvaluateArgs {
    /// The fine-tuned model's folder, or an adapter's.
    #[arg(long, value_name = "FOLDER")]
    model: PathBuf,
    /// The file of labelled texts: csv, tsv, jsonl, parquet or arrow.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
    /// Whose 95 % interval is given, such as macro_f1 [default: accuracy, micro_f1 for sets of
    /// labels, pearson for numbers].
    #[arg(long, value_name = "NAME")]
    metric: Option<MetricName>,
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

/// Measures a model.
pub(crate) fn run(args: &EvaluateArgs) -> anyhow::Result<ExitCode> {
    let device = args.device.clone().unwrap_or_else(default_name);
    device::check(&device)?;
    dispatch(&device, Evaluating { args })
}

struct Evaluating<'a> {
    args: &'a EvaluateArgs,
}

impl Job for Evaluating<'_> {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let classifier =
            open_classifier::<B>(&self.args.model, &self.args.base, self.args.limits, device)?;
        let classifier = self.args.precision.apply(self.args.decisions.apply(classifier)?);
        let table = read_labelled(&classifier, &self.args.data, &self.args.table)?;
        let labels = LabelMap::from_names(classifier.labels().to_vec());
        let limits = classifier.limits();
        let dataset = Dataset::new(classifier.tokenizer(), limits, &table, &labels)?;
        let decisions = classifier.decisions();
        let evaluation = evaluate(classifier.model(), decisions, &dataset, BATCH_SIZE);
        if !evaluation.loss.is_finite() {
            return Err(classifier.not_finite().into());
        }
        let targets = dataset.targets();
        if let Some(metric) = self.args.metric
            && metric != MetricName::Loss
            && evaluation.scores.get(metric).is_none()
        {
            bail!(
                "{metric} is undefined for this model and these rows; without --metric, all scores \
                 that are defined are printed"
            );
        }
        let measured = Measured::new(evaluation, self.args.metric, targets, decisions);
        if self.args.json {
            outln!("{}", measured.to_json(labels.names()));
        } else {
            measured.print(labels.names());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A fine-tuned model, with the flags' limits in place of those it was trained with.
pub(crate) fn open_classifier<B: BertOps>(
    folder: &Path,
    base: &BaseArgs,
    flags: LimitArgs,
    device: &B::Device,
) -> anyhow::Result<TextClassifier<B>> {
    if folder == Path::new(BOXED) && !folder.exists() {
        bail!(
            "{BOXED} is the model that is inside this program, which holds no classifier; \
             fine-tune it first: bertune train --model {BOXED}"
        );
    }
    check_one_task(folder)?;
    let classifier = match base::find_if_adapter(folder, base)? {
        Some(base) => TextClassifier::open_adapter(folder, &base, device),
        None => TextClassifier::open(folder, device),
    };
    let classifier = classifier.map_err(|error| {
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

/// Reads labelled texts to measure a model on: of its own kind of labels, unless the flags say another.
///
/// Refuses labels of another kind than the model gives, and single texts that should be pairs.
pub(crate) fn read_labelled<B: BertOps>(
    classifier: &TextClassifier<B>,
    path: &Path,
    flags: &TableArgs,
) -> anyhow::Result<Table> {
    let (kind, name) = match classifier.problem_type() {
        ProblemType::SingleLabelClassification => (TargetKind::Class, "one label for each text"),
        ProblemType::MultiLabelClassification => (TargetKind::Set, "sets of labels"),
        ProblemType::Regression => (TargetKind::Values, "numbers"),
    };
    let mut format = TableFormat { targets: kind, ..TableFormat::default() };
    flags.apply(&mut format);
    if format.targets != kind {
        let flag = named_as(kind);
        bail!(
            "the model gives {name}, and --targets asks for others: say --targets {flag}, or leave it out"
        );
    }
    let table = read_table(path, &format, Labels::Measured)?;
    check_columns(classifier, &table)?;
    check_pairs(classifier, table.layout.text_pair.is_some(), NAME_PAIR)?;
    Ok(table)
}

/// Refuses columns that leave a class of a set out: all texts would count as not having it.
fn check_columns<B: BertOps>(classifier: &TextClassifier<B>, table: &Table) -> anyhow::Result<()> {
    let (kind, names) = (table.layout.targets, table.layout.label_names.as_deref());
    let Some(names) = names.filter(|_| kind == TargetKind::Set) else { return Ok(()) };
    match classifier.labels().iter().find(|label| !names.contains(label)) {
        None => Ok(()),
        Some(absent) => bail!(
            "{}: the model's sets may hold '{absent}' too, of which no column tells; name a column of each \
             of its labels with --labels",
            table.path.display()
        ),
    }
}

/// What to do where a file has a second text and it was not found.
pub(crate) const NAME_PAIR: &str = "name the column of the second text with --text-pair";

/// Refuses single texts, with a word of what to do, for a model that was trained on pairs, and pairs for
/// one of single texts; what another program trained may take either.
pub(crate) fn check_pairs<B: BertOps>(
    classifier: &TextClassifier<B>,
    are_pairs: bool,
    advice: &str,
) -> anyhow::Result<()> {
    match classifier.config().reads_pairs() {
        Some(true) if !are_pairs => {
            bail!("the model was trained on pairs of texts, but these are single ones: {advice}")
        }
        Some(false) if are_pairs => bail!(
            "the model was trained on single texts, but these are pairs: leave the second ones out, a \
             column of a file too"
        ),
        _ => Ok(()),
    }
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
