//! A run that begins with the model of another: what becomes of its classifier; and how each class of
//! sets and each of several numbers is measured.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod outcome;

use common::Place;
use outcome::succeed;
use serde_json::Value;

/// What a run says of itself on standard error, if it went well.
fn told(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments}: {error}");
    error
}

const TRAIN: &str = "train --train train.csv --validation train.csv --max-steps 3 --batch-size 8";

/// A place with a fine-tuned model, `tuned`.
fn place() -> Place {
    let place = Place::new();
    told(&place, &format!("{TRAIN} --model model --output tuned --learning-rate 1e-2"));
    place
}

#[test]
fn a_head_for_the_same_labels_goes_on_with_the_encoder() {
    let place = place();
    let run = format!("{TRAIN} --model tuned --output again --learning-rate 0");
    let told = told(&place, &run);
    assert!(told.contains("Head      the model's own"), "{told}");
    assert!(!told.contains("newly initialised"), "{told}");
    assert!(place.read("tuned/model.safetensors") == place.read("again/model.safetensors"));
    assert!(place.read("model/model.safetensors") != place.read("again/model.safetensors"));
}

#[test]
fn a_head_for_other_labels_begins_anew_on_the_same_encoder() {
    let place = place();
    let rows = String::from_utf8(place.read("train.csv")).unwrap();
    let others = rows.replace(",pos", ",positive");
    place.write("train.csv", others);
    let told = told(&place, &format!("{TRAIN} --model tuned --output again --learning-rate 0"));
    assert!(told.contains("Head      new, for the model's own is for other labels"), "{told}");
    assert!(told.contains("2 newly initialised (classifier.weight, classifier.bias)"), "{told}");
    let (tuned, again) =
        (place.read("tuned/model.safetensors"), place.read("again/model.safetensors"));
    assert!(tuned != again && tuned.len() == again.len());
}

#[test]
fn a_head_for_sets_of_the_same_labels_begins_anew() {
    let place = place();
    let run = format!("{TRAIN} --targets set --model tuned --output sets");
    assert!(told(&place, &run).contains("Head      new"));
}

const SETS: &str = "text,labels\ngood film,fine\nvery good film,fine\nbad film,poor;sad\n\
                    not good,poor\nthe film,\n";
const NUMBERS: &str = "text,joy,anger\ngood film,1.5,-1\nvery good film,2,-2\nbad film,-0.5,2\n\
                       the film,0,0.5\n";

/// What `evaluate` says of a model that was trained and tested on the same rows: in words, in JSON;
/// and the scores in the record of its run.
fn measured(rows: &str, flags: &str) -> (String, Value, Value) {
    let place = Place::new();
    place.write("rows.csv", rows);
    let files = "--train rows.csv --validation rows.csv --test rows.csv";
    let run = format!("--epochs 2 --batch-size 2 --learning-rate 1e-3 {flags}");
    told(&place, &format!("train --model model {files} {run} --output out"));
    let record: Value = serde_json::from_slice(&place.read("out/run.json")).unwrap();
    let evaluate = format!("evaluate --model out --data rows.csv {flags}");
    let json = succeed(&place, &format!("{evaluate} --json"));
    let json = serde_json::from_str(&json).unwrap();
    (succeed(&place, &evaluate), json, record["test"]["scores"].clone())
}

/// A score's mean over the classes or numbers is `expected`.
fn check_mean(parts: &Value, score: &str, expected: &Value) {
    let parts = parts.as_array().unwrap();
    let sum: f64 = parts.iter().map(|part| part[score].as_f64().unwrap()).sum();
    check_same(sum / parts.len() as f64, expected, score);
}

fn check_same(ours: f64, expected: &Value, score: &str) {
    assert!((ours - expected.as_f64().unwrap()).abs() < 1e-9, "{score}: {ours} {expected}");
}

#[test]
fn each_class_of_sets_has_its_scores() {
    let (words, json, record) = measured(SETS, "--targets set");
    let classes = json["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 3, "{json}");
    for (class, (name, examples)) in classes.iter().zip([("fine", 2), ("poor", 2), ("sad", 1)]) {
        assert_eq!(class["label"], name);
        assert_eq!(class["examples"], examples);
        // Thresholds were tuned on these rows.
        let f1 = class["f1"].as_f64().unwrap();
        assert!(f1 > 0.0, "{json}");
        let line = words.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.ends_with(&format!("{f1:.4}")), "{words}");
    }
    for score in ["precision", "recall", "f1"] {
        check_mean(&json["classes"], score, &json[format!("macro_{score}")]);
        for average in ["micro", "weighted", "samples"] {
            let name = format!("{average}_{score}");
            check_same(json[&name].as_f64().unwrap(), &record[average][score], &name);
        }
    }
    assert!(!words.contains("predictions across"), "{words}");
}

#[test]
fn each_of_several_numbers_has_its_scores() {
    let (words, json, record) = measured(NUMBERS, "--targets values --labels joy,anger");
    assert_eq!(json["targets"][0]["label"], "joy");
    assert_eq!(json["targets"][1]["label"], "anger");
    for score in ["pearson", "spearman", "mse", "mae", "r2"] {
        check_mean(&json["targets"], score, &json[score]);
        check_same(json[score].as_f64().unwrap(), &record[score], score);
    }
    let table: Vec<_> = words.lines().skip_while(|line| !line.starts_with("target")).collect();
    assert_eq!(table.len(), 3, "{words}");
    assert!(table[1].starts_with("joy") && table[2].starts_with("anger"), "{words}");
    let (words, json, _) = measured(NUMBERS, "--targets values --label joy");
    check_mean(&json["targets"], "mae", &json["mae"]);
    assert!(!words.contains("target"), "{words}");
}

/// The keys' bias has no effect, so that its gradient is rounding, which grows with the numbers.
#[test]
fn numbers_of_any_size_are_learned() {
    let place = Place::new();
    for (name, scale) in [("years", 1.0), ("prices", 1e3), ("populations", 1e6)] {
        let row = |i: usize| format!("a good film {i},{}\n", scale * (1950 + i * 7 % 75) as f64);
        let rows: String = (0..40).map(row).collect();
        place.write("numbers.csv", format!("text,label\n{rows}"));
        for seed in 1..=3 {
            let train = "train --model model --train numbers.csv --targets values --max-steps 1 -q";
            succeed(&place, &format!("{train} --seed {seed} --output {name}-{seed}"));
        }
    }
}

#[test]
fn averages_weighted_by_the_rows_of_each_class_can_be_asked_for() {
    let place = Place::new();
    for metric in ["weighted_precision", "weighted_recall"] {
        let evaluate = format!("evaluate --model model --data train.csv --metric {metric}");
        let words = succeed(&place, &evaluate);
        assert!(words.contains(&format!("95 % interval of {metric}: ")), "{words}");
        let json: Value =
            serde_json::from_str(&succeed(&place, &format!("{evaluate} --json"))).unwrap();
        assert_eq!(json["interval"]["metric"], metric);
        assert!(json[metric].is_number(), "{json}");
    }
}
