//! The model inside the program, which needs no network.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod outcome;

use std::fs;

use bertune::TextClassifier;
use bertune::backend::Flex;
use common::Place;
use outcome::succeed;

#[test]
fn it_is_trained_by_its_name() {
    let place = Place::new();
    let output = place
        .run("train --model boxed --train train.csv --output tuned --max-steps 2 --batch-size 4");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("Model     boxed: "), "{told}");
    let record = String::from_utf8(place.read("tuned/bertune.toml")).unwrap();
    assert!(record.contains("model = \"boxed\""), "{record}");
    TextClassifier::<Flex>::open(&place.path("tuned"), &Default::default()).unwrap();
}

#[test]
fn a_folder_of_its_name_is_not_taken_for_it_without_a_word() {
    let place = Place::new();
    place.write_model("boxed");
    let run = "train --train train.csv --output tuned --max-steps 1";
    for (model, is_told) in [("boxed", true), ("./boxed", false)] {
        let output = place.run(&format!("{run} --model {model} --overwrite"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        assert_eq!(told.contains("say ./boxed for the folder"), is_told, "{told}");
    }
}

#[test]
fn an_adapter_of_it_finds_its_base() {
    let place = Place::new();
    succeed(
        &place,
        "train --model boxed --train train.csv --output adapter --preset lora --max-steps 1",
    );
    let config: serde_json::Value =
        serde_json::from_slice(&place.read("adapter/adapter_config.json")).unwrap();
    assert_eq!(config["base_model_name_or_path"], "boxed");
    // Also where it is not unpacked yet.
    fs::remove_dir_all(place.path("cache")).unwrap();
    for base in ["", "--base boxed"] {
        let told = succeed(&place, &format!("predict --model adapter {base} 'a good film'"));
        assert!(told.contains("a good film"), "{told}");
    }
    let told = succeed(&place, "merge --model adapter --output merged");
    assert_eq!(told, "adapter and boxed are one in merged\n");
    let card = String::from_utf8(place.read("merged/README.md")).unwrap();
    assert!(card.contains("its base `boxed`, merged"), "{card}");
}

#[test]
fn it_guesses_hidden_words() {
    let place = Place::new();
    let told = succeed(
        &place,
        "fill-mask --model boxed --json --top 3 'he was born in the [MASK] of london .'",
    );
    let guesses: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(guesses["masks"][0].as_array().unwrap().len(), 3, "{told}");
}

#[test]
fn a_text_that_is_longer_than_it_takes_is_refused() {
    let place = Place::new();
    let text = "the king ".repeat(300);
    let output = place.run(&format!("fill-mask --model boxed '[MASK] {text} [MASK]'"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("the text has 604 tokens"), "{told}");
}

#[test]
fn it_becomes_a_folder_of_any_number_format() {
    let place = Place::new();
    let size = |dtype: &str| {
        succeed(&place, &format!("convert --model boxed --output {dtype} --dtype {dtype}"));
        fs::metadata(place.path(dtype).join("model.safetensors")).unwrap().len()
    };
    let [single, half, brain] = ["f32", "f16", "bf16"].map(size);
    for two_bytes in [half, brain] {
        assert!(two_bytes.abs_diff(single / 2) < single / 100, "{single} {two_bytes}");
    }
    let guesses = |model: &str| {
        let words = "fill-mask --json 'the [MASK] of the king'";
        succeed(&place, &format!("{words} --model {model}"))
    };
    // It is stored in half precision, and in single nothing is lost.
    assert_eq!(guesses("f32"), guesses("f16"));
    let again = place.run("convert --model boxed --output f16");
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(!again.status.success() && told.contains("f16 holds files already"), "{told}");
}

#[test]
fn the_demo_trains_compares_and_answers() {
    let place = Place::new();
    let told = succeed(&place, "demo --output demo --seeds 1");
    let parts = ["test accuracy", "from scratch", "full fine-tuning", "Try next:", "cargo install"];
    for part in parts {
        assert!(told.contains(part), "{part}: {told}");
    }
    for file in ["classifier/model.safetensors", "comparison/index.html", "messages/test.csv"] {
        assert!(place.path("demo").join(file).is_file(), "{file}");
    }
    // What it says to try next works, but for what needs the hub.
    let next = told.lines().filter_map(|line| line.strip_prefix("    bertune "));
    let offline: Vec<_> = next.filter(|line| !line.contains("google-bert/")).collect();
    assert_eq!(offline.len(), 3, "{told}");
    for line in offline {
        let words = line.replace('"', "'").replace("FILE", "train.csv").replace("FOLDER", "own");
        succeed(&place, &words);
    }
    let again = place.run("demo --output demo");
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(!again.status.success() && told.contains("--overwrite"), "{told}");
}
