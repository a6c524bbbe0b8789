//! Everything that CI checks, cheapest first.

use anyhow::Result;
use clap::ValueEnum;

use crate::process::{self, cargo};
use crate::{test, tidy};

/// Which of the checks to run.
#[derive(clap::Args)]
pub(crate) struct Selection {
    /// Only these
    #[arg(value_enum, default_values_t = Check::value_variants().to_vec())]
    checks: Vec<Check>,
    #[command(flatten)]
    test: test::Requirements,
}

/// One of the things checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Check {
    /// cargo fmt
    Format,
    /// The rules of the house: see `cargo xtask tidy`
    Tidy,
    /// cargo clippy, warnings denied
    Clippy,
    /// See `cargo xtask test`
    Tests,
    /// cargo doc, warnings denied
    Docs,
    /// Each backend compiles alone
    Backends,
    /// cargo deny, where it is installed
    Deny,
}

/// Runs the checks until one fails.
pub(crate) fn run(selection: &Selection) -> Result<()> {
    for check in &selection.checks {
        match check {
            Check::Format => process::run(&mut cargo(["fmt", "--all", "--check"]))?,
            Check::Tidy => tidy::run()?,
            Check::Clippy => process::run(&mut cargo(CLIPPY))?,
            Check::Tests => test::run(&selection.test)?,
            Check::Docs => docs()?,
            Check::Backends => backends()?,
            Check::Deny => deny()?,
        }
    }
    println!("\nEverything checked is fine.");
    Ok(())
}

// The features of `cargo xtask test`, so that nothing is built for clippy alone.
const CLIPPY: [&str; 8] = [
    "clippy",
    "--workspace",
    "--all-targets",
    "--features",
    "bertune/ndarray",
    "--",
    "-D",
    "warnings",
];

fn docs() -> Result<()> {
    // Without the program, whose pages would lie where the facade's do: both are named bertune.
    let mut command = cargo(["doc", "--workspace", "--exclude", "bertune-cli", "--no-deps"]);
    command.args(["--features", "bertune/ndarray"]);
    process::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn backends() -> Result<()> {
    for backend in ["flex", "ndarray", "wgpu", "cuda"] {
        let mut command = cargo(["check", "-p", "bertune", "-p", "bertune-cli"]);
        process::run(command.args(["--no-default-features", "--features", backend]))?;
    }
    Ok(())
}

fn deny() -> Result<()> {
    if !process::works(&mut cargo(["deny", "--version"])) {
        println!("\ncargo deny is not installed (cargo install cargo-deny); its check is skipped");
        return Ok(());
    }
    process::run(&mut cargo(["deny", "check"]))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        selection: Selection,
    }

    #[test]
    fn all_checks_run_unless_some_are_named() {
        let checks = |line: &[&str]| Line::parse_from(line).selection.checks;
        assert_eq!(checks(&["check"]), Check::value_variants());
        assert_eq!(checks(&["check", "docs", "tidy"]), [Check::Docs, Check::Tidy]);
    }
}
