use std::io::Write;

use bertune::Prediction;
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

/// Writes predictions, one after another.
pub(crate) struct PredictionWriter<'a> {
    out: &'a mut dyn Write,
    labels: &'a [String],
    format: OutputFormat,
    with_pairs: bool,
    /// Of the longest label, in characters.
    width: usize,
}

impl<'a> PredictionWriter<'a> {
    pub(crate) fn new(
        out: &'a mut dyn Write,
        labels: &'a [String],
        format: OutputFormat,
        with_pairs: bool,
    ) -> Self {
        let widths = labels.iter().map(|label| label.chars().count());
        Self { out, labels, format, with_pairs, width: widths.max().unwrap_or(0) }
    }

    /// What stands above the rows.
    pub(crate) fn head(&mut self) -> anyhow::Result<()> {
        if self.format != OutputFormat::Csv {
            return Ok(());
        }
        let pair = self.with_pairs.then_some("text_pair");
        let names = ["text"].into_iter().chain(pair).chain(["label"]);
        let probabilities = self.labels.iter().map(|label| format!("p({label})"));
        let names: Vec<_> = names.map(String::from).chain(probabilities).collect();
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
        let class = prediction.class();
        let (label, probability) = (&self.labels[class], prediction.probabilities[class]);
        let (width, text) = (self.width, input.text);
        write!(self.out, "{label:<width$}  {probability:.4}  {text}")?;
        if let Some(pair) = input.text_pair {
            write!(self.out, " | {pair}")?;
        }
        Ok(writeln!(self.out)?)
    }

    fn csv_row(&mut self, input: TextInput<'_>, prediction: &Prediction) -> anyhow::Result<()> {
        let pair = self.with_pairs.then(|| input.text_pair.unwrap_or_default());
        let label = self.labels[prediction.class()].as_str();
        let texts = [input.text].into_iter().chain(pair).chain([label]);
        let numbers = prediction.probabilities.iter().map(f32::to_string);
        let fields: Vec<_> = texts.map(String::from).chain(numbers).collect();
        self.csv(fields)
    }

    fn json_row(&mut self, input: TextInput<'_>, prediction: &Prediction) -> anyhow::Result<()> {
        let object = JsonRow {
            text: input.text,
            text_pair: input.text_pair,
            label: &self.labels[prediction.class()],
            probabilities: Probabilities {
                labels: self.labels,
                probabilities: &prediction.probabilities,
            },
        };
        serde_json::to_writer(&mut self.out, &object)?;
        Ok(writeln!(self.out)?)
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
    label: &'a str,
    probabilities: Probabilities<'a>,
}

/// An object of each class's probability, in the order of the classes.
struct Probabilities<'a> {
    labels: &'a [String],
    probabilities: &'a [f32],
}

impl Serialize for Probabilities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.labels.len()))?;
        for (label, probability) in self.labels.iter().zip(self.probabilities) {
            map.serialize_entry(label, probability)?;
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
        let labels = ["no", "maybe"].map(String::from);
        let prediction = Prediction { probabilities: vec![0.9, 0.1] };
        let mut written = Vec::new();
        let with_pairs = input.text_pair.is_some();
        let mut writer = PredictionWriter::new(&mut written, &labels, format, with_pairs);
        writer.head().unwrap();
        writer.row(input, &prediction).unwrap();
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
}
