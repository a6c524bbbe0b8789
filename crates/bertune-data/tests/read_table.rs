//! Files as people have them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use bertune_data::{
    Column, FileFormat, Header, LabelMap, Labels, Quoting, TableFormat, TextEncoding,
};
use common::{auto, named, read};

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

#[test]
fn usual_files_need_no_options() {
    assert_eq!(
        rows("a.csv", "text,label\n\"x, y\",pos\nz,neg\n", &auto()),
        ["x, y|-|pos@2", "z|-|neg@3"]
    );
    assert_eq!(rows("a.csv", "label,text\n1,a\n0,b\n", &auto()), ["a|-|1@2", "b|-|0@3"]);
    assert_eq!(
        rows("a.tsv", "good film\t1\nbad film\t0\nso so\t1\n", &auto())[1],
        "bad film|-|0@2"
    );
    assert_eq!(rows("a.txt", "0\tgood\n1\tbad\n1\tugly\n", &auto())[2], "ugly|-|1@3");
    assert_eq!(rows("a.tsv", "sentence\tlabel\na \"b\t1\n", &auto()), ["a \"b|-|1@2"]);
    let pairs = "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tyes\n1\tc\td\tno\n";
    assert_eq!(rows("a.tsv", pairs, &auto()), ["a|b|yes@2", "c|d|no@3"]);
    let json = "{\"text\": \"a\", \"label\": 1}\n\n{\"label\": true, \"text\": \"b\"}\n";
    assert_eq!(rows("a.jsonl", json, &auto()), ["a|-|1@1", "b|-|true@3"]);
}

#[test]
fn columns_are_asked_for_by_name_or_number() {
    assert_eq!(rows("a.csv", "Q,S\n1,hello\n0,bye\n", &named("S", "Q"))[0], "hello|-|1@2");
    let cola =
        TableFormat { text: Some(Column::Number(4)), label: Some(Column::Number(2)), ..auto() };
    assert_eq!(
        rows("a.tsv", "gj04\t1\t\tHe left.\ngj04\t0\t*\tLeft he.\n", &cola)[1],
        "Left he.|-|0@2"
    );
    let stsb = TableFormat {
        text: Some(Column::Number(1)),
        text_pair: Some(Column::Number(2)),
        label: Some(Column::Number(3)),
        ..auto()
    };
    assert_eq!(rows("a.csv", "A plane.,\"A, plane.\",5.0\n", &stsb), ["A plane.|A, plane.|5.0@1"]);
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
    let format = TableFormat { encoding: TextEncoding::Latin1, ..auto() };
    let table = read("a.tsv", b"caf\xe9\t1\nth\xe9\t0\n", &format, Labels::Required).unwrap();
    assert_eq!(table.examples[0].text, "café");
}

#[test]
fn what_was_found_is_told() {
    let table = read("a.csv", b"text,label\na,1\nb,0\n", &auto(), Labels::Required).unwrap();
    assert_eq!((table.layout.has_header, table.layout.format), (true, FileFormat::Csv));
    assert_eq!(
        (table.layout.text.as_str(), table.layout.label.as_deref()),
        ("'text'", Some("'label'"))
    );
    let table = read("a.tsv", b"x\t1\ny\t0\nz\t0\n", &auto(), Labels::Required).unwrap();
    assert_eq!((table.layout.has_header, table.layout.label.as_deref()), (false, Some("number 2")));
}

#[test]
fn prediction_needs_no_label_and_takes_empty_texts() {
    let table = read("a.txt", b"one, two\nthree\n", &auto(), Labels::Optional).unwrap();
    assert_eq!(table.examples.len(), 2);
    let table = read("a.csv", b"text,label\n,\nb,\n", &auto(), Labels::Optional).unwrap();
    assert_eq!((table.examples.len(), table.examples.last().unwrap().label.clone()), (2, None));
    let table = read("a.csv", b"text\n\"\"\nb\n", &auto(), Labels::Optional).unwrap();
    assert_eq!(table.examples.len(), 2);
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

#[test]
fn options_change_how_a_file_is_read() {
    let format = TableFormat { header: Header::No, delimiter: Some('|'), ..auto() };
    assert_eq!(rows("a.csv", "text|1\nlabel|0\nx|0\n", &format)[0], "text|-|1@1");
    let format = TableFormat { quoting: Quoting::Double, ..auto() };
    assert_eq!(rows("a.tsv", "\"a\tb\"\t1\nc\t0\nd\t0\n", &format)[0], "a\tb|-|1@1");
    let format = TableFormat { format: Some(FileFormat::Tsv), ..auto() };
    assert_eq!(rows("TREC.train", "a b\t1\nc d\t0\ne f\t0\n", &format).len(), 3);
}

fn header_and_text(content: &str, format: &TableFormat) -> (bool, String) {
    let table = read("a.tsv", content.as_bytes(), format, Labels::Required).unwrap();
    (table.layout.has_header, table.layout.text)
}

#[test]
fn a_header_is_known_by_its_names_or_by_the_numbers_below() {
    let header = |content: &str| header_and_text(content, &auto()).0;
    assert!(header("text\tlabel\na\tx\nb\ty\n"));
    assert!(header(" Text \tLABEL\na\tx\nb\ty\n"));
    assert!(!header("a\tx\nb\ty\nc\ty\n"));
    // A class may have a usual name.
    assert!(!header("how are you\tquestion\nhi\tgreeting\nwho is it\tquestion\n"));
    let asked = |content: &str| header_and_text(content, &named("2", "1")).0;
    assert!(asked("polarity\ttweets\n1\ta\n0\tb\n"));
    assert!(!asked("1\ta\n0\tb\n"));
    assert!(!asked("x\ta\n0\tb\n"), "one row below is too few to tell");
}

#[test]
fn the_lines_of_one_column_are_texts_even_over_numbers() {
    let table = read("a.txt", b"hello\n12\n13\n", &auto(), Labels::Optional).unwrap();
    assert_eq!(table.examples.len(), 3);
    let table = read("a.txt", b"text\nhello\ntext\n", &auto(), Labels::Optional).unwrap();
    assert_eq!(table.examples.len(), 2, "a text may be spelled as the header");
}

#[test]
fn pairs_are_found_by_their_usual_names() {
    let qnli = "index\tquestion\tsentence\tlabel\n0\tq\ts\tyes\n1\tp\tt\tno\n";
    assert_eq!(rows("a.tsv", qnli, &auto()), ["q|s|yes@2", "p|t|no@3"]);
    let mrpc = "\u{feff}Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\ta\tb\n";
    assert_eq!(rows("a.txt", mrpc, &auto()), ["a|b|1@2"]);
    let sts = TableFormat { text_pair: Some(Column::Name("b".into())), ..auto() };
    assert_eq!(rows("a.csv", "a,b,label\nx,y,1\n", &sts), ["x|y|1@2"]);
}

#[test]
fn a_column_that_is_asked_for_is_not_guessed_for_another_role() {
    let format = TableFormat { label: Some(Column::Name("question".into())), ..auto() };
    let content = "question,answer\nwho,me\nwhere,here\n";
    assert_eq!(rows("a.csv", content, &format)[0], "me|-|who@2");
    let format = TableFormat { label: Some(Column::Name("sentence2".into())), ..auto() };
    let content = "sentence1,sentence2\na,yes\nb,no\n";
    assert_eq!(rows("a.csv", content, &format)[0], "a|-|yes@2");
    let content = "sentence1,sentence2\nyes,a\nno,b\n";
    assert_eq!(rows("a.csv", content, &named("sentence2", "sentence1"))[0], "a|-|yes@2");
    assert_eq!(rows("a.csv", content, &named("1", "2"))[0], "yes|-|a@2");
}

#[test]
fn lone_carriage_returns_end_the_lines_of_old_files() {
    let expected = ["a|-|1@2", "b|-|0@3"];
    assert_eq!(rows("a.csv", "text,label\ra,1\rb,0\r", &auto()), expected);
    assert_eq!(rows("a.tsv", "text\tlabel\ra\t1\rb\t0", &auto()), expected);
}

#[test]
fn json_keys_may_come_in_any_order_and_labels_may_be_null_in_prediction() {
    let content =
        b"{\"text\": \"a\", \"label\": null}\n{\"text\": \"\"}\n{\"label\": [1], \"text\": \"c\"}";
    let table = read("a.jsonl", content, &auto(), Labels::Optional).unwrap();
    let texts: Vec<_> = table.examples.iter().map(|e| e.text.as_str()).collect();
    assert_eq!(texts, ["a", "", "c"]);
    assert!(table.examples.iter().all(|example| example.label.is_none()));
}

#[test]
fn fractions_are_classes_where_they_are_few() {
    let stars: String =
        (0..40).map(|i| format!("text {i}\t{}\n", f64::from(i % 10) / 2.0)).collect();
    let table = read("a.tsv", stars.as_bytes(), &auto(), Labels::Required).unwrap();
    assert_eq!(LabelMap::of(&table).unwrap().names().len(), 10);
}

#[test]
fn a_format_is_read_from_a_configuration_file() {
    let json = r##"{"text": "#1 String", "label": 1, "delimiter": "\t", "encoding": "latin-1"}"##;
    let expected = TableFormat {
        delimiter: Some('\t'),
        encoding: TextEncoding::Latin1,
        ..named("#1 String", "1")
    };
    assert_eq!(serde_json::from_str::<TableFormat>(json).unwrap(), expected);
    assert!(serde_json::from_str::<TableFormat>(r#"{"txt": 1}"#).is_err());
}
