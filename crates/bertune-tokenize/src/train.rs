use std::collections::{BTreeMap, BTreeSet};

use ahash::AHashMap;
use rayon::prelude::*;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer, Result,
};

use crate::VocabSettings;
use crate::vocab::Vocab;

/// What the pieces that go on a word begin with.
const CONTINUATION: &str = "##";

/// How often a piece occurs at least.
const MIN_FREQUENCY: u64 = 2;

/// How often each word occurs.
type Words = AHashMap<String, u64>;

/// A vocabulary of the pieces that texts are best written with, the special tokens first
/// ([Wu et al., 2016](https://arxiv.org/abs/1609.08144)); the same for the same texts.
pub(crate) fn train<S: AsRef<str> + Send>(
    texts: impl Iterator<Item = S> + Send,
    vocab_size: usize,
    settings: &VocabSettings,
) -> Result<Vocab> {
    let words = count_words(texts, settings)?;
    let alphabet = alphabet(&words, vocab_size);
    // The trainer breaks ties by the numbers of pieces, and takes words in no order: pieces of one
    // character are numbered beforehand.
    let VocabSettings { pad_token, unk_token, cls_token, sep_token, mask_token, .. } = settings;
    let special = [pad_token, unk_token, cls_token, sep_token, mask_token].map(String::clone);
    let continuations = continuations(&words, &alphabet);
    let known = special.into_iter().chain(continuations);
    let trainer = BpeTrainer::builder()
        .vocab_size(vocab_size)
        .min_frequency(MIN_FREQUENCY)
        .limit_alphabet(alphabet.len())
        .initial_alphabet(alphabet.into_iter().collect())
        .special_tokens(known.map(|token| AddedToken::from(token, true)).collect())
        .continuing_subword_prefix(CONTINUATION.into())
        .show_progress(false)
        .build();
    let mut pieces = BPE::default();
    let words = words.into_iter().map(|(word, count)| (word.into(), count)).collect();
    trainer.do_train(&words, &mut pieces)?;
    Ok(pieces.get_vocab().into_iter().collect())
}

fn count_words<S: AsRef<str> + Send>(
    texts: impl Iterator<Item = S> + Send,
    settings: &VocabSettings,
) -> Result<Words> {
    let normalizer = settings.normalizer();
    let add = |mut words: Words, text: S| -> Result<Words> {
        let mut normalized = NormalizedString::from(text.as_ref());
        normalizer.normalize(&mut normalized)?;
        let mut pieces = PreTokenizedString::from(normalized);
        BertPreTokenizer.pre_tokenize(&mut pieces)?;
        for (word, ..) in pieces.get_splits(OffsetReferential::Original, OffsetType::None) {
            match words.get_mut(word) {
                Some(count) => *count += 1,
                None => drop(words.insert(word.to_owned(), 1)),
            }
        }
        Ok(words)
    };
    let merge = |mut all: Words, words: Words| {
        words.into_iter().for_each(|(word, count)| *all.entry(word).or_default() += count);
        Ok(all)
    };
    texts.par_bridge().try_fold(Words::default, add).try_reduce(Words::default, merge)
}

/// The most frequent characters; words with others are not written with pieces.
fn alphabet(words: &Words, vocab_size: usize) -> BTreeSet<char> {
    let mut counts = BTreeMap::<char, u64>::new();
    for (word, count) in words {
        word.chars().for_each(|character| *counts.entry(character).or_default() += count);
    }
    let mut order: Vec<(char, u64)> = counts.into_iter().collect();
    order.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    // Each takes up to two places, one for words that begin with it.
    let most = (vocab_size / 20).clamp(100, 1000);
    order.into_iter().take(most).map(|(character, _)| character).collect()
}

/// The pieces of one character that go on a word.
fn continuations(words: &Words, alphabet: &BTreeSet<char>) -> BTreeSet<String> {
    let later = words.keys().flat_map(|word| word.chars().skip(1));
    let known: BTreeSet<char> = later.filter(|character| alphabet.contains(character)).collect();
    known.into_iter().map(|character| format!("{CONTINUATION}{character}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocab(texts: &[&str], size: usize) -> Vec<String> {
        let vocab = train(texts.iter(), size, &VocabSettings::default()).unwrap();
        let order: BTreeMap<u32, String> =
            vocab.into_iter().map(|(token, id)| (id, token)).collect();
        order.into_values().collect()
    }

    #[test]
    fn pieces_are_special_tokens_then_characters_then_what_occurs_often() {
        let expected = [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##a", "##b", "a", "b", "c", "##ab",
            "bab",
        ];
        assert_eq!(vocab(&["Bab bab", "baba", "a c", "c"], 100), expected);
    }

    /// Ties are many here, and maps come in another order each time.
    #[test]
    fn the_same_texts_give_the_same_vocabulary() {
        let words: Vec<String> =
            (0..3000u32).map(|i| format!("{:x}", i.wrapping_mul(2_654_435_761))).collect();
        let texts: Vec<&str> = words.iter().chain(&words).map(String::as_str).collect();
        let first = vocab(&texts, 400);
        assert_eq!(first.len(), 400);
        (0..5).for_each(|_| assert_eq!(vocab(&texts, 400), first));
    }
}
