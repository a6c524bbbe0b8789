use bertune_metrics::SeedSummary;

use crate::axis::Axis;
use crate::figure::{Drawing, Figure};
use crate::legend::Legend;
use crate::marks::{Fill, colour, mark};
use crate::markup::{escaped, length};
use crate::numbers::{count, mean_and_deviation, of, score};
use crate::plot::Plot;
use crate::{Comparison, Method, Size, Table};

const ROW: f64 = 24.0;
const HEADING: f64 = 30.0;

/// The width up to which there is no room for deviations.
const NARROW: f64 = 500.0;

/// How far each method's last model is ahead on the rows that it learned from.
pub fn gaps(comparison: &Comparison) -> Figure {
    let blocks: Vec<Block<'_>> =
        comparison.sizes_there().map(|size| Block::new(comparison, size)).collect();
    Figure {
        id: "gap",
        title: "The gap between training and validation at the end".into(),
        caption: format!(
            "Full marks: validation {0}; empty marks: {0} on the training rows (at most {1} of \
             them), without dropout. Both are of the last model, means over the seeds; the number \
             is the gap. {2}.",
            comparison.metric,
            count(comparison.train_sample),
            comparison.same_steps()
        ),
        legend: Legend::of(comparison),
        wide: vec![draw(&blocks, 720.0)],
        narrow: Some(vec![draw(&blocks, 350.0)]),
        table: table(comparison, &blocks),
    }
}

/// The methods on one size.
struct Block<'a> {
    size: &'a Size,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    method: &'a Method,
    train: SeedSummary,
    validation: SeedSummary,
    gap: SeedSummary,
}

impl<'a> Block<'a> {
    fn new(comparison: &'a Comparison, size: &'a Size) -> Self {
        let row = |method: &'a Method| {
            let (name, examples) = (&method.name, size.examples);
            let last = |score: fn(&crate::CurvePoint) -> Option<f64>| {
                comparison.over_seeds(name, examples, |cell| score(cell.curve.last()?))
            };
            Some(Row {
                method,
                train: last(|point| point.train_score)?,
                validation: last(|point| point.validation_score)?,
                gap: comparison.gap(name, examples)?,
            })
        };
        Self { size, rows: comparison.methods.iter().filter_map(row).collect() }
    }
}

fn draw(blocks: &[Block<'_>], width: f64) -> Drawing {
    let height: f64 = blocks.iter().map(|block| HEADING + ROW * block.rows.len() as f64).sum();
    let rows = blocks.iter().flat_map(|block| &block.rows);
    let ends = rows.flat_map(|row| [row.train.mean, row.validation.mean]);
    let (ticks, numbers) = if width > NARROW { (6, 106.0) } else { (4, 54.0) };
    let plot = Plot {
        left: 126.0,
        right: width - numbers,
        top: 6.0,
        bottom: height + 12.0,
        x: Axis::round("score", ends, ticks),
        y: Axis { ticks: Vec::new(), ..Axis::up_to("", 1, 1) },
    };
    let mut y = 0.0;
    let mut drawn = upright(&plot) + &plot.frame();
    for block in blocks {
        let heading = escaped(&of(block.size.examples, "training example"));
        let (x, at) = (length(0.0), length(y + 22.0));
        drawn += &format!("<text class=\"heading\" x=\"{x}\" y=\"{at}\">{heading}</text>");
        y += HEADING;
        for row in &block.rows {
            drawn += &row.draw(&plot, y + ROW / 2.0);
            y += ROW;
        }
    }
    let described = blocks.iter().map(Block::describe).collect::<Vec<_>>().join(" ");
    Drawing { width, height: plot.bottom + 42.0, description: described, body: drawn }
}

/// Lines up from the numbers of the horizontal axis.
fn upright(plot: &Plot) -> String {
    let (top, bottom) = (length(plot.top + 20.0), length(plot.bottom));
    let ticks = plot.x.ticks.iter().map(|(number, _)| length(plot.x(*number)));
    ticks.map(|x| format!("<path class=\"grid\" d=\"M{x} {top}V{bottom}\"/>")).collect()
}

impl Row<'_> {
    fn draw(&self, plot: &Plot, y: f64) -> String {
        let (from, to) = (plot.x(self.validation.mean), plot.x(self.train.mean));
        let (class, label) = (colour(self.method.colour), escaped(&self.method.label));
        let gap = match plot.right > NARROW {
            true => mean_and_deviation(&self.gap),
            false => score(self.gap.mean),
        };
        let number =
            format!("<text x=\"{}\" y=\"{}\">", length(plot.right + 14.0), length(y + 4.0));
        [
            format!("<text x=\"0\" y=\"{}\">{label}</text>", length(y + 4.0)),
            format!(
                "<path class=\"bar {class}\" d=\"M{} {2}H{}\"/>",
                length(from),
                length(to),
                length(y)
            ),
            mark(self.method.colour, (to, y), Fill::Edge),
            mark(self.method.colour, (from, y), Fill::Full),
            format!("{number}{}</text>", escaped(&gap)),
        ]
        .concat()
    }
}

impl Block<'_> {
    fn describe(&self) -> String {
        let row = |row: &Row<'_>| {
            let (train, validation) = (score(row.train.mean), score(row.validation.mean));
            format!("{} {train} in training and {validation} in validation", row.method.label)
        };
        let rows: Vec<_> = self.rows.iter().map(row).collect();
        format!("With {}: {}.", of(self.size.examples, "example"), rows.join(", "))
    }
}

fn table(comparison: &Comparison, blocks: &[Block<'_>]) -> Table {
    let head = ["method", "examples", "training", "validation", "gap"].map(String::from);
    let rows = blocks.iter().flat_map(|block| {
        block.rows.iter().map(|row| {
            let numbers = [&row.train, &row.validation, &row.gap].map(mean_and_deviation);
            let names = [row.method.label.clone(), count(block.size.examples)];
            names.into_iter().chain(numbers).collect()
        })
    });
    Table {
        caption: format!(
            "{} of the last model, mean ± standard deviation over seeds",
            comparison.metric
        ),
        head: head.to_vec(),
        rows: rows.collect(),
        part_by: Some(1),
    }
}
