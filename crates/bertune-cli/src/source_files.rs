use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bertune::data::{
    Column, LabelMap, Labels, SplitFiles, Table, TableFormat, Targets, read_tables,
};
use bertune::train::SourceRule;
use serde::{Deserialize, Serialize};

use crate::run_config::{RunConfig, one_or_several};

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
    pub(crate) fn read(
        config: &RunConfig,
        target: &Table,
        others: &[&Table],
        labels: &LabelMap,
    ) -> anyhow::Result<Vec<Table>> {
        let format = config.source.format(config)?;
        let read = |path: &PathBuf| {
            let files = match path.is_dir() {
                true => SplitFiles::find(path)?.train,
                false => vec![path.clone()],
            };
            let mut table = read_tables(&files, &format, Labels::Required)?;
            check_files(&table, target, others)?;
            check_kind(&table, target)?;
            Targets::of(&table, labels).context(
                "the labels of a --source are among those of --train: rename them in the file, or \
                 leave these rows out",
            )?;
            let weighs = target.layout.weight.is_some() || format.weight.is_some();
            weigh_all(&mut table, weighs);
            Ok(table)
        };
        config.source.files.iter().map(read).collect()
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

/// The rows of the target and then of each source as one table.
pub(crate) fn joined(target: &Table, sources: &[Table]) -> Table {
    let mut all = target.clone();
    weigh_all(&mut all, sources.iter().any(|source| source.layout.weight.is_some()));
    for source in sources {
        let first = all.files.len();
        all.files.extend(source.files.iter().cloned());
        let rows = source.examples.iter().cloned();
        all.examples.extend(rows.map(|mut row| {
            row.file += first;
            row
        }));
    }
    all
}

/// How many rows of a source have a text that is measured on.
pub(crate) fn measured_texts(source: &Table, measured: &[&Table]) -> usize {
    let texts = |table: &&Table| -> BTreeSet<(String, Option<String>)> {
        table.examples.iter().map(|row| (row.text.clone(), row.text_pair.clone())).collect()
    };
    let known: BTreeSet<_> = measured.iter().flat_map(texts).collect();
    let rows = source.examples.iter();
    rows.filter(|row| known.contains(&(row.text.clone(), row.text_pair.clone()))).count()
}

/// Gives rows without a weight one of 1, where others have one.
fn weigh_all(table: &mut Table, weighs: bool) {
    if weighs {
        table.examples.iter_mut().for_each(|row| {
            row.weight.get_or_insert(1.0);
        });
    }
}

/// Refuses a source that is one of the target's files.
fn check_files(source: &Table, target: &Table, others: &[&Table]) -> anyhow::Result<()> {
    let is_among = |path: &Path, table: &Table| {
        let real = path.canonicalize().ok();
        real.is_some() && table.files.iter().any(|file| file.canonicalize().ok() == real)
    };
    for path in &source.files {
        if is_among(path, target) {
            let path = path.display();
            bail!("{path} is both --train and --source: its rows would count twice; leave one out");
        }
        if others.iter().any(|table| is_among(path, table)) {
            let path = path.display();
            bail!("{path} is a --source and is measured on: nothing may be both; leave one out");
        }
    }
    Ok(())
}

/// Refuses a source whose rows are not of the target's kind.
fn check_kind(source: &Table, target: &Table) -> anyhow::Result<()> {
    let (path, first) = (source.path.display(), target.path.display());
    match (source.layout.text_pair.is_some(), target.layout.text_pair.is_some()) {
        (true, false) => bail!("{path} has pairs of texts, but {first} has single ones"),
        (false, true) => bail!("{path} has single texts, but {first} has pairs; see --text-pair"),
        _ => Ok(()),
    }
}
