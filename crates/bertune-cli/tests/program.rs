//! The program from end to end, on a tiny model.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod outcome;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::Place;
use outcome::succeed;

const TRAIN: &str = "train --model model --train train.csv --validation train.csv --epochs 30 \
                     --batch-size 4 --learning-rate 2e-3 --seed 5";

fn losses(output: &str) -> Vec<f64> {
    let lines = output.lines().filter(|line| line.starts_with("Epoch "));
    lines.map(|line| line.split_whitespace().nth(3).unwrap().parse().unwrap()).collect()
}

#[test]
fn a_model_learns_a_small_set_by_heart_and_predicts() {
    let place = Place::new();
    let output = succeed(&place, &format!("{TRAIN} --test train.csv --output out"));
    let losses = losses(&output);
    assert_eq!(losses.len(), 30, "{output}");
    assert!(losses[29] < 0.1 && losses[29] < losses[0] / 4.0, "{output}");
    assert!(output.contains("accuracy 1.0000"), "{output}");

    let evaluation = succeed(&place, "evaluate --model out --data train.csv --json");
    let evaluation: serde_json::Value = serde_json::from_str(&evaluation).unwrap();
    assert_eq!(evaluation["accuracy"], 1.0);
    assert_eq!(evaluation["confusion"], serde_json::json!([[12, 0], [0, 12]]));

    let rounded = succeed(&place, "evaluate --model out --data train.csv --json --precision bf16");
    let rounded: serde_json::Value = serde_json::from_str(&rounded).unwrap();
    let loss = |scores: &serde_json::Value| scores["loss"].as_f64().unwrap();
    assert!((loss(&rounded) / loss(&evaluation) - 1.0).abs() < 0.05, "{rounded} {evaluation}");

    let table = succeed(&place, "predict --model out 'very good film' 'the bad film'");
    let labels: Vec<_> = table.lines().map(|line| &line[..3]).collect();
    assert_eq!(labels, ["pos", "neg"]);
}

#[test]
fn predictions_come_as_csv_and_json_lines_from_files_and_standard_input() {
    let place = Place::new();
    place.write("texts.csv", "text,other\n\"a good, film\",1\n,2\nthe bad film,3\n");
    let csv = succeed(&place, "predict --model model --file texts.csv");
    let rows: Vec<Vec<String>> = csv::Reader::from_reader(csv.as_bytes())
        .records()
        .map(|record| record.unwrap().iter().map(String::from).collect())
        .collect();
    let texts: Vec<_> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(texts, ["a good, film", "", "the bad film"], "a row for each row");
    for row in &rows {
        let sum: f32 = row[2..].iter().map(|p| p.parse::<f32>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{row:?}");
    }

    let mut child = place
        .command("predict --model model --output-format jsonl")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"a good, film\n\nthe bad film\n").unwrap();
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let objects: Vec<serde_json::Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 3);
    for (object, row) in objects.iter().zip(&rows) {
        assert_eq!(
            (&object["text"], &object["label"]),
            (&row[0].as_str().into(), &row[1].as_str().into())
        );
        assert_eq!(object["probabilities"]["neg"].to_string(), row[2]);
    }

    // A pipe can be read only once.
    #[cfg(unix)]
    {
        let mut child = place
            .command("predict --model model --file /dev/stdin --format csv")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&place.read("texts.csv")).unwrap();
        assert_eq!(child.wait_with_output().unwrap().stdout, csv.as_bytes());
    }

    succeed(&place, "predict --model model --file texts.csv --output result.csv");
    assert_eq!(place.read("result.csv"), csv.as_bytes());
}

#[test]
fn pairs_are_two_texts() {
    let place = Place::new();
    let pair = succeed(
        &place,
        "predict --model model 'good film' --pair 'bad film' --output-format jsonl",
    );
    let single = succeed(&place, "predict --model model 'good film' --output-format jsonl");
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(&pair)["text_pair"], "bad film");
    assert_ne!(parse(&pair)["probabilities"], parse(&single)["probabilities"]);
}

#[test]
fn the_record_of_a_run_repeats_it_bit_for_bit() {
    let place = Place::new();
    let first = succeed(
        &place,
        "train --model model --train train.csv --output a --epochs 3 --batch-size 5 --preset article",
    );
    let second = succeed(&place, "train --config a/bertune.toml --output b");
    assert_eq!(losses(&first), losses(&second));
    assert_eq!(place.read("a/model.safetensors"), place.read("b/model.safetensors"));
    let other = succeed(&place, "train --config a/bertune.toml --output c --seed 2");
    assert_ne!(losses(&first), losses(&other));
}

#[test]
fn a_run_that_is_told_to_overwrite_replaces_the_model() {
    let place = Place::new();
    let train = "train --model model --train train.csv --output out --epochs 1";
    succeed(&place, train);
    let before = place.read("out/model.safetensors");
    assert_eq!(place.run(&format!("{train} --seed 9")).status.code(), Some(1));
    assert_eq!(place.read("out/model.safetensors"), before);
    succeed(&place, &format!("{train} --seed 9 --overwrite"));
    assert_ne!(place.read("out/model.safetensors"), before);
}

/// Waits until `is_so`, for a while.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The exit code after Ctrl-C.
#[cfg(unix)]
fn interrupt(child: &mut std::process::Child) -> Option<i32> {
    let id = child.id().to_string();
    let kill = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(kill.success());
    child.wait().unwrap().code()
}

/// The program's answer to Ctrl-C: the step is ended, the model so far is measured and kept.
#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_a_model() {
    let place = Place::new();
    let mut child = place
        .command("train --model model --train train.csv --output out --epochs 100000")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let weights = place.path("out/model.safetensors");
    wait_until("a model is kept", || weights.exists());
    assert_eq!(interrupt(&mut child), Some(130));
    succeed(&place, "predict --model out 'a good film'");
}

/// Long enough to be stopped in between; with dropout, in parts, measured now and then.
#[cfg(unix)]
const LONG: &str = "train --model model --train train.csv --epochs 600 --batch-size 5 \
                    --micro-batch-size 2 --evaluate-every '500 steps' --hidden-dropout 0.1 -q";

/// Starts a command and ends it with `signal` when a state was saved.
#[cfg(unix)]
fn stop_after_a_state(place: &Place, arguments: &str, signal: &str) {
    let mut child = place.command(arguments).stdout(Stdio::null()).spawn().unwrap();
    let states = || fs::read_dir(place.path("b.run")).into_iter().flatten().flatten();
    let is_state = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("step-");
    let before = states().filter(|entry| is_state(&entry.file_name())).count();
    let has_new = || states().filter(|entry| is_state(&entry.file_name())).count() > before;
    wait_until("a state is saved", || has_new() || before > 0);
    std::thread::sleep(Duration::from_millis(60));
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    assert!(!child.wait().unwrap().success());
}

/// Killed, interrupted and terminated on its way, a run gives the same model and the same record.
#[cfg(unix)]
#[test]
fn a_resumed_run_equals_an_uninterrupted_one_bit_for_bit() {
    let place = Place::new();
    succeed(&place, &format!("{LONG} --output a"));
    let train = format!("{LONG} --output b --save-every '30 steps'");
    stop_after_a_state(&place, &train, "-KILL");
    stop_after_a_state(&place, "resume b -q", "-INT");
    stop_after_a_state(&place, "resume b -q", "-TERM");
    let refused = place.run(&format!("{train} --seed 3"));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("bertune resume b"));
    // What a process leaves that is killed while it writes a state.
    fs::create_dir(place.path("b.run/.step-7.staging-1-0")).unwrap();
    place.write("b.run/.step-7.staging-1-0/state.json", "{");
    place.write("b.run/.step-7.staging-1-0.lock", "");
    succeed(&place, "resume b");
    assert!(!place.path("b.run").exists(), "a finished run leaves only its model");
    assert_eq!(place.read("a/model.safetensors"), place.read("b/model.safetensors"));
    let history = |run: &str| {
        let record = place.read(&format!("{run}/run.json"));
        serde_json::from_slice::<serde_json::Value>(&record).unwrap()["history"].clone()
    };
    assert!(history("a")["evaluations"].as_array().unwrap().len() > 1);
    assert_eq!(history("a"), history("b"));
}

/// No file may grow beyond what the model takes, so that the optimizer's state cannot be saved: as
/// on a full disk, but for any user. The states that are there stay, and the run goes on from them.
#[cfg(unix)]
#[test]
fn a_state_that_cannot_be_written_costs_nothing() {
    let place = Place::new();
    let train = format!("{LONG} --output b --save-every '30 steps'");
    stop_after_a_state(&place, &train, "-KILL");
    let states = || {
        let entries = fs::read_dir(place.path("b.run")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("step-")).collect();
        names.sort();
        names
    };
    let before = states();
    let model = fs::metadata(place.path("model/model.safetensors")).unwrap().len();
    // The unit is 512 bytes; a signal that is ignored makes the limit an error.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", model * 3 / 2 / 512);
    let mut limited = Command::new("sh");
    limited.args(["-c", &script, env!("CARGO_BIN_EXE_bertune"), "resume", "b", "-q"]);
    let output = limited.current_dir(place.path("")).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("optimizer.safetensors: cannot be written: File too large"), "{error}");
    assert_eq!(states(), before);
    assert_eq!(place.run("resume b -q --max-time 1ms").status.code(), Some(130));
}

#[cfg(unix)]
#[test]
fn a_run_is_gone_on_with_by_one_process_and_on_its_own_data() {
    let place = Place::new();
    let error = |command: &str| {
        let output = place.run(command);
        assert_eq!(output.status.code(), Some(1), "{command}");
        String::from_utf8(output.stderr).unwrap()
    };
    let train = format!("{LONG} --output b --save-every '30 steps'");
    let mut child = place.command(&train).stdout(Stdio::null()).spawn().unwrap();
    wait_until("a state is saved", || place.path("b.run/step-30").exists());
    assert!(error("resume b").contains("another bertune is at work on b"));
    assert_eq!(interrupt(&mut child), Some(130));

    let data = String::from_utf8(place.read("train.csv")).unwrap();
    place.write("train.csv", data.replace("good", "bad"));
    assert!(error("resume b -q").contains("train.csv has changed since the run"));
    place.write("train.csv", &data);
    place.write("broken.csv", "text,label\ngood film,pos\nbad film\n");
    let overwrite = LONG.replace("train.csv", "broken.csv");
    error(&format!("{overwrite} --output b --overwrite"));
    assert_eq!(place.run("resume b -q --max-time 1ms").status.code(), Some(130));
}

#[test]
fn a_run_ends_when_its_time_is_over_and_goes_on() {
    let place = Place::new();
    let train = "train --model model --train train.csv --output out --epochs 20 -q";
    assert_eq!(place.run(&format!("{train} --max-time 0s")).status.code(), Some(130));
    succeed(&place, "predict --model out 'a good film'");
    let output = succeed(&place, "resume out");
    assert!(output.contains("Epoch 20/20"), "{output}");
}

#[test]
fn resuming_is_verified_on_the_users_own_data() {
    let place = Place::new();
    let output = succeed(
        &place,
        "verify-resume --model model --train train.csv --batch-size 4 --micro-batch-size 3 \
         --hidden-dropout 0.2 --steps 4 -q",
    );
    assert!(output.contains("8 steps at once and 4 steps, a stop and 4 more"), "{output}");
    succeed(&place, "verify-resume --model model --train train.csv --precision bf16 --steps 2 -q");
}

#[test]
fn a_run_is_replayed_from_its_record_and_on_unchanged_files_only() {
    let place = Place::new();
    succeed(&place, "train --model model --train train.csv --test train.csv --output a --epochs 2");
    succeed(&place, "replay a --output b");
    let output = succeed(&place, "replay a/run.json --output b --overwrite");
    assert!(output.contains("the same numbers, bit for bit"), "{output}");
    assert_eq!(place.read("a/model.safetensors"), place.read("b/model.safetensors"));
    let data = String::from_utf8(place.read("train.csv")).unwrap();
    place.write("train.csv", data.replace("good", "bad"));
    let refused = place.run("replay a/run.json --output c");
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains("train.csv has changed since the run"), "{error}");
    assert!(!place.path("c").exists());
}

#[test]
fn sets_of_labels_are_learnt_measured_and_predicted() {
    let place = Place::new();
    let rows: String = (0..8)
        .map(|i| {
            let very = "very ".repeat(i % 3);
            format!("{very}good film,fine\n{very}bad film,poor;sad\n{very}the film,\n")
        })
        .collect();
    place.write("sets.csv", format!("text,labels\n{rows}"));
    let train = "train --model model --train sets.csv --validation sets.csv --targets set \
                 --epochs 40 --batch-size 4 --learning-rate 3e-3 --output out";
    let output = succeed(&place, train);
    assert!(output.contains("micro F1 1.0000"), "{output}");
    let scores = succeed(&place, "evaluate --model out --data sets.csv --targets set --json");
    let scores: serde_json::Value = serde_json::from_str(&scores).unwrap();
    assert_eq!(scores["subset_accuracy"], 1.0, "{scores}");
    let json = succeed(&place, "predict --model out 'bad film' 'the film' --output-format jsonl");
    let sets: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["labels"].clone())
        .collect();
    assert_eq!(sets, [serde_json::json!(["poor", "sad"]), serde_json::json!([])]);
    let refused = place.run("evaluate --model out --data train.csv --targets class");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("say --targets set"));
}

#[test]
fn numbers_are_learnt_measured_and_predicted() {
    let place = Place::new();
    let rows: String = (0..12)
        .map(|i| {
            let very = "very ".repeat(i % 3);
            format!("{very}good film,1.5,-1,{}\n{very}bad film,-0.5,2,1\n", i % 4)
        })
        .collect();
    place.write("values.csv", format!("text,joy,anger,count\n{rows}"));
    let train = "train --model model --train values.csv --validation values.csv --targets values \
                 --labels joy,anger --weight count --epochs 60 --batch-size 4 \
                 --learning-rate 3e-3 --output out";
    let output = succeed(&place, train);
    let scores = succeed(
        &place,
        "evaluate --model out --data values.csv --targets values --labels joy,anger --json",
    );
    let scores: serde_json::Value = serde_json::from_str(&scores).unwrap();
    assert!(scores["pearson"].as_f64().unwrap() > 0.99, "{output}{scores}");
    let json = succeed(&place, "predict --model out 'good film' --output-format jsonl");
    let row: serde_json::Value = serde_json::from_str(&json).unwrap();
    let (joy, anger) = (&row["values"]["joy"], &row["values"]["anger"]);
    assert!((joy.as_f64().unwrap() - 1.5).abs() < 0.5, "{row}");
    assert!((anger.as_f64().unwrap() + 1.0).abs() < 0.5, "{row}");
}

#[test]
fn a_learning_rate_is_looked_for() {
    let place = Place::new();
    let output = succeed(&place, "lr-find --model model --train train.csv --batch-size 8 -q");
    assert!(output.contains("Try --learning-rate"), "{output}");
    assert!(!place.path("out").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupted_prediction_leaves_nothing() {
    let place = Place::new();
    let files = || fs::read_dir(place.path("")).unwrap().count();
    let before = files();
    let mut child = place
        .command("predict --model model --output result.csv")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    // One text keeps it waiting for the next.
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"a good film\n").unwrap();
    wait_until("the file is begun", || files() > before);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(interrupt(&mut child), Some(130));
    assert_eq!(files(), before);
}

#[test]
fn devices_are_listed() {
    let output = succeed(&Place::new(), "devices");
    let state_of = |name: &str| {
        let mut lines = output.lines();
        lines.find(|line| line.starts_with(name)).unwrap()
    };
    for (name, compiled) in
        [("flex", cfg!(feature = "flex")), ("ndarray", cfg!(feature = "ndarray"))]
    {
        let state = if compiled {
            "ready".to_owned()
        } else {
            format!("not compiled in: build with --features {name}")
        };
        assert!(state_of(name).ends_with(&state), "{output}");
    }
}
