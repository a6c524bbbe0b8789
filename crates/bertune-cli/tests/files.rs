//! What is done with the files that predict, evaluate and train read and write, and which flags and
//! models do not go with them.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod outcome;

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::process::Command;

use common::Place;
use outcome::succeed;
use serde_json::{Value, json};

const PREDICT: &str = "predict --model model 'a film' --output-format csv";

fn refused(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments}: {error}");
    error
}

/// A place whose model has these keys in its configuration.
fn place(keys: &[(&str, Value)]) -> Place {
    let place = Place::new();
    let mut config: Value = serde_json::from_slice(&place.read("model/config.json")).unwrap();
    for (key, value) in keys {
        config[*key] = value.clone();
    }
    place.write("model/config.json", config.to_string());
    place
}

#[test]
fn a_result_follows_links_and_leaves_devices_and_pipes() {
    let place = Place::new();
    let expected = succeed(&place, PREDICT);
    place.write("kept/result.csv", "old");
    symlink("kept/result.csv", place.path("link.csv")).unwrap();
    succeed(&place, &format!("{PREDICT} --output link.csv"));
    assert!(place.path("link.csv").is_symlink());
    assert_eq!(place.read("kept/result.csv"), expected.as_bytes());

    symlink("/dev/null", place.path("nothing")).unwrap();
    succeed(&place, &format!("{PREDICT} --output nothing"));
    assert!(place.path("nothing").is_symlink());
    symlink("nowhere", place.path("dangling")).unwrap();
    let error = refused(&place, &format!("{PREDICT} --output dangling"));
    assert!(error.contains("dangling is a link to nothing"), "{error}");

    assert!(Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    // Open for both, so that neither side waits for the other.
    let mut pipe = File::options().read(true).write(true).open(place.path("pipe")).unwrap();
    succeed(&place, &format!("{PREDICT} --output pipe"));
    assert!(fs::metadata(place.path("pipe")).unwrap().file_type().is_fifo());
    let mut received = vec![0; expected.len()];
    pipe.read_exact(&mut received).unwrap();
    assert_eq!(received, expected.as_bytes());
}

#[test]
fn a_result_has_the_permissions_of_a_new_file_or_of_the_one_before() {
    let place = Place::new();
    let mode = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    let predict = format!("{PREDICT} --output result.csv");
    place.write("usual.csv", "");
    succeed(&place, &predict);
    assert_eq!(mode("result.csv"), mode("usual.csv"));
    fs::set_permissions(place.path("result.csv"), Permissions::from_mode(0o640)).unwrap();
    succeed(&place, &predict);
    assert_eq!(mode("result.csv"), 0o640);
}

#[test]
fn flags_of_a_file_are_refused_without_one() {
    let place = Place::new();
    for flag in ["--text", "--text-pair", "--label", "--labels", "--weight"] {
        let error = refused(&place, &format!("{PREDICT} {flag} text"));
        let message = format!("{flag} says how a file is read, but there is no --file");
        assert!(error.contains(&message), "{error}");
    }
    for flag in ["--format csv", "--header no", "--encoding latin-1", "--targets set"] {
        let error = refused(&place, &format!("predict --model model {flag}"));
        assert!(error.contains("there is no --file"), "{error}");
    }
}

#[test]
fn a_model_of_pairs_wants_pairs() {
    let place = place(&[("bertune_text_pair", json!(true))]);
    place.write("pairs.csv", "text,other,label\na film,good,pos\nthe film,bad,neg\n");
    let error = refused(&place, PREDICT);
    assert!(error.contains("give the second text with --pair"), "{error}");
    for command in [
        "predict --model model --file pairs.csv",
        "evaluate --model model --data pairs.csv",
        "compare-runs model model --data pairs.csv",
    ] {
        let error = refused(&place, command);
        assert!(error.contains("trained on pairs of texts"), "{error}");
        assert!(error.contains("name the column of the second text with --text-pair"), "{error}");
        succeed(&place, &format!("{command} --text-pair other"));
    }
    succeed(&place, &format!("{PREDICT} --pair good"));
}

#[test]
fn a_model_of_single_texts_takes_no_pairs() {
    let place = Place::new();
    let train = "train --model model --train train.csv --max-steps 1 -q --output single";
    succeed(&place, train);
    place.write("pairs.csv", "text,text_pair,label\na film,good,pos\nthe film,bad,neg\n");
    for command in [
        "predict --model single 'a film' --pair good",
        "predict --model single --file pairs.csv",
        "evaluate --model single --data pairs.csv",
        "compare-runs single single --data pairs.csv",
    ] {
        let error = refused(&place, command);
        assert!(error.contains("trained on single texts, but these are pairs"), "{error}");
    }
    // What another program trained does not say.
    succeed(&place, &format!("{PREDICT} --pair good"));
}

#[test]
fn labels_with_a_separator_are_not_joined_in_csv() {
    let keys = [
        ("problem_type", json!("multi_label_classification")),
        ("id2label", json!({"0": "sad; or so", "1": "joy"})),
    ];
    let place = place(&keys);
    let error = refused(&place, PREDICT);
    assert!(error.contains("the model's label 'sad; or so' holds one"), "{error}");
    succeed(&place, "predict --model model 'a film' --output-format jsonl");
}

#[test]
fn numbers_are_measured_by_the_names_of_their_columns() {
    let regression = ("problem_type", json!("regression"));
    let named = place(&[regression.clone(), ("id2label", json!({"0": "joy", "1": "anger"}))]);
    let rows = "text,anger,joy\na good film,0.5,-1\nthe bad film,1,3\nthe film,-2,0\n";
    named.write("values.csv", rows);
    let evaluate = "evaluate --model model --data values.csv --targets values --json --labels";
    let scores = succeed(&named, &format!("{evaluate} joy,anger"));
    assert_eq!(succeed(&named, &format!("{evaluate} anger,joy")), scores);
    named.write("values.csv", rows.replace("joy", "fear"));
    let error = refused(&named, &format!("{evaluate} anger,fear"));
    assert!(error.contains("are 'anger', 'fear', but the model gives 'joy', 'anger'"), "{error}");

    let numbered = place(&[regression, ("id2label", json!({"0": "LABEL_0", "1": "LABEL_1"}))]);
    numbered.write("values.csv", rows);
    let score = |labels: &str| -> Value {
        serde_json::from_str(&succeed(&numbered, &format!("{evaluate} {labels}"))).unwrap()
    };
    assert_ne!(score("joy,anger")["loss"], score("anger,joy")["loss"]);
}

#[test]
fn files_that_are_measured_on_need_no_weights() {
    let place = Place::new();
    let rows = String::from_utf8(place.read("train.csv")).unwrap();
    let weighted: Vec<String> = rows.lines().skip(1).map(|row| format!("{row},2\n")).collect();
    place.write("weighted.csv", format!("text,label,w\n{}", weighted.concat()));
    succeed(
        &place,
        "train --model model --train weighted.csv --weight w --validation train.csv \
         --test train.csv --epochs 1 --output out",
    );
    succeed(&place, "evaluate --model out --data train.csv --weight w");
}

#[test]
fn the_boxed_model_is_no_classifier() {
    let place = Place::new();
    for command in ["predict --model boxed 'a film'", "evaluate --model boxed --data train.csv"] {
        let error = refused(&place, command);
        assert!(error.contains("fine-tune it first: bertune train --model boxed"), "{error}");
    }
    place.write_model("boxed");
    succeed(&place, "predict --model boxed 'a film'");
}
