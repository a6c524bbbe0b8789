use std::io::Write;

use anyhow::bail;
use bertune::Prediction;
use bertune::head::ProblemType;
use bertune::tokenize::TextInput;
use clap::ValueEnum;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// How predictions are given.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Label, probability and text, for people.
    Table,
    /// Text, label, and the probability of each class.
    Csv,
    /// One object a line: text, label, and the probability of each class.
    Jsonl,
}

/// Stands between the labels of a set.
const SEPARATOR: &str = ";";

/// Writes predictions, one after another.
pub(crate) struct PredictionWriter<'a> {
    out: &'a mut dyn Write,
    labels: &'a [String],
    format: OutputFormat,
    with_pairs: bool,
    problem_type: ProblemType,
    /// Of the longest label, in characters.
    width: usize,
}

impl<'a> PredictionWriter<'a> {
    pub(crate) fn new(
        out: &'a mut dyn Write,
        labels: &'a [String],
        format: OutputFormat,
        with_pairs: bool,
        problem_type: ProblemType,
    ) -> Self {
        let widths = labels.iter().map(|label| label.chars().count());
        Self { out, labels, format, with_pairs, problem_type, width: widths.max().unwrap_or(0) }
    }

    /// What stands above the rows. In csv it refuses sets whose labels nobody could tell apart.
    pub(crate) fn head(&mut self) -> anyhow::Result<()> {
        if self.format != OutputFormat::Csv {
            return Ok(());
        }
        let is_set = self.problem_type == ProblemType::MultiLabelClassification;
        if is_set && let Some(label) = self.labels.iter().find(|label| label.contains(SEPARATOR)) {
            bail!(
                "in csv '{SEPARATOR}' stands between the labels of a set, and the model's label \
                 '{label}' holds one; say --output-format jsonl"
            );
        }
        let pair = self.with_pairs.then_some("text_pair");
        let label = match self.problem_type {
            ProblemType::SingleLabelClassification => Some("label"),
            ProblemType::MultiLabelClassification => Some("labels"),
            ProblemType::Regression => None,
        };
        let names = ["text"].into_iter().chain(pair).chain(label);
        let numbers = self.labels.iter().map(|name| match self.problem_type {
            ProblemType::Regression => name.clone(),
            _ => format!("p({name})"),
        });
        let names: Vec<_> = names.map(String::from).chain(numbers).collect();
        self.csv(names)
    }

    /// What one text is.
    pub(crate) fn row(
        &mut self,
        input: TextInput<'_>,
        prediction: &Prediction,
    ) -> anyhow::Result<()> {
        match self.format {
            OutputFormat::Table => self.table_row(input, prediction),
            OutputFormat::Csv => self.csv_row(input, prediction),
            OutputFormat::Jsonl => self.json_row(input, prediction),
        }
    }

    /// Ends the writing.
    pub(crate) fn flush(self) -> anyhow::Result<()> {
        Ok(self.out.flush()?)
    }

    fn table_row(&mut self, input: TextInput<'_>, prediction: &Prediction) -> anyhow::Result<()> {
        let numbers = prediction.numbers();
        let said = match prediction {
            Prediction::Class { .. } => {
                let class = prediction.classes()[0];
                format!("{:<width$}  {:.4}", self.labels[class], numbers[class], width = self.width)
            }
            Prediction::Set { .. } => {
                let classes = prediction.classes().into_iter();
                let said: Vec<_> = classes
                    .map(|class| format!("{} {:.4}", self.labels[class], numbers[class]))
                    .collect();
                if said.is_empty() { "–".to_owned() } else { said.join(", ") }
            }
            Prediction::Values { values } => {
                let said = self.labels.iter().zip(values);
                let said: Vec<_> = said.map(|(name, value)| format!("{name} {value:.4}")).collect();
                said.join("  ")
            }
        };
        write!(self.out, "{said}  {}", input.text)?;
        if let Some(pair) = input.text_pair {
            write!(self.out, " | {pair}")?;
        }
        Ok(writeln!(self.out)?)
    }

    fn csv_row(&mut self, input: TextInput<'_>, prediction: &Prediction) -> anyhow::Result<()> {
        let pair = self.with_pairs.then(|| input.text_pair.unwrap_or_default().to_owned());
        let label = (self.problem_type != ProblemType::Regression)
            .then(|| self.names(prediction).join(SEPARATOR));
        let texts = [input.text.to_owned()].into_iter().chain(pair).chain(label);
        let fields: Vec<_> = texts.chain(prediction.numbers().iter().map(f32::to_string)).collect();
        self.csv(fields)
    }

    fn json_row(&mut self, input: TextInput<'_>, prediction: &Prediction) -> anyhow::Result<()> {
        let numbers = Numbers { names: self.labels, numbers: prediction.numbers() };
        let names = self.names(prediction);
        let (label, labels, probabilities, values) = match prediction {
            Prediction::Class { .. } => (names.first().copied(), None, Some(numbers), None),
            Prediction::Set { .. } => (None, Some(names), Some(numbers), None),
            Prediction::Values { .. } => (None, None, None, Some(numbers)),
        };
        let TextInput { text, text_pair } = input;
        let object = JsonRow { text, text_pair, label, labels, probabilities, values };
        serde_json::to_writer(&mut self.out, &object)?;
        Ok(writeln!(self.out)?)
    }

    /// The names of the predicted classes.
    fn names(&self, prediction: &Prediction) -> Vec<&'a str> {
        let labels = self.labels;
        prediction.classes().into_iter().map(|class| labels[class].as_str()).collect()
    }

    fn csv(&mut self, fields: Vec<String>) -> anyhow::Result<()> {
        // A writer of its own for each row, for flushing it would flush the file.
        let mut row = csv::WriterBuilder::new().buffer_capacity(256).from_writer(Vec::new());
        row.write_record(fields)?;
        let row = row.into_inner().map_err(|error| error.into_error())?;
        Ok(self.out.write_all(&row)?)
    }
}

#[derive(Serialize)]
struct JsonRow<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_pair: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilities: Option<Numbers<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Numbers<'a>>,
}

/// An object of a number for each label, in the order of the labels.
struct Numbers<'a> {
    names: &'a [String],
    numbers: &'a [f32],
}

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.names.len()))?;
        for (name, number) in self.names.iter().zip(self.numbers) {
            map.serialize_entry(name, number)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: TextInput<'_> = TextInput { text: "say \"no\", twice", text_pair: Some("b") };
    const SINGLE: TextInput<'_> = TextInput { text: "a", text_pair: None };

    fn check(format: OutputFormat, input: TextInput<'_>, expected: &str) {
        let prediction = Prediction::Class { probabilities: vec![0.9, 0.1] };
        let problem_type = ProblemType::SingleLabelClassification;
        check_of(problem_type, &prediction, format, input, expected);
    }

    fn check_of(
        problem_type: ProblemType,
        prediction: &Prediction,
        format: OutputFormat,
        input: TextInput<'_>,
        expected: &str,
    ) {
        let labels = ["no", "maybe"].map(String::from);
        let mut written = Vec::new();
        let with_pairs = input.text_pair.is_some();
        let mut writer =
            PredictionWriter::new(&mut written, &labels, format, with_pairs, problem_type);
        writer.head().unwrap();
        writer.row(input, prediction).unwrap();
        writer.flush().unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn each_format_has_its_rows() {
        check(OutputFormat::Table, SINGLE, "no     0.9000  a\n");
        check(OutputFormat::Table, PAIR, "no     0.9000  say \"no\", twice | b\n");
        check(OutputFormat::Csv, SINGLE, "text,label,p(no),p(maybe)\na,no,0.9,0.1\n");
        check(
            OutputFormat::Csv,
            PAIR,
            "text,text_pair,label,p(no),p(maybe)\n\"say \"\"no\"\", twice\",b,no,0.9,0.1\n",
        );
        check(
            OutputFormat::Jsonl,
            SINGLE,
            "{\"text\":\"a\",\"label\":\"no\",\"probabilities\":{\"no\":0.9,\"maybe\":0.1}}\n",
        );
        check(
            OutputFormat::Jsonl,
            PAIR,
            "{\"text\":\"say \\\"no\\\", twice\",\"text_pair\":\"b\",\"label\":\"no\",\
             \"probabilities\":{\"no\":0.9,\"maybe\":0.1}}\n",
        );
    }

    #[test]
    fn labels_that_hold_the_separator_are_no_sets_in_csv() {
        let labels = ["a;b", "c"].map(String::from);
        let head = |format, problem_type| {
            let mut written = Vec::new();
            let mut writer =
                PredictionWriter::new(&mut written, &labels, format, false, problem_type);
            writer.head().map_err(|error| error.to_string())
        };
        let error = head(OutputFormat::Csv, ProblemType::MultiLabelClassification).unwrap_err();
        assert!(error.contains("'a;b'") && error.contains("jsonl"), "{error}");
        assert_eq!(head(OutputFormat::Jsonl, ProblemType::MultiLabelClassification), Ok(()));
        assert_eq!(head(OutputFormat::Csv, ProblemType::SingleLabelClassification), Ok(()));
    }

    #[test]
    fn sets_and_numbers_have_their_rows() {
        let sets = |probabilities: &[f32], format, expected: &str| {
            let classes = (0..probabilities.len()).filter(|&class| probabilities[class] >= 0.5);
            let prediction =
                Prediction::Set { probabilities: probabilities.into(), classes: classes.collect() };
            let problem_type = ProblemType::MultiLabelClassification;
            check_of(problem_type, &prediction, format, SINGLE, expected);
        };
        sets(&[0.9, 0.5], OutputFormat::Table, "no 0.9000, maybe 0.5000  a\n");
        sets(&[0.1, 0.2], OutputFormat::Table, "–  a\n");
        let head = "text,labels,p(no),p(maybe)\n";
        sets(&[0.9, 0.5], OutputFormat::Csv, &format!("{head}a,no;maybe,0.9,0.5\n"));
        sets(&[0.1, 0.2], OutputFormat::Csv, &format!("{head}a,,0.1,0.2\n"));
        sets(
            &[0.9, 0.2],
            OutputFormat::Jsonl,
            "{\"text\":\"a\",\"labels\":[\"no\"],\"probabilities\":{\"no\":0.9,\"maybe\":0.2}}\n",
        );
        let values = |format, expected: &str| {
            let prediction = Prediction::Values { values: vec![1.5, -2.0] };
            check_of(ProblemType::Regression, &prediction, format, SINGLE, expected);
        };
        values(OutputFormat::Table, "no 1.5000  maybe -2.0000  a\n");
        values(OutputFormat::Csv, "text,no,maybe\na,1.5,-2\n");
        values(OutputFormat::Jsonl, "{\"text\":\"a\",\"values\":{\"no\":1.5,\"maybe\":-2.0}}\n");
    }
}
