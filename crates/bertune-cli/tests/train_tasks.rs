//! Several tasks on one encoder, as users see it.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod outcome;

use common::Place;
use outcome::succeed;
use serde_json::Value;

const TWO_TASKS: &str = r#"
model = "model"
output = "out"

[training]
epochs = 4
batch_size = 8
learning_rate = 1e-3

[[tasks]]
name = "mood"
train = "train.csv"
validation = "train.csv"
test = "train.csv"

[[tasks]]
name = "words"
train = "words.csv"
validation = "words.csv"
data = { text = "body", label = "kind" }
"#;

const OTHER_KINDS: &str = r#"
[[tasks]]
name = "marks"
train = "marks.csv"
validation = "marks.csv"
test = "marks.csv"
weight = 2.0
data = { targets = "set", label = "marks", separator = "|" }

[[tasks]]
name = "same"
train = ["pairs.csv"]
validation_fraction = 0.25
data = { text_pair = "other" }

[[tasks]]
name = "stars"
train = "stars.csv"
validation = "stars.csv"
test = "stars.csv"
data = { targets = "values", label = "stars" }
"#;

/// A place with files of several kinds of labels.
fn place(tasks: &str) -> Place {
    let place = Place::new();
    let table = |name: &str, head: &str, row: &dyn Fn(usize) -> String| {
        let rows: String = (0..40).map(|i| row(i) + "\n").collect();
        place.write(name, format!("{head}\n{rows}"));
    };
    let mood = |i: usize| ["good", "bad"][i % 2];
    let very = |i: usize| "very ".repeat(i % 4);
    table("words.csv", "kind,body", &|i| {
        format!("{},{}film {}", ["long", "short"][usize::from(i % 4 < 2)], very(i), i % 3)
    });
    table("marks.csv", "text,marks", &|i| {
        let marks = ["good", "good|film", "film", "bad"][i % 4];
        format!("{}a {} film,{marks}", very(i), marks.replace('|', " "))
    });
    table("pairs.csv", "text,other,label", &|i| {
        let other = mood(i / 2);
        format!("a {} film,{other} {i},{}", mood(i), ["no", "yes"][usize::from(mood(i) == other)])
    });
    table("stars.csv", "text,stars", &|i| format!("{}{} film,{}", very(i), mood(i), i % 4));
    place.write("tasks.toml", tasks);
    place
}

fn fail(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn tasks_of_all_kinds_become_folders_that_predict_as_the_joint_model() {
    let place = place(&format!("{TWO_TASKS}{OTHER_KINDS}"));
    let output = succeed(&place, "train-tasks tasks.toml --seed 3");
    for line in ["mean score", "\n  mood   validation loss", "Best after step", "Test of stars  "] {
        assert!(output.contains(line), "{line}: {output}");
    }
    let table = output.split("\n\n").last().unwrap();
    assert!(table.starts_with("task "), "{table}");
    assert_eq!(table.lines().count(), 6, "{table}");
    assert!(table.lines().any(|line| line.starts_with("stars") && line.contains(" to ")));

    let record = json(&place.read("out/run.json"));
    assert_eq!(record["finished"], true);
    assert_eq!(record["settings"]["training"]["seed"], 3);
    assert_eq!(record["tests"].as_object().unwrap().len(), 3);
    let best = output.split("Best after step ").nth(1).unwrap().split(' ').next().unwrap();
    let evaluations = record["history"]["evaluations"].as_array().unwrap();
    let best =
        evaluations.iter().find(|record| record["step"].as_u64() == best.parse().ok()).unwrap();
    let files = [
        ("mood", "train.csv", ""),
        ("words", "words.csv", "--text body --label kind"),
        ("marks", "marks.csv", "--targets set --label marks --separator |"),
        ("stars", "stars.csv", "--targets values --label stars"),
    ];
    for (name, file, flags) in files {
        let tasks = best["validation"]["tasks"].as_array().unwrap();
        let joint = tasks.iter().find(|task| task["name"] == name).unwrap();
        let evaluate = format!("evaluate --model out/{name} --data {file} {flags} --json");
        let alone = json(succeed(&place, &evaluate).as_bytes());
        let (joint, alone) = (joint["loss"].as_f64().unwrap(), alone["loss"].as_f64().unwrap());
        assert!((joint - alone).abs() < 1e-5, "{name}: {joint} {alone}");
    }
    succeed(&place, "predict --model out/same 'a good film' --pair 'good 3'");
    let drawn =
        String::from_utf8(place.run("train-tasks tasks.toml --output again").stderr).unwrap();
    // 24 rows, 40, 40 twice, 30 and 40, of 214.
    assert!(drawn.contains("Drawn     mood 0.112, words 0.187, marks 0.374,"), "{drawn}");
    let card = String::from_utf8(place.read("out/marks/README.md")).unwrap();
    assert!(
        card.contains("other tasks at the same time: `mood`, `words`, `same`, `stars`"),
        "{card}"
    );
    assert!(card.contains("(this model)") && card.contains("micro F1"), "{card}");
}

#[test]
fn a_stopped_run_goes_on_bit_for_bit_and_its_record_repeats_it() {
    let place = place(TWO_TASKS);
    let steps = TWO_TASKS.replace("epochs = 4", "max_steps = 9\nevaluate_every = \"2 steps\"");
    place.write("tasks.toml", steps);
    succeed(&place, "train-tasks tasks.toml -q");
    let mut output = place.run("train-tasks tasks.toml --output parts -q --max-time 1ms");
    let mut stops = 0;
    while output.status.code() == Some(130) {
        stops += 1;
        assert!(stops < 10, "each resumed run takes a step");
        output = place.run("resume parts -q --max-time 1ms");
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(stops >= 7, "{stops}");
    succeed(&place, "train-tasks parts/tasks.toml --output again -q");
    for file in ["mood/model.safetensors", "words/model.safetensors", "mood/config.json"] {
        let whole = place.read(&format!("out/{file}"));
        assert!(whole == place.read(&format!("parts/{file}")), "{file}");
        assert!(whole == place.read(&format!("again/{file}")), "{file}");
    }
    let history = |run: &str| json(&place.read(&format!("{run}/run.json")))["history"].clone();
    assert_eq!(history("out"), history("parts"));
    assert!(!place.path("parts.run").exists(), "nothing is left of the run");
}

#[test]
fn what_one_task_learns_another_is_not_measured_on() {
    let place = place("");
    let third = |keys: &str| format!("{TWO_TASKS}\n[[tasks]]\nname = \"again\"\n{keys}\n");
    let rows = place.read("train.csv");
    place.write("others.csv", rows);
    for keys in ["validation = \"./train.csv\"", "test = [\"others.csv\", \"train.csv\"]"] {
        place.write("tasks.toml", third(&format!("train = \"others.csv\"\n{keys}")));
        let error = fail(&place, "train-tasks tasks.toml");
        let told = "train.csv is learned from by task 'mood', and task 'again' is measured on it";
        assert!(error.contains(told), "{keys}: {error}");
    }
}

#[test]
fn two_tasks_on_one_file_have_validation_files_of_their_own() {
    let place = place("");
    place.write("others.csv", place.read("train.csv"));
    let own = "validation = \"others.csv\"";
    let head = "model = \"model\"\noutput = \"out\"\n[training]\nmax_steps = 1";
    let run = |keys: [&str; 2]| {
        let task = |(name, keys): (&str, &str)| {
            format!("[[tasks]]\nname = \"{name}\"\ntrain = \"train.csv\"\n{keys}")
        };
        let tasks = ["a", "b"].into_iter().zip(keys).map(task).collect::<Vec<_>>().join("\n");
        place.write("tasks.toml", format!("{head}\n{tasks}\n"));
        "train-tasks tasks.toml"
    };
    for keys in [["", ""], [own, ""], ["", own]] {
        let error = fail(&place, run(keys));
        let told = "train.csv is learned from by the tasks 'a' and 'b', and 'a' is measured";
        let other = "train.csv is learned from by the tasks 'b' and 'a', and 'b' is measured";
        assert!(error.contains(if keys[0].is_empty() { told } else { other }), "{error}");
    }
    succeed(&place, run([own, own]));
}

#[test]
fn changed_rows_are_refused_on_resume() {
    let place = place(TWO_TASKS);
    assert_eq!(place.run("train-tasks tasks.toml --max-time 1ms").status.code(), Some(130));
    assert!(fail(&place, "train-tasks tasks.toml").contains("bertune resume out"));
    let rows = String::from_utf8(place.read("words.csv")).unwrap();
    place.write("words.csv", rows.replacen("long", "short", 1));
    assert!(fail(&place, "resume out").contains("words.csv has changed since the run"));
}

#[test]
fn results_of_tasks_are_replaced_and_other_folders_are_not() {
    let place = place(&TWO_TASKS.replace("epochs = 4", "max_steps = 1"));
    succeed(&place, "train-tasks tasks.toml");
    assert!(fail(&place, "train-tasks tasks.toml").contains("--overwrite"));
    assert!(fail(&place, "replay out/run.json --output b").contains("is of several tasks"));
    for command in [
        "predict --model out 'a film'",
        "train --model out --train words.csv --label kind --text body --output c",
    ] {
        let error = fail(&place, command);
        assert!(error.contains("each of which has a model of its own; name one: out/"), "{error}");
    }
    place.write(
        "tasks.toml",
        TWO_TASKS.replace("epochs = 4", "max_steps = 1").replace("words\"", "w\""),
    );
    succeed(&place, "train-tasks tasks.toml --overwrite");
    assert!(place.path("out/w").is_dir() && !place.path("out/words").exists());
    place.write("papers/words/thesis.tex", "x");
    let error = fail(&place, "train-tasks tasks.toml --output papers --overwrite");
    assert!(error.contains("is not replaced"), "{error}");
    assert!(place.path("papers/words/thesis.tex").is_file());
}

#[test]
fn a_task_begins_with_the_heads_of_another_run_where_the_labels_agree() {
    let place = place(&TWO_TASKS.replace("epochs = 4", "max_steps = 1"));
    let told = String::from_utf8(place.run("train-tasks tasks.toml").stderr).unwrap();
    assert!(told.contains("Head      mood: the model's own"), "{told}");
    assert!(
        told.contains("2 newly initialised (classifier.1.weight, classifier.1.bias)"),
        "{told}"
    );
}
