//! States that are damaged, or that a run with other files is to go on from.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod outcome;

use std::fs;

use common::Place;
use outcome::succeed;

const TRAIN: &str = "train --model model --train train.csv --validation train.csv --batch-size 4 \
                     --epochs 2 -q --output";

/// A place in which a run was stopped after its second step, with a state of each.
fn stopped(place: &Place) {
    let train = format!("{TRAIN} out --save-every '1 steps' --max-time 1ms");
    assert_eq!(place.run(&train).status.code(), Some(130));
    let next = place.run("resume out -q --max-time 1ms");
    assert_eq!(next.status.code(), Some(130));
    assert!(place.path("out.run/step-1").exists() && place.path("out.run/step-2").exists());
}

fn fail(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

fn flip_a_bit(place: &Place, file: &str) {
    let mut bytes = place.read(file);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    place.write(file, bytes);
}

#[test]
fn a_damaged_state_gives_way_to_the_one_before_it() {
    let place = Place::new();
    succeed(&place, &format!("{TRAIN} whole"));
    stopped(&place);
    flip_a_bit(&place, "out.run/step-2/optimizer.safetensors");
    let resumed = place.run("resume out");
    let told = String::from_utf8(resumed.stderr).unwrap();
    assert!(resumed.status.success(), "{told}");
    assert!(
        told.contains("a damaged state is removed: out.run/step-2/optimizer.safetensors"),
        "{told}"
    );
    assert!(told.contains("Going on  after step 1"), "{told}");
    assert_eq!(place.read("whole/model.safetensors"), place.read("out/model.safetensors"));
}

#[test]
fn a_run_without_a_whole_state_says_so() {
    let place = Place::new();
    stopped(&place);
    fs::remove_file(place.path("out.run/step-1/state.json")).unwrap();
    flip_a_bit(&place, "out.run/step-2/bertune.toml");
    let error = fail(&place, "resume out");
    assert!(error.contains("no state of this run is whole"), "{error}");
    assert!(error.contains("begin it anew with --overwrite"), "{error}");
    succeed(&place, &format!("{TRAIN} out --overwrite"));
}

#[test]
fn a_run_that_cannot_begin_costs_another_no_states() {
    let place = Place::new();
    stopped(&place);
    let overwrite = format!("{TRAIN} out --overwrite");
    let bad = ["--lora-rank 99", "--freeze gate", "--max-length 500", "--focal-gamma 1000000"];
    for flags in bad {
        fail(&place, &format!("{overwrite} {flags}"));
        assert!(place.path("out.run/step-2").exists(), "{flags}");
    }
    // One that begins does not leave them beside its own.
    assert_eq!(place.run(&format!("{overwrite} --max-time 1ms")).status.code(), Some(130));
    assert!(place.path("out.run/step-1").exists() && !place.path("out.run/step-2").exists());
    succeed(&place, "resume out -q");
}

#[test]
fn tasks_and_pretraining_that_cannot_begin_cost_no_states_either() {
    let place = Place::new();
    let of_tasks = |training: &str| {
        let task = "name = \"mood\"\ntrain = \"train.csv\"\nvalidation = \"train.csv\"";
        let head = "model = \"model\"\noutput = \"tasks\"";
        let text = format!("{head}\n[training]\n{training}\n[[tasks]]\n{task}\n");
        place.write("tasks.toml", text);
        "train-tasks tasks.toml -q"
    };
    place.write("text.txt", "the good film was a bad film .\n\n".repeat(60));
    let of_text = |training: &str| {
        place.write("text.toml", format!("[training]\n{training}\n"));
        "pretrain --config text.toml --text text.txt --output bert --vocab-size 60 --layers 1 \
         --hidden-size 8 --heads 1 --max-length 8 --max-steps 9 -q"
    };
    type Command<'a> = &'a dyn Fn(&str) -> &'static str;
    for (output, command) in [("tasks", &of_tasks as Command<'_>), ("bert", &of_text)] {
        let stopped = place.run(&format!("{} --max-time 1ms", command("epochs = 3")));
        assert_eq!(stopped.status.code(), Some(130), "{output}");
        let told = fail(&place, &format!("{} --overwrite", command("freeze = [\"gate\"]")));
        assert!(told.contains("the pattern 'gate' selects no parameter"), "{told}");
        succeed(&place, &format!("resume {output} -q"));
    }
}

#[test]
fn another_model_test_or_tokenizer_is_refused_on_resume() {
    let place = Place::new();
    place.write("test.csv", place.read("train.csv"));
    let train = format!("{TRAIN} out --test test.csv --max-time 1ms");
    assert_eq!(place.run(&train).status.code(), Some(130));
    for file in ["model/config.json", "model/model.safetensors", "model/vocab.txt", "test.csv"] {
        let was = place.read(file);
        let mut other = was.clone();
        match file {
            // The mantissa of the last weight.
            "model/model.safetensors" => other[was.len() - 4] ^= 1,
            _ => other.push(b'\n'),
        }
        place.write(file, other);
        let error = fail(&place, "resume out -q");
        assert!(error.contains(&format!("{file} has changed since the run")), "{file}: {error}");
        place.write(file, was);
    }
    succeed(&place, "resume out -q");
}
