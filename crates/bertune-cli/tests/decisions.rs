//! What a classifier makes of its scores: windows of long texts, thresholds, temperature, intervals;
//! and what the program says where they may mislead.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod outcome;

use common::Place;
use outcome::succeed;
use serde_json::Value;

fn refused(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn config(place: &Place) -> Value {
    json(&String::from_utf8(place.read("out/config.json")).unwrap())
}

/// The word that tells the class comes when everything that fits into one window is over.
#[test]
fn a_long_text_is_read_to_its_end() {
    let place = Place::new();
    let rows: String = (0..12)
        .map(|i| {
            let long = "the film . ".repeat(3 + i % 3);
            format!("{long}good,pos\n{long}bad,neg\n")
        })
        .collect();
    place.write("long.csv", format!("text,label\n{rows}"));
    let train = "train --model model --train long.csv --validation long.csv --epochs 60 \
                 --batch-size 4 --micro-batch-size 2 --learning-rate 3e-3 --max-length 8";
    let cut = succeed(&place, &format!("{train} --output cut -q"));
    assert!(cut.contains("Best") && cut.contains("accuracy 0.5000"), "{cut}");

    succeed(&place, &format!("{train} --stride 2 --output out -q --token-cache cache"));
    assert_eq!(config(&place)["bertune_stride"], 2);
    let scores = json(&succeed(&place, "evaluate --model out --data long.csv --json"));
    assert_eq!(scores["accuracy"], 1.0, "{scores}");
    let long = "the film . ".repeat(40);
    let output = succeed(&place, &format!("predict --model out '{long}good' '{long}bad'"));
    assert_eq!(output.lines().count(), 2);

    let again =
        succeed(&place, &format!("{train} --stride 2 --output again -q --token-cache cache"));
    assert!(again.contains("accuracy 1.0000"), "{again}");
    assert_eq!(place.read("out/model.safetensors"), place.read("again/model.safetensors"));
}

#[test]
fn thresholds_are_tuned_kept_and_overridden() {
    let place = Place::new();
    let rows: String = (0..30)
        .map(|i| match i % 3 {
            0 => "good film,fine\n",
            1 => "bad film,poor;sad\n",
            _ => "the film,\n",
        })
        .collect();
    place.write("sets.csv", format!("text,labels\n{rows}"));
    let train = "train --model model --train sets.csv --validation sets.csv --test sets.csv \
                 --targets set --epochs 4 --batch-size 4 --learning-rate 1e-3";
    let tuned = succeed(&place, &format!("{train} --output out"));
    let thresholds = config(&place)["bertune_thresholds"].clone();
    let thresholds: Vec<f64> = serde_json::from_value(thresholds).unwrap();
    assert!(thresholds.len() == 3 && thresholds.iter().any(|share| *share != 0.5), "{tuned}");
    let half = succeed(&place, &format!("{train} --output half --thresholds half"));
    let test_score = |output: &str| -> f64 {
        let line = output.lines().find(|line| line.starts_with("Test")).unwrap();
        line.split("micro F1 ").nth(1).unwrap()[..6].parse().unwrap()
    };
    assert!(test_score(&tuned) > test_score(&half), "{tuned}{half}");
    assert!(tuned.contains("95 % interval of micro_f1: "), "{tuned}");

    let labels = |flags: &str| {
        let command = format!("predict --model out 'the film' --output-format jsonl {flags}");
        json(&succeed(&place, &command))["labels"].as_array().unwrap().len()
    };
    assert_eq!((labels("--threshold 0"), labels("--threshold 1")), (3, 0));
    let row = json(&succeed(&place, "predict --model out 'good film' --output-format jsonl"));
    for (name, threshold) in ["fine", "poor", "sad"].iter().zip(&thresholds) {
        let is_in = row["labels"].as_array().unwrap().contains(&Value::from(*name));
        assert_eq!(is_in, row["probabilities"][name].as_f64().unwrap() >= *threshold, "{row}");
    }
    let error = refused(&place, "predict --model out 'a film' --threshold 1.5");
    assert!(error.contains("give a number from 0 to 1"), "{error}");
    let text = String::from_utf8(place.read("out/config.json")).unwrap();
    place.write(
        "out/config.json",
        text.replace("\"bertune_thresholds\": [", "\"bertune_thresholds\": [2,"),
    );
    let error = refused(&place, "predict --model out 'a film'");
    assert!(error.contains("there are 4 thresholds for 3 classes"), "{error}");
}

#[test]
fn a_temperature_is_fitted_kept_and_used() {
    let place = Place::new();
    // Half of the labels are wrong: whoever is sure of any is too sure.
    let rows: String = (0..24)
        .map(|i| format!("{} film,{}\n", ["good", "bad"][i % 2], ["pos", "neg"][i / 2 % 2]))
        .collect();
    place.write("noise.csv", format!("text,label\n{rows}"));
    succeed(
        &place,
        "train --model model --train train.csv --validation noise.csv --epochs 20 --batch-size 4 \
         --learning-rate 3e-3 --metric accuracy --output out --calibrate",
    );
    let temperature = config(&place)["bertune_temperature"].as_f64().unwrap();
    assert!(temperature > 2.0, "{temperature}");
    let probability = || {
        let row = json(&succeed(&place, "predict --model out 'good film' --output-format jsonl"));
        row["probabilities"]["pos"].as_f64().unwrap()
    };
    let calibrated = probability();
    let text = String::from_utf8(place.read("out/config.json")).unwrap();
    place.write("out/config.json", text.replace("bertune_temperature", "other_temperature"));
    let raw = probability();
    let distance = |probability: f64| (probability - 0.5).abs();
    assert!(distance(calibrated) < distance(raw), "{calibrated} {raw}");
    let error = refused(
        &place,
        "train --model model --train train.csv --targets set --label label --calibrate --output no",
    );
    assert!(error.contains("calibrate"), "{error}");
}

#[test]
fn parquet_files_are_learnt_measured_and_predicted() {
    let place = Place::new();
    let goldens = "../bertune-data/tests/goldens";
    for name in ["zstd.parquet", "types.parquet"] {
        place.write(name, std::fs::read(format!("{goldens}/{name}")).unwrap());
    }
    succeed(
        &place,
        "train --model model --train zstd.parquet --validation zstd.parquet --epochs 1 --output out",
    );
    let scores = json(&succeed(&place, "evaluate --model out --data zstd.parquet --json"));
    assert!(scores["accuracy"].is_number(), "{scores}");
    let csv = succeed(&place, "predict --model out --file zstd.parquet");
    assert!(csv.lines().count() > 1, "{csv}");
    let error =
        refused(&place, "train --model model --train types.parquet --text nowhere --output no");
    assert!(error.contains("nowhere") && error.contains("types.parquet"), "{error}");
}

/// What the program said on standard error, if it went well.
fn told(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments}: {error}");
    error
}

#[test]
fn what_may_be_a_mistake_is_told() {
    let place = Place::new();
    let train = "train --model model --train train.csv --epochs 2 --batch-size 8 -q --overwrite";
    assert_eq!(told(&place, &format!("{train} --output out")), "");
    let warmup = told(&place, &format!("{train} --output out --warmup-steps 100"));
    assert!(warmup.contains("The warm-up of 100 steps is not over when the run is, after 6"));
    place.write("one.csv", "text,label\ngood film,pos\n");
    let undefined =
        told(&place, &format!("{train} --validation one.csv --metric roc_auc --output out"));
    assert!(undefined.contains("roc_auc is undefined on these validation rows"), "{undefined}");
    let numbers: String = (0..8).map(|i| format!("good film,{}\n", 1e-4 * f64::from(i))).collect();
    place.write("small.csv", format!("text,label\n{numbers}"));
    let small = told(
        &place,
        "train --model model --train small.csv --targets values --epochs 1 -q --output small",
    );
    assert!(small.contains("The loss before the first step is"), "{small}");
}

#[test]
fn a_single_row_has_no_interval_and_does_not_tell_models_apart() {
    let place = Place::new();
    place.write("one.csv", "text,label\ngood film,pos\n");
    let measured = succeed(&place, "evaluate --model model --data one.csv");
    assert!(measured.contains("accuracy") && !measured.contains("interval"), "{measured}");
    let output = place.run("compare-runs model model --data one.csv");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("a single row does not tell models apart"), "{error}");

    place.write("few.csv", "text,label\ngood film,pos\nbad film,neg\nvery good film,pos\n");
    let few = succeed(&place, "evaluate --model model --data few.csv");
    assert!(few.contains(", too narrow: 3 rows tell little of others"), "{few}");
    let few = succeed(&place, "compare-runs model model --data few.csv");
    assert!(few.contains("So few rows do not tell the models apart"), "{few}");
}

#[test]
fn the_rows_that_are_held_out_are_no_part_of_the_cached_tokens() {
    let place = Place::new();
    let train = "train --model model --train train.csv --epochs 2 --batch-size 8 -q";
    let cached = format!("{train} --token-cache cache");
    for seed in [1, 2] {
        succeed(&place, &format!("{train} --seed {seed} --output plain-{seed}"));
        succeed(&place, &format!("{cached} --seed {seed} --output cached-{seed}"));
        let history = |run: &str| {
            let record = place.read(&format!("{run}-{seed}/run.json"));
            serde_json::from_slice::<Value>(&record).unwrap()["history"].clone()
        };
        assert_eq!(history("plain"), history("cached"));
        let model = |run: &str| place.read(&format!("{run}-{seed}/model.safetensors"));
        assert_eq!(model("plain"), model("cached"));
    }
    assert_eq!(std::fs::read_dir(place.path("cache")).unwrap().count(), 1);
    // A run that was begun with the cache goes on without it: the tokens are the same.
    assert_eq!(place.run(&format!("{cached} --output c --max-time 0s")).status.code(), Some(130));
    std::fs::remove_dir_all(place.path("cache")).unwrap();
    succeed(&place, "resume c -q");
}
