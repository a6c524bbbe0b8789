use std::collections::BTreeSet;

use bertune_metrics::SeedSummary;

use crate::axis::Axis;
use crate::figure::{Drawing, Figure};
use crate::legend::Legend;
use crate::marks::{Fill, colour, mark};
use crate::markup::{escaped, length};
use crate::numbers::{count, mean_and_deviation, of, score};
use crate::plot::{Plot, path};
use crate::{Comparison, Method, Size, Table};

const WIDTH: f64 = 350.0;
const HEIGHT: f64 = 250.0;

/// The validation score of each method step by step, a panel for each training size.
pub fn learning_curves(comparison: &Comparison) -> Figure {
    let curves: Vec<Panel<'_>> =
        comparison.sizes_there().map(|size| Panel::new(comparison, size)).collect();
    let heights = curves.iter().flat_map(Panel::heights);
    let y = Axis::round("", heights, 5);
    let metric = comparison.metric;
    let goal = match comparison.reference() {
        Some(reference) => format!(
            " The dotted line is the best that {} reached, the mean of the seeds.",
            reference.title
        ),
        None => String::new(),
    };
    Figure {
        id: "curves",
        title: format!("Validation {metric} step by step"),
        caption: format!(
            "Lines are means over {}, bands one standard deviation to each side.{goal} {}.",
            of(comparison.seeds_there(), "seed"),
            comparison.same_steps()
        ),
        legend: Legend::of(comparison),
        wide: curves.iter().map(|panel| panel.draw(&y)).collect(),
        narrow: None,
        table: table(comparison, &curves),
    }
}

/// The curves of one size.
struct Panel<'a> {
    comparison: &'a Comparison,
    size: &'a Size,
    curves: Vec<Curve<'a>>,
    goal: Option<f64>,
}

/// A method's mean and spread at each step that was measured.
struct Curve<'a> {
    method: &'a Method,
    points: Vec<(usize, SeedSummary)>,
}

impl<'a> Panel<'a> {
    fn new(comparison: &'a Comparison, size: &'a Size) -> Self {
        let curve = |method| Curve::new(comparison, method, size);
        let curves = comparison.methods.iter().map(curve);
        let best = |cell: &crate::Cell| cell.best(comparison.metric).map(|(_, score)| score);
        let goal = comparison.over_seeds(&comparison.reference, size.examples, best);
        Self {
            comparison,
            size,
            curves: curves.filter(|curve| !curve.points.is_empty()).collect(),
            goal: goal.map(|goal| goal.mean),
        }
    }

    /// All numbers that are to be seen.
    fn heights(&self) -> impl Iterator<Item = f64> {
        let points = self.curves.iter().flat_map(|curve| &curve.points);
        let points =
            points.flat_map(|(_, at)| [at.mean - spread(at), at.mean, at.mean + spread(at)]);
        let is_bounded = self.comparison.metric.higher_is_better();
        points.map(move |height| if is_bounded { height.min(1.0) } else { height }).chain(self.goal)
    }

    fn draw(&self, y: &Axis) -> Drawing {
        let plot = Plot {
            left: 44.0,
            right: WIDTH - 14.0,
            top: 34.0,
            bottom: HEIGHT - 42.0,
            x: Axis::up_to("steps", self.size.steps, 5),
            y: y.clone(),
        };
        let heading = of(self.size.examples, "training example");
        let goal = self.goal.zip(self.comparison.reference()).map(|(goal, reference)| {
            let (left, y, right) = (length(plot.left), length(plot.y(goal)), length(plot.right));
            let class = colour(reference.colour);
            format!("<path class=\"goal {class}\" d=\"M{left} {y}H{right}\"/>")
        });
        let drawn = [
            format!(
                "<text class=\"heading\" x=\"{}\" y=\"18\">{}</text>",
                length(plot.left),
                escaped(&heading)
            ),
            plot.frame(),
            self.curves.iter().map(|curve| curve.band(&plot)).collect(),
            goal.unwrap_or_default(),
            self.curves.iter().map(|curve| curve.line(&plot)).collect(),
        ];
        Drawing { width: WIDTH, height: HEIGHT, description: self.describe(), body: drawn.concat() }
    }

    fn describe(&self) -> String {
        let last = |curve: &Curve<'_>| {
            let (step, at) = curve.points.last()?;
            Some(format!("{} {} after {}", curve.method.label, score(at.mean), of(*step, "step")))
        };
        let ends: Vec<_> = self.curves.iter().filter_map(last).collect();
        let (metric, examples) = (self.comparison.metric, of(self.size.examples, "example"));
        format!("Validation {metric} by step, {examples}: {}.", ends.join(", "))
    }
}

impl<'a> Curve<'a> {
    fn new(comparison: &'a Comparison, method: &'a Method, size: &Size) -> Self {
        let cells = comparison.cells_of(&method.name, size.examples).into_iter();
        let points = cells.flat_map(|cell| &cell.curve);
        let steps: BTreeSet<usize> = points.map(|point| point.step).collect();
        let at = |step: usize| {
            let there = |cell: &crate::Cell| {
                cell.curve.iter().find(|point| point.step == step)?.validation_score
            };
            Some((step, comparison.over_seeds(&method.name, size.examples, there)?))
        };
        Self { method, points: steps.into_iter().filter_map(at).collect() }
    }

    fn band(&self, plot: &Plot) -> String {
        let edge = |side: f64| {
            let at = move |(step, of): &(usize, SeedSummary)| {
                (plot.x(*step as f64), plot.y(of.mean + side * spread(of)))
            };
            self.points.iter().map(at)
        };
        let around: Vec<_> = edge(1.0).chain(edge(-1.0).rev()).collect();
        let has_spread = self.points.iter().any(|(_, of)| spread(of) > 0.0);
        let class = colour(self.method.colour);
        let band = format!("<path class=\"band {class}\" d=\"{}Z\"/>", path(&around));
        if has_spread { band } else { String::new() }
    }

    fn line(&self, plot: &Plot) -> String {
        let at = |(step, of): &(usize, SeedSummary)| (plot.x(*step as f64), plot.y(of.mean));
        let points: Vec<_> = self.points.iter().map(at).collect();
        let end = points.last().map(|end| mark(self.method.colour, *end, Fill::Full));
        let class = colour(self.method.colour);
        let line = format!("<path class=\"line {class}\" d=\"{}\"/>", path(&points));
        line + &end.unwrap_or_default()
    }
}

fn spread(of: &SeedSummary) -> f64 {
    of.standard_deviation.unwrap_or(0.0)
}

/// The curves at about five steps each.
fn table(comparison: &Comparison, panels: &[Panel<'_>]) -> Table {
    let head = ["method", "examples", "step", "score"].map(String::from);
    let row = |panel: &Panel<'_>, curve: &Curve<'_>, (step, at): &(usize, SeedSummary)| {
        let examples = count(panel.size.examples);
        vec![curve.method.label.clone(), examples, count(*step), mean_and_deviation(at)]
    };
    let rows = panels.iter().flat_map(|panel| {
        panel.curves.iter().flat_map(move |curve| {
            let every = curve.points.len().div_ceil(5).max(1);
            let last = curve.points.len() - 1;
            let told = curve.points.iter().enumerate();
            let told = told.filter(move |(i, _)| i.is_multiple_of(every) || *i == last);
            told.map(move |(_, point)| row(panel, curve, point))
        })
    });
    Table {
        caption: format!("Validation {}, mean ± standard deviation over seeds", comparison.metric),
        head: head.to_vec(),
        rows: rows.collect(),
        part_by: Some(1),
    }
}
