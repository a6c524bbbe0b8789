//! Learning from files of related texts as well, as users see it.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod outcome;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use common::Place;
use outcome::succeed;
use serde_json::Value;

fn fail(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

/// A place with two sources beside the files of others: one with labels of its own column and
/// weights, and one whose labels are turned round.
fn place() -> Place {
    let place = Place::new();
    let row = |i: usize| (["good", "bad"][i % 2], ["pos", "neg"][i % 2]);
    let rows = (0..40)
        .map(|i| format!("{},a {} {}.,{}\n", row(i).1, row(i).0, "the ".repeat(i % 5), i % 3));
    place.write("related.csv", format!("answer,body,worth\n{}", rows.collect::<String>()));
    let turned = (0..30).map(|i| format!("very {} film {i},{}\n", row(i).0, row(i + 1).1));
    place.write("turned.csv", format!("text,label\n{}", turned.collect::<String>()));
    place
}

const TRAIN: &str = "train --model model --train train.csv --validation train.csv --epochs 3 \
                     --batch-size 8 --learning-rate 1e-3";
const RELATED: &str = "--source related.csv --source-text body --source-label answer";

fn record(place: &Place, run: &str) -> Value {
    serde_json::from_slice(&place.read(&format!("{run}/run.json"))).unwrap()
}

#[test]
fn a_run_tells_the_share_of_each_source_and_whether_they_helped() {
    let place = place();
    for rule in ["uniform", "domain", "tradaboost", "column --source-weight-column worth"] {
        let out = rule.split(' ').next().unwrap();
        let output =
            succeed(&place, &format!("{TRAIN} {RELATED} --source-weights {rule} --output {out}"));
        assert!(
            output.contains("share of the weight") && output.contains("related.csv"),
            "{output}"
        );
        assert!(output.contains("ources helped") || output.contains("ources harmed"), "{output}");
        let record = record(&place, out);
        let parts = record["sources"]["parts"].as_array().unwrap();
        let names: Vec<_> = parts.iter().map(|part| part["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["target", "related.csv"]);
        assert_eq!(
            (&parts[0]["weight"]["rows"], &parts[1]["weight"]["rows"]),
            (&24.into(), &40.into())
        );
        assert_eq!(record["history"]["train_examples"], 64);
        let card = String::from_utf8(place.read(&format!("{out}/README.md"))).unwrap();
        let told =
            "24 examples of the task itself, and 40 of related texts (sources). The settings";
        assert!(card.contains(told), "{card}");
        assert_eq!(record["history"]["validation_examples"], 24);
        assert!(record["sources"]["check"]["difference"]["interval"]["low"].is_number());
        assert!(record["inputs"].as_object().unwrap().contains_key("related.csv"));
        assert_eq!(record["settings"]["source"]["files"][0], "related.csv");
    }
    let weight = |run: &str, part: usize| -> f64 {
        record(&place, run)["sources"]["parts"][part]["weight"]["share"].as_f64().unwrap()
    };
    assert_eq!(weight("uniform", 1), 0.625);
    assert!((weight("tradaboost", 1) - 0.5).abs() < 1e-6);
    // A third of the rows each has the weights 0, 1 and 2.
    assert!((weight("column", 1) - 39.0 / 63.0).abs() < 1e-6);
}

#[test]
fn a_source_is_not_measured_on_and_the_comparison_can_be_left_out() {
    let place = place();
    let train = TRAIN.replace("--validation train.csv", "--validation-fraction 0.25");
    let output =
        succeed(&place, &format!("{train} --source turned.csv --source-check none --output a"));
    assert!(output.contains("turned.csv") && !output.contains("helped"), "{output}");
    let record = record(&place, "a");
    assert_eq!(record["history"]["train_examples"], 18 + 30);
    assert_eq!(record["history"]["validation_examples"], 6);
    assert_eq!(record["sources"]["check"], Value::Null);
}

#[test]
fn a_run_with_sources_is_replayed_and_stopped_and_gone_on_with() {
    let place = place();
    let train = format!(
        "{TRAIN} {RELATED} --source-weights tradaboost --source-every '5 steps' --weight weight"
    );
    let rows = String::from_utf8(place.read("train.csv")).unwrap();
    let rows = rows.replace(",label", ",label,weight").replace("pos\n", "pos,2\n");
    place.write("train.csv", rows.replace("neg\n", "neg,1\n"));
    succeed(&place, &format!("{train} --output a"));
    let output = succeed(&place, "replay a/run.json --output b");
    assert!(output.contains("the same numbers, bit for bit"), "{output}");

    let stopped = place.run(&format!("{train} --output c --max-time 1ms"));
    assert_eq!(stopped.status.code(), Some(130));
    let source = String::from_utf8(place.read("related.csv")).unwrap();
    place.write("related.csv", source.replacen("good", "bad", 1));
    assert!(fail(&place, "resume c -q").contains("related.csv has changed since the run"));
    place.write("related.csv", &source);
    succeed(&place, "resume c");
    assert_eq!(place.read("a/model.safetensors"), place.read("c/model.safetensors"));
    assert_eq!(record(&place, "a")["sources"], record(&place, "c")["sources"]);
    succeed(&place, &format!("verify-resume --steps 6 {}", &train["train ".len()..]));
}

#[test]
fn several_seeds_tell_whether_sources_help() {
    let place = place();
    let output = succeed(&place, &format!("{TRAIN} {RELATED} --seeds 2 -q --output a"));
    assert!(output.contains(": over 2 runs, accuracy on the validation rows with"), "{output}");
    let summary: Value = serde_json::from_slice(&place.read("a/seeds.json")).unwrap();
    let sources = &summary["sources"];
    assert_eq!(sources["seeds"], serde_json::json!([1, 2]));
    assert_eq!(sources["summary"]["runs"], 2);
    for (i, seed) in ["a/seed-1", "a/seed-2"].into_iter().enumerate() {
        let of_run = &record(&place, seed)["sources"]["check"]["difference"]["difference"];
        let told = sources["differences"][i].as_f64().unwrap();
        assert!((of_run.as_f64().unwrap() - told).abs() < 1e-12, "{summary}");
    }
    let output =
        succeed(&place, &format!("{TRAIN} {RELATED} --source-check none --seeds 2 -q --output b"));
    assert!(!output.contains("the sources") && !output.contains("The sources"), "{output}");
}

#[test]
fn a_comparison_that_is_stopped_leaves_a_run_that_is_finished() {
    let place = place();
    let train = TRAIN.replace("--epochs 3", "--max-steps 400 --evaluate-every '400 steps'");
    let train = format!("{train} {RELATED} --seeds 2 --output a");
    let mut command = place.command(&train);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(told.any(|line| line.contains("Training on the target alone")));
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let told: Vec<_> = told.collect();
    let told = told.join("\n");
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told}");
    assert!(told.contains("stopped. The run itself is finished"), "{told}");
    assert!(told.contains("remove a/seed-1 before: it is trained anew then"), "{told}");
    let stopped = record(&place, "a/seed-1");
    assert_eq!((&stopped["finished"], &stopped["sources"]["check"]), (&true.into(), &Value::Null));
    assert!(!place.path("a/seed-1.run").exists());

    let output = succeed(&place, &train);
    assert!(output.contains("Seed 1 is finished already"), "{output}");
    assert!(output.contains("Whether the sources help cannot be told: in one run"), "{output}");
}

#[test]
fn a_comparison_that_fails_costs_the_run_nothing() {
    let place = place();
    let rows = String::from_utf8(place.read("train.csv")).unwrap();
    let rows = rows.replacen(",label", ",label,weight", 1);
    // The sources alone count: without them there is nothing to learn from.
    place.write("train.csv", rows.replace("pos\n", "pos,0\n").replace("neg\n", "neg,0\n"));
    let output = place.run(&format!("{TRAIN} {RELATED} --weight weight -q --output a"));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    let why = "training on the target alone failed: no training example counts";
    assert!(told.contains(why) && told.contains("The run itself is finished"), "{told}");
    let record = record(&place, "a");
    assert_eq!((&record["finished"], &record["sources"]["check"]), (&true.into(), &Value::Null));
    assert!(!place.path("a.run").exists());
    succeed(&place, "predict --model a 'a good film'");
}

#[test]
fn a_folder_and_a_file_are_two_sources() {
    let place = place();
    place.write("set/train.csv", place.read("turned.csv"));
    place.write("set/test.csv", place.read("train.csv"));
    let output = succeed(
        &place,
        &format!(
            "{TRAIN} --source set turned.csv --source-weight 0.5 --source-check none --output a"
        ),
    );
    assert!(output.contains("set/train.csv"), "{output}");
    let parts = &record(&place, "a")["sources"]["parts"];
    let share = 15.0 / 54.0;
    assert_eq!(
        (&parts[1]["weight"]["share"], &parts[2]["weight"]["rows"]),
        (&share.into(), &30.into())
    );
}

#[test]
fn rows_of_a_source_that_are_measured_on_are_told() {
    let place = place();
    let rows = String::from_utf8(place.read("turned.csv")).unwrap();
    place.write("leaky.csv", format!("{rows}GOOD film,pos\nanother good film,neg\n"));
    let run = format!("{TRAIN} --source leaky.csv --source-check none --output a");
    let error = String::from_utf8(place.run(&run).stderr).unwrap();
    assert!(error.contains("1 row of leaky.csv learned from and measured on"), "{error}");
    assert!(error.contains("24 rows of train.csv learned from and measured on"), "{error}");
}

#[test]
fn low_rank_changes_learn_from_sources_too() {
    let place = place();
    succeed(
        &place,
        &format!(
            "{TRAIN} {RELATED} --source-weights tradaboost --source-every '5 steps' --preset lora \
             --output a"
        ),
    );
    let parts = &record(&place, "a")["sources"]["parts_at_end"];
    assert_eq!(parts[1]["name"], "related.csv");
}
