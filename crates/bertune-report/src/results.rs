use crate::numbers::{count, interval, mean_and_deviation, of, score, steps};
use crate::{Comparison, Method, Reached, Size, Table};

/// The table of a comparison: a row for each method on each size.
pub fn results(comparison: &Comparison) -> Table {
    let score = format!("{} {}", comparison.measured_on(), comparison.metric);
    let mut head = vec!["method".into(), "examples".into(), score];
    head.extend(["95 % interval".into(), "gap at the end".into()]);
    if let Some(reference) = comparison.reference() {
        head.push(format!("steps to {}'s best", reference.name));
    }
    if is_uneven(comparison) {
        head.push("seeds".into());
    }
    let sizes = comparison.sizes.iter();
    let rows = sizes.flat_map(|size| {
        comparison.methods.iter().filter_map(move |method| row(comparison, method, size))
    });
    let seeds = of(comparison.seeds_there(), "seed");
    let caption = format!("Means over {seeds}, ± their standard deviation");
    Table { caption, head, rows: rows.collect(), part_by: Some(1) }
}

/// Whether some runs are not there, so that rows rest on different numbers of seeds.
fn is_uneven(comparison: &Comparison) -> bool {
    let runs = comparison.methods.len() * comparison.sizes.len() * comparison.seeds.len();
    comparison.cells.len() != runs
}

fn row(comparison: &Comparison, method: &Method, size: &Size) -> Option<Vec<String>> {
    let examples = size.examples;
    let runs = comparison.cells_of(&method.name, examples).len();
    let scores = comparison.score(&method.name, examples);
    let gap = comparison.gap(&method.name, examples);
    let dash = || "–".to_owned();
    let mut row = vec![
        method.label.clone(),
        count(examples),
        scores.as_ref().map_or_else(dash, mean_and_deviation),
        scores.as_ref().map_or_else(dash, |scores| interval(scores, score)),
        gap.as_ref().map_or_else(dash, mean_and_deviation),
    ];
    if comparison.reference().is_some() {
        row.push(when_reached(&comparison.reached(&method.name, examples)));
    }
    if is_uneven(comparison) {
        row.push(runs.to_string());
    }
    (runs > 0).then_some(row)
}

fn when_reached(reached: &Reached) -> String {
    match &reached.steps {
        None if reached.runs > 0 => "never".into(),
        None => "–".into(),
        Some(of) if reached.reached < reached.runs => {
            format!("{} ({} of {})", steps(of.mean), reached.reached, reached.runs)
        }
        Some(of) => steps(of.mean),
    }
}
