use std::time::Duration;

use anyhow::bail;
use bertune::data::{Column, FileFormat, Header, Quoting, TableFormat, TargetKind, TextEncoding};
use bertune::head::{Decisions, ProblemType};
use bertune::kernels::Precision;
use bertune::tokenize::Truncation;
use bertune::{BertOps, TextClassifier};
use clap::Args;
use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};

/// How a file of texts is to be read.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Reading the file (found by looking where left out)")]
pub(crate) struct TableArgs {
    /// The column of the text, by name or number.
    #[arg(long, value_name = "COLUMN")]
    text: Option<Column>,
    /// The column of the second text of a pair.
    #[arg(long, value_name = "COLUMN")]
    text_pair: Option<Column>,
    /// The column of the label.
    #[arg(long, value_name = "COLUMN")]
    label: Option<Column>,
    /// What a row is given: class (one label), set (any number of labels) or values (numbers)
    /// [default: class].
    #[arg(long, value_name = "NAME", value_parser = named::<TargetKind>)]
    targets: Option<TargetKind>,
    /// The columns of several targets, in place of --label: of 0 and 1, or of numbers.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    labels: Vec<Column>,
    /// What stands between the labels of a set in one column [default: ;].
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    separator: Option<char>,
    /// The column of how much each row counts in training; files that are only measured on need
    /// not have it.
    #[arg(long, value_name = "COLUMN")]
    weight: Option<Column>,
    /// Whether the first row names the columns: auto, yes or no.
    #[arg(long, value_name = "NAME", value_parser = named::<Header>)]
    header: Option<Header>,
    /// What stands between columns: one character, or \t.
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<char>,
    /// Whether '"' quotes a field: auto, double or none.
    #[arg(long, value_name = "NAME", value_parser = named::<Quoting>)]
    quoting: Option<Quoting>,
    /// The encoding of the characters: utf-8 or latin-1.
    #[arg(long, value_name = "NAME", value_parser = named::<TextEncoding>)]
    encoding: Option<TextEncoding>,
    /// The format: csv, tsv, jsonl, parquet or arrow; by the file's extension where left out.
    #[arg(long, value_name = "NAME", value_parser = named::<FileFormat>)]
    format: Option<FileFormat>,
}

impl TableArgs {
    /// Lets the flags that were given override `table`.
    pub(crate) fn apply(&self, table: &mut TableFormat) {
        set_some(&mut table.text, self.text.clone());
        set_some(&mut table.text_pair, self.text_pair.clone());
        set_some(&mut table.label, self.label.clone());
        set(&mut table.targets, self.targets);
        if !self.labels.is_empty() {
            table.labels.clone_from(&self.labels);
        }
        set_some(&mut table.separator, self.separator);
        set_some(&mut table.weight, self.weight.clone());
        set(&mut table.header, self.header);
        set_some(&mut table.delimiter, self.delimiter);
        set(&mut table.quoting, self.quoting);
        set(&mut table.encoding, self.encoding);
        set_some(&mut table.format, self.format);
    }
}

impl TableArgs {
    /// The first of the flags that were given, if any was.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let are_given = [
            ("--text", self.text.is_some()),
            ("--text-pair", self.text_pair.is_some()),
            ("--label", self.label.is_some()),
            ("--targets", self.targets.is_some()),
            ("--labels", !self.labels.is_empty()),
            ("--separator", self.separator.is_some()),
            ("--weight", self.weight.is_some()),
            ("--header", self.header.is_some()),
            ("--delimiter", self.delimiter.is_some()),
            ("--quoting", self.quoting.is_some()),
            ("--encoding", self.encoding.is_some()),
            ("--format", self.format.is_some()),
        ];
        are_given.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
    }
}

/// Lets a flag override a setting.
pub(crate) fn set<T>(setting: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *setting = value;
    }
}

/// Lets a flag override a setting that may be absent.
pub(crate) fn set_some<T>(setting: &mut Option<T>, flag: Option<T>) {
    if flag.is_some() {
        *setting = flag;
    }
}

/// A value by the name that it has in the configuration file; an unknown one lists those there are.
pub(crate) fn named<T: DeserializeOwned>(name: &str) -> Result<T, Error> {
    T::deserialize(StrDeserializer::new(name))
}

fn delimiter(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (text, characters.next(), characters.next()) {
        ("\\t" | "tab", ..) => Ok('\t'),
        (_, Some(character), None) => Ok(character),
        _ => Err("give one character, or \\t for a tab".into()),
    }
}

/// How long inputs may be.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct LimitArgs {
    /// The longest input, in tokens; the rest is cut off, unless there is a --stride [default: 128,
    /// or what the model was trained with].
    #[arg(long, value_name = "TOKENS")]
    pub(crate) max_length: Option<usize>,
    /// Which text of a pair is cut, or read in windows: longest_first, only_first or only_second.
    #[arg(long, value_name = "NAME", value_parser = named::<Truncation>)]
    pub(crate) truncation: Option<Truncation>,
    /// Read a longer input in windows of --max-length, of which so many tokens are those of the
    /// window before, and average their scores.
    #[arg(long, value_name = "TOKENS")]
    pub(crate) stride: Option<usize>,
}

impl LimitArgs {
    /// Lets the flags that were given override `limits`.
    pub(crate) fn apply(self, limits: &mut bertune::tokenize::Limits) {
        set(&mut limits.max_length, self.max_length);
        set(&mut limits.truncation, self.truncation);
        set_some(&mut limits.stride, self.stride);
    }
}

/// Which probabilities are enough for a class to be in a set.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct DecisionArgs {
    /// The probability from which a class is in a set, in place of the model's own for each class.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    threshold: Option<f64>,
}

impl DecisionArgs {
    /// Lets the flag that was given override a classifier's thresholds.
    pub(crate) fn apply<B: BertOps>(
        self,
        classifier: TextClassifier<B>,
    ) -> anyhow::Result<TextClassifier<B>> {
        let Some(threshold) = self.threshold else { return Ok(classifier) };
        if classifier.problem_type() != ProblemType::MultiLabelClassification {
            bail!("--threshold is for models that give sets of labels; this one gives others");
        }
        let thresholds = Some(vec![threshold; classifier.labels().len()]);
        let decisions = Decisions { thresholds, ..classifier.decisions().clone() };
        Ok(classifier.with_decisions(decisions)?)
    }
}

/// How exactly products are computed.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct PrecisionArgs {
    /// What the factors of products are rounded to: f32, or bf16, which is faster where the
    /// processor has it [default: f32].
    #[arg(long, value_name = "NAME", value_parser = named::<Precision>)]
    precision: Option<Precision>,
}

impl PrecisionArgs {
    /// Lets the flag that was given override a classifier's precision.
    pub(crate) fn apply<B: BertOps>(self, classifier: TextClassifier<B>) -> TextClassifier<B> {
        classifier.with_precision(available::<B>(self.precision.unwrap_or_default()))
    }
}

/// The precision that was asked for if this device has it; else f32, with a word about it.
pub(crate) fn available<B: BertOps>(precision: Precision) -> Precision {
    if B::has_precision(precision) {
        return precision;
    }
    errln!("Precision f32: this device does not multiply bf16, which was asked for");
    Precision::F32
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "give a number from 0 to 1".into())
}

/// A time.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "give a time, such as 50m or 2h30m".into())
}

/// How many runs differ in their seeds alone.
pub(crate) fn seeds(text: &str) -> Result<u64, String> {
    let seeds: Option<u64> = text.parse().ok().filter(|seeds| (2..=1000).contains(seeds));
    seeds.ok_or_else(|| "give 2 to 1000; a single run has its --seed".into())
}
