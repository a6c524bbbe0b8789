//! The boxed model as a folder.

use std::fs;

use bertune_boxed::{BoxedError, unpack_into};
use bertune_checkpoint::Checkpoint;

#[test]
fn it_is_a_small_checkpoint() {
    let home = tempfile::tempdir().unwrap();
    let folder = unpack_into(home.path()).unwrap();
    let checkpoint = Checkpoint::open(&folder).unwrap();
    assert_eq!(checkpoint.config_json()["architectures"][0], "BertForMaskedLM");
    let sizes = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    assert!(sizes.sum::<u64>() < 12_000_000);
    for name in checkpoint.names() {
        let tensor = checkpoint.tensor(name).unwrap();
        assert!(tensor.values.iter().all(|value| value.is_finite()), "{name}");
        assert!(tensor.values.iter().any(|value| *value != 0.0), "{name}");
    }
}

#[test]
fn a_damaged_folder_is_made_anew_and_a_whole_one_left() {
    let home = tempfile::tempdir().unwrap();
    let folder = unpack_into(home.path()).unwrap();
    let vocab = folder.join("vocab.txt");
    let whole = fs::read(&vocab).unwrap();

    fs::write(&vocab, "[PAD]\n").unwrap();
    assert_eq!(unpack_into(home.path()).unwrap(), folder);
    assert_eq!(fs::read(&vocab).unwrap(), whole);

    fs::remove_file(folder.join("config.json")).unwrap();
    fs::remove_file(&vocab).unwrap();
    unpack_into(home.path()).unwrap();
    assert!(Checkpoint::open(&folder).is_ok());
    assert_eq!(fs::read(&vocab).unwrap(), whole);

    let note = folder.join("note.txt");
    fs::write(&note, "mine").unwrap();
    unpack_into(home.path()).unwrap();
    assert!(note.exists());
}

#[test]
fn a_cache_that_is_a_file_is_named_with_the_way_out() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let error = unpack_into(&file).unwrap_err();
    assert!(matches!(error, BoxedError::Write { .. }), "{error}");
    assert!(error.to_string().contains("BERTUNE_CACHE"), "{error}");
}
