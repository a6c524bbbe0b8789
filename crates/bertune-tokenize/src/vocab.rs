use std::path::Path;

use ahash::AHashMap;
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, Tokenizer};

use crate::TokenizeError;
use crate::files::read;

/// How a BERT with a `vocab.txt` cleans its text and names its special tokens.
///
/// The fields have the names and defaults of transformers' `BertTokenizer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VocabSettings {
    /// Whether texts are lowercased: true for the uncased models.
    pub do_lower_case: bool,
    /// Whether accents are removed; as `do_lower_case` when not given.
    pub strip_accents: Option<bool>,
    /// Whether each Chinese character is a word of its own.
    pub tokenize_chinese_chars: bool,
    /// The token for words that the vocabulary cannot spell.
    pub unk_token: String,
    /// The token before the first text.
    pub cls_token: String,
    /// The token after each text.
    pub sep_token: String,
    /// The padding token: no encoding holds it, but a text may, and Python needs its name.
    pub pad_token: String,
    /// The mask token, which a text may hold.
    pub mask_token: String,
}

impl Default for VocabSettings {
    fn default() -> Self {
        Self {
            do_lower_case: true,
            strip_accents: None,
            tokenize_chinese_chars: true,
            unk_token: "[UNK]".into(),
            cls_token: "[CLS]".into(),
            sep_token: "[SEP]".into(),
            pad_token: "[PAD]".into(),
            mask_token: "[MASK]".into(),
        }
    }
}

/// Reads a `vocab.txt`, one token a line, and puts BERT's steps around it.
pub(crate) fn read_vocab(
    path: &Path,
    settings: &VocabSettings,
) -> Result<Tokenizer, TokenizeError> {
    with_special_tokens(word_pieces(path)?, settings, path)
}

/// Puts BERT's steps around a vocabulary; `path` is where it comes from, for messages.
pub(crate) fn with_special_tokens(
    vocab: Vocab,
    settings: &VocabSettings,
    path: &Path,
) -> Result<Tokenizer, TokenizeError> {
    let id = |token: &str, role| {
        vocab.get(token).copied().ok_or_else(|| TokenizeError::MissingToken {
            path: path.into(),
            token: token.into(),
            role,
        })
    };
    id(&settings.unk_token, "unk_token")?;
    let cls = (settings.cls_token.clone(), id(&settings.cls_token, "cls_token")?);
    let sep = (settings.sep_token.clone(), id(&settings.sep_token, "sep_token")?);
    assemble(vocab, settings, cls, sep).map_err(TokenizeError::encode)
}

pub(crate) type Vocab = AHashMap<String, u32>;

/// The id of a token is the number of its line; of a token that is there twice, the last.
/// Blank lines count but hold no token; `\r` and other blanks at a line's end do not matter.
fn word_pieces(path: &Path) -> Result<Vocab, TokenizeError> {
    let bytes = read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|fault| TokenizeError::NotUtf8 {
        path: path.into(),
        line: 1 + bytes[..fault.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count(),
    })?;
    let tokens = text.split('\n').map(str::trim_end).zip(0..);
    Ok(tokens
        .filter(|(token, _)| !token.is_empty())
        .map(|(token, id)| (token.into(), id))
        .collect())
}

fn assemble(
    vocab: Vocab,
    settings: &VocabSettings,
    cls: (String, u32),
    sep: (String, u32),
) -> tokenizers::Result<Tokenizer> {
    let special_tokens = special_tokens(&vocab, settings);
    let template = TemplateProcessing::builder()
        .try_single(vec![format!("{}:0", cls.0), "$A:0".into(), format!("{}:0", sep.0)])?
        .try_pair(vec![
            format!("{}:0", cls.0),
            "$A:0".into(),
            format!("{}:0", sep.0),
            "$B:1".into(),
            format!("{}:1", sep.0),
        ])?
        .special_tokens(vec![cls, sep])
        .build()?;
    let model = WordPiece::builder().vocab(vocab).unk_token(settings.unk_token.clone()).build()?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(settings.normalizer()))?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.with_post_processor(Some(template));
    tokenizer.with_decoder(Some(WordPieceDecoder::default()));
    tokenizer.add_special_tokens(special_tokens)?;
    Ok(tokenizer)
}

/// Those of the five special tokens that the vocabulary has. They are found in texts as they
/// are written, before any lowercasing.
fn special_tokens(vocab: &Vocab, settings: &VocabSettings) -> Vec<AddedToken> {
    settings
        .special_tokens()
        .into_iter()
        .filter(|token| vocab.contains_key(*token))
        .map(|token| AddedToken::from(token.clone(), true))
        .collect()
}

impl VocabSettings {
    pub(crate) fn is_special(&self, token: &str) -> bool {
        self.special_tokens().iter().any(|special| *special == token)
    }

    fn special_tokens(&self) -> [&String; 5] {
        [&self.unk_token, &self.cls_token, &self.sep_token, &self.pad_token, &self.mask_token]
    }

    pub(crate) fn normalizer(&self) -> BertNormalizer {
        BertNormalizer::new(
            true,
            self.tokenize_chinese_chars,
            self.strip_accents,
            self.do_lower_case,
        )
    }
}
