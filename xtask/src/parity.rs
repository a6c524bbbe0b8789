//! Comparison with Python's transformers as it is installed today: folders both ways, and goldens.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cache::Cache;
use crate::fetch::{self, MINILM};
use crate::goldens;
use crate::process::{self, root};
use crate::python::Python;
use crate::quickstart::bertune;

/// Everything is written below this folder, which git ignores.
const FOLDER: &str = "runs/parity";

/// What both sides predict: English, accents, other scripts, emoji, long, nearly empty.
const TEXTS: [&str; 8] = [
    "My card was charged twice for one order.",
    "how do i change the e-mail of my account",
    "Où est mon colis ? Il devait arriver lundi.",
    "退款需要多长时间？",
    "LOVE the new app 😀👍",
    "Nothing works any more since the update: not the search, not the settings, not even the page \
     where I would cancel my subscription, which is what I now want to do, to be honest!",
    "?",
    "don't",
];

/// Probabilities may differ by this much.
const TOLERANCE: f64 = 1e-5;

/// Runs the comparisons.
pub(crate) fn run() -> Result<()> {
    let cache = Cache::open()?;
    let python = Python::bring(&cache)?;
    let folder = root().join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;

    println!("\n1. transformers opens a folder that we wrote");
    transformers_opens_ours(&python, &fetch::bring(&MINILM, &cache)?, &folder)?;
    println!("\n2. We open a folder that transformers wrote");
    we_open_theirs(&python, &folder.join("theirs"))?;
    println!("\n3. peft opens an adapter that we wrote, and we one that it wrote");
    peft_opens_ours(&python, &fetch::bring(&MINILM, &cache)?, &folder)?;
    we_open_an_adapter(&python, &folder.join("peft"))?;
    println!("\n4. transformers still computes the goldens");
    goldens::compare(&python, &folder.join("goldens"))?;
    println!("\nbertune and transformers agree.");
    Ok(())
}

/// A classifier of one class a text, one of long texts, one of sets and one of numbers.
fn transformers_opens_ours(python: &Python, model: &Path, folder: &Path) -> Result<()> {
    let support = "--train data/support/train.csv --validation data/support/validation.csv";
    transformers_opens(python, model, folder, &words(support))?;
    transformers_opens(
        python,
        model,
        folder,
        &words(&format!("{support} --max-length 12 --stride 4")),
    )?;

    let rows = |label: &dyn Fn(usize) -> Value| -> Vec<Value> {
        let texts = TEXTS.iter().cycle().enumerate().take(64);
        texts.map(|(i, text)| json!({ "text": text, "label": label(i) })).collect()
    };
    let sets = [json!([]), json!(["cost"]), json!(["cost", "delay"]), json!(["delay"])];
    // transformers does not know our thresholds.
    let half = ["--thresholds", "half"].as_slice();
    for (kind, rows, decided) in [
        ("set", rows(&|i| sets[i % 8 % 4].clone()), half),
        ("values", rows(&|i| json!((i % 8) as f64 / 2.0)), &[]),
    ] {
        let file = folder.join(format!("{kind}.jsonl"));
        write_lines(&file, rows)?;
        let file = file.display().to_string();
        let flags = ["--train", &file, "--validation", &file, "--targets", kind];
        let flags = flags.iter().chain(decided).map(ToString::to_string);
        transformers_opens(python, model, folder, &flags.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(String::from).collect()
}

/// Fine-tunes with these flags, and lets transformers predict with the folder.
fn transformers_opens(
    python: &Python,
    model: &Path,
    folder: &Path,
    flags: &[String],
) -> Result<()> {
    opens(python, "tools/parity_roundtrip.py", model, folder, flags)
}

/// A LoRA adapter on the model.
fn peft_opens_ours(python: &Python, model: &Path, folder: &Path) -> Result<()> {
    let flags = words("--train data/support/train.csv --preset lora --lora-targets query,dense");
    opens(python, "tools/parity_lora.py", model, folder, &flags)
}

/// Fine-tunes with these flags, and lets a script predict with the folder.
fn opens(
    python: &Python,
    script: &str,
    model: &Path,
    folder: &Path,
    flags: &[String],
) -> Result<()> {
    let ours = folder.join("ours");
    let mut train = bertune(["train", "--epochs", "1", "--model"]);
    train.arg(model).args(flags);
    process::run(train.arg("--output").arg(&ours).arg("--overwrite"))?;

    let texts: Vec<String> = TEXTS.map(String::from).to_vec();
    let lines = texts.iter().map(|text| json!({ "text": text }));
    let (texts_file, predictions) = (folder.join("texts.jsonl"), folder.join("ours.jsonl"));
    write_lines(&texts_file, lines)?;
    write_lines(&predictions, predict(&ours, &texts)?)?;
    process::run(python.command().args([script, "open"]).args([ours, texts_file, predictions]))
}

fn we_open_theirs(python: &Python, folder: &Path) -> Result<()> {
    theirs(python, "tools/parity_roundtrip.py", folder)?;
    predicts_as_expected(folder, folder)
}

/// An adapter, and what comes of it when it is merged.
fn we_open_an_adapter(python: &Python, folder: &Path) -> Result<()> {
    theirs(python, "tools/parity_lora.py", folder)?;
    let (adapter, merged) = (folder.join("adapter"), folder.join("merged"));
    predicts_as_expected(&adapter, folder)?;
    let mut merge = bertune(["merge", "--model"]);
    process::run(merge.arg(adapter).arg("--output").arg(&merged))?;
    predicts_as_expected(&merged, folder)
}

/// Lets a script write into the folder, which is emptied first.
fn theirs(python: &Python, script: &str, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    process::run(python.command().args([script, "write"]).arg(folder))
}

/// Our predictions with a model are those that a script expects.
fn predicts_as_expected(model: &Path, folder: &Path) -> Result<()> {
    let expected = read_lines(&folder.join("expected.jsonl"))?;
    let text = |line: &Value| line["text"].as_str().map(String::from);
    let texts: Option<Vec<String>> = expected.iter().map(text).collect();
    let texts = texts.context("a line of expected.jsonl has no text")?;
    let found = predict(model, &texts)?;
    ensure!(found.len() == expected.len(), "{} texts gave {}", texts.len(), found.len());
    for ((found, expected), text) in found.iter().zip(&expected).zip(&texts) {
        same_prediction(found, expected).with_context(|| format!("the text {text:?}"))?;
    }
    println!("{} predictions agree", texts.len());
    Ok(())
}

/// Our predictions, one for each text.
fn predict(model: &Path, texts: &[String]) -> Result<Vec<Value>> {
    let mut command = bertune(["predict", "--output-format", "jsonl", "--model"]);
    parse_lines(&process::output_of(command.arg(model).arg("--").args(texts))?)
}

fn same_prediction(found: &Value, expected: &Value) -> Result<()> {
    let (ours, theirs) = (&found["label"], &expected["label"]);
    ensure!(ours == theirs, "our label is {ours}, theirs {theirs}");
    let probabilities = |of: &Value| of["probabilities"].as_object().cloned().unwrap_or_default();
    let (ours, theirs) = (probabilities(found), probabilities(expected));
    ensure!(!theirs.is_empty() && ours.len() == theirs.len(), "the labels differ");
    for (label, theirs) in &theirs {
        let number = |value: Option<&Value>| value.and_then(Value::as_f64).unwrap_or(f64::NAN);
        let (ours, theirs) = (number(ours.get(label)), number(Some(theirs)));
        let agree = (ours - theirs).abs() <= TOLERANCE;
        ensure!(agree, "our probability of {label} is {ours}, theirs {theirs}");
    }
    Ok(())
}

fn write_lines(path: &Path, lines: impl IntoIterator<Item = Value>) -> Result<()> {
    let text: String = lines.into_iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn read_lines(path: &Path) -> Result<Vec<Value>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse_lines(&text)
}

fn parse_lines(text: &str) -> Result<Vec<Value>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).with_context(|| format!("not JSON: {line}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ours: Value, expected: Option<&str>) {
        let theirs = json!({"label": "a", "probabilities": {"a": 0.75, "b": 0.25}});
        let found = same_prediction(&ours, &theirs).err().map(|error| error.to_string());
        assert_eq!(found.as_deref(), expected, "{ours}");
    }

    #[test]
    fn predictions_that_differ_are_told_apart() {
        check(json!({"label": "a", "probabilities": {"a": 0.750001, "b": 0.249999}}), None);
        check(
            json!({"label": "b", "probabilities": {"a": 0.75, "b": 0.25}}),
            Some(r#"our label is "b", theirs "a""#),
        );
        check(
            json!({"label": "a", "probabilities": {"a": 0.7501, "b": 0.2499}}),
            Some("our probability of a is 0.7501, theirs 0.75"),
        );
        check(
            json!({"label": "a", "probabilities": {"a": 0.75, "c": 0.25}}),
            Some("our probability of b is NaN, theirs 0.25"),
        );
        check(json!({"label": "a"}), Some("the labels differ"));
    }
}
