mod args;
mod cell;
mod cell_folder;
mod every;
mod grid;
mod method;
mod outputs;
mod record;
mod size;

use std::process::ExitCode;
use std::time::Instant;

use bertune::BertOps;
use bertune::checkpoint::StagedFolder;
use bertune::report::{Failure, findings, results};
use bertune::train::TrainError;

pub(crate) use args::CompareArgs;
use cell::{CellData, check, compute};
use cell_folder::CellFolder;
use grid::{Grid, Planned};
use outputs::Outputs;

use crate::count::count;
use crate::device::{Job, dispatch};
use crate::learning::refuse_file;
use crate::report::in_one_line;
use crate::stop::{INTERRUPTED, on_ctrl_c};
use crate::text_table;
use crate::training::Training;

/// Trains in several ways, over training sizes and seeds, and tells what came of it.
pub(crate) fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let config = args.resolve()?;
    refuse_file(&config.output)?;
    if !config.output.exists() {
        StagedFolder::create(&config.output)?;
    }
    let training = Training::prepare(config, &args.train.outside())?;
    let grid = Grid::new(args, &training)?;
    let device = training.config.device.clone();
    dispatch(&device, Comparing { training, grid, args })
}

struct Comparing<'a> {
    training: Training,
    grid: Grid,
    args: &'a CompareArgs,
}

impl Job for Comparing<'_> {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let Self { training, grid, args } = self;
        let mut training = training.on_device::<B>();
        let inputs = training.input_hashes()?;
        let cells = grid.cells(&training.config);
        let folder = CellFolder::open(&training.config.output, &cells, inputs, args)?;
        let quiet = std::mem::replace(&mut training.quiet, true);
        let mut outputs = Outputs::new(&training, &grid, folder.finished())?;
        // The first runs are one of each method: what cannot be is refused before any has begun.
        let first = cells.iter().take(grid.methods.len());
        for planned in first.filter(|planned| !folder.is_finished(planned)) {
            check::<B>(&mut training, planned, device)?;
        }
        let _claimed = folder.claim()?;
        let data = CellData::new(&training, &grid)?;
        if !quiet {
            errln!("{}", grid.summary(cells.len(), folder.finished().len()));
        }
        let stop = on_ctrl_c(|| errln!("stopping after this step; finished runs are kept"))?;
        let end = args.train.max_time.and_then(|time| Instant::now().checked_add(time));
        let mut stopped = false;
        for (i, planned) in cells.iter().enumerate() {
            if folder.is_finished(planned) {
                continue;
            }
            if !quiet {
                errln!("Run {}/{}  {}", i + 1, cells.len(), planned.title());
            }
            match compute::<B>(&mut training, planned, &data, (&stop, end), device) {
                Ok(Some(cell)) => {
                    let cell = folder.keep(planned, cell)?;
                    outln!("{}", outputs.line(&cell));
                    outputs.add(cell);
                }
                Ok(None) => stopped = true,
                Err(error) if outputs.is_empty() && !is_of_one_run(&error) => return Err(error),
                Err(error) => outputs.add_failure(failure(planned, &error)),
            }
            if stopped {
                break;
            }
            outputs.write()?;
        }
        if !outputs.is_empty() {
            outputs.write()?;
            tell(&outputs);
        }
        Ok(exit_code(&outputs, stopped))
    }
}

/// Whether a fault is one run's own: all others would meet it too, unless some are finished.
fn is_of_one_run(error: &anyhow::Error) -> bool {
    let fault = error.downcast_ref::<TrainError>();
    matches!(fault, Some(TrainError::NotFinite { .. } | TrainError::ValidationNotFinite { .. }))
}

fn failure(planned: &Planned, error: &anyhow::Error) -> Failure {
    let message = in_one_line(error);
    errln!("failed: {}: {message}", planned.title());
    let (method, examples) = (planned.method.name.into(), planned.size.examples);
    Failure { method, examples, seed: planned.seed, message }
}

/// Prints the table and the answers.
fn tell(outputs: &Outputs) {
    let table = results(&outputs.comparison);
    let rows: Vec<_> = [table.head].into_iter().chain(table.rows).collect();
    outln!();
    text_table::lines(&rows).iter().for_each(|line| outln!("{line}"));
    for finding in findings(&outputs.comparison) {
        outln!("\n{}\n{}", finding.question, finding.answer);
    }
    outln!("\nAll of it, with pictures: {}", outputs.page().display());
}

fn exit_code(outputs: &Outputs, stopped: bool) -> ExitCode {
    let failures = outputs.comparison.failures.len();
    if stopped {
        errln!("stopped before the end; the same command goes on with the runs that are left");
        return ExitCode::from(INTERRUPTED);
    }
    if failures > 0 {
        let (failed, them) = (count(failures, "run"), if failures == 1 { "it" } else { "them" });
        errln!("{failed} failed; the same command tries {them} again");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
