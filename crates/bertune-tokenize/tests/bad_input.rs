//! What is said when a folder, a file or a limit is wrong.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::Path;

use bertune_tokenize::{
    BertTokenizer, Limits, TextInput, TokenizeError, Truncation, VocabSettings,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const VOCAB: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##a\n";

#[test]
fn an_empty_folder_is_told_with_the_files_looked_for() {
    check(
        &[],
        "no tokenizer in FOLDER: neither tokenizer.json nor vocab.txt is there; \
         copy them from the folder of the pretrained model",
    );
}

#[test]
fn a_broken_tokenizer_json_is_told_with_line_and_column() {
    check(
        &[("tokenizer.json", "{\n  \"version\": \"1.0\",\n  \"model\" 3\n}")],
        "FOLDER/tokenizer.json, line 3, column 11: expected `:`",
    );
}

#[test]
fn a_cut_off_tokenizer_json_is_told() {
    check(
        &[("tokenizer.json", "{\"version\": \"1.0\", \"added_to")],
        "FOLDER/tokenizer.json, line 1, column 28: EOF while parsing a string",
    );
}

#[test]
fn an_empty_tokenizer_json_is_told() {
    check(
        &[("tokenizer.json", "")],
        "FOLDER/tokenizer.json, line 1, column 0: EOF while parsing a value",
    );
}

#[test]
fn a_tokenizer_json_of_another_version_is_told() {
    check(
        &[("tokenizer.json", "{\"version\": \"9.0\"}")],
        "FOLDER/tokenizer.json, line 1, column 18: Unknown tokenizer version '9.0'",
    );
}

#[test]
fn a_tokenizer_json_without_special_tokens_is_told() {
    let model = r###"{"type":"WordPiece","unk_token":"u","continuing_subword_prefix":"##",
                     "max_input_chars_per_word":100,"vocab":{"u":0}}"###;
    check(
        &[("tokenizer.json", &format!("{{\"version\":\"1.0\",\"model\":{model}}}"))],
        "FOLDER/tokenizer.json: its post_processor adds no special tokens, but a BERT needs \
         [CLS] before and [SEP] after a text; this is a tokenizer for another kind of model",
    );
}

#[test]
fn a_tokenizer_json_without_its_unknown_token_is_told() {
    let model = r###"{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
                     "max_input_chars_per_word":100,"vocab":{"u":0}}"###;
    check(
        &[("tokenizer.json", &format!("{{\"version\":\"1.0\",\"model\":{model}}}"))],
        "FOLDER/tokenizer.json has no token `[UNK]`, which is needed as unk_token; \
         is it the vocabulary of a BERT, and does tokenizer_config.json name its tokens?",
    );
}

#[test]
fn a_tokenizer_json_with_a_broken_charsmap_is_told() {
    check_json(
        |json| {
            json["normalizer"] = json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"});
        },
        "FOLDER/tokenizer.json: valid JSON, but its parts cannot be used together; \
         copy it again from the folder of the pretrained model",
    );
}

#[test]
fn an_added_token_that_is_normalized_away_is_told() {
    check_json(
        |json| {
            json["added_tokens"][0]["content"] = json!("\u{301}");
            json["added_tokens"][0]["normalized"] = json!(true);
        },
        "FOLDER/tokenizer.json: of the added token \"\\u{301}\" the normalizer leaves nothing; \
         remove it, or set its `normalized` to false",
    );
}

#[test]
fn an_id_beyond_any_embedding_is_told() {
    check_json(
        |json| json["model"]["vocab"]["b"] = json!(u32::MAX),
        "FOLDER/tokenizer.json: the id 4294967295 is too large for a vocabulary; \
         the file is broken",
    );
}

#[test]
fn a_tokenizer_json_that_adds_nothing_to_a_pair_is_told() {
    check_json(
        |json| json["post_processor"]["pair"] = json!([{"Sequence": {"id": "A", "type_id": 0}}]),
        "FOLDER/tokenizer.json: its post_processor adds no special tokens, but a BERT needs \
         [CLS] before and [SEP] after a text; this is a tokenizer for another kind of model",
    );
}

#[test]
fn a_negative_id_is_told() {
    check_json(
        |json| json["model"]["vocab"]["b"] = json!(-1),
        "FOLDER/tokenizer.json, line 1, column 1563: invalid value: integer `-1`, expected u32",
    );
}

#[test]
fn a_broken_tokenizer_config_is_told() {
    check(
        &[("vocab.txt", VOCAB), ("tokenizer_config.json", "{\n\"do_lower_case\": \"yes\"}")],
        "FOLDER/tokenizer_config.json, line 2, column 22: \
         invalid type: string \"yes\", expected a boolean",
    );
}

#[test]
fn a_vocabulary_without_the_unknown_token_is_told() {
    check(
        &[("vocab.txt", "[CLS]\n[SEP]\na\n")],
        "FOLDER/vocab.txt has no token `[UNK]`, which is needed as unk_token; \
         is it the vocabulary of a BERT, and does tokenizer_config.json name its tokens?",
    );
}

#[test]
fn an_empty_vocabulary_is_told() {
    check(
        &[("vocab.txt", "")],
        "FOLDER/vocab.txt has no token `[UNK]`, which is needed as unk_token; \
         is it the vocabulary of a BERT, and does tokenizer_config.json name its tokens?",
    );
}

#[test]
fn a_vocabulary_without_the_named_separator_is_told() {
    check(
        &[("vocab.txt", VOCAB), ("tokenizer_config.json", "{\"sep_token\": \"</s>\"}")],
        "FOLDER/vocab.txt has no token `</s>`, which is needed as sep_token; \
         is it the vocabulary of a BERT, and does tokenizer_config.json name its tokens?",
    );
}

#[test]
fn a_vocabulary_that_is_not_utf8_is_told_with_its_line() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("vocab.txt"), b"[UNK]\n[CLS]\ncaf\xe9\n").unwrap();
    check_folder(
        folder.path(),
        "FOLDER/vocab.txt, line 3: not valid UTF-8; save the vocabulary as UTF-8",
    );
}

#[test]
fn an_added_token_with_a_gap_before_it_is_told() {
    check(
        &[("vocab.txt", VOCAB), ("added_tokens.json", "{\"[NEW]\": 12}")],
        "FOLDER/added_tokens.json: the added token `[NEW]` has id 12 there, but would get 8; \
         added tokens have to follow the vocabulary without a gap",
    );
}

#[test]
fn a_vocabulary_that_is_a_folder_is_told() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("vocab.txt")).unwrap();
    check_folder(folder.path(), "cannot read FOLDER/vocab.txt: Is a directory (os error 21)");
}

#[test]
fn an_unwritable_folder_is_told_and_nothing_is_written() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = small().save(&file).unwrap_err();
    let expected = format!("cannot write {}: File exists (os error 17)", file.display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_limit_below_the_special_tokens_is_told() {
    check_limit(
        ("a", None),
        Limits { max_length: 1, ..Limits::default() },
        "max_length is 1, but the special tokens alone take 2; raise it",
    );
    check_limit(
        ("a", Some("b")),
        Limits { max_length: 2, ..Limits::default() },
        "max_length is 2, but the special tokens alone take 3; raise it",
    );
}

#[test]
fn cutting_the_second_text_of_none_is_told() {
    check_limit(
        ("a b a b", None),
        Limits { max_length: 4, truncation: Truncation::OnlySecond, stride: None },
        "the text is longer than 4 tokens and there is no second text to cut \
         (truncation only_second); choose longest_first, or a larger max_length",
    );
}

#[test]
fn cutting_too_short_a_text_is_told() {
    check_limit(
        ("a b a b", Some("a")),
        Limits { max_length: 6, truncation: Truncation::OnlySecond, stride: None },
        "the pair is longer than 6 tokens even without the text that may be cut; \
         choose truncation longest_first, or a larger max_length",
    );
}

#[test]
fn windows_that_would_not_move_on_are_told() {
    let check = |input: (&str, Option<&str>), truncation, stride, expected: &str| {
        let input = TextInput { text: input.0, text_pair: input.1 };
        let limits = Limits { max_length: 6, truncation, stride: Some(stride) };
        assert_eq!(small().encode_windows(input, limits).unwrap_err().to_string(), expected);
    };
    check(
        ("a", None),
        Truncation::LongestFirst,
        4,
        "the stride is 4 tokens, but a window has room for 4 tokens of the text; \
         choose a stride below that, or a larger max_length",
    );
    check(
        ("a a a", Some("b b")),
        Truncation::OnlyFirst,
        1,
        "the stride is 1 tokens, but a window has room for 1 tokens of the text; \
         choose a stride below that, or a larger max_length",
    );
    check(
        ("a", Some("b")),
        Truncation::LongestFirst,
        1,
        "a pair of texts is read in windows of one of them, the other in each window; \
         choose truncation only_first or only_second, or leave out the stride",
    );
}

#[test]
fn a_batch_tells_its_first_wrong_input() {
    let limits = Limits { max_length: 3, truncation: Truncation::OnlySecond, stride: None };
    let inputs = ["a", "b", "a b a b", "a b a b a"].map(TextInput::from);
    let error = small().encode_batch(&inputs, limits).unwrap_err();
    assert!(matches!(error, TokenizeError::Input { index: 2, .. }));
    assert!(error.to_string().starts_with("input 2: the text is longer than 3 tokens"));
}

#[test]
fn unknown_limits_in_a_config_are_told() {
    let error = serde_json::from_str::<Limits>("{\"max_len\": 3}").unwrap_err();
    assert!(error.to_string().starts_with("unknown field `max_len`"));
    let limits: Limits = serde_json::from_str("{\"truncation\": \"only_first\"}").unwrap();
    assert_eq!(limits, Limits { max_length: 128, truncation: Truncation::OnlyFirst, stride: None });
}

fn check(files: &[(&str, &str)], message: &str) {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    check_folder(folder.path(), message);
}

/// Saves a sound tokenizer.json, breaks it, and opens it.
fn check_json(damage: impl FnOnce(&mut Value), message: &str) {
    let folder = TempDir::new().unwrap();
    small().save(folder.path()).unwrap();
    let path = folder.path().join("tokenizer.json");
    let mut json = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    damage(&mut json);
    fs::write(&path, json.to_string()).unwrap();
    check_folder(folder.path(), message);
}

fn check_folder(folder: &Path, message: &str) {
    let error = BertTokenizer::from_folder(folder).unwrap_err().to_string();
    assert_eq!(error.replace(&folder.display().to_string(), "FOLDER"), message);
}

fn check_limit((text, text_pair): (&str, Option<&str>), limits: Limits, message: &str) {
    let error = small().encode(TextInput { text, text_pair }, limits).unwrap_err();
    assert_eq!(error.to_string(), message);
}

fn small() -> BertTokenizer {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("vocab.txt");
    fs::write(&path, VOCAB).unwrap();
    BertTokenizer::from_vocab(&path, &VocabSettings::default()).unwrap()
}
