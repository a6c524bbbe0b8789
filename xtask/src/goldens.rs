//! Whether the goldens in the repository are what transformers computes today.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::process::{self, root};
use crate::python::Python;

/// The scripts and the folders to write to that they take as arguments. One that takes none writes
/// to `../crates/…` as seen from where it lies.
const SCRIPTS: [(&str, &[&str]); 7] = [
    ("tokenizer_goldens.py", &[]),
    ("bert_goldens.py", &["crates/bertune-testing/goldens"]),
    ("masked_lm_goldens.py", &["crates/bertune-testing/masked_lm"]),
    ("lora_goldens.py", &["crates/bertune-testing/lora"]),
    ("metric_goldens.py", &[]),
    ("training_goldens.py", &[]),
    ("logistic_regression_goldens.py", &[]),
];

/// What says when and with what goldens were made.
const PROVENANCE: [&str; 12] = [
    "date",
    "made_by",
    "provenance",
    "numpy",
    "peft_version",
    "python",
    "scikit_learn",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
    "transformers_version",
];

/// Numbers may differ by this much, relative to the greater of 1 and themselves.
const TOLERANCE: f64 = 1e-5;

/// The same of gradients, which processors round further apart: an Intel and an AMD by 1.0014e-5.
const TOLERANCE_OF_GRADIENTS: f64 = 2e-5;

/// Makes all goldens in `folder`, which is emptied first, and compares.
pub(crate) fn compare(python: &Python, folder: &Path) -> Result<()> {
    make(python, folder)?;
    let made = files_below(&folder.join("crates"))?;
    ensure!(!made.is_empty(), "the scripts wrote nothing to {}", folder.display());
    for file in &made {
        let path = file.strip_prefix(folder)?;
        compare_files(&root().join(path), file)
            .with_context(|| format!("{} is not what its script makes", path.display()))?;
    }
    println!("{} files of goldens are what transformers computes", made.len());
    Ok(())
}

/// Runs copies of the scripts, so that they write beside themselves and not to the repository.
fn make(python: &Python, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let tools = folder.join("tools");
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    for (script, outputs) in SCRIPTS {
        let source = root().join("tools").join(script);
        let copy = tools.join(script);
        fs::copy(&source, &copy).with_context(|| format!("cannot copy {}", source.display()))?;
        let outputs = outputs.iter().map(|output| folder.join(output));
        process::run(python.command().arg(copy).args(outputs))?;
    }
    Ok(())
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn compare_files(committed: &Path, made: &Path) -> Result<()> {
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let (committed, bytes) = (read(committed)?, read(made)?);
    let name = made.to_string_lossy();
    if name.ends_with(".jsonl.gz") {
        same_json_lines(&unzipped(&committed)?, &unzipped(&bytes)?)
    } else if name.ends_with(".json") {
        same_json_lines(&committed, &bytes)
    } else if name.ends_with(".safetensors") {
        same_tensors(&committed, &bytes)
    } else {
        ensure!(committed == bytes, "the bytes differ");
        Ok(())
    }
}

fn unzipped(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut text)?;
    Ok(text)
}

/// JSON values one after another, as many as there are.
fn same_json_lines(ours: &[u8], theirs: &[u8]) -> Result<()> {
    let values = |bytes| serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let ours = values(ours).collect::<Result<Vec<_>, _>>()?;
    let theirs = values(theirs).collect::<Result<Vec<_>, _>>()?;
    ensure!(ours.len() == theirs.len(), "{} values are now {}", ours.len(), theirs.len());
    for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        same_json(ours, theirs).with_context(|| format!("value {}", index + 1))?;
    }
    Ok(())
}

/// Equal, but for provenance and the last digits of numbers.
pub(crate) fn same_json(ours: &Value, theirs: &Value) -> Result<()> {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let keys = |of: &serde_json::Map<String, Value>| {
                let mut keys: Vec<_> = of.keys().cloned().collect();
                keys.retain(|key| !PROVENANCE.contains(&key.as_str()));
                keys.sort();
                keys
            };
            ensure!(keys(ours) == keys(theirs), "the keys differ");
            keys(ours).iter().try_for_each(|key| {
                same_json(&ours[key], &theirs[key]).with_context(|| key.clone())
            })
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ensure!(ours.len() == theirs.len(), "{} items are now {}", ours.len(), theirs.len());
            ours.iter().zip(theirs).try_for_each(|(ours, theirs)| same_json(ours, theirs))
        }
        (Value::Number(ours), Value::Number(theirs)) => {
            let [ours, theirs] = [ours, theirs].map(|number| number.as_f64().unwrap_or(f64::NAN));
            same_number(ours, theirs, TOLERANCE)
        }
        _ => {
            ensure!(ours == theirs, "{ours} is now {theirs}");
            Ok(())
        }
    }
}

fn same_number(ours: f64, theirs: f64, tolerance: f64) -> Result<()> {
    let difference = (ours - theirs).abs();
    ensure!(difference <= tolerance * ours.abs().max(1.0), "{ours} is now {theirs}");
    Ok(())
}

/// The same names, shapes and, nearly, numbers of type F32; others have to be equal.
fn same_tensors(ours: &[u8], theirs: &[u8]) -> Result<()> {
    let ((our_header, ours), (their_header, theirs)) = (split(ours)?, split(theirs)?);
    ensure!(our_header == their_header, "names, types or shapes of tensors differ");
    for (name, tensor) in our_header.as_object().into_iter().flatten() {
        let of = |bytes| slice_of(tensor, bytes).with_context(|| format!("{name}: bad offsets"));
        let (ours, theirs) = (of(ours)?, of(theirs)?);
        if is_rounding(name) {
            continue;
        }
        if tensor["dtype"] == "F32" {
            let is_gradient = name.starts_with("grad.");
            let tolerance = if is_gradient { TOLERANCE_OF_GRADIENTS } else { TOLERANCE };
            same_floats(ours, theirs, tolerance).with_context(|| name.clone())?;
        } else {
            ensure!(ours == theirs, "{name} differs");
        }
    }
    Ok(())
}

/// Whether a tensor holds keys' biases after steps: their gradient is zero but for rounding, which Adam
/// blows up to whole steps, so that each processor makes others of them, and no test reads them.
fn is_rounding(name: &str) -> bool {
    name.contains("step") && name.ends_with("key.bias")
}

fn same_floats(ours: &[u8], theirs: &[u8], tolerance: f64) -> Result<()> {
    let floats = |bytes: &[u8]| -> Vec<f64> {
        let (floats, _) = bytes.as_chunks::<4>();
        floats.iter().map(|float| f32::from_le_bytes(*float).into()).collect()
    };
    let mut pairs = floats(ours).into_iter().zip(floats(theirs));
    pairs.try_for_each(|(ours, theirs)| same_number(ours, theirs, tolerance))
}

/// The header, without metadata, and the tensors' bytes.
fn split(file: &[u8]) -> Result<(Value, &[u8])> {
    let Some((length, rest)) = file.split_first_chunk::<8>() else {
        bail!("the file is too short");
    };
    let length = usize::try_from(u64::from_le_bytes(*length))?;
    let (header, tensors) = rest.split_at_checked(length).context("the header is cut off")?;
    let mut header: Value = serde_json::from_slice(header)?;
    if let Some(header) = header.as_object_mut() {
        header.remove("__metadata__");
    }
    Ok((header, tensors))
}

fn slice_of<'a>(tensor: &Value, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let offset = |index: usize| usize::try_from(tensor["data_offsets"][index].as_u64()?).ok();
    bytes.get(offset(0)?..offset(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ours: &str, theirs: &str, expected: Option<&str>) {
        let found = same_json_lines(ours.as_bytes(), theirs.as_bytes());
        let found = found.err().map(|error| format!("{error:#}"));
        assert_eq!(found.as_deref(), expected, "{ours} {theirs}");
    }

    #[test]
    fn values_that_changed_are_named() {
        check(r#"{"a":[1,{"b":2}]}"#, r#"{"a":[1,{"b":3}]}"#, Some("value 1: a: b: 2 is now 3"));
        check("1\n\"a\"", "1\n\"b\"", Some("value 2: \"a\" is now \"b\""));
        check("[1]", "[1,2]", Some("value 1: 1 items are now 2"));
        check("1", "1 2", Some("1 values are now 2"));
        check(r#"{"a":1}"#, r#"{"b":1}"#, Some("value 1: the keys differ"));
        check("1e3", "1000.1", Some("value 1: 1000 is now 1000.1"));
        check("1", "null", Some("value 1: 1 is now null"));
    }

    #[test]
    fn last_digits_and_provenance_may_change() {
        check("0.123456", "0.123457", None);
        check("1e6", "1000001", None);
        check(r#"{"a":1,"python":"3","date":"x"}"#, r#"{"date":"y","a":1}"#, None);
    }

    fn tensors(name: &str, value: f32) -> Vec<u8> {
        let header = format!(r#"{{"{name}":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#);
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header.as_bytes(), &value.to_le_bytes()].concat()
    }

    #[test]
    fn tensors_that_changed_are_named() {
        assert!(same_tensors(&tensors("a", 0.5), &tensors("a", 0.500_001)).is_ok());
        let message =
            |theirs: &[u8]| format!("{:#}", same_tensors(&tensors("a", 0.5), theirs).unwrap_err());
        assert_eq!(message(&tensors("a", 0.75)), "a: 0.5 is now 0.75");
        assert_eq!(message(&tensors("b", 0.5)), "names, types or shapes of tensors differ");
        assert_eq!(message(&tensors("a", 0.5)[..20]), "the header is cut off");
        assert!(same_tensors(&tensors("a", 0.5), &tensors("a", 0.500_015)).is_err());
        assert!(same_tensors(&tensors("grad.a", 0.5), &tensors("grad.a", 0.500_015)).is_ok());
        assert!(same_tensors(&tensors("grad.a", 0.5), &tensors("grad.a", 0.500_03)).is_err());
        let keys_bias = |value| tensors("step10.bert.key.bias", value);
        assert!(same_tensors(&keys_bias(0.5), &keys_bias(0.75)).is_ok());
    }
}
