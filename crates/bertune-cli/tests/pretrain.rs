//! Raw text to a model that guesses, is fine-tuned, and can be stopped at any step.

mod common;

use std::fs;
use std::process::Output;

use bertune::checkpoint::Checkpoint;
use common::Place;

/// Sentences in which each word says which follows.
fn text(documents: usize) -> String {
    let words = ["the good film", "a bad play", "the old king", "a young queen", "no day"];
    let sentence =
        |i: usize| format!("{} was seen by {} .\n", words[i % 5], words[(i * 3 + 1) % 5]);
    (0..documents).map(|i| format!("{}{}\n", sentence(i), sentence(i + 2))).collect()
}

fn place() -> Place {
    let place = Place::new();
    place.write("text.txt", text(60));
    place
}

fn succeed(place: &Place, arguments: &str) -> Output {
    let output = place.run(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {error}");
    output
}

const SMALL: &str = "pretrain --text text.txt --validation text.txt --vocab-size 120 --layers 2 --hidden-size 32 \
                     --heads 2 --max-length 16 --batch-size 4 --learning-rate 3e-3 --masking-unit whole-word";

#[test]
fn a_model_made_of_raw_text_guesses_and_is_fine_tuned() {
    let place = place();
    let output = succeed(&place, &format!("{SMALL} --output bert --epochs 60 --dropout 0"));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("masked accuracy") && told.contains("perplexity"), "{told}");
    let files = ["config.json", "model.safetensors", "vocab.txt", "README.md", "run.json"];
    assert!(files.iter().all(|file| place.path("bert").join(file).is_file()));
    assert!(!place.path("bert.run").exists(), "nothing is left of the run");

    let output = succeed(
        &place,
        "fill-mask --model bert --json --top 3 'the good film was [MASK] by a bad play .'",
    );
    let guesses: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(guesses["masks"][0].as_array().unwrap().len(), 3);
    assert_eq!(guesses["masks"][0][0]["token"], "seen", "{guesses}");

    // No pooler was learned, and none is there that looks as if.
    let config = String::from_utf8(place.read("bert/config.json")).unwrap();
    assert!(config.contains("\"max_position_embeddings\": 16"), "{config}");
    let train = "train --model bert --train train.csv --output tuned --epochs 1 --max-length 16";
    let output = succeed(&place, train);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("4 newly initialised (bert.pooler.dense.weight"), "{told}");
}

fn fail(place: &Place, arguments: &str) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_cannot_be_measured_is_refused_before_the_first_step() {
    let place = place();
    place.write("few.txt", text(9));
    let error = fail(&place, "pretrain --text few.txt --output bert");
    assert!(error.contains("there are fewer than 50 documents in few.txt"), "{error}");
    assert!(!error.contains("Tokenizer"), "{error}");
    place.write("one.txt", "a");
    let flags = SMALL.replace("--validation text.txt", "--validation one.txt");
    let error = fail(&place, &format!("{flags} --output bert --max-steps 1"));
    assert!(error.contains("no token of the held-out text is hidden"), "{error}");
    assert!(!place.path("bert").exists());
}

#[test]
fn a_tokenizer_that_is_there_gets_no_flags_of_a_new_one() {
    let place = place();
    for flag in ["--cased", "--vocab-size 100"] {
        let flags = format!("pretrain --text text.txt --output bert --tokenizer model {flag}");
        assert!(fail(&place, &flags).contains("is for a new vocabulary"), "{flag}");
    }
}

#[test]
fn a_new_model_may_look_at_neighbours_at_first() {
    let place = place();
    succeed(&place, &format!("{SMALL} --output bert --max-steps 1 --look-at-neighbours"));
    let record = String::from_utf8(place.read("bert/pretraining.toml")).unwrap();
    assert!(record.contains("look_at_neighbours = true"), "{record}");
    let checkpoint = Checkpoint::open(&place.path("bert")).unwrap();
    let tensor = checkpoint.tensor("bert.embeddings.position_embeddings.weight").unwrap();
    // The waves of position 0, moved by one step of 3e-3 at most.
    for (column, &value) in tensor.values[..32].iter().enumerate() {
        let wave = if column.is_multiple_of(2) { 0.0 } else { 0.02 * std::f32::consts::SQRT_2 };
        assert!((value - wave).abs() < 3.1e-3, "{column}: {value}");
    }
    // The first head's: its queries turned one token back. Random weights are some hundredths.
    for (map, expected) in [("query", 2.0 * 1f32.cos()), ("key", 2.0)] {
        let name = format!("bert.encoder.layer.0.attention.self.{map}.weight");
        let first = checkpoint.tensor(&name).unwrap().values[0];
        assert!((first - expected).abs() < 0.15, "{map}: {first}");
    }
}

#[test]
fn the_pooler_is_taught_where_it_guesses_too() {
    let place = place();
    let run = |output: &str, steps: usize, weight: &str| {
        let run = format!("{SMALL} --output {output} --max-steps {steps} --pooled-loss {weight}");
        succeed(&place, &run);
        let checkpoint = Checkpoint::open(&place.path(output)).unwrap();
        checkpoint.tensor("bert.pooler.dense.weight").map(|pooler| pooler.values)
    };
    let (once, later) = (run("once", 1, "0.5").unwrap(), run("later", 9, "0.5").unwrap());
    // Steps of Adam are as long as the learning rate: each weight is moved by each step.
    let moved = |(a, b): (&f32, &f32)| (a - b).abs() > 1e-4;
    let share = once.iter().zip(&later).filter(|&pair| moved(pair)).count();
    assert!(share * 2 > once.len(), "{share} of {}", once.len());
    assert!(run("untaught", 9, "0").is_err(), "a pooler that knows nothing is left out");

    // The folder is an encoder whose pooler a classifier goes on with.
    let train = "train --model later --train train.csv --output tuned --epochs 1 --max-length 16";
    let told = String::from_utf8(succeed(&place, train).stderr).unwrap();
    assert!(told.contains("2 newly initialised (classifier"), "{told}");

    let error = fail(&place, &format!("{SMALL} --output bert --pooled-loss -1"));
    assert!(error.contains("--pooled-loss is -1, but must be at least 0"), "{error}");
}

#[test]
fn pretraining_goes_on_with_a_model_that_is_there() {
    let place = place();
    succeed(&place, &format!("{SMALL} --output bert --max-steps 4"));
    let go_on = "pretrain --model bert --text text.txt --output further --max-length 16";
    succeed(&place, &format!("{go_on} --max-steps 2 --batch-size 4"));
    let vocab = |folder: &str| place.read(&format!("{folder}/vocab.txt"));
    assert_eq!(vocab("bert"), vocab("further"));
    assert_ne!(place.read("bert/model.safetensors"), place.read("further/model.safetensors"));
}

#[test]
fn what_is_told_to_do_next_works_for_a_model_of_short_texts() {
    let place = place();
    succeed(&place, &format!("{SMALL} --output bert --max-steps 1"));
    let go_on = "pretrain --model bert --text text.txt --validation text.txt --output further \
                 --max-length 8 --max-steps 1";
    let told = String::from_utf8(succeed(&place, go_on).stderr).unwrap();
    assert!(told.contains("Model     bert: ") && told.contains(" tensors used"), "{told}");
    let next = told.split("Fine-tune it: bertune ").nth(1).unwrap();
    assert!(next.contains("--max-length 16"), "{told}");
    let next = next.replace("FILE", "train.csv").replace("FOLDER", "tuned");
    succeed(&place, &format!("{} --max-steps 1", next.trim()));
}

#[test]
fn a_classifier_that_goes_on_says_what_is_new_and_is_one_no_more() {
    let place = place();
    succeed(&place, "train --model model --train train.csv --output tuned --max-steps 1");
    let config = |folder: &str| String::from_utf8(place.read(&format!("{folder}/config.json")));
    let of_classifier = ["id2label", "label2id", "problem_type", "bertune_max_length"];
    let has = |config: &str, key: &str| config.contains(&format!("\"{key}\""));
    let before = config("tuned").unwrap();
    assert!(of_classifier.iter().all(|key| has(&before, key)), "{before}");
    let go_on = "pretrain --model tuned --text text.txt --validation text.txt --output further \
                 --max-length 16 --max-steps 1";
    let told = String::from_utf8(succeed(&place, go_on).stderr).unwrap();
    assert!(told.contains("5 newly initialised (cls.predictions."), "{told}");
    assert!(told.contains("2 ignored (classifier.bias, classifier.weight)"), "{told}");
    assert!(told.contains(" for validation\n"), "{told}");
    let after = config("further").unwrap();
    assert!(!of_classifier.iter().any(|key| has(&after, key)), "{after}");
}

#[test]
fn resumed_pretraining_equals_an_uninterrupted_run_bit_for_bit() {
    let place = place();
    let run =
        |output: &str| format!("{SMALL} --output {output} --max-steps 7 --micro-batch-size 3 -q");
    succeed(&place, &run("whole"));
    let mut output = place.run(&format!("{} --max-time 1ms", run("parts")));
    let mut stops = 0;
    while output.status.code() == Some(130) {
        stops += 1;
        assert!(stops < 8, "each resumed run takes a step");
        output = place.run("resume parts -q --max-time 1ms");
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(stops >= 5, "{stops}");
    let model = |folder: &str| place.read(&format!("{folder}/model.safetensors"));
    assert_eq!(model("whole"), model("parts"));
}

#[test]
fn changed_text_is_refused_on_resume() {
    let place = place();
    let begun = place.run(&format!("{SMALL} --output bert --max-steps 7 --max-time 1ms"));
    assert_eq!(begun.status.code(), Some(130));
    fs::write(place.path("text.txt"), text(70)).unwrap();
    let refused = place.run("resume bert");
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains("text.txt has changed since the run"), "{error}");
}
