//! Checkpoints in other number formats.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bertune_checkpoint::{
    Checkpoint, CheckpointError, Dtype, HostTensor, convert, write_checkpoint,
};
use serde_json::{Value, json};

fn folder_with(values: &[f32], config: &Value) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let tensor = HostTensor { shape: vec![values.len()], values: values.to_vec() };
    let tensors = BTreeMap::from([("x".to_owned(), tensor)]);
    write_checkpoint(home.path(), &tensors, config.as_object().unwrap()).unwrap();
    fs::write(home.path().join("vocab.txt"), "[PAD]\n").unwrap();
    home
}

fn converted(from: &Path, dtype: Dtype) -> (tempfile::TempDir, Checkpoint) {
    let home = tempfile::tempdir().unwrap();
    convert(&Checkpoint::open(from).unwrap(), home.path(), dtype).unwrap();
    let checkpoint = Checkpoint::open(home.path()).unwrap();
    (home, checkpoint)
}

#[test]
fn numbers_are_rounded_and_all_else_is_copied() {
    let values = [0.1, -2.0, 1e-3, 65504.0];
    let from = folder_with(&values, &json!({"a": 1, "torch_dtype": "float32"}));
    for (dtype, name, epsilon) in [
        (Dtype::F32, "float32", 0.0),
        (Dtype::F16, "float16", 2f32.powi(-11)),
        (Dtype::Bf16, "bfloat16", 2f32.powi(-8)),
    ] {
        let (home, checkpoint) = converted(from.path(), dtype);
        for (value, stored) in values.iter().zip(checkpoint.tensor("x").unwrap().values) {
            assert!((value - stored).abs() <= value.abs() * epsilon, "{value} {stored} {name}");
        }
        assert_eq!(Value::from(checkpoint.config_json().clone()), json!({"a": 1, "dtype": name}));
        assert_eq!(fs::read_to_string(home.path().join("vocab.txt")).unwrap(), "[PAD]\n");
    }
}

#[test]
fn half_precision_takes_half_the_space() {
    let from = folder_with(&[0.5; 4096], &json!({}));
    let size = |dtype| {
        let (home, _checkpoint) = converted(from.path(), dtype);
        fs::metadata(home.path().join("model.safetensors")).unwrap().len()
    };
    assert_eq!(size(Dtype::F32) - size(Dtype::F16), 2 * 4096);
    assert_eq!(size(Dtype::F16), size(Dtype::Bf16));
}

#[test]
fn a_number_beyond_f16_is_refused_and_fits_into_bf16() {
    let from = folder_with(&[1.0, 70_000.0], &json!({}));
    let home = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint::open(from.path()).unwrap();
    let error = convert(&checkpoint, home.path(), Dtype::F16).unwrap_err();
    assert!(matches!(error, CheckpointError::OutOfRange { .. }), "{error}");
    assert!(error.to_string().contains("`x` holds 70000"), "{error}");
    converted(from.path(), Dtype::Bf16);
}

/// What is trained from a checkpoint of half precision is written in single, and says so.
#[test]
fn what_is_written_in_f32_says_so() {
    let from = folder_with(&[1.0], &json!({"dtype": "float16"}));
    let checkpoint = Checkpoint::open(from.path()).unwrap();
    assert_eq!(checkpoint.config_json()["dtype"], "float32");
}
