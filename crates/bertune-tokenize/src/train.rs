use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainer};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    AddedToken, DecoderWrapper, Model, PostProcessorWrapper, Result, TokenizerBuilder,
};

use crate::VocabSettings;
use crate::vocab::Vocab;

/// How often a piece occurs at least.
const MIN_FREQUENCY: u64 = 2;

/// Characters of the alphabet, the most frequent ones; each takes up to two places, one for words
/// that begin with it.
fn alphabet(vocab_size: usize) -> usize {
    (vocab_size / 20).clamp(100, 1000)
}

/// A vocabulary of the pieces that texts are best written with, the special tokens first
/// ([Wu et al., 2016](https://arxiv.org/abs/1609.08144)).
pub(crate) fn train<S: AsRef<str> + Send>(
    texts: impl Iterator<Item = S> + Send,
    vocab_size: usize,
    settings: &VocabSettings,
) -> Result<Vocab> {
    let VocabSettings { pad_token, unk_token, cls_token, sep_token, mask_token, .. } = settings;
    let special = [pad_token, unk_token, cls_token, sep_token, mask_token];
    let special = special.map(|token| AddedToken::from(token.clone(), true));
    let mut trainer = WordPieceTrainer::builder()
        .vocab_size(vocab_size)
        .min_frequency(MIN_FREQUENCY)
        .limit_alphabet(alphabet(vocab_size))
        .special_tokens(special.into())
        .show_progress(false)
        .build();
    let mut tokenizer = TokenizerBuilder::<_, _, _, PostProcessorWrapper, DecoderWrapper>::new()
        .with_model(WordPiece::default())
        .with_normalizer(Some(settings.normalizer()))
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_post_processor(None)
        .with_decoder(None)
        .build()?;
    let vocab = tokenizer.train(&mut trainer, texts)?.get_model().get_vocab();
    Ok(vocab.into_iter().collect())
}
