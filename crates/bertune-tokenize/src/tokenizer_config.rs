use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tokenizers::{AddedToken, NormalizerWrapper, Tokenizer};

use crate::TokenizeError;
use crate::files::read_json_if_there;
use crate::vocab::VocabSettings;

/// What `tokenizer_config.json` and the older files beside it say; the rest is not ours.
///
/// `never_split` is left out on purpose: transformers' fast tokenizer does not look at it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TokenizerConfig {
    tokenizer_class: Option<String>,
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
    /// A float, because "no limit" is written as 1e30.
    model_max_length: Option<f64>,
    #[serde(flatten)]
    special_tokens: SpecialTokens,
    #[serde(default)]
    added_tokens_decoder: BTreeMap<u32, AddedToken>,
    /// The file that lists them, for messages.
    #[serde(skip)]
    added_tokens_file: &'static str,
}

/// The names of the special tokens, as far as a file gives them.
#[derive(Debug, Default, Clone, Deserialize)]
struct SpecialTokens {
    unk_token: Option<TokenName>,
    cls_token: Option<TokenName>,
    sep_token: Option<TokenName>,
    pad_token: Option<TokenName>,
    mask_token: Option<TokenName>,
    additional_special_tokens: Option<Vec<TokenName>>,
}

/// A token is written as its text, or as an object with its text and how it matches.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum TokenName {
    Plain(String),
    Full { content: String },
}

impl TokenizerConfig {
    /// Reads `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`, each
    /// of which may be absent.
    pub(crate) fn read(folder: &Path) -> Result<Self, TokenizeError> {
        let mut config: Self = read_json_if_there(&folder.join("tokenizer_config.json"))?;
        // As in transformers, both older files count only where the newer list is not there.
        config.added_tokens_file = "tokenizer_config.json";
        if config.added_tokens_decoder.is_empty() {
            config.read_older_files(folder)?;
        }
        Ok(config)
    }

    fn read_older_files(&mut self, folder: &Path) -> Result<(), TokenizeError> {
        let names: SpecialTokens = read_json_if_there(&folder.join("special_tokens_map.json"))?;
        self.special_tokens = names.or(std::mem::take(&mut self.special_tokens));
        self.added_tokens_file = "added_tokens.json";
        let added: BTreeMap<String, u32> =
            read_json_if_there(&folder.join(self.added_tokens_file))?;
        let settings = self.vocab_settings();
        let additional = self.special_tokens.additional();
        // As transformers 4, under which such folders were made; 5 forgets who is special here.
        let is_special = |token: &String| settings.is_special(token) || additional.contains(token);
        self.added_tokens_decoder = added
            .into_iter()
            .map(|(token, id)| (id, AddedToken::from(token.clone(), is_special(&token))))
            .collect();
        Ok(())
    }

    /// The settings for a `vocab.txt`: BERT's own where the files say nothing.
    pub(crate) fn vocab_settings(&self) -> VocabSettings {
        let names = self.special_tokens.clone();
        let defaults = VocabSettings::default();
        VocabSettings {
            do_lower_case: self.do_lower_case.unwrap_or(defaults.do_lower_case),
            strip_accents: self.strip_accents,
            tokenize_chinese_chars: self
                .tokenize_chinese_chars
                .unwrap_or(defaults.tokenize_chinese_chars),
            unk_token: names.unk_token.map_or(defaults.unk_token, TokenName::into_text),
            cls_token: names.cls_token.map_or(defaults.cls_token, TokenName::into_text),
            sep_token: names.sep_token.map_or(defaults.sep_token, TokenName::into_text),
            pad_token: names.pad_token.map_or(defaults.pad_token, TokenName::into_text),
            mask_token: names.mask_token.map_or(defaults.mask_token, TokenName::into_text),
        }
    }

    /// The most tokens the model takes, if the file gives a real limit.
    pub(crate) fn max_length(&self) -> Option<usize> {
        let length = self.model_max_length.filter(|length| (1.0..1e9).contains(length))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and 1e9"
        )]
        Some(length as usize)
    }

    /// Gives the settings of `tokenizer_config.json` to the normalizer of `tokenizer.json`.
    pub(crate) fn correct_normalizer(
        &self,
        tokenizer: &mut Tokenizer,
    ) -> Result<(), TokenizeError> {
        let is_bert = self.tokenizer_class.as_ref().is_none_or(|class| class.starts_with("Bert"));
        let Some(NormalizerWrapper::BertNormalizer(normalizer)) = tokenizer.get_normalizer() else {
            return Ok(());
        };
        if !is_bert {
            return Ok(());
        }
        let mut normalizer = *normalizer;
        normalizer.lowercase = self.do_lower_case.unwrap_or(normalizer.lowercase);
        normalizer.strip_accents = self.strip_accents.or(normalizer.strip_accents);
        normalizer.handle_chinese_chars =
            self.tokenize_chinese_chars.unwrap_or(normalizer.handle_chinese_chars);
        tokenizer.with_normalizer(Some(normalizer)).map(|_| ()).map_err(TokenizeError::encode)
    }

    /// Puts the added tokens of the configuration behind the vocabulary, at their own ids, and
    /// marks the additional special tokens that the vocabulary has.
    pub(crate) fn add_tokens(
        &self,
        tokenizer: &mut Tokenizer,
        folder: &Path,
    ) -> Result<(), TokenizeError> {
        for (&expected, token) in &self.added_tokens_decoder {
            tokenizer.add_tokens([token.clone()]).map_err(TokenizeError::encode)?;
            let found = tokenizer.token_to_id(&token.content).unwrap_or_default();
            if found != expected {
                return Err(TokenizeError::AddedToken {
                    path: folder.join(self.added_tokens_file),
                    token: token.content.clone(),
                    expected,
                    found,
                });
            }
        }
        let mut additional = self.special_tokens.additional();
        additional.retain(|token| tokenizer.token_to_id(token).is_some());
        tokenizer
            .add_special_tokens(additional.into_iter().map(|token| AddedToken::from(token, true)))
            .map_err(TokenizeError::encode)?;
        Ok(())
    }
}

impl SpecialTokens {
    fn or(self, other: Self) -> Self {
        Self {
            unk_token: self.unk_token.or(other.unk_token),
            cls_token: self.cls_token.or(other.cls_token),
            sep_token: self.sep_token.or(other.sep_token),
            pad_token: self.pad_token.or(other.pad_token),
            mask_token: self.mask_token.or(other.mask_token),
            additional_special_tokens: self
                .additional_special_tokens
                .or(other.additional_special_tokens),
        }
    }

    fn additional(&self) -> Vec<String> {
        let names = self.additional_special_tokens.clone().unwrap_or_default();
        names.into_iter().map(TokenName::into_text).collect()
    }
}

impl TokenName {
    fn into_text(self) -> String {
        match self {
            Self::Plain(text) | Self::Full { content: text } => text,
        }
    }
}
