//! Predicting: in any company, in chunks, and with weights that stay in their file.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::path::Path;

use bertune::backend::Flex;
use bertune::burn::tensor::AllocationProperty;
use bertune::checkpoint::{Checkpoint, CheckpointError, module_tensors, write_checkpoint};
use bertune::encoder::{BertConfig, Initializer};
use bertune::head::{BertForSequenceClassification, LabelNames, SequenceClassificationConfig};
use bertune::predict::PredictError;
use bertune::tokenize::TextInput;
use bertune::{Prediction, TextClassifier};
use tempfile::TempDir;

const WORDS: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nfilm\na\nthe\nvery\nnot\n.\n";

/// A folder with a classifier of random weights.
fn folder() -> TempDir {
    let bert = BertConfig {
        vocab_size: WORDS.lines().count(),
        hidden_size: 48,
        num_hidden_layers: 3,
        num_attention_heads: 3,
        intermediate_size: 70,
        max_position_embeddings: 64,
        ..BertConfig::default()
    };
    let config =
        SequenceClassificationConfig::new(bert, LabelNames::new(vec!["no".into(), "yes".into()]));
    let init = Initializer::new(3, 0.3);
    let model = BertForSequenceClassification::<Flex>::new(&config, &init, &Default::default());
    let folder = tempfile::tempdir().unwrap();
    let json = config.to_json(&serde_json::Map::new());
    write_checkpoint(folder.path(), &module_tensors::<Flex, _>(&model), &json).unwrap();
    fs::write(folder.path().join("vocab.txt"), WORDS).unwrap();
    folder
}

fn open(folder: &Path) -> TextClassifier<Flex> {
    TextClassifier::open(folder, &Default::default()).unwrap()
}

/// Texts of 1 to 50 words, in no order of their lengths.
fn texts(count: usize) -> Vec<String> {
    let words: Vec<&str> = WORDS.lines().skip(5).collect();
    let word = |i: usize, j: usize| words[(i * 7 + j * j) % words.len()];
    let text = |i| (0..1 + i * 31 % 50).map(|j| word(i, j)).collect::<Vec<_>>().join(" ");
    (0..count).map(text).collect()
}

fn predict(classifier: &TextClassifier<Flex>, texts: &[String]) -> Vec<Prediction> {
    let inputs: Vec<_> = texts.iter().map(|text| TextInput::from(text.as_str())).collect();
    classifier.predict(&inputs).unwrap()
}

/// The same bits where the processor has the products that promise it, and else nearly.
fn assert_same(ours: &[Prediction], expected: &[Prediction]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        return assert_eq!(ours, expected);
    }
    assert_eq!(ours.len(), expected.len());
    for (ours, expected) in ours.iter().zip(expected) {
        for (a, b) in ours.numbers().iter().zip(expected.numbers()) {
            assert!((a - b).abs() < 1e-6, "{a} and {b}");
        }
    }
}

#[test]
fn a_text_is_predicted_the_same_in_any_company() {
    let folder = folder();
    let (classifier, texts) = (open(folder.path()), texts(120));
    let together = predict(&classifier, &texts);
    let distinct = together.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(distinct > 100, "the texts differ");
    for size in [1, 7, 50] {
        let parts: Vec<_> =
            texts.chunks(size).flat_map(|part| predict(&classifier, part)).collect();
        assert_same(&parts, &together);
    }
    let backwards: Vec<_> = texts.iter().rev().cloned().collect();
    let mut backwards = predict(&classifier, &backwards);
    backwards.reverse();
    assert_same(&backwards, &together);
}

/// Chunks of texts, of which it is counted how many were taken.
fn chunks<'a>(
    texts: &'a [String],
    size: usize,
    taken: &'a Cell<usize>,
) -> impl Iterator<Item = Result<Vec<(String, Option<String>)>, PredictError>> {
    texts.chunks(size).map(move |chunk| {
        taken.set(taken.get() + 1);
        Ok(chunk.iter().map(|text| (text.clone(), None)).collect())
    })
}

#[test]
fn chunks_are_predicted_in_their_order_and_not_read_far_ahead() {
    let folder = folder();
    let (classifier, texts) = (open(folder.path()), texts(100));
    let expected = predict(&classifier, &texts);
    for size in [1, 9, 100, 200] {
        let (taken, mut found) = (Cell::new(0), Vec::new());
        let predicted = classifier.predict_chunks(chunks(&texts, size, &taken));
        for (number, chunk) in predicted.enumerate() {
            let (chunk, predictions) = chunk.unwrap();
            assert!(taken.get() <= number + 2, "{} chunks for number {number}", taken.get());
            let first = number * size;
            assert!(chunk.iter().zip(&texts[first..]).all(|((text, _), wanted)| text == wanted));
            found.extend(predictions);
        }
        assert_same(&found, &expected);
    }
    let nothing = classifier.predict_chunks(chunks(&[], 1, &Cell::new(0))).count();
    assert_eq!(nothing, 0);
}

#[test]
fn an_error_among_chunks_follows_what_came_before_it() {
    #[derive(Debug)]
    struct Fault;
    impl From<PredictError> for Fault {
        fn from(_: PredictError) -> Self {
            Self
        }
    }
    let folder = folder();
    let classifier = open(folder.path());
    let chunk = || Ok(vec![("good film".to_owned(), None)]);
    let chunks = [chunk(), chunk(), Err(Fault), chunk()].into_iter();
    let found: Vec<_> = classifier.predict_chunks(chunks).map(|chunk| chunk.is_ok()).collect();
    assert_eq!(found, [true, true, false]);
}

#[test]
fn mapped_weights_are_those_that_are_read() {
    let folder = folder();
    let [read, mapped] =
        [Checkpoint::open, Checkpoint::map].map(|open| open(folder.path()).unwrap());
    for name in read.names() {
        let (copy, in_place) = (read.tensor_data(name).unwrap(), mapped.tensor_data(name).unwrap());
        assert_eq!(copy, in_place, "{name}");
        assert_eq!(copy.bytes.property(), AllocationProperty::Native, "{name}");
        assert_eq!(in_place.bytes.property(), AllocationProperty::File, "{name}");
    }
    let load = |checkpoint| {
        let loaded =
            BertForSequenceClassification::<Flex>::from_checkpoint(checkpoint, &Default::default());
        module_tensors::<Flex, _>(&loaded.unwrap().model)
    };
    assert_eq!(load(&read), load(&mapped));
}

#[test]
fn weights_that_are_written_to_while_in_use_are_told() {
    let folder = folder();
    let classifier = open(folder.path());
    predict(&classifier, &texts(3));
    let file = folder.path().join("model.safetensors");
    fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"more").unwrap();
    let error = classifier.predict(&[TextInput::from("good film")]).unwrap_err();
    assert!(
        matches!(&error, PredictError::Checkpoint(CheckpointError::Changed { path }) if *path == file),
        "{error}"
    );
}

#[test]
fn weights_that_are_replaced_stay_as_they_were_for_who_has_them_open() {
    let folder = folder();
    let classifier = open(folder.path());
    let before = predict(&classifier, &texts(5));
    let other = folder.path().join("other");
    fs::write(&other, "no weights at all").unwrap();
    fs::rename(&other, folder.path().join("model.safetensors")).unwrap();
    assert_same(&predict(&classifier, &texts(5)), &before);
}
