use std::sync::Arc;

use bertune_tokenize::BertTokenizer;
use serde::{Deserialize, Serialize};

use crate::CorpusError;
use crate::random::SplitMix64;

/// How tokens are hidden that a model is to guess.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskingConfig {
    /// The probability that a token is to be guessed, `0..1`, not 0.
    pub probability: f64,
    /// What is chosen at once.
    pub unit: MaskingUnit,
}

/// What masking chooses at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskingUnit {
    /// Each token alone ([Devlin et al., 2019](https://arxiv.org/abs/1810.04805)).
    Token,
    /// All pieces of a word, which are harder to guess together.
    WholeWord,
}

impl Default for MaskingConfig {
    fn default() -> Self {
        Self { probability: 0.15, unit: MaskingUnit::Token }
    }
}

/// Dynamic masking: which tokens of an example are to be guessed, and what stands in their place,
/// is a pure function of `(seed, epoch, example)`, so that each epoch has its own masks and a
/// resumed run the same ones. Of those to be guessed, 80 % become the mask token, 10 % any token,
/// and 10 % stay ([Devlin et al., 2019](https://arxiv.org/abs/1810.04805)).
#[derive(Clone, Debug)]
pub struct Masking {
    config: MaskingConfig,
    seed: u64,
    epoch: u64,
    mask_token_id: u32,
    vocabulary: Arc<[TokenKind]>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum TokenKind {
    Special,
    Word,
    Continuation,
}

/// The tokens of a batch that are to be guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskedTokens {
    /// Where they stand among all tokens of the batch, `[masked]`.
    pub indices: Vec<u32>,
    /// What they were, `[masked]`.
    pub labels: Vec<u32>,
}

impl Masking {
    /// Masks for the tokens of this tokenizer.
    ///
    /// # Errors
    ///
    /// If the tokenizer has no mask token, or the probability is none.
    pub fn new(
        tokenizer: &BertTokenizer,
        config: MaskingConfig,
        seed: u64,
    ) -> Result<Self, CorpusError> {
        let MaskingConfig { probability, .. } = config;
        if !(probability > 0.0 && probability < 1.0) {
            return Err(CorpusError::MaskingProbability { probability });
        }
        let kind = |id| match () {
            () if tokenizer.is_special(id) => TokenKind::Special,
            () if tokenizer.continues_word(id) => TokenKind::Continuation,
            () => TokenKind::Word,
        };
        Ok(Self {
            config,
            seed,
            epoch: 0,
            mask_token_id: tokenizer.mask_token_id().ok_or(CorpusError::NoMaskToken)?,
            vocabulary: (0..tokenizer.vocab_size() as u32).map(kind).collect(),
        })
    }

    /// The masks of an epoch, from 0.
    pub fn in_epoch(&self, epoch: usize) -> Self {
        Self { epoch: epoch as u64, ..self.clone() }
    }

    /// Hides tokens of one sequence, which begins at `first` of its batch, and notes them.
    pub(crate) fn mask(
        &self,
        example: usize,
        input_ids: &mut [u32],
        first: usize,
        masked: &mut MaskedTokens,
    ) {
        let mut random = SplitMix64::new(self.seed, self.epoch << 40 ^ example as u64);
        let mut chosen = false;
        for (i, id) in input_ids.iter_mut().enumerate() {
            let kind = self.vocabulary.get(*id as usize).copied().unwrap_or(TokenKind::Special);
            let goes_on =
                self.config.unit == MaskingUnit::WholeWord && kind == TokenKind::Continuation;
            if !goes_on {
                chosen = random.unit() < self.config.probability;
            }
            if chosen && kind != TokenKind::Special {
                masked.indices.push((first + i) as u32);
                masked.labels.push(*id);
                *id = self.in_place_of(*id, &mut random);
            }
        }
    }

    fn in_place_of(&self, id: u32, random: &mut SplitMix64) -> u32 {
        match random.unit() {
            share if share < 0.8 => self.mask_token_id,
            share if share < 0.9 => random.below(self.vocabulary.len()) as u32,
            _ => id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten special tokens, then words and continuations in turn.
    fn masking(unit: MaskingUnit) -> Masking {
        let kind = |id: u32| match id {
            0..10 => TokenKind::Special,
            id if id % 2 == 0 => TokenKind::Word,
            _ => TokenKind::Continuation,
        };
        Masking {
            config: MaskingConfig { unit, ..Default::default() },
            seed: 3,
            epoch: 0,
            mask_token_id: 4,
            vocabulary: (0..1000).map(kind).collect(),
        }
    }

    /// A million tokens in sequences of a thousand, `[CLS]` and `[SEP]` around each.
    fn masked(masking: &Masking) -> (Vec<u32>, Vec<u32>, MaskedTokens) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut masked = MaskedTokens::default();
        for example in 0..1000 {
            let word = |i: u32| 10 + (i * 7 + example) % 990;
            let mut ids: Vec<u32> = (0..998).map(word).collect();
            ids.insert(0, 2);
            ids.push(3);
            before.extend(&ids);
            masking.mask(example as usize, &mut ids, after.len(), &mut masked);
            after.extend(&ids);
        }
        (before, after, masked)
    }

    /// Within five standard deviations of a binomial share.
    fn check_share(count: usize, of: usize, share: f64) {
        let (found, deviation) =
            (count as f64 / of as f64, (share * (1.0 - share) / of as f64).sqrt());
        assert!((found - share).abs() < 5.0 * deviation, "{found} of {share}");
    }

    #[test]
    fn of_a_million_tokens_the_shares_are_those_of_the_paper() {
        let (before, after, masked) = masked(&masking(MaskingUnit::Token));
        let labels: Vec<u32> = masked.indices.iter().map(|&i| before[i as usize]).collect();
        assert_eq!(labels, masked.labels);
        check_share(masked.labels.len(), 998_000, 0.15);
        let put = || masked.indices.iter().map(|&i| after[i as usize]).zip(&masked.labels);
        check_share(put().filter(|(id, _)| *id == 4).count(), masked.labels.len(), 0.8 + 0.1 / 1e3);
        check_share(put().filter(|(id, label)| id == *label).count(), masked.labels.len(), 0.1001);
        let mut others = before.iter().zip(&after).enumerate();
        assert!(others.all(|(i, (x, y))| x == y || masked.indices.contains(&(i as u32))));
    }

    #[test]
    fn special_tokens_are_never_chosen() {
        let (.., masked) = masked(&masking(MaskingUnit::Token));
        assert!(masked.labels.iter().all(|&id| id >= 10));
    }

    #[test]
    fn a_word_is_hidden_with_all_its_pieces() {
        let (before, _, masked) = masked(&masking(MaskingUnit::WholeWord));
        let chosen: std::collections::HashSet<u32> = masked.indices.iter().copied().collect();
        for (i, &id) in before.iter().enumerate().skip(1) {
            if id >= 10 && id % 2 == 1 && before[i - 1] >= 10 {
                let i = i as u32;
                assert_eq!(chosen.contains(&i), chosen.contains(&(i - 1)), "{i}");
            }
        }
        // Words are chosen, not tokens: their share is less certain.
        let share = masked.labels.len() as f64 / 998_000.0;
        assert!((share - 0.15).abs() < 0.005, "{share}");
    }

    #[test]
    fn masks_depend_on_epoch_and_example_alone() {
        let masking = masking(MaskingUnit::Token);
        let of = |masking: &Masking, example| {
            let (mut ids, mut masked) = ([20; 200], MaskedTokens::default());
            masking.mask(example, &mut ids, 0, &mut masked);
            masked
        };
        assert_eq!(of(&masking, 5), of(&masking.in_epoch(0), 5));
        assert_ne!(of(&masking, 5), of(&masking, 6));
        assert_ne!(of(&masking, 5), of(&masking.in_epoch(1), 5));
    }
}
