//! A training step here and with PyTorch, in turn, in one session.

use anyhow::{Context, Result};
use clap::Args;

use crate::cache::Cache;
use crate::peers::{FULL_SPEED, Peers, against, memory, number, said};
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
    /// How many times faster than PyTorch it is to be: as installed, and at its best.
    goals: [f64; 2],
}

const CASES: [Case; 8] = [
    Case { shape: "minilm", sequences: "32", lengths: "128", precision: "f32", goals: [1.9, 1.2] },
    Case { shape: "minilm", sequences: "32", lengths: "32", precision: "f32", goals: [1.9, 1.25] },
    Case { shape: "minilm", sequences: "32", lengths: "8-60", precision: "f32", goals: [3.0, 2.0] },
    Case { shape: "tiny", sequences: "32", lengths: "128", precision: "f32", goals: [1.8, 1.25] },
    Case { shape: "mini", sequences: "32", lengths: "128", precision: "f32", goals: [1.8, 1.25] },
    Case { shape: "base", sequences: "16", lengths: "128", precision: "f32", goals: [1.6, 1.05] },
    Case { shape: "minilm", sequences: "32", lengths: "128", precision: "bf16", goals: [1.4, 1.4] },
    Case { shape: "base", sequences: "16", lengths: "128", precision: "bf16", goals: [1.1, 1.1] },
];

impl Case {
    fn name(&self) -> String {
        format!("{} {} × {} {}", self.shape, self.sequences, self.lengths, self.precision)
    }
}

/// Steps of one run that count.
const STEPS: &str = "5";

/// The ways that a step is run: ours, PyTorch as it is installed, at full speed, and that compiled.
const WAYS: [&str; 4] = ["bertune", "PyTorch", "at full speed", "compiled"];

const SCRIPT: &str = "benches/peers/step.py";

/// Runs the cases and prints the table.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    let peers = Peers::bring(&Cache::open()?)?;
    let mut build = process::cargo(["build", "--release", "--package", "bertune-benches"]);
    process::run(build.args(["--bin", "step"]))?;
    let mut rows = vec![
        "| step | bertune | PyTorch | at full speed | compiled | against PyTorch (goal) | \
         against the best (goal) | memory |"
            .to_owned(),
        "| --- | --- | --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    let text = text(&peers.machine()?, selection);
    println!("{text}\n\n{}\n{}", rows[0], rows[1]);
    for case in CASES.iter().filter(|case| case.name().contains(&selection.case)) {
        let runs = runs(&peers, case, selection)?;
        let row = row(case, &runs).with_context(|| format!("no run of {}", case.name()))?;
        println!("{row}");
        rows.push(row);
    }
    if selection.write {
        page::write("bench", &format!("{text}\n\n{}", rows.join("\n")))?;
    }
    Ok(())
}

/// What stands above the table.
fn text(machine: &str, selection: &Selection) -> String {
    let compiled = if selection.without_compiled { "left out" } else { "once" };
    format!(
        "{machine}, dropout 0.1, AdamW with clipping; bf16 is autocast in PyTorch. Milliseconds a \
         step, medians, ours with its range. {FULL_SPEED}; compiled is that through torch.compile, \
         and the best is the fastest of the three. Memory is against PyTorch as installed, all of \
         it and what came after its imports; its goal is 0.6. Runs of each side: {}, compiled \
         {compiled}.",
        selection.rounds
    )
}

/// What a side said of one run.
#[derive(Clone, Copy)]
struct Run {
    milliseconds: f64,
    megabytes: f64,
    /// Of the megabytes, those of PyTorch's imports.
    imports: f64,
}

/// Runs all ways in turn, `rounds` times.
fn runs(peers: &Peers, case: &Case, selection: &Selection) -> Result<[Vec<Run>; 4]> {
    let mut runs: [Vec<Run>; 4] = Default::default();
    for round in 0..selection.rounds {
        for (&way, runs) in WAYS.iter().zip(&mut runs) {
            let compiles = round == 0 && !selection.without_compiled;
            if compiles || way != "compiled" {
                runs.push(run_once(peers, case, way)?);
            }
        }
    }
    Ok(runs)
}

fn run_once(peers: &Peers, case: &Case, way: &str) -> Result<Run> {
    let Case { shape, sequences, lengths, precision, .. } = case;
    let mut command = match way {
        "bertune" => peers.ours("step"),
        "PyTorch" => peers.as_installed(SCRIPT),
        _ => peers.at_full_speed(SCRIPT),
    };
    command.args([shape, sequences, lengths]);
    match way {
        "bertune" => command.args([STEPS, precision]),
        _ => command.args(["--steps", STEPS, "--dtype", precision]),
    };
    if way == "compiled" {
        command.arg("--compile");
    }
    let said = said(&mut command)?;
    let imports = if way == "bertune" { 0.0 } else { number(&said, "imports_megabytes")? };
    Ok(Run {
        milliseconds: number(&said, "milliseconds")?,
        megabytes: number(&said, "megabytes")?,
        imports,
    })
}

/// A case's line of the table; none without runs.
fn row(case: &Case, [ours, plain, full, compiled]: &[Vec<Run>; 4]) -> Option<String> {
    let (run, plain, full) = (median(ours)?, median(plain)?, median(full)?);
    let compiled = median(compiled).map(|run| run.milliseconds);
    let eager = plain.milliseconds.min(full.milliseconds);
    let best = compiled.unwrap_or(eager).min(eager);
    let [goal, goal_of_best] = case.goals;
    Some(format!(
        "| {} | {} | {:.0} | {:.0} | {} | {} | {} | {} |",
        case.name(),
        with_range(ours)?,
        plain.milliseconds,
        full.milliseconds,
        compiled.map_or("–".to_owned(), |milliseconds| format!("{milliseconds:.0}")),
        against(plain.milliseconds / run.milliseconds, goal),
        against(best / run.milliseconds, goal_of_best),
        memory(run.megabytes, plain.megabytes, plain.imports)
    ))
}

/// The median time, and the range of several.
fn with_range(runs: &[Run]) -> Option<String> {
    let middle = median(runs)?.milliseconds;
    Some(match by_time(runs)[..] {
        [Run { milliseconds: low, .. }, .., Run { milliseconds: high, .. }] => {
            format!("{middle:.0} ({low:.0}–{high:.0})")
        }
        _ => format!("{middle:.0}"),
    })
}

/// The run with the median time, the later of two.
fn median(runs: &[Run]) -> Option<Run> {
    by_time(runs).get(runs.len() / 2).copied()
}

fn by_time(runs: &[Run]) -> Vec<Run> {
    let mut sorted = runs.to_vec();
    sorted.sort_by(|a, b| a.milliseconds.total_cmp(&b.milliseconds));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs_of(times: &[f64], megabytes: f64) -> Vec<Run> {
        let run = |&milliseconds: &f64| Run { milliseconds, megabytes, imports: 20.0 };
        times.iter().map(run).collect()
    }

    #[test]
    fn ratios_are_those_of_the_medians() {
        let ours = runs_of(&[30.0, 9.0, 10.0], 50.0);
        let [plain, full, compiled] = [20.0, 15.0, 16.0].map(|time| runs_of(&[time], 120.0));
        assert_eq!(
            row(&CASES[0], &[ours, plain, full, compiled]).as_deref(),
            Some(
                "| minilm 32 × 128 f32 | 10 (9–30) | 20 | 15 | 16 | 2.00 × (1.9) | 1.50 × (1.2) | \
                 50 MB, 0.42 of theirs, 0.50 without their imports |"
            )
        );
    }

    #[test]
    fn one_run_has_no_range() {
        assert_eq!(with_range(&runs_of(&[10.0], 50.0)).as_deref(), Some("10"));
        assert_eq!(with_range(&[]), None);
    }
}
