use bertune_metrics::{MetricName, SeedSummary};
use serde::{Deserialize, Serialize};

use crate::resolution::known_to;

/// Ways to train, on the same data, over training sizes and seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The pretrained model, as it was named.
    pub model: String,
    /// What was learned from, as it was named.
    pub data: String,
    /// What is measured.
    pub metric: MetricName,
    /// How many rows the learning curves are measured on.
    pub validation_examples: usize,
    /// How many rows the final scores are measured on; the validation rows if absent.
    pub test_examples: Option<usize>,
    /// The share of the most frequent class among the rows of the final scores: the accuracy of
    /// always giving it. Absent for other metrics.
    pub majority: Option<f64>,
    /// The most training rows that the score on training rows is measured on.
    pub train_sample: usize,
    /// The ways to train, in the order in which they are shown.
    pub methods: Vec<Method>,
    /// The name of the method that the others are compared with, if it is among them.
    pub reference: String,
    /// The training sizes, smallest first.
    pub sizes: Vec<Size>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The runs that are finished.
    pub cells: Vec<Cell>,
    /// The runs that failed.
    pub failures: Vec<Failure>,
    /// The command that makes this comparison.
    pub command: String,
    /// The program and its version.
    pub program: String,
}

/// A way to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// What it is called on the command line.
    pub name: String,
    /// What it is called in sentences, such as `full fine-tuning`.
    pub title: String,
    /// What it is called in pictures and tables, such as `full`.
    pub label: String,
    /// What it does, in a sentence.
    pub description: String,
    /// Its settings that differ from the others', in words.
    pub settings: String,
    /// Which share of a size's [steps](Size::steps) it takes, above 0 and up to 1.
    pub step_share: f64,
    /// Which colour and mark it has, whatever the others are.
    pub colour: usize,
}

/// How much is learned from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// The number of training rows.
    pub examples: usize,
    /// The steps of a method whose [share](Method::step_share) of them is 1.
    pub steps: usize,
}

/// A finished run: one method, size and seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The method's name.
    pub method: String,
    /// The number of training rows.
    pub examples: usize,
    /// The seed.
    pub seed: u64,
    /// What was measured on the way, from before the first step to after the last.
    pub curve: Vec<CurvePoint>,
    /// The step of the model that was best on the validation rows: the one with the best score, then
    /// with the lowest loss, then the earliest.
    pub best_step: usize,
    /// That model's score on the test rows, or on the validation rows where there are none; absent
    /// where it is undefined.
    pub score: Option<f64>,
}

/// The model at one step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvePoint {
    /// The steps taken.
    pub step: usize,
    /// The mean loss of the training rows, without dropout.
    pub train_loss: f64,
    /// The score on them; absent where it is undefined.
    pub train_score: Option<f64>,
    /// The mean loss of the validation rows.
    pub validation_loss: f64,
    /// The score on them.
    pub validation_score: Option<f64>,
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The method's name.
    pub method: String,
    /// The number of training rows.
    pub examples: usize,
    /// The seed.
    pub seed: u64,
    /// Why.
    pub message: String,
}

impl Size {
    /// The steps of a method with this [share](Method::step_share) of them, rounded.
    pub fn steps_of(&self, share: f64) -> usize {
        (self.steps as f64 * share).round() as usize
    }
}

impl Cell {
    /// How much better the last model does on the rows that it learned from than on the validation
    /// rows; the better way is up, also where less of the score is better.
    pub fn gap(&self, metric: MetricName) -> Option<f64> {
        let last = self.curve.last()?;
        Some(metric.gain(last.train_score?, last.validation_score?))
    }

    /// The evaluations after the first step and later.
    pub(crate) fn learned(&self) -> impl Iterator<Item = (usize, f64)> {
        let points = self.curve.iter().filter(|point| point.step > 0);
        points.filter_map(|point| Some((point.step, point.validation_score?)))
    }

    /// The best validation score and the first step that has it, after the first step or later;
    /// `None` where the score is undefined.
    pub fn best(&self, metric: MetricName) -> Option<(usize, f64)> {
        self.learned().reduce(|best, new| if metric.is_better(new.1, best.1) { new } else { best })
    }
}

impl Comparison {
    /// The finished runs of a method on a size, in the order of their seeds.
    pub fn cells_of(&self, method: &str, examples: usize) -> Vec<&Cell> {
        let is_of = |cell: &&Cell| cell.method == method && cell.examples == examples;
        let mut cells: Vec<_> = self.cells.iter().filter(is_of).collect();
        cells.sort_by_key(|cell| cell.seed);
        cells
    }

    /// The final scores of a method on a size; `None` where there is none.
    pub fn score(&self, method: &str, examples: usize) -> Option<SeedSummary> {
        self.over_seeds(method, examples, |cell| cell.score)
    }

    /// The gaps between training and validation rows at the end.
    pub fn gap(&self, method: &str, examples: usize) -> Option<SeedSummary> {
        self.over_seeds(method, examples, |cell| cell.gap(self.metric))
    }

    /// A number of a method's runs on a size, over those seeds where it is there.
    pub(crate) fn over_seeds(
        &self,
        method: &str,
        examples: usize,
        number: impl Fn(&Cell) -> Option<f64>,
    ) -> Option<SeedSummary> {
        let cells = self.cells_of(method, examples).into_iter();
        let numbers: Vec<f64> = cells.filter_map(number).collect();
        SeedSummary::new(&numbers)
    }

    /// How much larger a number is for a method than for the reference, over the seeds that both
    /// have: of one seed both see the same rows.
    fn difference(
        &self,
        method: &str,
        examples: usize,
        number: impl Fn(&Cell) -> Option<f64>,
    ) -> Option<SeedSummary> {
        let references = self.cells_of(&self.reference, examples);
        let difference = |cell: &Cell| {
            let of_same_seed = |other: &&&Cell| other.seed == cell.seed;
            let reference = references.iter().find(of_same_seed)?;
            Some(number(cell)? - number(reference)?)
        };
        self.over_seeds(method, examples, difference)
    }

    /// That [difference](Self::difference) on each size where both have runs, with intervals that
    /// also have the `variance` that comes from measuring.
    pub(crate) fn differences(
        &self,
        method: &str,
        number: impl Fn(&Cell) -> Option<f64>,
        variance: impl Fn(&Size) -> f64,
    ) -> Vec<(&Size, SeedSummary)> {
        let of_size = |size: &Size| {
            let difference = self.difference(method, size.examples, &number)?;
            Some(known_to(variance(size), difference))
        };
        self.sizes.iter().filter_map(|size| Some((size, of_size(size)?))).collect()
    }

    /// The method that the others are compared with, if it is among them.
    pub(crate) fn reference(&self) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == self.reference)
    }

    /// The methods that are compared with the reference.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter().filter(|method| method.name != self.reference)
    }

    /// The sizes that have a finished run.
    pub(crate) fn sizes_there(&self) -> impl Iterator<Item = &Size> {
        let has = |size: &Size| self.cells.iter().any(|cell| cell.examples == size.examples);
        self.sizes.iter().filter(move |size| has(size))
    }

    /// How many seeds have a finished run.
    pub(crate) fn seeds_there(&self) -> usize {
        let is_there = |seed: &&u64| self.cells.iter().any(|cell| cell.seed == **seed);
        self.seeds.iter().filter(is_there).count()
    }

    /// The rows that the final scores are measured on, in words.
    pub(crate) fn measured_on(&self) -> &'static str {
        if self.test_examples.is_some() { "test" } else { "validation" }
    }
}
