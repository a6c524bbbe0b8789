//! Files that PyTorch wrote, whole and damaged; `goldens/README.md` says how they were made.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bertune_checkpoint::{Checkpoint, CheckpointError};
use proptest::prelude::*;
use serde::Deserialize;
use tempfile::TempDir;

#[derive(Deserialize)]
struct Expected {
    state_dict: BTreeMap<String, Tensor>,
    module: BTreeMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn golden(name: &str) -> Vec<u8> {
    fs::read(Path::new("tests/goldens").join(name)).unwrap()
}

fn expected() -> Expected {
    serde_json::from_slice(&golden("expected.json")).unwrap()
}

fn folder_with(bytes: &[u8]) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.json"), "{}").unwrap();
    fs::write(home.path().join("pytorch_model.bin"), bytes).unwrap();
    let folder = home.path().to_path_buf();
    (home, folder)
}

fn open(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let (home, folder) = folder_with(bytes);
    let checkpoint = Checkpoint::open(&folder)?;
    let readable = checkpoint.names().filter(|name| !name.contains("position_ids"));
    for name in readable.filter(|name| !name.contains("mask")) {
        let tensor = checkpoint.tensor(name)?;
        assert_eq!(tensor.values.len(), tensor.shape.iter().product::<usize>());
    }
    drop(home);
    Ok(checkpoint)
}

fn error(bytes: &[u8]) -> String {
    open(bytes).err().map(|error| error.to_string()).unwrap_or_default()
}

fn check_equal(name: &str, expected: &BTreeMap<String, Tensor>) {
    let (_home, folder) = folder_with(&golden(name));
    let checkpoint = Checkpoint::open(&folder).unwrap();
    for (key, tensor) in expected {
        let found = checkpoint.tensor(key).unwrap();
        assert_eq!(found.shape, tensor.shape, "{name} {key}");
        assert_eq!(found.values, tensor.values, "{name} {key}");
    }
}

#[test]
fn every_kind_of_file_holds_what_pytorch_reads_from_it() {
    let Expected { state_dict, module } = expected();
    check_equal("zip.bin", &state_dict);
    check_equal("legacy.bin", &state_dict);
    check_equal("protocol_4.bin", &state_dict);
    check_equal("protocol_5_legacy.bin", &state_dict);
    check_equal("module_zip.bin", &module);
    check_equal("module_legacy.bin", &module);
}

#[test]
fn integers_are_named_but_are_no_parameters() {
    let (_home, folder) = folder_with(&golden("zip.bin"));
    let checkpoint = Checkpoint::open(&folder).unwrap();
    let ids = "bert.embeddings.position_ids";
    assert_eq!(checkpoint.shape(ids), Some([1, 5].as_slice()));
    let error = checkpoint.tensor(ids).unwrap_err();
    assert!(
        matches!(error, CheckpointError::ElementType { element_type, .. } if element_type == "I64")
    );
}

#[test]
fn a_pickle_that_would_run_a_command_is_refused_by_name() {
    for name in ["hostile_zip.bin", "hostile_legacy.bin", "hostile_protocol_4.bin"] {
        let error = open(&golden(name)).unwrap_err();
        let CheckpointError::PickleRefused { asks_for, .. } = error else {
            panic!("{name}: {error}");
        };
        assert_eq!(asks_for, "posix.system", "{name}");
    }
}

fn check_message(name: &str, part: &str) {
    let message = error(&golden(name));
    assert!(message.contains(part), "{name}: {message}");
}

#[test]
fn what_is_no_state_dict_is_said_to_be_none() {
    check_message("no_tensors.bin", "holds no tensors");
    check_message("training_state.bin", "holds no tensors");
    check_message("list.bin", "other than a state dict");
    check_message("bare_pickle.bin", "without PyTorch's magic number");
    check_message("README.md", "neither a zip archive nor a pickle");
}

#[test]
fn a_few_bytes_cannot_ask_for_much_memory() {
    check_message("expanded.bin", "does not fit a storage of 1 numbers");
}

#[test]
fn deep_nesting_and_endless_lists_are_only_errors() {
    let nest = |opcode: u8| [[0x80, 2].as_slice(), b"N", &vec![opcode; 1 << 21], b"."].concat();
    assert!(error(&nest(0x85)).contains("too many objects"));
    assert!(error(&nest(b'N')).contains("too many objects"));
    assert!(error(&nest(b'(')).contains("stack is empty"));
}

/// A pickle of its own, as the beginning of an old file.
fn check_pickle(pickle: &[u8], part: &str) {
    let message = error(&[[0x80, 2].as_slice(), pickle].concat());
    assert!(message.contains(part), "{pickle:?}: {message}");
}

#[test]
fn instructions_that_make_no_sense_are_only_errors() {
    check_pickle(b"0.", "stack is empty");
    check_pickle(b".", "stack is empty");
    check_pickle(b"N(0.", "stack is empty");
    check_pickle(b"t.", "a list has no beginning");
    check_pickle(b"h\x01.", "before it is there");
    check_pickle(b"NNa.", "other than a list");
    check_pickle(b"NNNs.", "other than a dict");
    check_pickle(b"}(Nu.", "a key has no value");
    check_pickle(b"NNR.", "other than a function is called");
    check_pickle(b"ctorch\nSize\n)R.", "other arguments");
    check_pickle(b"NNb.", "is given attributes");
    check_pickle(b"NQ.", "no description");
    check_pickle(b")Q.", "too short");
    check_pickle(b"NN\x93.", "has no name");
    check_pickle(b"cnever ends", "has no name");
    check_pickle(b"X\xff\xff\xff\xff.", "breaks off");
    check_pickle(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "breaks off");
    check_pickle(b"X\x01\0\0\0\xff.", "not UTF-8");
    check_pickle(&[0x8a, 17], "breaks off");
    check_pickle(&[[0x8a, 17].as_slice(), &[1; 17]].concat(), "too large");
    check_pickle(b"\x80\x09.", "protocol is 9");
    check_pickle(b"I1\n.", "belongs to no state dict");
    check_pickle(b"(ios\nsystem\n.", "instruction 0x69");
    check_pickle(b"cbuiltins\neval\n.", "builtins.eval");
    check_pickle(b"ctorch\nload\n.", "torch.load");
    check_pickle(b"ctorch.hub\nload\n.", "torch.hub.load");
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    for name in ["module_zip.bin", "legacy.bin", "module_legacy.bin"] {
        let bytes = golden(name);
        for length in 0..bytes.len() {
            assert!(open(&bytes[..length]).is_err(), "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn a_compressed_entry_is_refused() {
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("archive/data.pkl", options).unwrap();
    archive.write_all(&[0; 1 << 20]).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    assert!(error(&bytes).contains("is compressed"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn flipped_bytes_never_panic(
        file in prop::sample::select(vec!["zip.bin", "legacy.bin", "protocol_4.bin"]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = golden(file);
        for (place, byte) in flips {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        // Either is right: a changed number is still a number.
        let _ = open(&bytes);
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open(&[[0x80, 2].as_slice(), &bytes].concat()).is_err());
        prop_assert!(open(&[b"PK\x03\x04".as_slice(), &bytes].concat()).is_err());
    }
}
