//! Files as people have them, and what is said of those that cannot be used.
#![expect(clippy::unwrap_used, reason = "tests")]

use bertune_data::{
    Column, FileFormat, Header, LabelMap, Labels, Quoting, Table, TableFormat, TextEncoding,
    read_table,
};

fn read(name: &str, content: &[u8], format: &TableFormat, labels: Labels) -> Result<Table, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    let shown = format!("{}/", folder.path().display());
    read_table(&path, format, labels).map_err(|error| error.to_string().replace(&shown, ""))
}

/// The rows as `text|pair|label@line`.
fn rows(name: &str, content: &str, format: &TableFormat) -> Vec<String> {
    let table = read(name, content.as_bytes(), format, Labels::Required).unwrap();
    let row = |example: &bertune_data::Example| {
        let pair = example.text_pair.as_deref().unwrap_or("-");
        let label = example.label.as_deref().unwrap_or("-");
        format!("{}|{pair}|{label}@{}", example.text, example.line)
    };
    table.examples.iter().map(row).collect()
}

fn auto() -> TableFormat {
    TableFormat::default()
}

fn named(text: &str, label: &str) -> TableFormat {
    let column = |name: &str| Some(name.parse().unwrap());
    TableFormat {
        text: column(text),
        label: column(label),
        ..auto()
    }
}

#[test]
fn usual_files_need_no_options() {
    assert_eq!(
        rows("a.csv", "text,label\n\"x, y\",pos\nz,neg\n", &auto()),
        ["x, y|-|pos@2", "z|-|neg@3"]
    );
    assert_eq!(
        rows("a.csv", "label,text\n1,a\n0,b\n", &auto()),
        ["a|-|1@2", "b|-|0@3"]
    );
    assert_eq!(
        rows("a.tsv", "good film\t1\nbad film\t0\nso so\t1\n", &auto())[1],
        "bad film|-|0@2"
    );
    assert_eq!(
        rows("a.txt", "0\tgood\n1\tbad\n1\tugly\n", &auto())[2],
        "ugly|-|1@3"
    );
    assert_eq!(
        rows("a.tsv", "sentence\tlabel\na \"b\t1\n", &auto()),
        ["a \"b|-|1@2"]
    );
    let pairs = "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tyes\n1\tc\td\tno\n";
    assert_eq!(rows("a.tsv", pairs, &auto()), ["a|b|yes@2", "c|d|no@3"]);
    let json = "{\"text\": \"a\", \"label\": 1}\n\n{\"label\": true, \"text\": \"b\"}\n";
    assert_eq!(rows("a.jsonl", json, &auto()), ["a|-|1@1", "b|-|true@3"]);
}

#[test]
fn columns_are_asked_for_by_name_or_number() {
    assert_eq!(
        rows("a.csv", "Q,S\n1,hello\n0,bye\n", &named("S", "Q"))[0],
        "hello|-|1@2"
    );
    let cola = TableFormat {
        text: Some(Column::Number(4)),
        label: Some(Column::Number(2)),
        ..auto()
    };
    assert_eq!(
        rows(
            "a.tsv",
            "gj04\t1\t\tHe left.\ngj04\t0\t*\tLeft he.\n",
            &cola
        )[1],
        "Left he.|-|0@2"
    );
    let stsb = TableFormat {
        text: Some(Column::Number(1)),
        text_pair: Some(Column::Number(2)),
        label: Some(Column::Number(3)),
        ..auto()
    };
    assert_eq!(
        rows("a.csv", "A plane.,\"A, plane.\",5.0\n", &stsb),
        ["A plane.|A, plane.|5.0@1"]
    );
}

#[test]
fn a_byte_order_mark_is_no_character() {
    let mrpc = "\u{feff}Quality\t#1 String\t#2 String\n1\ta\tb\n";
    let format = TableFormat {
        text_pair: Some(Column::Name("#2 String".into())),
        ..named("#1 String", "Quality")
    };
    assert_eq!(rows("a.txt", mrpc, &format), ["a|b|1@2"]);
}

#[test]
fn latin_1_is_read_if_said() {
    let format = TableFormat {
        encoding: TextEncoding::Latin1,
        ..auto()
    };
    let table = read(
        "a.tsv",
        b"caf\xe9\t1\nth\xe9\t0\n",
        &format,
        Labels::Required,
    )
    .unwrap();
    assert_eq!(table.examples[0].text, "café");
}

#[test]
fn what_was_found_is_told() {
    let table = read(
        "a.csv",
        b"text,label\na,1\nb,0\n",
        &auto(),
        Labels::Required,
    )
    .unwrap();
    assert_eq!(
        (table.layout.has_header, table.layout.format),
        (true, FileFormat::Csv)
    );
    assert_eq!(
        (table.layout.text.as_str(), table.layout.label.as_deref()),
        ("'text'", Some("'label'"))
    );
    let table = read("a.tsv", b"x\t1\ny\t0\nz\t0\n", &auto(), Labels::Required).unwrap();
    assert_eq!(
        (table.layout.has_header, table.layout.label.as_deref()),
        (false, Some("number 2"))
    );
}

#[test]
fn prediction_needs_no_label_and_takes_empty_texts() {
    let table = read("a.txt", b"one, two\nthree\n", &auto(), Labels::Optional).unwrap();
    assert_eq!(table.examples.len(), 2);
    let table = read("a.csv", b"text,label\n,\nb,\n", &auto(), Labels::Optional).unwrap();
    assert_eq!(
        (
            table.examples.len(),
            table.examples.last().unwrap().label.clone()
        ),
        (1, None)
    );
}

#[test]
fn labels_are_numbered_in_a_stable_order() {
    let names = |content: &str| {
        let table = read("a.tsv", content.as_bytes(), &auto(), Labels::Required).unwrap();
        LabelMap::of(&table).unwrap().names().to_vec()
    };
    assert_eq!(names("a b\t10\nc d\t9\ne f\t10\n"), ["9", "10"]);
    assert_eq!(names("a b\t10\nc d\tx\ne f\t10\n"), ["10", "x"]);
}

fn refuses(name: &str, content: &[u8], format: TableFormat, message: &str) {
    let result = read(name, content, &format, Labels::Required);
    let result = result.and_then(|table| {
        let dataset = LabelMap::of(&table).map_err(|error| error.to_string());
        dataset.map(|_| table)
    });
    let error = result.expect_err(message);
    let error = error
        .rsplit_once("/a.")
        .map_or(error.clone(), |(_, rest)| format!("a.{rest}"));
    assert_eq!(error, message);
}

#[test]
fn files_without_rows_are_refused() {
    refuses("a.csv", b"", auto(), "a.csv has no rows");
    refuses("a.csv", b"\n \n", auto(), "a.csv has no rows");
    refuses(
        "a.csv",
        b"text,label\n",
        auto(),
        "a.csv has no rows below its header",
    );
}

#[test]
fn files_that_are_no_text_are_refused() {
    let parquet = "a.csv is a parquet file, not text; give a csv, tsv or jsonl file";
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
    refuses(
        "a.doc",
        b"x",
        auto(),
        "a.doc: the file's extension is none of .csv, .tsv, .txt and .jsonl; say --format csv, \
         tsv or jsonl",
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
         label column is 'label')",
    );
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
        b"{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\"}\n",
        auto(),
        "a.jsonl, line 2: the label is missing; remove the row or fill it in",
    );
}

#[test]
fn a_folder_and_a_missing_file_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let message = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(folder.path().join("x.csv")).unwrap();
        read_table(&path, &auto(), Labels::Required)
            .unwrap_err()
            .to_string()
    };
    assert!(message("x.csv").ends_with("x.csv is a folder; name the file in it"));
    assert!(message("y.csv").contains("y.csv: No such file"));
}

#[test]
fn options_change_how_a_file_is_read() {
    let format = TableFormat {
        header: Header::No,
        delimiter: Some('|'),
        ..auto()
    };
    assert_eq!(
        rows("a.csv", "text|1\nlabel|0\nx|0\n", &format)[0],
        "text|-|1@1"
    );
    let format = TableFormat {
        quoting: Quoting::Double,
        ..auto()
    };
    assert_eq!(
        rows("a.tsv", "\"a\tb\"\t1\nc\t0\nd\t0\n", &format)[0],
        "a\tb|-|1@1"
    );
    let format = TableFormat {
        format: Some(FileFormat::Tsv),
        ..auto()
    };
    assert_eq!(
        rows("TREC.train", "a b\t1\nc d\t0\ne f\t0\n", &format).len(),
        3
    );
}

proptest::proptest! {
    #[test]
    fn any_table_written_as_csv_reads_back(
        table in proptest::collection::vec(("\\PC*[a-z]", "[a-z]{1,8}"), 1..20),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["text", "label"]).unwrap();
        for (text, label) in &table {
            writer.write_record([text, label]).unwrap();
        }
        let content = writer.into_inner().unwrap();
        let read = read("a.csv", &content, &auto(), Labels::Required).unwrap();
        for (example, (text, label)) in read.examples.iter().zip(&table) {
            proptest::prop_assert_eq!(&example.text, text);
            proptest::prop_assert_eq!(example.label.as_ref(), Some(label));
        }
        proptest::prop_assert_eq!(read.examples.len(), table.len());
    }
}
