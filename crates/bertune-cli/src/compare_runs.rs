use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use bertune::BertOps;
use bertune::data::{Dataset, LabelMap, Targets};
use bertune::head::Decisions;
use bertune::metrics::{Bootstrap, MetricName};
use bertune::train::{Evaluation, evaluate};
use clap::Args;

use crate::args::{LimitArgs, TableArgs};
use crate::base::BaseArgs;
use crate::device::{self, Job, default_name, dispatch};
use crate::evaluate::{open_classifier, read_labelled};
use crate::progress::in_digits;

const AFTER_HELP: &str = "\
Measures both models on the same rows and draws these rows anew many times (paired bootstrap): an
interval of the difference that does not hold 0 says that they differ on such data.

Example:
  bertune compare-runs classifier-a classifier-b --data test.csv";

/// The flags of `compare-runs`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CompareRunsArgs {
    /// The folder of one model.
    #[arg(value_name = "A")]
    first: PathBuf,
    /// The folder of the other.
    #[arg(value_name = "B")]
    second: PathBuf,
    /// The file of labelled texts to measure both on.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// What to compare, such as macro_f1 or mcc [default: accuracy, micro_f1 for sets of labels,
    /// pearson for numbers].
    #[arg(long, value_name = "NAME")]
    metric: Option<MetricName>,
    /// How often the rows are drawn.
    #[arg(long, value_name = "N", default_value = "2000", value_parser = clap::value_parser!(u32).range(100..))]
    resamples: u32,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
    #[command(flatten)]
    table: TableArgs,
}

/// Says whether two models differ.
pub(crate) fn run(args: &CompareRunsArgs) -> anyhow::Result<ExitCode> {
    let device = args.device.clone().unwrap_or_else(default_name);
    device::check(&device)?;
    dispatch(&device, Comparing { args })
}

struct Comparing<'a> {
    args: &'a CompareRunsArgs,
}

impl Job for Comparing<'_> {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let measured = |folder| self.measure::<B>(folder, device);
        let (first, labels, targets) = measured(&self.args.first)?;
        let (second, other_labels, _) = measured(&self.args.second)?;
        if labels != other_labels {
            bail!("the models have other labels, or the same in another order");
        }
        let metric = self.args.metric.unwrap_or_else(|| first.0.scores.main_metric());
        let score = |(evaluation, decisions): &(Evaluation, Decisions), rows: &[usize]| {
            evaluation.score_of(rows, metric, &targets, decisions)
        };
        let bootstrap = Bootstrap { resamples: self.args.resamples as usize, seed: 1 };
        let (on_first, on_second) =
            (|rows: &[usize]| score(&first, rows), |rows: &[usize]| score(&second, rows));
        let rows = targets.len();
        let all: Vec<usize> = (0..rows).collect();
        let difference =
            bootstrap.paired_difference(rows, on_first, on_second).ok_or_else(|| match rows {
                1 => anyhow!("a single row does not tell models apart; give more of them"),
                _ => anyhow!("{metric} is undefined for these models and rows"),
            })?;
        outln!("{metric} on {rows} rows");
        outln!("A  {}  {}", in_digits(on_first(&all)), self.args.first.display());
        outln!("B  {}  {}", in_digits(on_second(&all)), self.args.second.display());
        outln!(
            "A - B  {:.4}, 95 % interval {:.4} to {:.4}, p {:.4}",
            difference.difference,
            difference.interval.low,
            difference.interval.high,
            difference.p_value
        );
        let verdict = match (difference.interval.low > 0.0, difference.interval.high < 0.0) {
            _ if rows < Bootstrap::FEW_ROWS => {
                "So few rows do not tell the models apart: their interval is too narrow"
            }
            (false, false) => "On such rows the models cannot be told apart",
            _ if (difference.difference > 0.0) == metric.higher_is_better() => "A is better",
            _ => "B is better",
        };
        outln!("{verdict}");
        Ok(ExitCode::SUCCESS)
    }
}

impl Comparing<'_> {
    fn measure<B: BertOps>(
        &self,
        folder: &std::path::Path,
        device: &B::Device,
    ) -> anyhow::Result<((Evaluation, Decisions), Vec<String>, Targets)> {
        let classifier =
            open_classifier::<B>(folder, &BaseArgs::default(), LimitArgs::default(), device)?;
        let table = read_labelled(&classifier, &self.args.data, &self.args.table)?;
        let labels = LabelMap::from_names(classifier.labels().to_vec());
        let limits = classifier.limits();
        let dataset = Dataset::new(classifier.tokenizer(), limits, &table, &labels)?;
        let decisions = classifier.decisions().clone();
        let evaluation = evaluate(classifier.model(), &decisions, &dataset, 64);
        if !evaluation.loss.is_finite() {
            return Err(classifier.not_finite().into());
        }
        Ok(((evaluation, decisions), labels.names().to_vec(), dataset.targets().clone()))
    }
}
