use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use bertune::metrics::{MetricName, SeedSummary};
use serde_json::json;

use crate::difference::difference;
use crate::learning::{End, begin, check_free, is_within};
use crate::outside::Outside;
use crate::progress::in_digits;
use crate::resume::{go_on, settings};
use crate::run_config::RunConfig;
use crate::run_folder::RunFolder;
use crate::run_record::{RUN_RECORD, RunRecord, hashes};
use crate::source_report::SourcesOverSeeds;
use crate::train_args::TrainArgs;
use crate::whole_file::write_whole;

/// Trains with several seeds on the same split, and tells mean and spread. What an earlier run of the
/// same command has done of it is gone on with.
pub(crate) fn run(config: RunConfig, args: &TrainArgs, seeds: u64) -> anyhow::Result<ExitCode> {
    let configs = configs(&config, seeds);
    check_output(&config, &args.outside())?;
    let stages = configs.iter().map(|config| Stage::find(config, args.overwrite));
    // All of them before the first run: so none is made in vain.
    let stages = stages.collect::<anyhow::Result<Vec<_>>>()?;
    let mut records = Vec::new();
    for (config, stage) in configs.into_iter().zip(stages) {
        let (seed, output) = (config.training.seed, config.output.clone());
        let mut outside = args.outside();
        if let Some(folder) = &mut outside.tensorboard {
            folder.push(format!("{SEED}{seed}"));
        }
        let end = stage.run(config, outside)?;
        if end != End::Finished {
            tell_stopped(seed, end, &output);
            return Ok(end.exit_code());
        }
        outln!();
        records.push((seed, RunRecord::read(&output.join(RUN_RECORD))?));
    }
    let summary = Summary::new(&records)?;
    summary.print();
    let path = config.output.join(SUMMARY);
    let json = serde_json::to_string_pretty(&summary.to_json())? + "\n";
    write_whole(&path, &json)?;
    Ok(ExitCode::SUCCESS)
}

/// The file of the summary.
const SUMMARY: &str = "seeds.json";

/// What the names of the seeds' folders begin with.
const SEED: &str = "seed-";

/// Tells what the same command does next.
fn tell_stopped(seed: u64, end: End, output: &Path) {
    match end {
        End::Unchecked => errln!(
            "That ends seed {seed}; the same command goes on with the seeds that are left. To have \
             this one's comparison too, remove {} before: it is trained anew then",
            output.display()
        ),
        _ => errln!("That ends seed {seed}; the same command goes on from here"),
    }
}

/// The settings of each seed's run.
fn configs(config: &RunConfig, seeds: u64) -> Vec<RunConfig> {
    let first = config.training.seed;
    let of_seed = |seed| {
        let mut config = config.clone();
        config.split_seed = config.split_seed.or(Some(first));
        config.output = config.output.join(format!("{SEED}{seed}"));
        config.training.seed = seed;
        config
    };
    (first..first.saturating_add(seeds)).map(of_seed).collect()
}

/// Refuses a folder of anything but seeds, as one of a model or of notes is; hidden files are nobody's,
/// and what this command keeps beside the seeds is its own.
fn check_output(config: &RunConfig, outside: &Outside) -> anyhow::Result<()> {
    let output = &config.output;
    let own = [&outside.tensorboard, &config.token_cache].into_iter().flatten();
    let is_own = |name: &str| {
        let first = name.strip_prefix(SEED).and_then(|number| number.chars().next());
        name.starts_with('.')
            || name == SUMMARY
            || first.is_some_and(|first| first.is_ascii_digit())
            || own.clone().any(|folder| is_within(folder, &output.join(name)))
    };
    let entries = std::fs::read_dir(output).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    match names.filter(|name| !is_own(name)).min() {
        Some(name) => bail!(
            "{} holds {name}, which is no seed's: --seeds makes a folder for each seed; name an \
             --output that is empty or new",
            output.display()
        ),
        None => Ok(()),
    }
}

/// How far the run of a seed is.
enum Stage {
    /// It is to begin.
    New,
    /// It was stopped, and left this state in its folder.
    Stopped(RunFolder, PathBuf),
    /// It is at its end.
    Finished,
}

impl Stage {
    /// Finds what there is of this run, and refuses what is another's.
    fn find(config: &RunConfig, overwrite: bool) -> anyhow::Result<Self> {
        let output = &config.output;
        if !overwrite && RunFolder::is_stopped(output) {
            let run_folder = RunFolder::claim(output)?;
            if let Some(state) = run_folder.newest()? {
                check_settings(&settings(&state)?, config)?;
                return Ok(Self::Stopped(run_folder, state));
            }
        }
        match RunRecord::read(&output.join(RUN_RECORD)) {
            Ok(record) if record.finished && !overwrite => {
                check_settings(&record.settings, config)?;
                check_files(&record, config)?;
                Ok(Self::Finished)
            }
            _ => {
                check_free(output, config.inputs(), overwrite)?;
                Ok(Self::New)
            }
        }
    }

    /// Takes the run to its end, or to where it is stopped; does nothing if it is there.
    fn run(self, config: RunConfig, outside: Outside) -> anyhow::Result<End> {
        let seed = config.training.seed;
        match self {
            Self::New => {
                outln!("Seed {seed}");
                begin(config, &outside)
            }
            Self::Stopped(run_folder, state) => {
                outln!("Seed {seed} goes on");
                go_on(&state, run_folder, outside)
            }
            Self::Finished => {
                outln!("Seed {seed} is finished already");
                Ok(End::Finished)
            }
        }
    }
}

/// Refuses a run of other settings. Its precision may be what the device has in place of what was
/// asked for.
fn check_settings(was: &RunConfig, is: &RunConfig) -> anyhow::Result<()> {
    let mut now = is.clone();
    now.training.precision = was.training.precision;
    refuse(is, difference(&json!({ "settings": was }), &json!({ "settings": now }))?)
}

/// Refuses a run of files that have changed since.
fn check_files(record: &RunRecord, config: &RunConfig) -> anyhow::Result<()> {
    let files = hashes(record.inputs.keys().map(Path::new))?;
    refuse(config, difference(&json!({ "inputs": record.inputs }), &json!({ "inputs": files }))?)
}

fn refuse(config: &RunConfig, difference: Option<String>) -> anyhow::Result<()> {
    match difference {
        None => Ok(()),
        Some(difference) => bail!(
            "{} is of a run of other settings or data: {difference}; say --overwrite to train anew, \
             or name another --output",
            config.output.display()
        ),
    }
}

/// The scores of each seed, on the validation and on the test files.
struct Summary {
    metric: MetricName,
    seeds: Vec<u64>,
    scores: Vec<(&'static str, Vec<f64>)>,
    sources: Option<SourcesOverSeeds>,
}

impl Summary {
    fn new(runs: &[(u64, RunRecord)]) -> anyhow::Result<Self> {
        let Some((_, first)) = runs.first() else { bail!("there is no run") };
        let metric = first.history.metric();
        let validation = |run: &RunRecord| run.history.best()?.score(metric);
        let test = |run: &RunRecord| {
            let test = run.test.as_ref()?;
            match metric {
                MetricName::Loss => Some(test.loss),
                _ => test.scores.get(metric),
            }
        };
        let all = |score: &dyn Fn(&RunRecord) -> Option<f64>| -> Option<Vec<f64>> {
            runs.iter().map(|(_, run)| score(run)).collect()
        };
        let scores = [("validation", all(&validation)), ("test", all(&test))];
        let reports = runs.iter().map(|(seed, run)| (*seed, run.sources.as_ref()));
        Ok(Self {
            metric,
            seeds: runs.iter().map(|(seed, _)| *seed).collect(),
            scores: scores.into_iter().filter_map(|(split, all)| Some((split, all?))).collect(),
            sources: SourcesOverSeeds::new(reports),
        })
    }

    fn print(&self) {
        outln!("{} of {} seeds:", self.metric, self.seeds.len());
        for (split, scores) in &self.scores {
            let Some(summary) = SeedSummary::new(scores) else { continue };
            let each: Vec<_> = scores.iter().map(|score| format!("{score:.4}")).collect();
            let interval = summary.interval.map_or_else(String::new, |interval| {
                format!(", 95 % interval {:.4} to {:.4}", interval.low, interval.high)
            });
            outln!(
                "{split:<11} {:.4} ± {}{interval}  ({})",
                summary.mean,
                in_digits(summary.standard_deviation),
                each.join(", "),
            );
        }
        if let Some(sources) = &self.sources {
            outln!("{}", sources.in_words());
        }
    }

    fn to_json(&self) -> serde_json::Value {
        let splits = self.scores.iter().map(|(split, scores)| {
            let summary = SeedSummary::new(scores);
            ((*split).to_owned(), json!({ "scores": scores, "summary": summary }))
        });
        let splits: serde_json::Map<_, _> = splits.collect();
        let mut summary = json!({ "metric": self.metric, "seeds": self.seeds, "splits": splits });
        if let Some(sources) = &self.sources {
            summary["sources"] = json!(sources);
        }
        summary
    }
}
