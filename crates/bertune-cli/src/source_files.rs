use std::path::{Path, PathBuf};

use anyhow::bail;
use bertune::data::{Column, DataError, LabelledRows, Labels, SplitFiles, TableFiles, TableFormat};
use bertune::train::SourceRule;
use serde::{Deserialize, Serialize};

use crate::run_config::{RunConfig, one_or_several};
use crate::tables::{Tables, check_distinct, check_kind};

/// Labelled texts of other tasks or domains to learn from beside the target's: the `[source]` table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SourceFiles {
    /// The files, or folders of data sets, each a source of its own.
    #[serde(deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<PathBuf>,
    /// Their column of the text, where it is not the target's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Column>,
    /// Their column of the label, where it is not the target's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<Column>,
    /// Their column of how much each row counts, for the weights `column`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<Column>,
    /// Whether the target alone is learned from as well, to compare.
    pub(crate) check: SourceCheck,
}

/// What a run with sources is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SourceCheck {
    /// A second training of as many steps on the target alone.
    #[default]
    TargetOnly,
    /// Nothing.
    None,
}

impl SourceFiles {
    /// The rows of each source, checked against the target's labels and files.
    pub(crate) fn read(config: &RunConfig, target: &Tables) -> anyhow::Result<Vec<LabelledRows>> {
        let format = config.source.format(config)?;
        let sources = config.source.files.iter().map(|path| match path.is_dir() {
            true => Ok(SplitFiles::find(path)?.train),
            false => Ok(vec![path.clone()]),
        });
        let sources: Vec<Vec<PathBuf>> = sources.collect::<Result<_, DataError>>()?;
        check_distinct(sources.iter().flatten())?;
        let read = |files: &Vec<PathBuf>| {
            let files = TableFiles::open(files, &format, Labels::Required).map_err(in_source)?;
            check_files(files.paths(), target)?;
            check_kind(&files, &target.train)?;
            LabelledRows::read(files, &target.labels).map_err(in_source)
        };
        sources.iter().map(read).collect()
    }

    /// How the files are to be read: as the target's, but for the columns that are named.
    fn format(&self, config: &RunConfig) -> anyhow::Result<TableFormat> {
        let by_column = config.source_weights.rule == SourceRule::Column;
        let weight = self.weight.clone().or_else(|| config.data.weight.clone());
        if by_column && weight.is_none() {
            bail!("--source-weights column: say --source-weight-column, which column has them");
        }
        let mut format = config.data.clone();
        format.weight = weight.filter(|_| by_column);
        format.text = self.text.clone().or(format.text);
        format.label = self.label.clone().or(format.label);
        Ok(format)
    }
}

/// Says what to do about a label that the target does not have, and names the flags of sources.
fn in_source(mut error: DataError) -> anyhow::Error {
    name_flags(&mut error);
    let is_unknown = matches!(error, DataError::UnknownLabel { .. });
    let error = anyhow::Error::new(error);
    match is_unknown {
        true => error.context(
            "the labels of a --source are among those of --train: rename them in the file, or \
             leave these rows out",
        ),
        false => error,
    }
}

/// Names the flags of sources in place of those of the target, which hold where they are left out.
fn name_flags(error: &mut DataError) {
    use DataError::{AmbiguousColumn, EmptyColumn, SameColumn, UnknownColumn, WhichColumn};
    let flags = match error {
        UnknownColumn { flag, .. }
        | WhichColumn { flag, .. }
        | AmbiguousColumn { flag, .. }
        | EmptyColumn { flag, .. } => [Some(flag), None],
        SameColumn { first, second, .. } => [Some(first), Some(second)],
        _ => return,
    };
    for flag in flags.into_iter().flatten() {
        *flag = match *flag {
            "--text" => "--source-text",
            "--label" => "--source-label",
            "--weight" => "--source-weight-column",
            other => other,
        };
    }
}

/// Refuses a source that is one of the target's files.
fn check_files(files: &[PathBuf], target: &Tables) -> anyhow::Result<()> {
    let is_among = |path: &Path, rows: &LabelledRows| {
        let real = path.canonicalize().ok();
        real.is_some() && rows.paths().iter().any(|file| file.canonicalize().ok() == real)
    };
    let measured: Vec<_> = target.validation.own().into_iter().chain(&target.test).collect();
    for path in files {
        if is_among(path, &target.train) {
            let path = path.display();
            bail!("{path} is both --train and --source: its rows would count twice; leave one out");
        }
        if measured.iter().any(|rows| is_among(path, rows)) {
            let path = path.display();
            bail!("{path} is a --source and is measured on: nothing may be both; leave one out");
        }
    }
    Ok(())
}
