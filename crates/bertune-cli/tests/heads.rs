//! A run that begins with the model of another: what becomes of its classifier.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::Place;

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
