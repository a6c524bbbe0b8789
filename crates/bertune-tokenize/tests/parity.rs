//! Equal to transformers' fast tokenizer, case by case, in ids, token types and offsets.
//!
//! The goldens are made by `tools/tokenizer_goldens.py`; their first line says with which
//! versions.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use bertune_tokenize::{BertTokenizer, Encoding, Limits, TextInput, TokenizeError, Truncation};
use flate2::read::GzDecoder;
use serde_json::Value;

#[derive(serde::Deserialize)]
struct Header {
    transformers: String,
    tokenizers: String,
    settings: usize,
    cases: usize,
}

#[derive(serde::Deserialize)]
struct Setting {
    name: String,
    tokenizer_config: Option<Value>,
    tokenizer_json: Option<Value>,
}

#[derive(serde::Deserialize)]
struct Case {
    case: (String, Option<String>, usize, Truncation),
    expected: Vec<Expected>,
}

/// Ids, the number of tokens of type 1, and offsets as start, end, start, end …; or the message
/// of what transformers raises.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Expected {
    Tokens(Vec<u32>, usize, Vec<usize>),
    Raised(String),
}

/// A long input: with a stride last, and a list of windows or the message.
#[derive(serde::Deserialize)]
struct WindowCase {
    case: (String, Option<String>, usize, Truncation, usize),
    expected: Windows,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Windows {
    Each(Vec<Expected>),
    Raised(String),
}

struct Goldens<C> {
    made_with: String,
    settings: Vec<Setting>,
    cases: Vec<C>,
}

#[test]
fn a_vocabulary_with_its_config_gives_what_transformers_gives() {
    let goldens: Goldens<Case> = read_goldens(&goldens_folder().join("goldens.jsonl.gz"));
    assert!(goldens.cases.len() >= 1200);
    for (index, setting) in goldens.settings.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let vocab = goldens_folder().join("vocab.txt");
        std::fs::copy(vocab, folder.path().join("vocab.txt")).unwrap();
        let config = setting.tokenizer_config.as_ref().unwrap().to_string();
        std::fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
        check(&open(folder.path()), &goldens, index);
    }
}

#[test]
fn the_tokenizer_json_of_transformers_gives_what_transformers_gives() {
    let goldens: Goldens<Case> = read_goldens(&goldens_folder().join("goldens.jsonl.gz"));
    for (index, setting) in goldens.settings.iter().enumerate() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let json = setting.tokenizer_json.as_ref().unwrap().to_string();
        std::fs::write(file.path(), json).unwrap();
        let tokenizer = BertTokenizer::from_tokenizer_json(file.path()).unwrap();
        check(&tokenizer, &goldens, index);
    }
}

#[test]
fn what_is_saved_and_opened_again_gives_what_transformers_gives() {
    let goldens: Goldens<Case> = read_goldens(&goldens_folder().join("goldens.jsonl.gz"));
    let cased = goldens.settings.iter().position(|setting| setting.name == "cased").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let json = goldens.settings[cased].tokenizer_json.as_ref().unwrap().to_string();
    std::fs::write(file.path(), json).unwrap();
    let folder = tempfile::tempdir().unwrap();
    BertTokenizer::from_tokenizer_json(file.path()).unwrap().save(folder.path()).unwrap();
    check(&open(folder.path()), &goldens, cased);
    std::fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    check(&open(folder.path()), &goldens, cased);
}

#[test]
fn a_batch_gives_what_its_inputs_give_one_by_one() {
    let goldens: Goldens<Case> = read_goldens(&goldens_folder().join("goldens.jsonl.gz"));
    let vocab = goldens_folder().join("vocab.txt");
    let tokenizer = BertTokenizer::from_vocab(&vocab, &Default::default()).unwrap();
    let limits = Limits { max_length: 24, ..Limits::default() };
    let inputs: Vec<_> = goldens.cases.iter().map(Case::input).collect();
    let single: Vec<_> =
        inputs.iter().map(|input| tokenizer.encode(*input, limits).unwrap()).collect();
    assert_eq!(tokenizer.encode_batch(&inputs, limits).unwrap(), single);
}

#[test]
fn a_long_input_has_the_windows_that_transformers_gives() {
    let goldens: Goldens<WindowCase> = read_goldens(&goldens_folder().join("windows.jsonl.gz"));
    assert!(goldens.cases.len() >= 100);
    let vocab = goldens_folder().join("vocab.txt");
    let tokenizer = BertTokenizer::from_vocab(&vocab, &Default::default()).unwrap();
    for WindowCase { case, expected } in goldens.cases {
        let (text, text_pair, max_length, truncation, stride) = case;
        let input = TextInput { text: &text, text_pair: text_pair.as_deref() };
        let limits = Limits { max_length, truncation, stride: Some(stride) };
        let found = tokenizer.encode_windows(input, limits);
        let agrees = match (expected, &found) {
            (Windows::Each(expected), Ok(found)) => {
                let all = expected.iter().zip(found.iter().cloned());
                expected.len() == found.len() && all.into_iter().all(|(e, f)| e.agrees(&Ok(f)))
            }
            (Windows::Raised(message), Err(TokenizeError::StrideTooLarge { .. })) => {
                message == "stride"
            }
            (Windows::Raised(message), Err(_)) => message.contains("Truncation error"),
            _ => false,
        };
        assert!(agrees, "{text:?} {text_pair:?} {limits:?}: {found:?}");
    }
}

#[test]
#[ignore = "needs BERTUNE_TOKENIZER_GOLDENS (a file of tools/tokenizer_goldens.py) and \
            BERTUNE_TOKENIZER (the folder it was made from)"]
fn a_real_tokenizer_gives_what_transformers_gives() {
    let variable = |name| std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set"));
    let goldens: Goldens<Case> = read_goldens(Path::new(&variable("BERTUNE_TOKENIZER_GOLDENS")));
    let tokenizer = open(Path::new(&variable("BERTUNE_TOKENIZER")));
    check(&tokenizer, &goldens, 0);
    let saved = tempfile::tempdir().unwrap();
    tokenizer.save(saved.path()).unwrap();
    check(&open(saved.path()), &goldens, 0);
}

fn check(tokenizer: &BertTokenizer, goldens: &Goldens<Case>, setting: usize) {
    let name = &goldens.settings[setting].name;
    let wrong: Vec<_> =
        goldens.cases.iter().filter_map(|case| case.difference(tokenizer, setting)).collect();
    let (count, all) = (wrong.len(), goldens.cases.len());
    let made_with = &goldens.made_with;
    let shown = wrong[..count.min(5)].join("\n");
    assert!(
        wrong.is_empty(),
        "{name}: {count} of {all} cases differ from {made_with}, such as\n{shown}"
    );
}

impl Case {
    fn input(&self) -> TextInput<'_> {
        TextInput { text: &self.case.0, text_pair: self.case.1.as_deref() }
    }

    fn difference(&self, tokenizer: &BertTokenizer, setting: usize) -> Option<String> {
        let limits = Limits { max_length: self.case.2, truncation: self.case.3, stride: None };
        let found = tokenizer.encode(self.input(), limits);
        let expected = &self.expected[setting];
        (!expected.agrees(&found)).then(|| {
            let expected = match expected {
                Expected::Tokens(ids, types, offsets) => format!("{ids:?} {types} {offsets:?}"),
                Expected::Raised(message) => message.clone(),
            };
            format!("{:?}\n  expected {expected}\n  found    {found:?}", self.case)
        })
    }
}

impl Expected {
    fn agrees(&self, found: &Result<Encoding, TokenizeError>) -> bool {
        match (self, found) {
            (Self::Tokens(ids, second, offsets), Ok(found)) => {
                let first = ids.len() - second;
                let types = [vec![0; first], vec![1; *second]].concat();
                let flat = found.offsets.iter().flat_map(|&(start, end)| [start, end]);
                found.input_ids == *ids
                    && found.token_type_ids == types
                    && flat.eq(offsets.iter().copied())
            }
            (Self::Raised(message), Err(TokenizeError::NoSecondText { .. })) => {
                message.contains("Second sequence not provided")
            }
            (Self::Raised(message), Err(TokenizeError::TextTooShort { .. })) => {
                message.contains("Sequence to truncate too short")
            }
            _ => false,
        }
    }
}

fn read_goldens<C: serde::de::DeserializeOwned>(path: &Path) -> Goldens<C> {
    let file = std::fs::File::open(path).unwrap();
    let mut lines = BufReader::new(GzDecoder::new(file)).lines().map(Result::unwrap);
    let header: Header = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let settings: Vec<_> = lines
        .by_ref()
        .take(header.settings)
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect();
    let cases: Vec<_> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    assert_eq!(cases.len(), header.cases);
    let made_with =
        format!("transformers {}, tokenizers {}", header.transformers, header.tokenizers);
    Goldens { made_with, settings, cases }
}

fn open(folder: &Path) -> BertTokenizer {
    BertTokenizer::from_folder(folder).unwrap()
}

fn goldens_folder() -> PathBuf {
    PathBuf::from("tests/goldens")
}
