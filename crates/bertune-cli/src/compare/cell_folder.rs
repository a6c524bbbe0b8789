use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bertune::report::Cell;

use super::args::CompareArgs;
use super::grid::Planned;
use super::record::CellRecord;
use crate::lock::lock;

/// The folder of finished runs, `OUTPUT/cells`, one file each.
pub(super) struct CellFolder {
    output: PathBuf,
    folder: PathBuf,
    inputs: BTreeMap<String, String>,
    finished: Vec<Cell>,
}

impl CellFolder {
    /// Finds the finished ones among the planned runs. Those of other settings or data are refused,
    /// or left out if they are to be overwritten.
    pub(super) fn open(
        output: &Path,
        planned: &[Planned],
        inputs: BTreeMap<String, String>,
        args: &CompareArgs,
    ) -> anyhow::Result<Self> {
        let (output, folder) = (output.to_path_buf(), output.join("cells"));
        let mut folder = Self { output, folder, inputs, finished: Vec::new() };
        folder.check_foreign()?;
        for planned in planned {
            let path = folder.path(planned);
            if !path.exists() {
                continue;
            }
            let record = match CellRecord::read(&path) {
                Err(_) if args.train.overwrite => continue,
                record => record?,
            };
            match record.difference(&folder.record(planned, record.cell.clone()))? {
                None => folder.finished.push(record.cell),
                Some(_) if args.train.overwrite => {}
                Some(difference) => bail!(
                    "{} is of a run of other settings or data: {difference}; say --overwrite to \
                     compute such runs anew, or name another --output",
                    path.display()
                ),
            }
        }
        Ok(folder)
    }

    /// Claims the comparison for this process, for as long as what is given lives.
    pub(super) fn claim(&self) -> anyhow::Result<File> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot make the folder {}", self.folder.display()))?;
        lock(&self.output.join(".lock"), &self.output)
    }

    /// The finished ones of the planned runs.
    pub(super) fn finished(&self) -> &[Cell] {
        &self.finished
    }

    pub(super) fn is_finished(&self, planned: &Planned) -> bool {
        let is_it = |cell: &Cell| {
            (cell.method.as_str(), cell.examples, cell.seed)
                == (planned.method.name, planned.size.examples, planned.seed)
        };
        self.finished.iter().any(is_it)
    }

    /// Writes a finished run down, and gives it as it will be read.
    pub(super) fn keep(&self, planned: &Planned, cell: Cell) -> anyhow::Result<Cell> {
        let path = self.path(planned);
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot make the folder {}", self.folder.display()))?;
        self.record(planned, cell).write(&path)?;
        Ok(CellRecord::read(&path)?.cell)
    }

    fn record(&self, planned: &Planned, cell: Cell) -> CellRecord {
        CellRecord {
            bertune_version: env!("CARGO_PKG_VERSION").into(),
            settings: planned.settings.clone(),
            inputs: self.inputs.clone(),
            cell,
        }
    }

    fn path(&self, planned: &Planned) -> PathBuf {
        let (method, examples) = (planned.method.name, planned.size.examples);
        self.folder.join(format!("{method}-{examples}-seed-{}.json", planned.seed))
    }

    /// Refuses a folder that holds something else.
    fn check_foreign(&self) -> anyhow::Result<()> {
        let holds_files =
            fs::read_dir(&self.output).is_ok_and(|mut entries| entries.next().is_some());
        if holds_files && !self.folder.is_dir() {
            bail!(
                "{} holds files that are no comparison's; name another --output",
                self.output.display()
            );
        }
        Ok(())
    }
}
