use std::process::ExitCode;

use anyhow::bail;
use bertune::metrics::{MetricName, SeedSummary};
use serde_json::json;

use crate::learning::{Outcome, begin, check_free};
use crate::progress::in_digits;
use crate::run_config::RunConfig;
use crate::train_args::TrainArgs;
use crate::whole_file::write_whole;

/// Trains with several seeds on the same split, and tells mean and spread.
pub(crate) fn run(config: RunConfig, args: &TrainArgs, seeds: u64) -> anyhow::Result<ExitCode> {
    let configs = configs(&config, seeds);
    check_outputs(&config, &configs, args.overwrite)?;
    let mut runs = Vec::new();
    for config in configs {
        let seed = config.training.seed;
        println!("Seed {seed}");
        let mut outside = args.outside();
        if let Some(folder) = &mut outside.tensorboard {
            folder.push(format!("seed-{seed}"));
        }
        let outcome = begin(config, &outside)?;
        if !outcome.finished {
            eprintln!(
                "That ends seed {seed} alone; the seeds after it and their summary are still to be made"
            );
            return Ok(outcome.exit_code());
        }
        println!();
        runs.push((seed, outcome));
    }
    let summary = Summary::new(&runs)?;
    summary.print();
    let path = config.output.join("seeds.json");
    let json = serde_json::to_string_pretty(&summary.to_json())? + "\n";
    write_whole(&path, &json)?;
    Ok(ExitCode::SUCCESS)
}

/// The settings of each seed's run.
fn configs(config: &RunConfig, seeds: u64) -> Vec<RunConfig> {
    let first = config.training.seed;
    let of_seed = |seed| {
        let mut config = config.clone();
        config.split_seed = config.split_seed.or(Some(first));
        config.output = config.output.join(format!("seed-{seed}"));
        config.training.seed = seed;
        config
    };
    (first..first.saturating_add(seeds)).map(of_seed).collect()
}

/// Refuses before the first run what would stop a later one.
fn check_outputs(config: &RunConfig, each: &[RunConfig], overwrite: bool) -> anyhow::Result<()> {
    if config.output.join("config.json").is_file() {
        bail!(
            "{} holds a model; --seeds makes a folder for each seed: name one that is empty or new",
            config.output.display()
        );
    }
    each.iter().try_for_each(|config| check_free(&config.output, config.inputs(), overwrite))
}

/// The scores of each seed, on the validation and on the test files.
struct Summary {
    metric: MetricName,
    seeds: Vec<u64>,
    scores: Vec<(&'static str, Vec<f64>)>,
}

impl Summary {
    fn new(runs: &[(u64, Outcome)]) -> anyhow::Result<Self> {
        let Some((_, first)) = runs.first() else { bail!("there is no run") };
        let metric = first.history.metric();
        let validation = |run: &Outcome| run.history.best()?.score(metric);
        let test = |run: &Outcome| {
            let test = run.test.as_ref()?;
            let evaluation = &test.evaluation;
            match metric {
                MetricName::Loss => Some(evaluation.loss),
                _ => evaluation.scores.get(metric),
            }
        };
        let all = |score: &dyn Fn(&Outcome) -> Option<f64>| -> Option<Vec<f64>> {
            runs.iter().map(|(_, run)| score(run)).collect()
        };
        let scores = [("validation", all(&validation)), ("test", all(&test))];
        Ok(Self {
            metric,
            seeds: runs.iter().map(|(seed, _)| *seed).collect(),
            scores: scores.into_iter().filter_map(|(split, all)| Some((split, all?))).collect(),
        })
    }

    fn print(&self) {
        println!("{} of {} seeds:", self.metric, self.seeds.len());
        for (split, scores) in &self.scores {
            let Some(summary) = SeedSummary::new(scores) else { continue };
            let each: Vec<_> = scores.iter().map(|score| format!("{score:.4}")).collect();
            let interval = summary.interval.map_or_else(String::new, |interval| {
                format!(", 95 % interval {:.4} to {:.4}", interval.low, interval.high)
            });
            println!(
                "{split:<11} {:.4} ± {}{interval}  ({})",
                summary.mean,
                in_digits(summary.standard_deviation),
                each.join(", "),
            );
        }
    }

    fn to_json(&self) -> serde_json::Value {
        let splits = self.scores.iter().map(|(split, scores)| {
            let summary = SeedSummary::new(scores);
            ((*split).to_owned(), json!({ "scores": scores, "summary": summary }))
        });
        let splits: serde_json::Map<_, _> = splits.collect();
        json!({ "metric": self.metric, "seeds": self.seeds, "splits": splits })
    }
}
