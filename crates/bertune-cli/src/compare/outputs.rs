use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bertune::data::{LabelledRows, Targets};
use bertune::metrics::MetricName;
use bertune::report::{
    Cell, Comparison, Failure, Figure, comparison_page, findings, gaps, learning_curves, results,
    scores_by_size,
};
use bertune::train::main_metric;
use serde_json::json;

use super::cell::TRAIN_SAMPLE;
use super::grid::Grid;
use super::method::REFERENCE;
use crate::command_line::typed;
use crate::progress::in_digits;
use crate::training::Training;
use crate::whole_file::write_whole;

/// The files that tell of a comparison: `comparison.json`, the pictures, the page. They are
/// written after each run.
pub(super) struct Outputs {
    folder: PathBuf,
    pub(super) comparison: Comparison,
}

impl Outputs {
    pub(super) fn new(training: &Training, grid: &Grid, finished: &[Cell]) -> anyhow::Result<Self> {
        let tables = &training.tables;
        let problem_type = Some(tables.problem_type());
        let metric = training.config.training.metric.unwrap_or_else(|| main_metric(problem_type));
        let validation = tables.measured();
        let test = tables.test.as_ref().map(LabelledRows::targets);
        let described = grid.methods.iter().filter_map(|method| {
            let size = *grid.sizes.last()?;
            let settings = grid.settings(method, size, 0, &training.config);
            Some(method.described(&settings, grid.step_share(method)))
        });
        let comparison = Comparison {
            model: name(Path::new(&training.config.model)),
            data: tables.train.paths().first().map(|path| name(path)).unwrap_or_default(),
            metric,
            validation_examples: validation.len(),
            test_examples: test.map(Targets::len),
            majority: majority(training, test.unwrap_or(&validation))
                .filter(|_| metric == MetricName::Accuracy),
            train_sample: TRAIN_SAMPLE,
            methods: described.collect(),
            reference: REFERENCE.into(),
            sizes: grid.sizes.clone(),
            seeds: grid.seeds.clone(),
            cells: finished.to_vec(),
            failures: Vec::new(),
            command: typed(),
            program: format!("bertune {}", env!("CARGO_PKG_VERSION")),
        };
        Ok(Self { folder: training.config.output.clone(), comparison })
    }

    pub(super) fn add(&mut self, cell: Cell) {
        let comparison = &mut self.comparison;
        comparison.cells.push(cell);
        let place = |name: &str| comparison.methods.iter().position(|method| method.name == name);
        // As if the comparison had never been stopped.
        comparison.cells.sort_by_key(|cell| (cell.seed, cell.examples, place(&cell.method)));
    }

    pub(super) fn add_failure(&mut self, failure: Failure) {
        self.comparison.failures.push(failure);
    }

    /// What is said of a run when it is finished; its step is the one that the table counts.
    pub(super) fn line(&self, cell: &Cell) -> String {
        let metric = self.comparison.metric;
        let best = cell.best(metric).map_or_else(|| "–".into(), |(step, _)| step.to_string());
        format!(
            "{:<8} {:>7} examples  seed {:<3} {metric} {}  best after step {best}  gap {}",
            cell.method,
            cell.examples,
            cell.seed,
            in_digits(cell.score),
            in_digits(cell.gap(metric))
        )
    }

    /// Whether no run is finished.
    pub(super) fn is_empty(&self) -> bool {
        self.comparison.cells.is_empty()
    }

    /// The page.
    pub(super) fn page(&self) -> PathBuf {
        self.folder.join("index.html")
    }

    /// Writes all files anew.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        let of = &self.comparison;
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot make the folder {}", self.folder.display()))?;
        let numbers = json!({ "findings": findings(of), "results": results(of), "comparison": of });
        let numbers = serde_json::to_string_pretty(&numbers)? + "\n";
        write_whole(&self.folder.join("comparison.json"), &numbers)?;
        let pictures: [(&str, Figure); 3] = [
            ("scores.svg", scores_by_size(of)),
            ("curves.svg", learning_curves(of)),
            ("gap.svg", gaps(of)),
        ];
        for (name, picture) in pictures {
            write_whole(&self.folder.join(name), &picture.to_svg())?;
        }
        write_whole(&self.page(), &comparison_page(of).to_html())
    }
}

/// The share of the most frequent class, where each row has one.
fn majority(training: &Training, targets: &Targets) -> Option<f64> {
    let counts = targets.class_counts(training.tables.labels.names().len());
    let most = counts.into_iter().max()?;
    let is_of_classes = matches!(targets, Targets::Classes(_));
    is_of_classes.then(|| most as f64 / targets.len() as f64)
}

/// The last part of a path, which says enough to readers.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
