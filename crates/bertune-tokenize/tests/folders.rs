//! Folders as they are found, and as they are saved.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::Path;

use bertune_tokenize::{BertTokenizer, Limits, VocabSettings};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

const VOCAB: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##b\nA\né\ne\n";

#[test]
fn windows_line_ends_and_blank_last_lines_do_not_matter() {
    let windows = VOCAB.replace('\n', "\r\n") + "\r\n\r\n";
    check(&[("vocab.txt", &windows)], "a b ab A", &[2, 5, 6, 5, 7, 5, 3]);
}

#[test]
fn a_blank_line_keeps_the_ids_below_it() {
    check(&[("vocab.txt", &VOCAB.replace("[MASK]", ""))], "a b", &[2, 5, 6, 3]);
}

#[test]
fn of_a_token_that_is_there_twice_the_last_counts() {
    check(&[("vocab.txt", &format!("{VOCAB}a\n"))], "a b", &[2, 11, 6, 3]);
}

#[test]
fn the_config_decides_on_case_and_accents() {
    let config = ("tokenizer_config.json", "{\"do_lower_case\": false}");
    check(&[("vocab.txt", VOCAB), config], "A é", &[2, 8, 9, 3]);
    check(&[("vocab.txt", VOCAB)], "A é", &[2, 5, 10, 3]);
    let config = ("tokenizer_config.json", "{\"strip_accents\": false}");
    check(&[("vocab.txt", VOCAB), config], "A é", &[2, 5, 9, 3]);
}

#[test]
fn the_config_names_the_special_tokens() {
    let vocab = "<pad>\n<unk>\n<s>\n</s>\na\n";
    let names = r#"{"unk_token": "<unk>", "cls_token": {"content": "<s>", "lstrip": false},
                    "sep_token": "</s>", "pad_token": "<pad>", "mask_token": null}"#;
    check(&[("vocab.txt", vocab), ("tokenizer_config.json", names)], "a x </s>", &[2, 4, 1, 3, 3]);
    check(&[("vocab.txt", vocab), ("special_tokens_map.json", names)], "a x", &[2, 4, 1, 3]);
}

#[test]
fn added_tokens_follow_the_vocabulary() {
    let added = ("added_tokens.json", "{\"[NEW]\": 11, \"[MASK]\": 4}");
    check(&[("vocab.txt", VOCAB), added], "a[NEW]b [MASK]", &[2, 5, 11, 6, 4, 3]);
    let decoder = json!({"added_tokens_decoder": {"11": {"content": "[NEW]", "lstrip": false,
        "rstrip": false, "single_word": false, "normalized": false, "special": true}}});
    let config = ("tokenizer_config.json", &*decoder.to_string());
    check(&[("vocab.txt", VOCAB), config], "a[NEW]b", &[2, 5, 11, 6, 3]);
}

#[test]
fn additional_special_tokens_are_found_as_they_are_written() {
    let names = ("special_tokens_map.json", r#"{"additional_special_tokens": ["[NEW]", "ab"]}"#);
    let added = ("added_tokens.json", "{\"[NEW]\": 11}");
    let vocab = ("vocab.txt", &*VOCAB.replace("[MASK]", "ab"));
    check(&[vocab, names, added], "a[NEW]b [new] aab", &[2, 5, 11, 6, 1, 1, 1, 5, 4, 3]);
}

#[test]
fn the_config_wins_over_tokenizer_json_only_for_a_bert_class() {
    let saved = TempDir::new().unwrap();
    open(&[("vocab.txt", VOCAB)]).save(saved.path()).unwrap();
    let json = fs::read_to_string(saved.path().join("tokenizer.json")).unwrap();
    let check_with = |config, ids| {
        check(&[("tokenizer.json", &json), ("tokenizer_config.json", config)], "A", ids);
    };
    check_with("{}", &[2, 5, 3]);
    check_with("{\"do_lower_case\": false}", &[2, 8, 3]);
    check_with("{\"do_lower_case\": false, \"tokenizer_class\": \"BertTokenizer\"}", &[2, 8, 3]);
    check_with("{\"do_lower_case\": false, \"tokenizer_class\": \"OtherFast\"}", &[2, 5, 3]);
}

#[test]
fn truncation_and_padding_of_a_tokenizer_json_are_kept_but_not_used() {
    let saved = TempDir::new().unwrap();
    open(&[("vocab.txt", VOCAB)]).save(saved.path()).unwrap();
    let mut json = read_json(&saved.path().join("tokenizer.json"));
    json["truncation"] =
        json!({"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0});
    json["padding"] = json!({"strategy": {"Fixed": 16}, "direction": "Right", "pad_id": 0,
        "pad_to_multiple_of": null, "pad_type_id": 0, "pad_token": "[PAD]"});
    let tokenizer = open(&[("tokenizer.json", &json.to_string())]);
    assert_eq!(ids(&tokenizer, "a b a b"), [2, 5, 6, 5, 6, 3]);
    let again = TempDir::new().unwrap();
    tokenizer.save(again.path()).unwrap();
    assert_eq!(read_json(&again.path().join("tokenizer.json")), json);
}

#[test]
fn saving_what_was_saved_gives_equal_bytes() {
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = ("tokenizer_config.json", "{\"model_max_length\": 512, \"strip_accents\": true}");
    open(&[("vocab.txt", VOCAB), config]).save(first.path()).unwrap();
    BertTokenizer::from_folder(first.path()).unwrap().save(second.path()).unwrap();
    let names = ["tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"];
    for name in names {
        let read = |folder: &TempDir| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read(&first), read(&second), "{name}");
    }
    assert_eq!(fs::read_dir(first.path()).unwrap().count(), names.len());
    assert_eq!(fs::read_to_string(first.path().join("vocab.txt")).unwrap(), VOCAB);
}

#[test]
fn the_saved_config_says_what_python_needs() {
    let saved = TempDir::new().unwrap();
    let vocab = VOCAB.replace("[MASK]", "[other]");
    let config =
        ("tokenizer_config.json", "{\"model_max_length\": 1e30, \"do_lower_case\": false}");
    open(&[("vocab.txt", &vocab), config]).save(saved.path()).unwrap();
    let mut config = read_json(&saved.path().join("tokenizer_config.json"));
    let added = config.as_object_mut().unwrap().remove("added_tokens_decoder").unwrap();
    let expected = json!({"tokenizer_class": "BertTokenizer", "do_lower_case": false,
        "strip_accents": null, "tokenize_chinese_chars": true, "unk_token": "[UNK]",
        "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": null});
    assert_eq!(config, expected);
    assert_eq!(added["3"]["content"], "[SEP]");
    assert_eq!(added.as_object().unwrap().len(), 4);
}

#[test]
fn sizes_and_names_include_added_tokens() {
    let tokenizer = open(&[("vocab.txt", VOCAB), ("added_tokens.json", "{\"[NEW]\": 11}")]);
    assert_eq!(tokenizer.vocab_size(), 12);
    assert_eq!(tokenizer.token(11).as_deref(), Some("[NEW]"));
    assert_eq!(tokenizer.token(12), None);
    let config = ("tokenizer_config.json", "{\"model_max_length\": 512}");
    assert_eq!(open(&[("vocab.txt", VOCAB), config]).model_max_length(), Some(512));
    assert_eq!(tokenizer.model_max_length(), None);
}

#[test]
fn a_tokenizer_can_be_shared_between_threads() {
    fn shared<T: Clone + Send + Sync>() {}
    shared::<BertTokenizer>();
}

proptest! {
    #[test]
    fn any_text_gives_ids_and_offsets_within_bounds(
        text in ".{0,60}|[abeé\\[\\]SEPMASK中 \u{301}\u{200d}]{0,60}",
        pair in proptest::option::of(".{0,40}"),
        max_length in 3usize..40,
    ) {
        let vocab = Path::new("tests/goldens/vocab.txt");
        thread_local! {
            static TOKENIZER: std::cell::OnceCell<BertTokenizer> = const { std::cell::OnceCell::new() };
        }
        let tokenizer = TOKENIZER.with(|cell| {
            cell.get_or_init(|| BertTokenizer::from_vocab(vocab, &VocabSettings::default()).unwrap())
                .clone()
        });
        let input = bertune_tokenize::TextInput { text: &text, text_pair: pair.as_deref() };
        let limits = Limits { max_length, ..Limits::default() };
        let encoding = tokenizer.encode(input, limits).unwrap();
        prop_assert!((2..=max_length).contains(&encoding.len()));
        prop_assert_eq!(encoding.token_type_ids.len(), encoding.len());
        prop_assert_eq!(encoding.offsets.len(), encoding.len());
        prop_assert!(encoding.input_ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()));
        for (own, of_type) in [(Some(&text), 0), (pair.as_ref(), 1)] {
            let tokens = encoding.token_type_ids.iter().zip(&encoding.offsets);
            let offsets: Vec<_> = tokens
                .filter(|&(&kind, &offset)| kind == of_type && offset != (0, 0))
                .map(|(_, offset)| *offset)
                .collect();
            let length = own.map_or(0, |text| text.chars().count());
            prop_assert!(offsets.iter().all(|&(start, end)| start <= end && end <= length));
            prop_assert!(offsets.windows(2).all(|two| two[0].0 <= two[1].0 && two[0].1 <= two[1].1));
        }
    }
}

fn check(files: &[(&str, &str)], text: &str, expected: &[u32]) {
    assert_eq!(ids(&open(files), text), expected, "{text}");
}

fn ids(tokenizer: &BertTokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(text, Limits::default()).unwrap().input_ids
}

fn open(files: &[(&str, &str)]) -> BertTokenizer {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    BertTokenizer::from_folder(folder.path()).unwrap()
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}
