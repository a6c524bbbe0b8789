//! A training step here and with PyTorch, in turn, in one session.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::cache::Cache;
use crate::peers::{Peers, number, said};
use crate::{page, process};

/// What to measure, and how often.
#[derive(Args)]
pub(crate) struct Selection {
    /// Only cases whose name holds this
    #[arg(long, default_value = "")]
    case: String,
    /// How often each side runs, in turn; the median counts. Compiled PyTorch runs once, for it
    /// takes a minute to compile
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Leave compiled PyTorch out
    #[arg(long)]
    without_compiled: bool,
    /// Put the table into docs/benchmarks.md
    #[arg(long)]
    write: bool,
}

/// A training step of a shape, on a batch.
struct Case {
    shape: &'static str,
    sequences: &'static str,
    lengths: &'static str,
    precision: &'static str,
}

const CASES: [Case; 8] = [
    Case { shape: "minilm", sequences: "32", lengths: "128", precision: "f32" },
    Case { shape: "minilm", sequences: "32", lengths: "32", precision: "f32" },
    Case { shape: "minilm", sequences: "32", lengths: "8-60", precision: "f32" },
    Case { shape: "tiny", sequences: "32", lengths: "128", precision: "f32" },
    Case { shape: "mini", sequences: "32", lengths: "128", precision: "f32" },
    Case { shape: "base", sequences: "16", lengths: "128", precision: "f32" },
    Case { shape: "minilm", sequences: "32", lengths: "128", precision: "bf16" },
    Case { shape: "base", sequences: "16", lengths: "128", precision: "bf16" },
];

impl Case {
    fn name(&self) -> String {
        format!("{} {} × {} {}", self.shape, self.sequences, self.lengths, self.precision)
    }
}

/// Steps of one run that count.
const STEPS: &str = "5";

/// The ways that a step is run: ours, PyTorch as it is installed, with all of MKL, and compiled.
const WAYS: [&str; 4] = ["bertune", "PyTorch", "full MKL", "compiled"];

/// Runs the cases and prints the table.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let bench = Bench::new()?;
    let mut rows = vec![
        "| step | bertune | PyTorch | with full MKL | compiled | against PyTorch | against the best | \
         memory |"
            .to_owned(),
        "| --- | --- | --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    let machine = format!(
        "{}, dropout 0.1, AdamW with clipping; bf16 is autocast in PyTorch. Milliseconds a step, \
         medians. Runs of each side: {}.",
        bench.peers.machine()?,
        selection.rounds
    );
    println!("{machine}\n\n{}\n{}", rows[0], rows[1]);
    for case in CASES.iter().filter(|case| case.name().contains(&selection.case)) {
        let row = bench.row(case, selection)?;
        println!("{row}");
        rows.push(row);
    }
    if selection.write {
        page::write("bench", &format!("{machine}\n\n{}", rows.join("\n")))?;
    }
    Ok(())
}

/// What a side said of one run.
#[derive(Clone, Copy)]
struct Run {
    milliseconds: f64,
    megabytes: f64,
}

struct Bench {
    peers: Peers,
    ours: PathBuf,
}

impl Bench {
    fn new() -> Result<Self> {
        let peers = Peers::bring(&Cache::open()?)?;
        let mut build = process::cargo(["build", "--release", "--package", "bertune-benches"]);
        process::run(build.args(["--bin", "step"]))?;
        Ok(Self { peers, ours: process::release("step") })
    }

    /// Runs all ways in turn, `rounds` times.
    fn row(&self, case: &Case, selection: &Selection) -> Result<String> {
        let mut runs: [Vec<Run>; 4] = Default::default();
        for round in 0..selection.rounds {
            for (&way, runs) in WAYS.iter().zip(&mut runs) {
                let compiles = round == 0 && !selection.without_compiled;
                if compiles || way != "compiled" {
                    runs.push(self.run(case, way)?);
                }
            }
        }
        let [ours, plain, mkl, compiled] = runs.map(|runs| median(&runs));
        let missing = || format!("no run of {}", case.name());
        let three = [ours, plain, mkl].into_iter().collect::<Option<Vec<_>>>();
        let three = three.with_context(missing)?;
        Ok(row(case, [three[0], three[1], three[2]], compiled))
    }

    fn run(&self, case: &Case, way: &str) -> Result<Run> {
        let Case { shape, sequences, lengths, precision } = case;
        let mut command = match way {
            "bertune" => Command::new(&self.ours),
            "PyTorch" => self.peers.as_installed(),
            _ => self.peers.with_full_mkl(),
        };
        match way {
            "bertune" => _ = command.args([shape, sequences, lengths, STEPS, precision]),
            _ => {
                command.args(["benches/peers/step.py", shape, sequences, lengths]);
                command.args(["--steps", STEPS, "--dtype", precision]);
            }
        }
        if way == "compiled" {
            command.arg("--compile");
        }
        let said = said(&mut command)?;
        Ok(Run {
            milliseconds: number(&said, "milliseconds")?,
            megabytes: number(&said, "megabytes")?,
        })
    }
}

fn row(case: &Case, [ours, plain, mkl]: [Run; 3], compiled: Option<Run>) -> String {
    let compiled = compiled.map(|run| run.milliseconds);
    let eager = plain.milliseconds.min(mkl.milliseconds);
    let best = compiled.unwrap_or(eager).min(eager);
    format!(
        "| {} | {:.0} | {:.0} | {:.0} | {} | {:.2} × | {:.2} × | {:.0} MB, {:.2} of theirs |",
        case.name(),
        ours.milliseconds,
        plain.milliseconds,
        mkl.milliseconds,
        compiled.map_or("–".to_owned(), |milliseconds| format!("{milliseconds:.0}")),
        plain.milliseconds / ours.milliseconds,
        best / ours.milliseconds,
        ours.megabytes,
        ours.megabytes / plain.megabytes
    )
}

/// The run with the median time, the later of two.
fn median(runs: &[Run]) -> Option<Run> {
    let mut sorted = runs.to_vec();
    sorted.sort_by(|a, b| a.milliseconds.total_cmp(&b.milliseconds));
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_the_medians() {
        let run = |milliseconds: f64| Run { milliseconds, megabytes: 100.0 };
        let middle = median(&[run(9.0), run(10.0), run(30.0)]).unwrap_or(run(0.0));
        let ours = Run { megabytes: 50.0, ..middle };
        assert_eq!(
            row(&CASES[0], [ours, run(20.0), run(15.0)], Some(run(16.0))),
            "| minilm 32 × 128 f32 | 10 | 20 | 15 | 16 | 2.00 × | 1.50 × | 50 MB, 0.50 of theirs |"
        );
    }
}
