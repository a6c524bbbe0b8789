use bertune_metrics::SeedSummary;

use crate::axis::Axis;
use crate::figure::{Drawing, Figure};
use crate::legend::Legend;
use crate::marks::{Fill, colour, mark};
use crate::markup::{escaped, length};
use crate::numbers::{capitalised, interval, mean_and_deviation, of, score};
use crate::plot::{Plot, path};
use crate::{Comparison, Method, Table};

/// How far apart the methods' marks of one size stand.
const APART: f64 = 7.0;

/// The final score of each method against the training size.
pub fn scores_by_size(comparison: &Comparison) -> Figure {
    let series: Vec<Series<'_>> =
        comparison.methods.iter().map(|method| Series::new(comparison, method)).collect();
    let majority = comparison.majority.map_or_else(String::new, |share| {
        format!(" The dashed line ({}) is always giving the most frequent class.", score(share))
    });
    let rows = comparison.test_examples.unwrap_or(comparison.validation_examples);
    let whiskers = match comparison.seeds_there() {
        0 | 1 => "There is one seed, and so no interval.".to_owned(),
        seeds => format!(
            "Marks are means over {seeds} seeds, upright lines their 95 % intervals (cut off at \
             the edge)."
        ),
    };
    Figure {
        id: "scores",
        title: format!("{} by training size", capitalised(&score_title(comparison))),
        caption: format!(
            "{whiskers}{majority} Measured on {}; the size is on a logarithmic scale.",
            of(rows, &format!("{} row", comparison.measured_on()))
        ),
        legend: Legend::of(comparison),
        wide: vec![draw(comparison, &series, Shape { width: 720.0, height: 400.0, names: 150.0 })],
        narrow: Some(vec![draw(
            comparison,
            &series,
            Shape { width: 350.0, height: 330.0, names: 14.0 },
        )]),
        table: table(comparison, &series),
    }
}

fn score_title(comparison: &Comparison) -> String {
    format!("{} {}", comparison.measured_on(), comparison.metric)
}

/// A method's scores, by the number of training rows.
struct Series<'a> {
    method: &'a Method,
    points: Vec<(usize, SeedSummary)>,
}

impl<'a> Series<'a> {
    fn new(comparison: &Comparison, method: &'a Method) -> Self {
        let point = |size: &crate::Size| {
            Some((size.examples, comparison.score(&method.name, size.examples)?))
        };
        Self { method, points: comparison.sizes.iter().filter_map(point).collect() }
    }
}

/// How large the drawing is, and how much room names have at its right.
#[derive(Clone, Copy)]
struct Shape {
    width: f64,
    height: f64,
    names: f64,
}

fn draw(comparison: &Comparison, series: &[Series<'_>], shape: Shape) -> Drawing {
    let sizes: Vec<usize> = comparison.sizes_there().map(|size| size.examples).collect();
    let points = series.iter().flat_map(|series| &series.points);
    let ends = points.flat_map(|(_, of)| {
        let spread = of.standard_deviation.unwrap_or(0.0);
        [of.mean - spread, of.mean, of.mean + spread]
    });
    let is_bounded = comparison.metric.higher_is_better();
    let ends = ends.map(|end| if is_bounded { end.min(1.0) } else { end });
    let plot = Plot {
        left: 44.0,
        right: shape.width - shape.names,
        top: 14.0,
        bottom: shape.height - 42.0,
        x: Axis::counts("training examples", &sizes),
        y: Axis::round("", ends.chain(comparison.majority), 6),
    };
    let majority = comparison.majority.map(|share| {
        let (left, y, right) = (length(plot.left), length(plot.y(share)), length(plot.right));
        let above = length(plot.y(share) - 5.0);
        format!(
            "<path class=\"majority\" d=\"M{left} {y}H{right}\"/>\
             <text class=\"soft\" x=\"{left}\" y=\"{above}\">most frequent class</text>"
        )
    });
    let placed: Vec<_> =
        series.iter().enumerate().map(|(i, of)| place(&plot, of, i, series.len())).collect();
    let drawn = [
        plot.frame(),
        majority.unwrap_or_default(),
        placed.iter().map(|placed| placed.line()).collect(),
        placed.iter().map(|placed| placed.marks(&plot)).collect(),
        if shape.names > 100.0 { names(&plot, &placed) } else { String::new() },
    ];
    let described = series.iter().map(describe).collect::<Vec<_>>().join(" ");
    Drawing {
        width: shape.width,
        height: shape.height,
        description: format!(
            "{} by training size. {described}",
            capitalised(&score_title(comparison))
        ),
        body: drawn.concat(),
    }
}

/// A method's marks in the drawing, a little beside those of the others.
struct Placed<'a> {
    method: &'a Method,
    points: Vec<((f64, f64), SeedSummary)>,
}

fn place<'a>(plot: &Plot, series: &Series<'a>, i: usize, all: usize) -> Placed<'a> {
    let aside = (i as f64 - (all as f64 - 1.0) / 2.0) * APART;
    let at =
        |(size, of): &(usize, SeedSummary)| ((plot.x(*size as f64) + aside, plot.y(of.mean)), *of);
    Placed { method: series.method, points: series.points.iter().map(at).collect() }
}

impl Placed<'_> {
    fn line(&self) -> String {
        let points: Vec<_> = self.points.iter().map(|(at, _)| *at).collect();
        let class = colour(self.method.colour);
        format!("<path class=\"line {class}\" d=\"{}\"/>", path(&points))
    }

    fn marks(&self, plot: &Plot) -> String {
        let class = colour(self.method.colour);
        let drawn = self.points.iter().map(|(at, of)| {
            let whisker = of.interval.map(|ends| {
                let (x, low, high) =
                    (length(at.0), length(plot.y(ends.low)), length(plot.y(ends.high)));
                format!("<path class=\"thin {class}\" d=\"M{x} {low}V{high}\"/>")
            });
            whisker.unwrap_or_default() + &mark(self.method.colour, *at, Fill::Full)
        });
        drawn.collect()
    }
}

/// The methods' names beside their last marks, apart from each other.
fn names(plot: &Plot, placed: &[Placed<'_>]) -> String {
    const LINE: f64 = 16.0;
    let ends = placed.iter().filter_map(|of| of.points.last().map(|(at, _)| (at.1, of.method)));
    let mut ends: Vec<(f64, &Method)> = ends.collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let room = LINE * ends.len() as f64;
    let mut free = plot.top;
    for (i, (y, _)) in ends.iter_mut().enumerate() {
        let lowest = plot.bottom - room + LINE * i as f64;
        *y = y.max(free).min(lowest.max(free));
        free = *y + LINE;
    }
    let x = length(plot.right + 8.0);
    let name = |(y, method): &(f64, &Method)| {
        let (class, y, label) = (colour(method.colour), length(y + 4.0), escaped(&method.label));
        format!("<text class=\"named {class}\" x=\"{x}\" y=\"{y}\">{label}</text>")
    };
    ends.iter().map(name).collect()
}

fn describe(series: &Series<'_>) -> String {
    let point = |(size, at): &(usize, SeedSummary)| {
        format!("{} with {}", score(at.mean), of(*size, "example"))
    };
    let points: Vec<_> = series.points.iter().map(point).collect();
    format!("{}: {}.", capitalised(&series.method.label), points.join(", "))
}

fn table(comparison: &Comparison, series: &[Series<'_>]) -> Table {
    let head = ["method", "examples", "seeds", "mean ± sd", "95 % interval"].map(String::from);
    let rows = series.iter().flat_map(|series| {
        series.points.iter().map(|(size, of)| {
            vec![
                series.method.label.clone(),
                crate::numbers::count(*size),
                of.runs.to_string(),
                mean_and_deviation(of),
                interval(of, score),
            ]
        })
    });
    Table {
        caption: format!("{} by training size", capitalised(&score_title(comparison))),
        head: head.to_vec(),
        rows: rows.collect(),
        part_by: Some(0),
    }
}
