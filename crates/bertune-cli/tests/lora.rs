//! LoRA from end to end, on a tiny model: an adapter, its base, and both merged.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;

use common::Place;
use serde_json::Value;

const TRAIN: &str = "train --model model --train train.csv --validation train.csv --epochs 6 \
                     --batch-size 4 --learning-rate 1e-2 --seed 5 --lora-rank 4";

/// What the program printed on both outputs, if it went well.
fn succeed(place: &Place, arguments: &str) -> (String, String) {
    let output = place.run(arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments}: {error}");
    (String::from_utf8(output.stdout).unwrap(), error)
}

fn fail(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    assert!(!output.status.success(), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

/// The probabilities of both classes for two texts.
fn probabilities(place: &Place, model: &str) -> Vec<f64> {
    let texts = "'very good film' 'not a bad film .'";
    let (output, _) = succeed(place, &format!("predict {model} --output-format jsonl {texts}"));
    let numbers = output.lines().flat_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let numbers = line["probabilities"].as_object().unwrap().values();
        numbers.map(|p| p.as_f64().unwrap()).collect::<Vec<_>>()
    });
    numbers.collect()
}

fn assert_close(ours: &[f64], theirs: &[f64]) {
    assert_eq!((ours.len(), theirs.len()), (4, 4));
    let worst = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).max_by(f64::total_cmp).unwrap();
    assert!(worst < 1e-5, "{ours:?} {theirs:?}");
}

#[test]
fn an_adapter_is_small_predicts_on_its_base_and_merges() {
    let place = Place::new();
    let base = place.read("model/model.safetensors");
    let (_, told) = succeed(&place, &format!("{TRAIN} --output adapter --test train.csv"));
    let share = told.lines().find(|line| line.starts_with("LoRA")).unwrap();
    assert!(share.ends_with("parameters learn") && share.contains(" % of "), "{share}");
    assert_eq!(place.read("model/model.safetensors"), base);
    let weights = place.read("adapter/adapter_model.safetensors").len();
    assert!(weights < base.len() / 3, "{weights} of {}", base.len());
    assert!(!place.path("adapter/model.safetensors").exists());

    let (scores, _) = succeed(&place, "evaluate --model adapter --data train.csv --json");
    let scores: Value = serde_json::from_str(&scores).unwrap();
    assert_eq!(scores["accuracy"], 1.0);
    succeed(&place, "merge --model adapter --output merged");
    let ours = probabilities(&place, "--model adapter");
    assert_close(&ours, &probabilities(&place, "--model merged"));
    let from_elsewhere = place.path("adapter").display().to_string();
    assert_eq!(ours, probabilities(&place, &format!("--model {from_elsewhere}")));
    succeed(&place, "compare-runs adapter merged --data train.csv");

    let merged = String::from_utf8(place.read("merged/config.json")).unwrap();
    assert!(!merged.contains("lora") && !merged.contains("bertune_base"), "{merged}");
    let config = String::from_utf8(place.read("model/config.json")).unwrap();
    place.write("model/config.json", config.replace("\"gelu\"", "\"relu\""));
    for command in ["predict --model adapter 'a film'", "merge --model adapter --output other"] {
        let error = fail(&place, command);
        assert!(error.contains("a base whose hidden_act is \"gelu\""), "{error}");
    }
    place.write("model/config.json", config);
    fs::rename(place.path("model"), place.path("moved")).unwrap();
    let error = fail(&place, "predict --model adapter 'a film'");
    assert!(error.contains("the adapter's base is not found"), "{error}");
    assert_eq!(ours, probabilities(&place, "--model adapter --base moved"));
    assert_close(&ours, &probabilities(&place, "--model merged"));
}

#[test]
fn an_adapters_folder_says_what_peft_needs() {
    let place = Place::new();
    succeed(&place, &format!("{TRAIN} --lora-alpha 6 --lora-dropout 0 --output adapter"));
    let config: Value = serde_json::from_slice(&place.read("adapter/adapter_config.json")).unwrap();
    let expected = serde_json::json!({"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 4,
        "lora_alpha": 6, "lora_dropout": 0.0, "target_modules": ["query", "value"],
        "modules_to_save": ["classifier", "pooler"], "bias": "none", "use_rslora": false});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&config[key], value, "{key}");
    }
    let base = place.path("model").display().to_string();
    assert_eq!(config["base_model_name_or_path"], base);
    // A config.json would tell transformers that this is a whole model.
    assert!(!place.path("adapter/config.json").exists());
    let ours: Value = serde_json::from_slice(&place.read("adapter/bertune_config.json")).unwrap();
    assert_eq!(ours["id2label"]["1"], "pos");
    assert_eq!(ours["bertune_base_sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn spaces_around_targets_are_no_part_of_them() {
    let place = Place::new();
    succeed(&place, &format!("{TRAIN} --lora-targets 'query, value' --output adapter"));
    let record: Value = serde_json::from_slice(&place.read("adapter/run.json")).unwrap();
    let targets = &record["settings"]["training"]["lora"]["targets"];
    assert_eq!(*targets, serde_json::json!(["query", "value"]));
}

#[test]
fn the_base_may_be_stored_otherwise_but_must_be_the_same() {
    let place = Place::new();
    succeed(&place, &format!("{TRAIN} --output adapter"));
    place.write_model_of("other", 4);
    let error = fail(&place, "predict --model adapter --base other 'a film'");
    let ours: Value = serde_json::from_slice(&place.read("adapter/bertune_config.json")).unwrap();
    let hash = ours["bertune_base_sha256"].as_str().unwrap();
    assert!(error.contains(hash) && error.contains("but other has "), "{error}");
    let error = fail(&place, "merge --model adapter --base other --output merged");
    assert!(error.contains(hash) && !place.path("merged").exists(), "{error}");
}

#[test]
fn a_run_with_an_adapter_stops_goes_on_and_is_repeated() {
    let place = Place::new();
    succeed(&place, &format!("{TRAIN} --output whole"));
    let stopped = place.run(&format!("{TRAIN} --output half --max-time 0s"));
    assert_eq!(stopped.status.code(), Some(130), "{stopped:?}");
    succeed(&place, "resume half");
    let weights = |name: &str| place.read(&format!("{name}/adapter_model.safetensors"));
    assert!(weights("whole") == weights("half"));
    let (said, _) = succeed(&place, "replay whole/run.json --output again");
    assert!(said.contains("bit for bit"), "{said}");
    assert!(weights("whole") == weights("again"));
    succeed(&place, &format!("{TRAIN} --output whole --overwrite --precision bf16"));
    succeed(&place, "verify-resume --model model --train train.csv --steps 2 --lora-rank 4");
    succeed(&place, "lr-find --model model --train train.csv --steps 12 --lora-targets dense");
}
