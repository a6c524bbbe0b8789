use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tokenizers::processors::PostProcessorWrapper;
use tokenizers::{Model, ModelWrapper, NormalizedString, Normalizer, PostProcessor, Tokenizer};

use crate::TokenizeError;
use crate::files::read_json;

/// More rows than any embedding has; an id beyond it is a broken file, and would cost memory.
const MOST_IDS: u32 = 1 << 24;

/// Reads a `tokenizer.json`, before it is checked.
pub(crate) fn read_tokenizer_json(path: &Path) -> Result<Tokenizer, TokenizeError> {
    // The tokenizers crate panics on some contradictory files, such as a broken charsmap.
    catch_unwind(AssertUnwindSafe(|| read_json(path)))
        .unwrap_or_else(|_| Err(TokenizeError::Unusable { path: path.into() }))
}

/// Refuses what loads but would fail on the first text, and gives the post-processor and the
/// highest id.
pub(crate) fn check(
    tokenizer: &Tokenizer,
    path: &Path,
) -> Result<(PostProcessorWrapper, Option<u32>), TokenizeError> {
    check_unknown_token(tokenizer, path)?;
    check_added_tokens(tokenizer, path)?;
    let highest = highest_id(tokenizer, path)?;
    let post_processor = tokenizer
        .get_post_processor()
        .filter(|processor| processor.added_tokens(false) > 0 && processor.added_tokens(true) > 0)
        .cloned()
        .ok_or_else(|| TokenizeError::NoSpecialTokens { path: path.into() })?;
    Ok((post_processor, highest))
}

/// Without its unknown token, a WordPiece model fails on the first word it cannot spell.
fn check_unknown_token(tokenizer: &Tokenizer, path: &Path) -> Result<(), TokenizeError> {
    match tokenizer.get_model() {
        ModelWrapper::WordPiece(model) if model.token_to_id(&model.unk_token).is_none() => {
            Err(TokenizeError::MissingToken {
                path: path.into(),
                token: model.unk_token.clone(),
                role: "unk_token",
            })
        }
        _ => Ok(()),
    }
}

/// An added token of which the normalizer leaves nothing would be found everywhere.
fn check_added_tokens(tokenizer: &Tokenizer, path: &Path) -> Result<(), TokenizeError> {
    let Some(normalizer) = tokenizer.get_normalizer() else {
        return Ok(());
    };
    let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder();
    for token in added.values().filter(|token| token.normalized) {
        let mut text = NormalizedString::from(&*token.content);
        normalizer.normalize(&mut text).map_err(TokenizeError::encode)?;
        if text.is_empty() {
            return Err(TokenizeError::EmptyAddedToken {
                path: path.into(),
                token: token.content.clone(),
            });
        }
    }
    Ok(())
}

fn highest_id(tokenizer: &Tokenizer, path: &Path) -> Result<Option<u32>, TokenizeError> {
    // A copy of the vocabulary, which takes a while: it is made once.
    let highest = tokenizer.get_vocab(true).into_values().max();
    match highest.filter(|id| *id >= MOST_IDS) {
        Some(id) => Err(TokenizeError::HugeId { path: path.into(), id }),
        None => Ok(highest),
    }
}
