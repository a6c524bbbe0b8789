//! Folders of safetensors: what opens, what comes back, and what is said of the rest.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bertune_checkpoint::{Checkpoint, CheckpointError, HostTensor, StagedFolder, write_checkpoint};
use half::{bf16, f16};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.json"), r#"{"model_type": "bert"}"#).unwrap();
    home
}

fn tensor(shape: &[usize], values: &[f32]) -> HostTensor {
    HostTensor { shape: shape.to_vec(), values: values.to_vec() }
}

fn safetensors(header: &Value, data: &[u8]) -> Vec<u8> {
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn open_bytes(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let home = home();
    fs::write(home.path().join("model.safetensors"), bytes).unwrap();
    Checkpoint::open(home.path())
}

fn message(folder: &Path) -> String {
    Checkpoint::open(folder).unwrap_err().to_string()
}

fn tensors() -> BTreeMap<String, HostTensor> {
    BTreeMap::from([
        ("b".to_owned(), tensor(&[2, 3], &[0.1, -0.0, f32::MIN_POSITIVE, 1e30, f32::NAN, 6.0])),
        ("a.scalar".to_owned(), tensor(&[], &[7.0])),
        ("c.empty".to_owned(), tensor(&[0, 4], &[])),
    ])
}

fn config() -> Map<String, Value> {
    json!({"zebra": 1, "model_type": "bert", "nested": {"ä": [1.5]}}).as_object().unwrap().clone()
}

#[test]
fn what_is_written_comes_back_bit_for_bit() {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("model");
    let staged = StagedFolder::create(&target).unwrap();
    write_checkpoint(staged.path(), &tensors(), &config()).unwrap();
    staged.commit().unwrap();
    let checkpoint = Checkpoint::open(&target).unwrap();
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["a.scalar", "b", "c.empty"]);
    for (name, written) in tensors() {
        let read = checkpoint.tensor(&name).unwrap();
        let bits =
            |tensor: &HostTensor| tensor.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(read.shape, written.shape);
        assert_eq!(bits(&read), bits(&written));
    }
    assert_eq!(checkpoint.config_json(), &config());
}

#[test]
fn the_files_are_as_transformers_writes_them() {
    let home = tempfile::tempdir().unwrap();
    write_checkpoint(home.path(), &tensors(), &config()).unwrap();
    let bytes = fs::read(home.path().join("model.safetensors")).unwrap();
    let (header_length, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(metadata.metadata().as_ref().unwrap()["format"], "pt");
    assert_eq!(header_length % 8, 0);
    let text = fs::read_to_string(home.path().join("config.json")).unwrap();
    assert!(text.starts_with("{\n  \"zebra\": 1,\n"), "{text}");
    assert!(text.ends_with("}\n"), "{text}");
}

#[test]
fn the_same_tensors_give_the_same_bytes() {
    let bytes = || {
        let home = tempfile::tempdir().unwrap();
        write_checkpoint(home.path(), &tensors(), &config()).unwrap();
        fs::read(home.path().join("model.safetensors")).unwrap()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_failed_write_is_told_with_its_path() {
    let home = home();
    fs::create_dir(home.path().join("model.safetensors")).unwrap();
    let error = write_checkpoint(home.path(), &tensors(), &config()).unwrap_err();
    assert!(error.to_string().contains("model.safetensors: cannot be written"), "{error}");
}

fn check_widened(dtype: &str, bytes: &[u8], expected: &[f32]) {
    let header =
        json!({"x": {"dtype": dtype, "shape": [expected.len()], "data_offsets": [0, bytes.len()]}});
    let home = home();
    fs::write(home.path().join("model.safetensors"), safetensors(&header, bytes)).unwrap();
    let checkpoint = Checkpoint::open(home.path()).unwrap();
    assert_eq!(checkpoint.tensor("x").unwrap(), tensor(&[expected.len()], expected));
}

#[test]
fn other_floats_are_widened() {
    let halves = [f16::from_f32(0.5).to_le_bytes(), f16::from_f32(-2.0).to_le_bytes()].concat();
    check_widened("F16", &halves, &[0.5, -2.0]);
    check_widened("BF16", &bf16::from_f32(3.0).to_le_bytes(), &[3.0]);
    check_widened("F64", &0.25_f64.to_le_bytes(), &[0.25]);
    check_widened("F32", &0.1_f32.to_le_bytes(), &[0.1]);
}

#[test]
fn integers_are_an_error_only_when_wanted() {
    let header = json!({"position_ids": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}});
    let checkpoint = open_bytes(&safetensors(&header, &[0; 8])).unwrap();
    let error = checkpoint.tensor("position_ids").unwrap_err().to_string();
    assert!(error.contains("`position_ids` holds I64 numbers"), "{error}");
    let error = checkpoint.tensor("absent").unwrap_err().to_string();
    assert!(error.contains("no tensor `absent`"), "{error}");
}

fn check_broken(bytes: &[u8], part: &str) {
    let error = open_bytes(bytes).unwrap_err();
    assert!(matches!(error, CheckpointError::Safetensors { .. }), "{error}");
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn damaged_safetensors_are_refused() {
    let one = |shape: Value, offsets: [u64; 2]| json!({"x": {"dtype": "F32", "shape": shape, "data_offsets": offsets}});
    check_broken(b"", "only 0 bytes");
    check_broken(&[0xff; 100], "announces a header of 18446744073709551615 bytes");
    check_broken(&[8, 0, 0, 0, 0, 0, 0, 0, b'{'], "announces a header of 8 bytes");
    check_broken(&[2, 0, 0, 0, 0, 0, 0, 0, b'{', b'x'], "line 1");
    check_broken(&safetensors(&one(json!([2]), [0, 8]), &[0; 4]), "the file has");
    check_broken(&safetensors(&one(json!([1]), [0, 4]), &[0; 8]), "the file has");
    check_broken(&safetensors(&one(json!([3]), [0, 8]), &[0; 8]), "invalid shape");
    check_broken(&safetensors(&one(json!([1]), [4, 8]), &[0; 8]), "invalid offset");
    check_broken(&safetensors(&one(json!([1]), [8, 4]), &[0; 8]), "invalid offset");
    check_broken(&safetensors(&one(json!([u64::MAX, 2]), [0, 8]), &[0; 8]), "overflow");
    let overlapping = json!({
        "x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "y": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
    });
    check_broken(&safetensors(&overlapping, &[0; 12]), "invalid offset");
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let home = home();
    write_checkpoint(home.path(), &tensors(), &config()).unwrap();
    let bytes = fs::read(home.path().join("model.safetensors")).unwrap();
    for length in 0..bytes.len() {
        assert!(open_bytes(&bytes[..length]).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn a_file_that_shrinks_after_it_was_opened_is_an_error() {
    let home = home();
    write_checkpoint(home.path(), &tensors(), &config()).unwrap();
    let checkpoint = Checkpoint::open(home.path()).unwrap();
    fs::write(home.path().join("model.safetensors"), b"short").unwrap();
    assert!(matches!(checkpoint.tensor("b"), Err(CheckpointError::Read { .. })));
}

proptest! {
    #[test]
    fn flipped_bytes_never_panic(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let home = home();
        write_checkpoint(home.path(), &tensors(), &config()).unwrap();
        let path = home.path().join("model.safetensors");
        let mut bytes = fs::read(&path).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        fs::write(&path, bytes).unwrap();
        if let Ok(checkpoint) = Checkpoint::open(home.path()) {
            for name in checkpoint.names() {
                let _ = checkpoint.tensor(name);
            }
        }
    }
}

fn write_shard(folder: &Path, file: &str, name: &str, values: &[f32]) {
    let part = tempfile::tempdir().unwrap();
    let tensors = BTreeMap::from([(name.to_owned(), tensor(&[values.len()], values))]);
    write_checkpoint(part.path(), &tensors, &Map::new()).unwrap();
    fs::copy(part.path().join("model.safetensors"), folder.join(file)).unwrap();
}

fn write_index(folder: &Path, weight_map: &Value) {
    let index = json!({"metadata": {}, "weight_map": weight_map}).to_string();
    fs::write(folder.join("model.safetensors.index.json"), index).unwrap();
}

#[test]
fn shards_are_one_checkpoint() {
    let home = home();
    write_shard(home.path(), "model-1.safetensors", "x", &[1.0]);
    write_shard(home.path(), "model-2.safetensors", "y", &[2.0]);
    write_index(home.path(), &json!({"x": "model-1.safetensors", "y": "model-2.safetensors"}));
    let checkpoint = Checkpoint::open(home.path()).unwrap();
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(checkpoint.tensor("y").unwrap().values, [2.0]);
}

#[test]
fn an_index_names_files_beside_it_that_are_there() {
    let home = home();
    write_index(home.path(), &json!({"x": "model-1.safetensors"}));
    assert!(message(home.path()).contains("names the shard `model-1.safetensors`"));
    write_index(home.path(), &json!({"x": "../secret.safetensors"}));
    assert!(message(home.path()).contains("`../secret.safetensors` is no shard"));
    write_index(home.path(), &json!({"x": 3}));
    let message = message(home.path());
    assert!(message.contains("index.json: `weight_map.x`: invalid type"), "{message}");
}

#[test]
fn safetensors_are_preferred() {
    let home = home();
    fs::write(home.path().join("pytorch_model.bin"), "not looked at").unwrap();
    write_shard(home.path(), "model.safetensors", "x", &[1.0]);
    assert_eq!(Checkpoint::open(home.path()).unwrap().names().count(), 1);
}

#[test]
fn what_a_folder_lacks_is_said() {
    let home = tempfile::tempdir().unwrap();
    assert!(message(home.path()).contains("there is no config.json"));
    assert!(message(home.path()).contains("it holds nothing"));
    assert!(message(&home.path().join("absent")).contains("there is no such folder"));
    let file = home.path().join("model.safetensors");
    fs::write(&file, "").unwrap();
    assert!(message(&file).contains("this is a file"));
    fs::remove_file(&file).unwrap();
    fs::write(home.path().join("config.json"), "{}").unwrap();
    assert!(message(home.path()).contains("looked for model.safetensors, model.safetensors.index"));
}

#[test]
fn pointers_of_git_lfs_are_recognised() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    let error = open_bytes(pointer.as_bytes()).unwrap_err();
    assert!(matches!(error, CheckpointError::LfsPointer { .. }), "{error}");
}

#[derive(Debug, Deserialize)]
struct Config {
    #[expect(dead_code, reason = "only its type matters")]
    hidden_size: usize,
}

fn check_config(text: &str, parts: &[&str]) {
    let home = home();
    write_shard(home.path(), "model.safetensors", "x", &[1.0]);
    fs::write(home.path().join("config.json"), text).unwrap();
    let result = Checkpoint::open(home.path()).and_then(|checkpoint| checkpoint.config::<Config>());
    let message = result.unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_wrong_config_is_told_with_key_line_and_column() {
    check_config("{\n  \"hidden_size\": }", &["config.json", "line 2 column"]);
    check_config("", &["line 1 column 0"]);
    check_config("[]", &["invalid type: sequence", "line 1"]);
    check_config("{} trailing", &["trailing characters"]);
    check_config("{\n \"hidden_size\": \"big\"\n}", &["`hidden_size`", "line 2 column"]);
    check_config("{}", &["missing field `hidden_size`"]);
    check_config("{\"hidden_size\": \u{7f}", &["line 1 column"]);
    check_config(&"[".repeat(1 << 20), &["line 1"]);
}
