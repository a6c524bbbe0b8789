use std::path::PathBuf;

use bertune::data::{
    LabelMap, Labels, Split, SplitFiles, Table, TargetKind, Targets, random_split, read_tables,
    stratified_split,
};
use bertune::head::ProblemType;

use crate::run_config::RunConfig;
use crate::source_files::{SourceFiles, measured_texts};

/// Classes that are shown of a longer list.
const SHOWN: usize = 12;

/// The labelled texts of a run.
pub(crate) struct Tables {
    pub(crate) train: Table,
    /// What is learned from beside that.
    pub(crate) sources: Vec<Table>,
    pub(crate) validation: Table,
    pub(crate) test: Option<Table>,
    pub(crate) labels: LabelMap,
}

impl Tables {
    /// Reads the files that the settings name, and checks that their labels are those of `train`.
    pub(crate) fn read(config: &RunConfig) -> anyhow::Result<Self> {
        let files = files(config)?;
        let read = |files: &[PathBuf]| read_tables(files, &config.data, Labels::Required);
        let all = read(&files.train)?;
        let labels = LabelMap::of(&all)?;
        let (train, validation) = if files.validation.is_empty() {
            let split = split(&all, &labels, config)?;
            (all.select(&split.train), all.select(&split.validation))
        } else {
            (all, read(&files.validation)?)
        };
        let test = (!files.test.is_empty()).then(|| read(&files.test)).transpose()?;
        let measured: Vec<&Table> =
            [Some(&validation), test.as_ref()].into_iter().flatten().collect();
        for table in &measured {
            Targets::of(table, &labels)?;
        }
        let sources = SourceFiles::read(config, &train, &measured, &labels)?;
        Ok(Self { train, sources, validation, test, labels })
    }

    /// What the labels are.
    pub(crate) fn problem_type(&self) -> ProblemType {
        match self.train.layout.targets {
            TargetKind::Class => ProblemType::SingleLabelClassification,
            TargetKind::Set => ProblemType::MultiLabelClassification,
            TargetKind::Values => ProblemType::Regression,
        }
    }

    /// What was read, in lines for people.
    pub(crate) fn summary(&self) -> String {
        let columns = columns(&self.train);
        let path = self.train.path.display();
        let learned = self.train.examples.len();
        let measured = self.validation.examples.len();
        let origin = if self.validation.path == self.train.path {
            "held out of them"
        } else {
            "for validation"
        };
        let test = self
            .test
            .as_ref()
            .map_or_else(String::new, |test| format!(", {} for the test", test.examples.len()));
        format!(
            "Data      {path}: {columns}\n          \
             {learned} rows to learn from, {measured} {origin}{test}\n{}\
             Classes   {}: {}",
            self.sources_in_words(),
            self.labels.names().len(),
            self.classes(),
        )
    }

    /// A line for each source.
    fn sources_in_words(&self) -> String {
        let measured: Vec<&Table> =
            [Some(&self.validation), self.test.as_ref()].into_iter().flatten().collect();
        let line = |source: &Table| {
            let (path, rows) = (source.path.display(), source.examples.len());
            let seen = match measured_texts(source, &measured) {
                0 => String::new(),
                seen => format!(", {seen} of them with a text that is measured on"),
            };
            format!("Source    {path}: {}\n          {rows} rows{seen}\n", columns(source))
        };
        self.sources.iter().map(line).collect()
    }

    /// Each class with the number of its rows to learn from.
    fn classes(&self) -> String {
        let counts = self.labels.counts(&self.train);
        let names = self.labels.names().iter().zip(counts);
        let mut shown: Vec<_> =
            names.take(SHOWN).map(|(name, count)| format!("{name} ({count})")).collect();
        if self.labels.names().len() > SHOWN {
            shown.push("…".into());
        }
        shown.join(", ")
    }
}

/// The files of each split: those that are named, or those of the data set's folder.
fn files(config: &RunConfig) -> anyhow::Result<SplitFiles> {
    let mut files = match config.train.as_slice() {
        [folder] if folder.is_dir() => SplitFiles::find(folder)?,
        files => SplitFiles { train: files.to_vec(), ..SplitFiles::default() },
    };
    for (split, named) in
        [(&mut files.validation, &config.validation), (&mut files.test, &config.test)]
    {
        if !named.is_empty() {
            split.clone_from(named);
        }
    }
    Ok(files)
}

/// Holds a share of the rows out, of each class the same where each row has one.
fn split(table: &Table, labels: &LabelMap, config: &RunConfig) -> anyhow::Result<Split> {
    let fraction = config.validation_fraction;
    let seed = config.split_seed.unwrap_or(config.training.seed);
    Ok(match table.layout.targets {
        TargetKind::Class => stratified_split(&labels.ids(table)?, fraction, seed)?,
        TargetKind::Set | TargetKind::Values => random_split(table.examples.len(), fraction, seed)?,
    })
}

/// Which columns were taken for what.
fn columns(table: &Table) -> String {
    let layout = &table.layout;
    let pair = layout.text_pair.as_ref().map(|pair| format!(", its pair in column {pair}"));
    let label = layout.label.as_ref().map(|label| format!(", label in column {label}"));
    [Some(format!("text in column {}", layout.text)), pair, label].into_iter().flatten().collect()
}
