//! `bertune compare` from end to end, on a tiny model.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod outcome;

use std::collections::BTreeMap;
use std::fs;

use common::Place;
use outcome::succeed;
use serde_json::Value;

const COMPARE: &str = "compare --model model --train train.csv --validation train.csv \
                       --test train.csv --batch-size 4 --max-steps 12 --evaluations 4 \
                       --learning-rate 2e-3 --quiet";

fn fail(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

fn comparison(place: &Place, folder: &str) -> Value {
    serde_json::from_slice(&place.read(&format!("{folder}/comparison.json"))).unwrap()
}

/// The steps after which a run was measured.
fn measured(found: &Value, run: usize) -> Vec<u64> {
    let curve = found["comparison"]["cells"][run]["curve"].as_array().unwrap();
    curve.iter().map(|point| point["step"].as_u64().unwrap()).collect()
}

/// The finished runs, by the names of their files.
fn cells(place: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(place.path(folder).join("cells")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

#[test]
fn a_comparison_tells_in_words_tables_and_pictures() {
    let place = Place::new();
    let output = succeed(&place, &format!("{COMPARE} --sizes all,8 --seeds 2 --output out"));
    for told in ["method", "gradual unfreezing", "What does transfer buy here?", "out/index.html"] {
        assert!(output.contains(told), "{told}: {output}");
    }
    let found = comparison(&place, "out");
    assert_eq!(found["comparison"]["cells"].as_array().unwrap().len(), 20);
    assert_eq!(found["results"]["rows"].as_array().unwrap().len(), 10);
    assert_eq!(found["findings"].as_array().unwrap().len(), 5);
    let sizes = serde_json::json!([{"examples": 8, "steps": 12}, {"examples": 24, "steps": 12}]);
    assert_eq!(found["comparison"]["sizes"], sizes);
    for run in 0..20 {
        assert_eq!(measured(&found, run), [0, 3, 6, 9, 12], "{run}");
    }
    for name in ["index.html", "scores.svg", "curves.svg", "gap.svg"] {
        let text = String::from_utf8(place.read(&format!("out/{name}"))).unwrap();
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        roxmltree::Document::parse_with_options(&text, options).unwrap();
        assert!(text.contains("gradual unfreezing"), "{name}");
    }
    let page = String::from_utf8(place.read("out/index.html")).unwrap();
    assert!(page.contains("bertune compare --model model --train train.csv"), "{page}");
}

/// From one seed, frozen and full begin with the same model, from scratch with another; a frozen
/// encoder is not where full fine-tuning is at the end.
#[test]
fn methods_begin_and_end_as_they_say() {
    let place = Place::new();
    succeed(&place, &format!("{COMPARE} --sizes 8 --seeds 1 --output out"));
    let found = comparison(&place, "out");
    let losses = |method: &str| {
        let cells = found["comparison"]["cells"].as_array().unwrap();
        let cell = cells.iter().find(|cell| cell["method"] == method).unwrap();
        let curve = cell["curve"].as_array().unwrap();
        [&curve[0], curve.last().unwrap()].map(|point| point["train_loss"].as_f64().unwrap())
    };
    let [scratch, frozen, full, gradual] = ["scratch", "frozen", "full", "gradual"].map(losses);
    assert_eq!((frozen[0], gradual[0]), (full[0], full[0]));
    assert_ne!(scratch[0], full[0]);
    assert_ne!(frozen[1], full[1]);
    assert_ne!(gradual[1], full[1]);
}

#[cfg(unix)]
#[test]
fn a_comparison_that_is_stopped_goes_on_and_gives_the_same() {
    let place = Place::new();
    let whole = format!("{COMPARE} --sizes 8,16 --seeds 2");
    succeed(&place, &format!("{whole} --output whole"));
    let mut child = place.command(&format!("{whole} --output parts")).spawn().unwrap();
    let began = std::time::Instant::now();
    while !place.path("parts/cells/frozen-8-seed-1.json").exists() {
        assert!(began.elapsed().as_secs() < 60, "no run was finished");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    // The machine may have been faster than the signal.
    let code = child.wait().unwrap().code();
    assert!(matches!(code, Some(130 | 0)), "{code:?}");
    let before = cells(&place, "parts");
    assert!(code == Some(0) || before.len() < 20, "{}", before.len());
    assert!(place.path("parts/index.html").exists());
    let output = succeed(&place, &format!("{whole} --output parts"));
    let after = cells(&place, "parts");
    assert_eq!(after.len(), 20);
    assert!(before.iter().all(|(name, record)| after[name] == *record), "{output}");
    let finished = |folder| comparison(&place, folder)["comparison"]["cells"].clone();
    assert_eq!(finished("parts"), finished("whole"));
}

#[test]
fn a_comparison_grows_and_computes_nothing_twice() {
    let place = Place::new();
    let methods = "--methods scratch,full --output out";
    succeed(&place, &format!("{COMPARE} {methods} --sizes 8 --seeds 1"));
    let before = cells(&place, "out");
    let output = succeed(&place, &format!("{COMPARE} {methods} --sizes 8,16 --seeds 2"));
    let after = cells(&place, "out");
    assert_eq!((before.len(), after.len()), (2, 8));
    assert!(before.iter().all(|(name, record)| after[name] == *record));
    assert!(!output.contains("8 examples  seed 1 "), "{output}");
}

#[test]
fn settings_that_no_method_would_take_are_refused() {
    let place = Place::new();
    let compare = format!("{COMPARE} --methods scratch,full --output out");
    for (flags, told) in [
        ("--rates frozen=1e-3", "--rates has one for frozen, which is not among --methods"),
        ("--step-shares frozen=0.5", "--step-shares has one for frozen, which is not among"),
        ("--step-shares full=0.5,full=0.2", "--step-shares has more than one for full"),
        ("--step-shares full=0.01", "leaves none of the 12 steps with 24 examples"),
        ("--token-cache cache", "--token-cache and --keep-states are for train"),
        ("--keep-states 5", "--token-cache and --keep-states are for train"),
        ("--lora-rank 4", "are for the method lora, which is not among --methods"),
        ("--gradual-unfreezing '2 steps'", "compare has the method gradual"),
        ("--rates full=1e-3,full=1e-4", "--rates has more than one for full"),
        ("--freeze zzz", "the method full: the pattern 'zzz' selects no parameter"),
    ] {
        let error = fail(&place, &format!("{compare} {flags}"));
        assert!(error.contains(told), "{flags}: {error}");
    }
    let output = place.run(&format!("{COMPARE} --output out --preset lora"));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("lora is one of --methods"), "{error}");
    let error = fail(&place, &format!("{COMPARE} --output out --lora-rank 500"));
    assert!(error.contains("the method lora: lora.rank is 500"), "{error}");
    assert!(!place.path("out").exists());
}

/// A shorter run has its whole schedule, and is measured as often.
#[test]
fn a_method_may_take_a_share_of_the_steps() {
    let place = Place::new();
    let flags = "--methods scratch,full --sizes 8 --seeds 1 --step-shares full=0.6667 --output out";
    succeed(&place, &format!("{COMPARE} {flags}"));
    let found = comparison(&place, "out");
    assert_eq!(measured(&found, 0), [0, 3, 6, 9, 12]);
    assert_eq!(measured(&found, 1), [0, 2, 4, 6, 8]);
    let cell: Value = serde_json::from_slice(&place.read("out/cells/full-8-seed-1.json")).unwrap();
    assert_eq!(cell["settings"]["training"]["max_steps"], 8);
}

#[test]
fn no_run_is_measured_more_often_than_is_asked_for() {
    let place = Place::new();
    let flags = "--methods full --sizes 8 --seeds 1 --max-steps 7 --freeze-layers 1 --output out";
    let compare = COMPARE.replace("--max-steps 12 ", "");
    succeed(&place, &format!("{compare} {flags}"));
    let found = comparison(&place, "out");
    assert_eq!(measured(&found, 0), [0, 2, 4, 6, 7]);
    let page = String::from_utf8(place.read("out/index.html")).unwrap();
    assert!(page.contains("but for what is frozen: the lowest layer."), "{page}");
}

#[test]
fn every_epoch_is_measured_where_that_is_said() {
    let place = Place::new();
    let compare = COMPARE.replace("--evaluations 4", "--evaluate-every '1 epoch'");
    succeed(&place, &format!("{compare} --methods full --sizes 16 --seeds 1 --output out"));
    let found = comparison(&place, "out");
    assert_eq!(measured(&found, 0), [0, 4, 8, 12]);
}

#[test]
fn runs_of_other_settings_or_data_are_refused_until_they_are_to_be_overwritten() {
    let place = Place::new();
    let compare = format!("{COMPARE} --methods scratch,full --sizes 8 --seeds 1 --output out");
    succeed(&place, &compare);
    let before = cells(&place, "out");
    let error = fail(&place, &format!("{compare} --rates full=1e-3"));
    assert!(error.contains("training.learning_rate was 0.002 and is 0.001"), "{error}");
    assert_eq!(cells(&place, "out"), before);
    succeed(&place, &format!("{compare} --rates full=1e-3 --overwrite"));
    let after = cells(&place, "out");
    assert_eq!(after["scratch-8-seed-1.json"], before["scratch-8-seed-1.json"]);
    assert_ne!(after["full-8-seed-1.json"], before["full-8-seed-1.json"]);

    let rows = [place.read("train.csv"), b"the film,neg\n".to_vec()].concat();
    place.write("train.csv", rows);
    let error = fail(&place, &format!("{compare} --rates full=1e-3"));
    assert!(error.contains("train.csv has changed"), "{error}");

    place.write("out/cells/full-8-seed-1.json", "{");
    let error = fail(&place, &format!("{compare} --rates full=1e-3"));
    assert!(error.contains("remove it, and it is computed anew") || error.contains("has changed"));
    succeed(&place, &format!("{compare} --rates full=1e-3 --overwrite"));
}

#[test]
fn two_processes_do_not_work_on_one_comparison() {
    let place = Place::new();
    let compare = format!("{COMPARE} --methods full --sizes 8 --seeds 1 --output out");
    fs::create_dir_all(place.path("out/cells")).unwrap();
    let other = fs::File::create(place.path("out/.lock")).unwrap();
    other.lock().unwrap();
    let error = fail(&place, &compare);
    assert!(error.contains("another bertune is at work on out; wait for it or stop it"), "{error}");
    drop(other);
    succeed(&place, &compare);
}

/// What `train` warns of is told, of each method and size once.
#[test]
fn runs_that_are_too_short_for_their_schedule_are_told_of() {
    let place = Place::new();
    let flags = "--methods full,gradual --sizes 8 --seeds 2 --warmup-steps 6 --output out";
    let output = place.run(&format!("{COMPARE} {flags} --step-shares full=0.5,gradual=0.1"));
    let told = String::from_utf8(output.stderr).unwrap();
    let warmup =
        "full, 8 examples, seed 1: The warm-up of 6 steps is not over when the run is, after 6";
    assert_eq!(told.matches(warmup).count(), 1, "{told}");
    assert_eq!(told.matches("Gradual unfreezing leaves").count(), 1, "{told}");
}

#[test]
fn a_run_that_fails_costs_no_other() {
    let place = Place::new();
    let compare =
        format!("{COMPARE} --methods scratch,frozen,full --sizes 8 --seeds 1 --output out");
    let output = place.run(&format!("{compare} --rates frozen=1e38"));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("failed: frozen, 8 examples, seed 1"), "{error}");
    assert!(error.contains("1 run failed; the same command tries it again"), "{error}");
    let names: Vec<_> = cells(&place, "out").into_keys().collect();
    assert_eq!(names, ["full-8-seed-1.json", "scratch-8-seed-1.json"]);
    let page = String::from_utf8(place.read("out/index.html")).unwrap();
    assert!(page.contains("The run of frozen with 8 examples and seed 1 failed"), "{page}");
    succeed(&place, &compare);
    assert_eq!(cells(&place, "out").len(), 3);
}

#[test]
fn numbers_and_sets_are_compared_too() {
    let place = Place::new();
    let rows: String =
        (0..20).map(|i| format!("{}film,{}\n", "very ".repeat(i % 5), i % 5)).collect();
    place.write("numbers.csv", format!("text,score\n{rows}"));
    let rows = "good film,a;b\nbad film,b\nthe film,\na good film,a\n".repeat(6);
    place.write("sets.csv", format!("text,labels\n{rows}"));
    for (file, flags, metric) in [
        ("numbers.csv", "--targets values --label score", "pearson"),
        ("sets.csv", "--targets set --label labels", "micro_f1"),
    ] {
        let output = succeed(
            &place,
            &format!(
                "compare --model model --train {file} --validation {file} {flags} --batch-size 4 \
                 --max-steps 6 --sizes 8 --seeds 2 --methods scratch,full --output {metric} --quiet"
            ),
        );
        assert!(output.contains(&format!("validation {metric}")), "{output}");
    }
}
