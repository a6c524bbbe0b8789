use std::path::{Path, PathBuf};

use anyhow::bail;
use bertune::data::{
    DataError, LabelMap, LabelledRows, Labels, SplitFiles, TableFiles, TableFormat,
};
use bertune::train::SourceRule;

use crate::run_config::RunConfig;
use crate::table_checks::{check_distinct, check_kind};

/// What a run is about, beside which sources are read.
pub(crate) struct Target<'a> {
    /// The rows that are learned from.
    pub(crate) train: &'a LabelledRows,
    pub(crate) labels: &'a LabelMap,
    /// Rows of files that are measured on.
    pub(crate) measured: Vec<&'a LabelledRows>,
}

/// The rows of each source, checked against the target's labels and files.
pub(crate) fn source_rows(
    config: &RunConfig,
    target: &Target<'_>,
) -> anyhow::Result<Vec<LabelledRows>> {
    let format = format(config)?;
    let sources = config.source.files.iter().map(|path| match path.is_dir() {
        true => Ok(SplitFiles::find(path)?.train),
        false => Ok(vec![path.clone()]),
    });
    let sources: Vec<Vec<PathBuf>> = sources.collect::<Result<_, DataError>>()?;
    check_distinct(sources.iter().flatten())?;
    let read = |files: &Vec<PathBuf>| {
        let files = TableFiles::open(files, &format, Labels::Required).map_err(in_source)?;
        check_files(files.paths(), target)?;
        check_kind(&files, target.train)?;
        LabelledRows::read(files, target.labels).map_err(in_source)
    };
    sources.iter().map(read).collect()
}

/// How the files are to be read: as the target's, but for the columns that are named.
fn format(config: &RunConfig) -> anyhow::Result<TableFormat> {
    let source = &config.source;
    let by_column = config.source_weights.rule == SourceRule::Column;
    let weight = source.weight.clone().or_else(|| config.data.weight.clone());
    if by_column && weight.is_none() {
        bail!("--source-weights column: say --source-weight-column, which column has them");
    }
    let mut format = config.data.clone();
    format.weight = weight.filter(|_| by_column);
    format.text = source.text.clone().or(format.text);
    format.label = source.label.clone().or(format.label);
    Ok(format)
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
fn check_files(files: &[PathBuf], target: &Target<'_>) -> anyhow::Result<()> {
    let is_among = |path: &Path, rows: &LabelledRows| {
        let real = path.canonicalize().ok();
        real.is_some() && rows.paths().iter().any(|file| file.canonicalize().ok() == real)
    };
    for path in files {
        if is_among(path, target.train) {
            let path = path.display();
            bail!("{path} is both --train and --source: its rows would count twice; leave one out");
        }
        if target.measured.iter().any(|rows| is_among(path, rows)) {
            let path = path.display();
            bail!("{path} is a --source and is measured on: nothing may be both; leave one out");
        }
    }
    Ok(())
}
