use std::path::PathBuf;

use bertune::data::{
    LabelMap, LabelledRows, Labels, Split, SplitFiles, TableFiles, TargetKind, Targets,
    random_split, stratified_split,
};
use bertune::head::ProblemType;

use crate::run_config::RunConfig;
use crate::source_rows::{Target, source_rows};
use crate::table_checks::{check_distinct, check_kind, path};

/// Classes that are shown of a longer list.
const SHOWN: usize = 12;

/// The labelled texts of a run, which stay in their files.
pub(crate) struct Tables {
    pub(crate) train: LabelledRows,
    /// What is learned from beside that.
    pub(crate) sources: Vec<LabelledRows>,
    pub(crate) validation: Validation,
    pub(crate) test: Option<LabelledRows>,
    pub(crate) labels: LabelMap,
}

/// What is measured on while learning.
pub(crate) enum Validation {
    /// Some of the rows of `train`, from which the others are learned.
    HeldOut(Split),
    /// Rows of their own.
    Own(Box<LabelledRows>),
}

impl Validation {
    /// The rows that are in files of their own, if they are.
    pub(crate) fn own(&self) -> Option<&LabelledRows> {
        match self {
            Self::HeldOut(_) => None,
            Self::Own(rows) => Some(rows),
        }
    }
}

impl Tables {
    /// Reads the files that the settings name, and checks that their labels are those of `train`,
    /// and their texts of its kind.
    pub(crate) fn read(config: &RunConfig) -> anyhow::Result<Self> {
        let files = files(config)?;
        for files in [&files.train, &files.validation, &files.test] {
            check_distinct(files.iter())?;
        }
        let open = |files: &[PathBuf], needed| TableFiles::open(files, &config.data, needed);
        let train = open(&files.train, Labels::Required)?;
        let labels = LabelMap::of_files(&train)?;
        let train = LabelledRows::read(train, &labels)?;
        let measured = |files: &[PathBuf]| -> anyhow::Result<LabelledRows> {
            let files = open(files, Labels::Measured)?;
            check_kind(&files, &train)?;
            Ok(LabelledRows::read(files, &labels)?)
        };
        let validation = match files.validation.is_empty() {
            true => Validation::HeldOut(split(&train, config)?),
            false => Validation::Own(Box::new(measured(&files.validation)?)),
        };
        let test = (!files.test.is_empty()).then(|| measured(&files.test)).transpose()?;
        let measured = validation.own().into_iter().chain(&test).collect();
        let target = Target { train: &train, labels: &labels, measured };
        let sources = source_rows(config, &target)?;
        Ok(Self { train, sources, validation, test, labels })
    }

    /// What the labels are.
    pub(crate) fn problem_type(&self) -> ProblemType {
        match self.train.layout().targets {
            TargetKind::Class => ProblemType::SingleLabelClassification,
            TargetKind::Set => ProblemType::MultiLabelClassification,
            TargetKind::Values => ProblemType::Regression,
        }
    }

    /// What the rows that are learned from are to be given.
    pub(crate) fn learned(&self) -> Targets {
        match &self.validation {
            Validation::HeldOut(split) => self.train.targets().select(&split.train),
            Validation::Own(_) => self.train.targets().clone(),
        }
    }

    /// What the rows that are measured on while learning are to be given.
    pub(crate) fn measured(&self) -> Targets {
        match &self.validation {
            Validation::HeldOut(split) => self.train.targets().select(&split.validation),
            Validation::Own(rows) => rows.targets().clone(),
        }
    }

    /// All files, as often as they are read.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let validation = self.validation.own();
        let rows = [Some(&self.train), validation, self.test.as_ref()];
        rows.into_iter().flatten().chain(&self.sources).flat_map(LabelledRows::paths)
    }

    /// What was read, in lines for people.
    pub(crate) fn summary(&self) -> String {
        let columns = columns(&self.train);
        let path = path(&self.train);
        let (learned, measured, origin) = match &self.validation {
            Validation::HeldOut(Split { train, validation }) => {
                (train.len(), validation.len(), "held out of them")
            }
            Validation::Own(rows) => (self.train.len(), rows.len(), "for validation"),
        };
        let test = self.test.as_ref().map(|test| format!(", {} for the test", test.len()));
        format!(
            "Data      {path}: {columns}\n          \
             {learned} rows to learn from, {measured} {origin}{}\n\
             {}{}",
            test.unwrap_or_default(),
            self.sources_in_words(),
            self.outputs(),
        )
    }

    /// A line for each source.
    fn sources_in_words(&self) -> String {
        let line = |source: &LabelledRows| {
            let (path, columns, rows) = (path(source), columns(source), source.len());
            format!("Source    {path}: {columns}\n          {rows} rows to learn from as well\n")
        };
        self.sources.iter().map(line).collect()
    }

    /// What the model is to tell: classes, each with the number of its rows to learn from, or
    /// numbers.
    fn outputs(&self) -> String {
        let names = self.labels.names();
        match self.train.layout().targets {
            TargetKind::Values => format!("Numbers   {}: {}", names.len(), names.join(", ")),
            TargetKind::Class | TargetKind::Set => {
                format!("Classes   {}: {}", names.len(), self.classes())
            }
        }
    }

    /// Each class with the number of the target's rows to learn from.
    fn classes(&self) -> String {
        let classes = self.labels.names().len();
        let counts = self.learned().class_counts(classes);
        let names = self.labels.names().iter().zip(counts);
        let mut shown: Vec<_> =
            names.take(SHOWN).map(|(name, count)| format!("{name} ({count})")).collect();
        if classes > SHOWN {
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
fn split(rows: &LabelledRows, config: &RunConfig) -> anyhow::Result<Split> {
    let fraction = config.validation_fraction;
    let seed = config.split_seed.unwrap_or(config.training.seed);
    Ok(match rows.targets() {
        Targets::Classes(classes) => stratified_split(classes, fraction, seed)?,
        targets => random_split(targets.len(), fraction, seed)?,
    })
}

/// Which columns were taken for what.
fn columns(rows: &LabelledRows) -> String {
    let layout = rows.layout();
    let pair = layout.text_pair.as_ref().map(|pair| format!(", its pair in column {pair}"));
    let label = layout.label.as_ref().map(|label| format!(", label in column {label}"));
    [Some(format!("text in column {}", layout.text)), pair, label].into_iter().flatten().collect()
}
