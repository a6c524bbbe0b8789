use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::tokenizer::pre_tokenizer::OffsetType;
use tokenizers::{
    Model, ModelWrapper, PostProcessor, PreTokenizer, Tokenizer, TruncationDirection,
};

use crate::check::{check, read_tokenizer_json};
use crate::limits::{Texts, windows};
use crate::tokenizer_config::TokenizerConfig;
use crate::train::train;
use crate::vocab::{read_vocab, with_special_tokens};
use crate::{Encoding, Limits, TextInput, TokenizeError, VocabSettings};

/// Those that a new vocabulary begins with.
const SPECIAL_TOKENS: usize = 5;

/// The tokenizer of a pretrained BERT.
///
/// It gives what transformers' fast tokenizer gives with `truncation=…, max_length=…` and no
/// padding. A clone shares the vocabulary.
#[derive(Clone)]
pub struct BertTokenizer {
    pub(crate) parts: Arc<Parts>,
}

pub(crate) struct Parts {
    /// Whole, as it is saved: its truncation and padding are kept but never used.
    pub(crate) tokenizer: Tokenizer,
    pub(crate) post_processor: PostProcessorWrapper,
    /// What the post-processor puts around a pair of empty texts: `[CLS] [SEP] [SEP]`.
    pub(crate) special_tokens: tokenizers::Encoding,
    /// Of which the names of the padding and mask tokens are not in `tokenizer`.
    pub(crate) settings: VocabSettings,
    pub(crate) model_max_length: Option<usize>,
    vocab_size: usize,
}

impl BertTokenizer {
    /// Reads the tokenizer of a Hugging Face folder: `tokenizer.json` if it is there, else
    /// `vocab.txt`.
    ///
    /// `tokenizer_config.json` may be absent. What it says of `do_lower_case`, `strip_accents`
    /// and `tokenize_chinese_chars` wins over `tokenizer.json`, as in transformers, unless its
    /// `tokenizer_class` is not BERT's. For a `vocab.txt` it also names the special tokens and
    /// lists added tokens. `never_split` is not looked at, as in transformers' fast tokenizer.
    ///
    /// # Errors
    ///
    /// When neither file is there, one of them cannot be read or is broken, or special tokens
    /// are missing.
    pub fn from_folder(folder: &Path) -> Result<Self, TokenizeError> {
        let (json, vocab) = (folder.join("tokenizer.json"), folder.join("vocab.txt"));
        let config = TokenizerConfig::read(folder)?;
        let (settings, max_length) = (config.vocab_settings(), config.max_length());
        if json.exists() {
            let mut tokenizer = read_tokenizer_json(&json)?;
            config.correct_normalizer(&mut tokenizer)?;
            Self::assemble(tokenizer, settings, max_length, &json)
        } else if vocab.exists() {
            let mut tokenizer = read_vocab(&vocab, &settings)?;
            config.add_tokens(&mut tokenizer, folder)?;
            Self::assemble(tokenizer, settings, max_length, &vocab)
        } else {
            Err(TokenizeError::NotFound { folder: folder.into() })
        }
    }

    /// Reads a `tokenizer.json` alone.
    ///
    /// Its truncation and padding are not used, only kept for [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not the JSON of a tokenizer, or adds no special tokens.
    pub fn from_tokenizer_json(path: &Path) -> Result<Self, TokenizeError> {
        Self::assemble(read_tokenizer_json(path)?, VocabSettings::default(), None, path)
    }

    /// Reads a `vocab.txt` alone: one token a line, its id the number of the line from 0.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not UTF-8, or lacks the unknown, `[CLS]` or `[SEP]`
    /// token.
    pub fn from_vocab(path: &Path, settings: &VocabSettings) -> Result<Self, TokenizeError> {
        Self::assemble(read_vocab(path, settings)?, settings.clone(), None, path)
    }

    /// A new vocabulary of at most `vocab_size` tokens, of the pieces that these texts are best
    /// written with ([Wu et al., 2016](https://arxiv.org/abs/1609.08144)): `[PAD]`, `[UNK]`,
    /// `[CLS]`, `[SEP]` and `[MASK]` first, then single characters, then what is longer.
    ///
    /// # Errors
    ///
    /// When there is not a single word in the texts, or the size leaves no room for one.
    pub fn train<S: AsRef<str> + Send>(
        texts: impl Iterator<Item = S> + Send,
        vocab_size: usize,
        settings: &VocabSettings,
    ) -> Result<Self, TokenizeError> {
        let vocab = train(texts, vocab_size, settings).map_err(TokenizeError::encode)?;
        if vocab.len() <= SPECIAL_TOKENS || vocab.len() > vocab_size {
            return Err(TokenizeError::NoVocabulary { vocab_size, found: vocab.len() });
        }
        let new = Path::new("new vocabulary");
        Self::assemble(with_special_tokens(vocab, settings, new)?, settings.clone(), None, new)
    }

    /// The ids of texts without special tokens, of whatever length, worked on by all threads.
    ///
    /// # Errors
    ///
    /// When a text cannot be tokenized, with the index of the first such one.
    pub fn encode_plain_batch(&self, texts: &[String]) -> Result<Vec<Vec<u32>>, TokenizeError> {
        let inputs: Vec<_> = texts.iter().map(|text| TextInput::from(text.as_str())).collect();
        for_each(&inputs, |input| {
            let encoding = self.encode_text(input.text, 0, usize::MAX);
            encoding.map(|encoding| encoding.get_ids().to_vec()).map_err(TokenizeError::encode)
        })
    }

    /// The tokens that the encodings of texts begin and end with: `[CLS]` and `[SEP]`.
    pub fn around(&self) -> (u32, u32) {
        let ids = self.parts.special_tokens.get_ids();
        (ids.first().copied().unwrap_or_default(), ids.last().copied().unwrap_or_default())
    }

    /// The mask token, if the vocabulary has it.
    pub fn mask_token_id(&self) -> Option<u32> {
        self.parts.tokenizer.token_to_id(&self.parts.settings.mask_token)
    }

    /// Whether this id is a special token's: it stands for no word of a text.
    pub fn is_special(&self, id: u32) -> bool {
        let added = self.parts.tokenizer.get_added_vocabulary().get_added_tokens_decoder();
        let token = || self.parts.tokenizer.id_to_token(id);
        added.get(&id).is_some_and(|token| token.special)
            || self.parts.special_tokens.get_ids().contains(&id)
            || token().is_some_and(|token| self.parts.settings.is_special(&token))
    }

    /// Whether this id goes on a word that began before it, as `##ing` does.
    pub fn continues_word(&self, id: u32) -> bool {
        let prefix = match self.parts.tokenizer.get_model() {
            ModelWrapper::WordPiece(model) => &model.continuing_subword_prefix,
            _ => return false,
        };
        let token = self.parts.tokenizer.get_model().id_to_token(id);
        token.is_some_and(|token| token.len() > prefix.len() && token.starts_with(prefix.as_str()))
    }

    /// The ids of one input, cut if it is too long; a stride changes nothing.
    ///
    /// # Errors
    ///
    /// When `limits` cannot be met: the special tokens alone are too many, or the text that may
    /// be cut is absent or too short.
    pub fn encode<'a>(
        &self,
        input: impl Into<TextInput<'a>>,
        limits: Limits,
    ) -> Result<Encoding, TokenizeError> {
        let mut windows = self.encode_windows(input, Limits { stride: None, ..limits })?;
        Ok(windows.swap_remove(0))
    }

    /// The ids of one input in as many windows as it needs where `limits` have a stride; in one,
    /// as [`encode`](Self::encode) gives it, where they have none.
    ///
    /// Of a pair, the text that `truncation` names moves on, and the other stands in each window.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode), and if the stride is not below what a window holds, or
    /// the input is a pair and `truncation` names neither text.
    pub fn encode_windows<'a>(
        &self,
        input: impl Into<TextInput<'a>>,
        limits: Limits,
    ) -> Result<Vec<Encoding>, TokenizeError> {
        let TextInput { text, text_pair } = input.into();
        let special_tokens = self.parts.post_processor.added_tokens(text_pair.is_some());
        // The lengths of a pair have to be known in full to share the room between them.
        let is_cut = text_pair.is_none() && limits.stride.is_none();
        let enough = if is_cut { limits.max_length } else { usize::MAX };
        let texts = self.encode_texts(text, text_pair, enough).map_err(TokenizeError::encode)?;
        let process = |(first, second)| {
            let encoding = self.parts.post_processor.process(first, second, true);
            encoding.map(Encoding::from).map_err(TokenizeError::encode)
        };
        windows(texts, limits, special_tokens)?.into_iter().map(process).collect()
    }

    /// The ids of many inputs, in their order, worked on by all threads.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode), with the index of the first input that has one.
    pub fn encode_batch(
        &self,
        inputs: &[TextInput<'_>],
        limits: Limits,
    ) -> Result<Vec<Encoding>, TokenizeError> {
        for_each(inputs, |input| self.encode(input, limits))
    }

    /// The windows of many inputs, in their order, worked on by all threads.
    ///
    /// # Errors
    ///
    /// Those of [`encode_windows`](Self::encode_windows), with the index of the first input that
    /// has one.
    pub fn encode_windows_batch(
        &self,
        inputs: &[TextInput<'_>],
        limits: Limits,
    ) -> Result<Vec<Vec<Encoding>>, TokenizeError> {
        for_each(inputs, |input| self.encode_windows(input, limits))
    }

    /// The rows an embedding needs for every id, added tokens included: the highest id plus one.
    pub fn vocab_size(&self) -> usize {
        self.parts.vocab_size
    }

    /// The token with this id.
    pub fn token(&self, id: u32) -> Option<String> {
        let tokenizer = &self.parts.tokenizer;
        let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder();
        let token = added.get(&id).map(|token| token.content.clone());
        token.or_else(|| tokenizer.get_model().id_to_token(id))
    }

    /// The most tokens the model takes, if `tokenizer_config.json` says it.
    pub fn model_max_length(&self) -> Option<usize> {
        self.parts.model_max_length
    }

    fn assemble(
        tokenizer: Tokenizer,
        settings: VocabSettings,
        model_max_length: Option<usize>,
        path: &Path,
    ) -> Result<Self, TokenizeError> {
        let (post_processor, highest) = check(&tokenizer, path)?;
        let nothing = tokenizers::Encoding::default;
        let special_tokens = post_processor
            .process(nothing(), Some(nothing()), true)
            .map_err(TokenizeError::encode)?;
        let parts = Parts {
            vocab_size: rows(highest, &special_tokens),
            tokenizer,
            post_processor,
            special_tokens,
            settings,
            model_max_length,
        };
        Ok(Self { parts: Arc::new(parts) })
    }

    fn encode_texts(
        &self,
        text: &str,
        text_pair: Option<&str>,
        enough: usize,
    ) -> tokenizers::Result<Texts> {
        let first = self.encode_text(text, 0, enough)?;
        let second = text_pair.map(|text| self.encode_text(text, 1, enough));
        Ok((first, second.transpose()?))
    }

    /// A text without special tokens; words after the first `enough` tokens may be left out.
    fn encode_text(
        &self,
        text: &str,
        type_id: u32,
        enough: usize,
    ) -> tokenizers::Result<tokenizers::Encoding> {
        let tokenizer = &self.parts.tokenizer;
        let added = tokenizer.get_added_vocabulary();
        let mut pieces = added.extract_and_normalize(tokenizer.get_normalizer(), text);
        if let Some(pre_tokenizer) = tokenizer.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut pieces)?;
        }
        let limit = Some((enough, TruncationDirection::Right));
        let model = tokenizer.get_model();
        model.tokenize_in_pretokenized(&mut pieces, limit)?;
        pieces.into_encoding(None, type_id, OffsetType::Char)
    }
}

impl std::fmt::Debug for BertTokenizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("BertTokenizer")
            .field("vocab_size", &self.vocab_size())
            .finish_non_exhaustive()
    }
}

fn for_each<'a, T: Send>(
    inputs: &[TextInput<'a>],
    encode: impl Fn(TextInput<'a>) -> Result<T, TokenizeError> + Sync,
) -> Result<Vec<T>, TokenizeError> {
    let results: Vec<_> = inputs.par_iter().map(|input| encode(*input)).collect();
    let in_batch = |(index, result): (usize, Result<_, _>)| {
        result.map_err(|source| TokenizeError::Input { index, source: Box::new(source) })
    };
    // Collected in order, so that it is always the first fault that is told.
    results.into_iter().enumerate().map(in_batch).collect()
}

/// The highest id of the vocabulary and of the special tokens, plus one.
fn rows(highest: Option<u32>, special_tokens: &tokenizers::Encoding) -> usize {
    let ids = highest.into_iter().chain(special_tokens.get_ids().iter().copied());
    ids.max().map_or(0, |id| id as usize + 1)
}
