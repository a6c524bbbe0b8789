//! What would lose something, or measure something else than was meant.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod outcome;

use std::fs::{self, File};
use std::process::Stdio;

use common::Place;
use outcome::succeed;

const TRAIN: &str =
    "train --model model --train train.csv --validation train.csv --batch-size 4 -q";

fn fail(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_run_outlives_whoever_reads_what_it_prints() {
    let place = Place::new();
    let run = format!("{TRAIN} --epochs 3 --output out");
    let mut child = place.command(&run).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    let record = String::from_utf8(place.read("out/run.json")).unwrap();
    assert!(record.contains("\"finished\": true"), "{record}");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_told_at_the_end() {
    let place = Place::new();
    succeed(&place, &format!("{TRAIN} --epochs 1 --output out"));
    for command in [
        "evaluate --model out --data train.csv".to_owned(),
        "predict --model out --file train.csv".to_owned(),
        format!("{TRAIN} --epochs 1 --output full"),
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = place.command(&command).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}: {told}");
        assert!(told.contains("cannot write to standard output: No space left"), "{told}");
    }
    assert!(place.path("full/model.safetensors").exists());
}

#[test]
fn predictions_do_not_replace_the_texts_that_they_are_of() {
    let place = Place::new();
    succeed(&place, &format!("{TRAIN} --epochs 1 --output out"));
    let before = place.read("train.csv");
    let error = fail(&place, "predict --model out --file train.csv --output ./train.csv");
    assert!(error.contains("is read by this command and would be lost"), "{error}");
    assert_eq!(place.read("train.csv"), before);
}

#[test]
fn what_somebody_put_beside_a_model_stays_when_it_is_replaced() {
    let place = Place::new();
    succeed(&place, &format!("{TRAIN} --epochs 1 --output out"));
    place.write("out/notes.txt", "mine");
    place.write("out/plots/one.svg", "mine too");
    succeed(&place, &format!("{TRAIN} --epochs 2 --output out --overwrite"));
    assert_eq!(place.read("out/notes.txt"), b"mine");
    assert_eq!(place.read("out/plots/one.svg"), b"mine too");

    place.write("web/config.json", "{\"port\": 80}");
    place.write("web/src/main.js", "code");
    let error = fail(&place, &format!("{TRAIN} --epochs 1 --output web --overwrite"));
    assert!(error.contains("web: this folder holds other files and no model"), "{error}");
    assert_eq!(fs::read(place.path("web/src/main.js")).unwrap(), b"code");
}

#[test]
fn a_model_of_sets_is_measured_on_sets_of_all_its_labels() {
    let place = Place::new();
    let rows = "good film,1,0\nbad film,0,1\nvery good,1,0\nthe bad,0,1\na film,0,0\n".repeat(3);
    place.write("sets.csv", format!("text,joy,anger\n{rows}"));
    let train = "train --model model --train sets.csv --validation sets.csv --targets set \
                 --labels joy,anger --epochs 2 -q --output sets";
    succeed(&place, train);
    let evaluate = "evaluate --model sets --data sets.csv --json";
    let told = succeed(&place, &format!("{evaluate} --labels joy,anger"));
    let scores: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(scores["classes"][0]["examples"], 6, "{scores}");
    let error = fail(&place, &format!("{evaluate} --labels joy"));
    assert!(error.contains("the model's sets may hold 'anger' too"), "{error}");
    let error = fail(&place, &format!("{evaluate} --targets class"));
    assert!(error.contains("say --targets set, or leave it out"), "{error}");
    succeed(&place, "compare-runs sets sets --data sets.csv --labels joy,anger");
}

#[test]
fn runs_that_cannot_be_repeated_or_stopped_say_why() {
    let place = Place::new();
    place.write("text.txt", "the good film was a bad film .\n\n".repeat(60));
    let pretrain = "pretrain --text text.txt --output bert --vocab-size 60 --layers 1 --hidden-size 8 \
                    --heads 1 --max-length 8 --max-steps 1 -q";
    succeed(&place, pretrain);
    let error = fail(&place, "replay bert/run.json --output again");
    assert!(error.contains("is of pretraining, which replay does not take"), "{error}");

    let verify = "verify-resume --model model --train train.csv --validation train.csv --patience 1 \
                  --learning-rate 0 --evaluate-every '1 steps' --steps 6";
    let error = fail(&place, verify);
    assert!(error.contains("the run ends by itself before step 7"), "{error}");
}

#[test]
fn a_loss_without_a_gradient_is_told_before_the_first_step() {
    let place = Place::new();
    let error = fail(&place, &format!("{TRAIN} --focal-gamma 1000000 --output out"));
    assert!(error.contains("focal_gamma"), "{error}");
    assert!(!place.path("out").exists());
}
