//! What a step costs as batches grow, in a table and a picture.

mod picture;

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::peers::number;
use crate::process::{self, root};
use crate::{machine, page};

/// What to measure.
#[derive(Args)]
pub(crate) struct Selection {
    /// The model: tiny, mini, minilm or base
    #[arg(long, default_value = "mini")]
    shape: String,
    /// Tokens of a batch
    #[arg(long, value_delimiter = ',', default_values_t = [1024, 2048, 4096, 8192, 16384, 32768, 65536])]
    tokens: Vec<usize>,
    /// Tokens of each sequence
    #[arg(long, value_delimiter = ',', default_values_t = [16, 32, 64, 128, 256, 512])]
    lengths: Vec<usize>,
    /// Steps of each, after four that do not count; the median is taken
    #[arg(long, default_value_t = 3)]
    steps: usize,
    /// Put the table into docs/benchmarks.md, and the picture beside it
    #[arg(long)]
    write: bool,
}

const PICTURE: &str = "linear-cost.svg";

/// One length: the milliseconds of a step for each number of tokens.
pub(crate) struct Line {
    pub(crate) length: usize,
    pub(crate) milliseconds: Vec<f64>,
}

/// Measures, prints the table, and writes both.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let lines = measure(selection)?;
    let text = text(selection, &lines)?;
    println!("{text}");
    if selection.write {
        let picture = picture::draw(&selection.tokens, &lines);
        let path = root().join("docs").join(PICTURE);
        fs::write(&path, picture).with_context(|| format!("cannot write {}", path.display()))?;
        page::write("linear-cost", &format!("{text}\n\n![Milliseconds of a step]({PICTURE})"))?;
    }
    Ok(())
}

fn measure(selection: &Selection) -> Result<Vec<Line>> {
    let mut build = process::cargo(["build", "--release", "--package", "bertune-benches"]);
    process::run(build.args(["--bin", "linear_cost"]))?;
    let list =
        |numbers: &[usize]| numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    let mut command = Command::new(process::release("linear_cost"));
    command.arg(&selection.shape).arg(list(&selection.tokens)).arg(list(&selection.lengths));
    let said = process::output_of(command.arg(selection.steps.to_string()))?;
    let times =
        said.lines().map(|line| number(&serde_json::from_str::<Value>(line)?, "milliseconds"));
    let times: Vec<f64> = times.collect::<Result<_>>()?;
    ensure!(times.len() == selection.tokens.len() * selection.lengths.len(), "a time for each");
    let rows = times.chunks(selection.tokens.len()).zip(&selection.lengths);
    Ok(rows.map(|(row, &length)| Line { length, milliseconds: row.to_vec() }).collect())
}

/// The table, with what it was measured on.
fn text(selection: &Selection, lines: &[Line]) -> Result<String> {
    let machine = format!(
        "{}, f32. A training step of the shape {}, dropout \
         0.1, AdamW with clipping; medians of {} steps. Milliseconds, and behind them microseconds a \
         token. The last column is the exponent of the power of the tokens that fits best: 1 is \
         linear.",
        machine::described()?,
        selection.shape,
        selection.steps
    );
    let head = selection.tokens.iter().map(|tokens| format!(" {tokens} tokens |"));
    let head = format!("| length |{} exponent |", head.collect::<String>());
    let rule = format!("|{}", " --- |".repeat(selection.tokens.len() + 2));
    let rows = lines.iter().map(|line| row(&selection.tokens, line));
    let table: Vec<String> = [head, rule].into_iter().chain(rows).collect();
    Ok(format!("{machine}\n\n{}", table.join("\n")))
}

fn row(tokens: &[usize], line: &Line) -> String {
    let cells = tokens.iter().zip(&line.milliseconds);
    let cells = cells.map(|(&tokens, milliseconds)| {
        format!(" {milliseconds:.1} ({:.1}) |", 1000.0 * milliseconds / tokens as f64)
    });
    let exponent = exponent(tokens, &line.milliseconds);
    format!("| {} |{} {exponent:.2} |", line.length, cells.collect::<String>())
}

/// The slope of the line through the logarithms, by least squares.
fn exponent(tokens: &[usize], milliseconds: &[f64]) -> f64 {
    let points: Vec<(f64, f64)> =
        tokens.iter().zip(milliseconds).map(|(&x, y)| ((x as f64).ln(), y.ln())).collect();
    let mean =
        |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let along: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    along / points.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_time_for_twice_the_tokens_is_an_exponent_of_one() {
        let line = Line { length: 16, milliseconds: vec![10.0, 20.0, 40.0] };
        assert_eq!(
            row(&[1000, 2000, 4000], &line),
            "| 16 | 10.0 (10.0) | 20.0 (10.0) | 40.0 (10.0) | 1.00 |"
        );
        assert!((exponent(&[1, 2, 4], &[1.0, 4.0, 16.0]) - 2.0).abs() < 1e-9);
    }
}
