//! What is said of files that cannot be used: what is wrong, where, and what to do.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use bertune_data::{
    Header, LabelMap, Labels, Quoting, Table, TableFormat, TargetKind, TextEncoding, read_table,
};
use common::{auto, named, read};

fn refuses(name: &str, content: &[u8], format: TableFormat, message: &str) {
    let result = read(name, content, &format, Labels::Required);
    let result = result.and_then(|table| {
        let dataset = LabelMap::of(&table).map_err(|error| error.to_string());
        dataset.map(|_| table)
    });
    let error = result.expect_err(message);
    let error = error.rsplit_once("/a.").map_or(error.clone(), |(_, rest)| format!("a.{rest}"));
    assert_eq!(error, message);
}

#[test]
fn files_without_rows_are_refused() {
    refuses("a.csv", b"", auto(), "a.csv has no rows");
    refuses("a.csv", b"\n \n", auto(), "a.csv has no rows");
    refuses("a.csv", b"text,label\n", auto(), "a.csv has no rows below its header");
}

#[test]
fn files_that_are_no_text_are_refused() {
    let parquet = "a.csv is a parquet file, not text; say --format parquet";
    refuses("a.csv", b"PAR1....", auto(), parquet);
    refuses(
        "a.csv",
        b"a\0b",
        auto(),
        "a.csv is a binary file, not text; give a csv, tsv or jsonl file",
    );
    refuses(
        "a.csv",
        b"text,label\ncaf\xe9,1\n",
        auto(),
        "a.csv, line 2: byte 14 of the file is not UTF-8; if the file is in Latin-1, say \
         --encoding latin-1",
    );
    refuses("a.csv", b"\xff\xfet\0e\0", auto(), "a.csv is in UTF-16; save it as UTF-8");
    refuses(
        "a.xlsx",
        b"PK\x03\x04",
        auto(),
        "a.xlsx is a zip file (as .xlsx is), not text; save the sheet as csv, or unpack the file \
         first",
    );
    refuses(
        "a.csv.gz",
        b"\x1f\x8b\x08",
        auto(),
        "a.csv.gz is a gzip file, not text; unpack it first",
    );
    let late = format!("{}x\0\t1\n", "text\t0\n".repeat(2000));
    refuses(
        "a.tsv",
        late.as_bytes(),
        auto(),
        "a.tsv, line 2001: a NUL byte, which no text has; is the file damaged?",
    );
    refuses(
        "a.doc",
        b"x",
        auto(),
        "a.doc: the file's extension is none of .csv, .tsv, .txt, .jsonl, .parquet and .arrow; say \
         --format csv, tsv, jsonl, parquet or arrow",
    );
}

#[test]
fn columns_that_are_not_there_are_named_with_those_that_are() {
    refuses(
        "a.csv",
        b"text,label\na,1\nb,0\n",
        named("text", "labl"),
        "a.csv: there is no column 'labl' for --label; the columns are 'text', 'label'; did you \
         mean 'label'?",
    );
    refuses(
        "a.tsv",
        b"a\t1\nb\t0\n",
        named("3", "2"),
        "a.tsv: there is no column 3 for --text; the file has the columns 1 to 2 and no header",
    );
    refuses(
        "a.csv",
        b"foo,bar,label\na,b,1\n",
        auto(),
        "a.csv: which column holds the text? say --text; the columns are 'foo', 'bar', 'label'",
    );
    refuses(
        "a.csv",
        b"text,foo\na,1\nb,0\n",
        auto(),
        "a.csv: which column holds the label? say --label; the columns are 'text', 'foo'",
    );
    refuses(
        "a.csv",
        b"text,label\na,1\nb,0\n",
        named("text", "1"),
        "a.csv: --text and --label are the same column, 'text'",
    );
}

#[test]
fn rows_that_do_not_fit_are_named() {
    refuses(
        "a.csv",
        b"text,label\na,1\nb,c,0\n",
        auto(),
        "a.csv, line 3: 3 columns, but the first row has 2; if a field holds the delimiter, quote \
         it, or see --delimiter and --quoting",
    );
    refuses(
        "a.csv",
        b"text,label\n\"a,1\nb,0\n",
        auto(),
        "a.csv, line 2: a quote is opened in this row and never closed; if '\"' is a plain \
         character in this file, say --quoting none",
    );
    refuses(
        "a.csv",
        b"text,label\na,1\nb,\n",
        auto(),
        "a.csv, line 3: the label is missing; remove the row or fill it in",
    );
    refuses(
        "a.csv",
        b"text,label\na,1\n ,0\n",
        auto(),
        "a.csv, line 3: the text is empty; remove the row or fill it in",
    );
    refuses(
        "a.csv",
        b"text,label\n,1\n,0\n",
        auto(),
        "a.csv: the text column, 'text', is empty in every row; see --text",
    );
    refuses(
        "a.csv",
        b"text;label\na;1\nb;0\n",
        auto(),
        "a.csv: every row has a single column, but contains semicolons; the delimiter may be \
         wrong: say --delimiter ';'",
    );
}

#[test]
fn labels_that_teach_nothing_are_refused() {
    refuses(
        "a.csv",
        b"text,label\na,1\nb,1\n",
        auto(),
        "a.csv: every row has the label '1'; a classifier needs at least two classes",
    );
    let many: String = (0..30).map(|i| format!("text {i},label {i}\n")).collect();
    refuses(
        "a.csv",
        format!("text,label\n{many}").as_bytes(),
        auto(),
        "a.csv: 30 different labels in 30 rows; are --text and --label the right columns? (the \
         label column is 'label'; if that is right, name it with --label)",
    );
}

#[test]
fn many_labels_are_taken_where_they_are_asked_for_or_are_sets() {
    let many: String = (0..30).map(|i| format!("text {i},label {i}\n")).collect();
    let content = format!("text,label\n{many}");
    let sets = TableFormat { targets: TargetKind::Set, ..auto() };
    for format in [named("text", "label"), named("1", "2"), sets] {
        let table = read("a.csv", content.as_bytes(), &format, Labels::Required).unwrap();
        assert_eq!(LabelMap::of(&table).unwrap().names().len(), 30);
    }
}

#[test]
fn json_lines_are_checked() {
    refuses(
        "a.jsonl",
        b"{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\" \"label\": 2}\n",
        auto(),
        "a.jsonl, line 2, column 14: not valid JSON: expected `,` or `}`",
    );
    refuses(
        "a.jsonl",
        b"[1, 2]\n",
        auto(),
        "a.jsonl, line 1: the line is a list, but must be an object",
    );
    refuses(
        "a.jsonl",
        b"{\"body\": \"a\", \"y\": 1}\n",
        named("text", "y"),
        "a.jsonl, line 1: there is no key 'text'; the keys are 'body', 'y'",
    );
    refuses(
        "a.jsonl",
        b"{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"y\": 2}\n",
        auto(),
        "a.jsonl, line 2: there is no key 'label'; the keys are 'text', 'y'",
    );
    refuses(
        "a.jsonl",
        b"{\"text\": \"a\", \"label\": 1}\n{}\n",
        auto(),
        "a.jsonl, line 2: there is no key 'text'; the object is empty",
    );
    refuses(
        "a.jsonl",
        b"{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": null}\n",
        auto(),
        "a.jsonl, line 2: the label is missing; remove the row or fill it in",
    );
    refuses(
        "a.jsonl",
        b"{\"text\": \"a\", \"label\": [1, 2]}\n",
        auto(),
        "a.jsonl, line 1: 'label' is a list, but must be a string, a number, true or false",
    );
    refuses(
        "a.jsonl",
        b"{\"text\": 5, \"label\": 1}\n",
        auto(),
        "a.jsonl, line 1: 'text' is a number, but must be a string",
    );
    refuses(
        "a.json",
        b"[\n  {\"text\": \"a\", \"label\": 1}\n]\n",
        auto(),
        "a.json, line 1, column 1: not valid JSON: EOF while parsing a list; each object stands \
         on one line of its own, as `jq -c .` writes objects and `jq -c '.[]'` a list",
    );
}

#[test]
fn a_folder_and_a_missing_file_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let message = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(folder.path().join("x.csv")).unwrap();
        read_table(&path, &auto(), Labels::Required).unwrap_err().to_string()
    };
    assert!(message("x.csv").ends_with("x.csv is a folder; name the file in it"));
    assert!(message("y.csv").contains("y.csv: No such file"));
}

#[test]
fn a_column_number_is_counted_from_1() {
    for number in ["0", "3", "18446744073709551615"] {
        let message = format!(
            "a.tsv: there is no column {number} for --text; the file has the columns 1 to 2 and \
             no header"
        );
        let format = TableFormat { text: Some(number.parse().unwrap()), ..auto() };
        refuses("a.tsv", b"a\t1\nb\t0\n", format, &message);
    }
}

#[test]
fn a_name_of_two_columns_is_refused() {
    let content = b"text,text,label\na,b,1\nc,d,0\n";
    let message = "a.csv: the columns 1 and 2 are both 'text'; say --text 1 or --text 2";
    refuses("a.csv", content, auto(), message);
    refuses("a.csv", content, named("text", "label"), message);
    assert!(read("a.csv", content, &named("2", "label"), Labels::Required).is_ok());
}

#[test]
fn a_header_in_the_middle_is_refused() {
    refuses(
        "a.csv",
        b"text,label\na,1\ntext,label\nb,0\n",
        auto(),
        "a.csv, line 3: the header is repeated here; remove the line",
    );
}

#[test]
fn without_a_header_there_are_no_names() {
    let format = TableFormat { header: Header::No, ..named("text", "label") };
    refuses(
        "a.csv",
        b"text,label\na,1\n",
        format,
        "a.csv: there is no column 'text' for --text; the file has the columns 1 to 2 and no \
         header",
    );
}

#[test]
fn the_delimiter_is_suspected_also_where_texts_hold_the_usual_one() {
    refuses(
        "a.csv",
        b"text;label\nHello, you;1\nno;0\n",
        auto(),
        "a.csv: every row has a single column, but contains semicolons; the delimiter may be \
         wrong: say --delimiter ';'",
    );
    refuses(
        "a.tsv",
        b"\"a\tb\"\t1\nc\t0\n",
        auto(),
        "a.tsv, line 2: 2 columns, but the first row has 3; no field may hold the delimiter; if \
         fields are in quotes, say --quoting double, or see --delimiter",
    );
}

#[test]
fn a_delimiter_that_cannot_be_one_is_refused() {
    let with = |delimiter, quoting| TableFormat { delimiter: Some(delimiter), quoting, ..auto() };
    for (delimiter, shown) in [('"', "'\"'"), ('；', "'；'")] {
        let message = format!(
            "{shown} cannot stand between quoted columns; give --delimiter an ASCII character \
             other than '\"', or say --quoting none"
        );
        refuses("a.csv", b"a\n", with(delimiter, Quoting::Auto), &message);
    }
    for delimiter in ['\n', '\r'] {
        let message =
            "a line break cannot stand between columns; give --delimiter another character";
        refuses("a.tsv", b"a\n", with(delimiter, Quoting::None), message);
    }
    let format = with('；', Quoting::None);
    let content = "a；1\nb；0\n".as_bytes();
    assert!(read("a.csv", content, &format, Labels::Required).is_ok());
}

#[test]
fn scores_are_no_classes() {
    let scores: String =
        (0..60).map(|i| format!("text {i}\t{}\n", f64::from(i % 25) / 5.0)).collect();
    refuses(
        "a.tsv",
        scores.as_bytes(),
        auto(),
        "a.tsv: the labels (number 2) are 25 different numbers with fractions, a score rather \
         than classes; round them to a few classes, or see --label",
    );
}

#[test]
fn an_empty_second_text_column_is_refused() {
    refuses(
        "a.csv",
        b"text,text_pair,label\na,,1\nb,,0\n",
        auto(),
        "a.csv: the text column, 'text_pair', is empty in every row; see --text-pair",
    );
}

#[test]
fn a_label_that_is_not_known_is_named_with_those_that_are() {
    let message = |label: &str| {
        let content = format!("text\tlabel\na\tpositive\nb\t{label}\n");
        let table = read("a.tsv", content.as_bytes(), &auto(), Labels::Required).unwrap();
        let labels = LabelMap::from_names(vec!["negative".into(), "positive".into()]);
        labels.ids(&table).unwrap_err().to_string()
    };
    let known = "is not among the 2 classes: 'negative', 'positive'";
    let neutral = message("neutral");
    assert!(neutral.ends_with(&format!("line 3: the label 'neutral' {known}")), "{neutral}");
    let like = message("Positive");
    let suggested = format!("line 3: the label 'Positive' {known}; did you mean 'positive'?");
    assert!(like.ends_with(&suggested), "{like}");
}

#[test]
fn labels_are_wanted_where_classes_are() {
    let table: Table = read("a.txt", b"a\nb\n", &auto(), Labels::Optional).unwrap();
    let error = LabelMap::of(&table).unwrap_err().to_string();
    assert!(error.ends_with("line 1: the label is missing; remove the row or fill it in"));
}

#[test]
fn a_latin_1_file_is_checked_too() {
    let format = TableFormat { encoding: TextEncoding::Latin1, ..auto() };
    let message = "a.csv is a binary file, not text; give a csv, tsv or jsonl file";
    refuses("a.csv", b"caf\xe9\0,1\n", format, message);
}

#[test]
#[cfg(not(feature = "parquet"))]
fn a_build_without_parquet_says_so() {
    for (name, format) in [("a.parquet", "parquet"), ("a.arrow", "arrow"), ("a.feather", "arrow")] {
        let message = format!(
            "{name}: this build reads no {format} files; build it with the feature 'parquet'"
        );
        refuses(name, b"PAR1", auto(), &message);
    }
}
