//! Any table that is written reads back, and no bytes make reading panic.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use bertune_data::{FileFormat, Header, Labels, Quoting, TableFormat, TextEncoding};
use common::{named, read};
use proptest::prelude::*;

/// Texts of any characters but NUL, line breaks and quotes among them, and never blank.
const ANY: &str = "([^\0]|[\n\r\",]){0,12}[a-z]([\n\r\",]){0,2}";

/// Texts that fit into a line between tabs.
const LINE: &str = "[^\0\n\r\t]{0,12}[a-z]";

/// A table whose header no row repeats.
fn tables(texts: &'static str) -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((texts, "[a-z]{1,4}"), 1..20)
}

/// Reads a file and compares its rows, with the lines on which they begin.
fn check(
    name: &str,
    content: &[u8],
    table: &[(String, String)],
    lines: &[usize],
) -> Result<(), TestCaseError> {
    let read = read(name, content, &named("text", "label"), Labels::Required).unwrap();
    let found: Vec<_> = read
        .examples
        .iter()
        .map(|example| (&example.text, example.label.as_ref().unwrap(), example.line))
        .collect();
    let written: Vec<_> =
        table.iter().zip(lines).map(|((text, label), &line)| (text, label, line)).collect();
    prop_assert_eq!(found, written);
    Ok(())
}

/// Writes rows below a header, each after taking down its line.
fn written(
    table: &[(String, String)],
    mut row: impl FnMut(&mut String, &str, &str),
) -> (String, Vec<usize>) {
    let (mut content, mut lines) = (String::new(), Vec::new());
    row(&mut content, "text", "label");
    for (text, label) in table {
        lines.push(1 + content.matches('\n').count());
        row(&mut content, text, label);
    }
    (content, lines)
}

proptest! {
    #[test]
    fn any_csv_reads_back(table in tables(ANY), line_end in prop::sample::select(vec!["\n", "\r\n"])) {
        let quoted = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
        let (content, lines) = written(&table, |content, text, label| {
            *content += &format!("{},{}{line_end}", quoted(text), quoted(label));
        });
        check("a.csv", content.as_bytes(), &table, &lines)?;
    }

    #[test]
    fn any_tsv_reads_back(table in tables(LINE), line_end in prop::sample::select(vec!["\n", "\r\n"])) {
        let (content, lines) = written(&table, |content, text, label| {
            *content += &format!("{text}\t{label}{line_end}");
        });
        check("a.tsv", content.as_bytes(), &table, &lines)?;
    }

    #[test]
    fn any_jsonl_reads_back(table in tables(ANY)) {
        let (mut content, mut lines) = (String::new(), Vec::new());
        for (i, (text, label)) in table.iter().enumerate() {
            lines.push(i + 1);
            content += &format!("{}\n", serde_json::json!({"label": label, "text": text}));
        }
        check("a.jsonl", content.as_bytes(), &table, &lines)?;
    }

    #[test]
    fn no_file_makes_reading_panic(
        content in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[a-c01,;\t\n\r\" {}:\\[\\]]{0,60}".prop_map(String::into_bytes),
            "(text|label|\"|,|\t|\n|1|\\{\"text\": |\\}){0,20}".prop_map(String::into_bytes),
        ],
        (format, header, quoting, encoding) in (
            prop::sample::select(vec![FileFormat::Csv, FileFormat::Tsv, FileFormat::Jsonl]),
            prop::sample::select(vec![Header::Auto, Header::Yes, Header::No]),
            prop::sample::select(vec![Quoting::Auto, Quoting::Double, Quoting::None]),
            prop::sample::select(vec![TextEncoding::Utf8, TextEncoding::Latin1]),
        ),
        delimiter in prop::option::of(any::<char>()),
        columns in prop::array::uniform3(prop::option::of("[0-3]|text|label")),
        labels in prop::sample::select(vec![Labels::Required, Labels::Optional]),
    ) {
        let [text, text_pair, label] = columns.map(|column| column.map(|c| c.parse().unwrap()));
        let format = TableFormat {
            format: Some(format), text, text_pair, label, header, delimiter, quoting, encoding,
            ..TableFormat::default()
        };
        if let Ok(table) = read("a", &content, &format, labels) {
            prop_assert!(!table.examples.is_empty());
        }
    }
}
