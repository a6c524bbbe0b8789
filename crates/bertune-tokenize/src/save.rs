use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::{Model, ModelWrapper, NormalizerWrapper, PreTokenizerWrapper};

use crate::tokenizer::{BertTokenizer, Parts};
use crate::{TokenizeError, files};

impl BertTokenizer {
    /// Writes `tokenizer.json`, `vocab.txt`, `tokenizer_config.json` and
    /// `special_tokens_map.json`, so that transformers' `AutoTokenizer` opens the folder and
    /// gives equal ids.
    ///
    /// The folder is made if it is not there; files of these names are replaced, each at once.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), TokenizeError> {
        write(self, folder, self.model_max_length())
    }

    /// [`save`](Self::save), for a model that takes inputs of so many tokens: transformers cuts longer
    /// ones to as many, where it is told to cut.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn save_limited(&self, folder: &Path, max_length: usize) -> Result<(), TokenizeError> {
        write(self, folder, Some(max_length))
    }
}

/// Writes the files; `max_length` is what transformers cuts to.
fn write(
    tokenizer: &BertTokenizer,
    folder: &Path,
    max_length: Option<usize>,
) -> Result<(), TokenizeError> {
    let parts = &*tokenizer.parts;
    fs::create_dir_all(folder)
        .map_err(|source| TokenizeError::Write { path: folder.into(), source })?;
    let json = parts.tokenizer.to_string(true).map_err(TokenizeError::encode)?;
    files::write(&folder.join("tokenizer.json"), json.as_bytes())?;
    if let ModelWrapper::WordPiece(model) = parts.tokenizer.get_model() {
        files::write(&folder.join("vocab.txt"), vocab_txt(model).as_bytes())?;
    }
    let special_tokens = special_tokens(parts);
    let mut config = config(parts, &special_tokens);
    if let Some(length) = max_length {
        config.insert("model_max_length".into(), json!(length));
    }
    write_json(&folder.join("tokenizer_config.json"), config)?;
    // This file has no way to say that there is none.
    let named = special_tokens.into_iter().filter(|(_, token)| !token.is_null()).collect();
    write_json(&folder.join("special_tokens_map.json"), named)
}

fn write_json(path: &Path, object: Map<String, Value>) -> Result<(), TokenizeError> {
    files::write(path, format!("{:#}\n", Value::Object(object)).as_bytes())
}

/// One line for each id, blank where the vocabulary has none.
fn vocab_txt(model: &WordPiece) -> String {
    let tokens: BTreeMap<u32, String> =
        model.get_vocab().into_iter().map(|(token, id)| (id, token)).collect();
    let ids = 0..tokens.last_key_value().map_or(0, |(id, _)| id + 1);
    ids.map(|id| format!("{}\n", tokens.get(&id).map_or("", String::as_str))).collect()
}

/// The five names, null for a token that the vocabulary does not have.
fn special_tokens(parts: &Parts) -> Map<String, Value> {
    let around = parts.special_tokens.get_tokens();
    let known = |token: &String| parts.tokenizer.token_to_id(token).and(Some(token.clone()));
    let unk_token = match parts.tokenizer.get_model() {
        ModelWrapper::WordPiece(model) => Some(model.unk_token.clone()),
        _ => known(&parts.settings.unk_token),
    };
    let names = [
        ("unk_token", unk_token),
        ("sep_token", around.last().cloned()),
        ("pad_token", known(&parts.settings.pad_token)),
        ("cls_token", around.first().cloned()),
        ("mask_token", known(&parts.settings.mask_token)),
    ];
    names.into_iter().map(|(name, token)| (name.into(), json!(token))).collect()
}

fn config(parts: &Parts, special_tokens: &Map<String, Value>) -> Map<String, Value> {
    let mut config = match bert_normalizer(parts) {
        Some(normalizer) => bert_class(normalizer),
        None => {
            [("tokenizer_class".into(), json!("PreTrainedTokenizerFast"))].into_iter().collect()
        }
    };
    config.extend(special_tokens.clone());
    let added: BTreeMap<_, _> = parts.tokenizer.get_added_tokens_decoder().into_iter().collect();
    config.insert("added_tokens_decoder".into(), json!(added));
    config
}

fn bert_class(normalizer: &BertNormalizer) -> Map<String, Value> {
    let fields = [
        ("tokenizer_class", json!("BertTokenizer")),
        ("do_lower_case", json!(normalizer.lowercase)),
        ("strip_accents", json!(normalizer.strip_accents)),
        ("tokenize_chinese_chars", json!(normalizer.handle_chinese_chars)),
    ];
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// The normalizer, if all steps are those that transformers' `BertTokenizer` would build anew
/// instead of taking them from `tokenizer.json`.
fn bert_normalizer(parts: &Parts) -> Option<&BertNormalizer> {
    let tokenizer = &parts.tokenizer;
    let ModelWrapper::WordPiece(model) = tokenizer.get_model() else {
        return None;
    };
    let Some(NormalizerWrapper::BertNormalizer(normalizer)) = tokenizer.get_normalizer() else {
        return None;
    };
    let is_bert = model.continuing_subword_prefix == "##"
        && model.max_input_chars_per_word == 100
        && normalizer.clean_text
        && matches!(tokenizer.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_)))
        && parts.special_tokens.get_type_ids() == [0, 0, 1];
    is_bert.then_some(normalizer)
}
