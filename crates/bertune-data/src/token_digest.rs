use sha2::{Digest, Sha256};

use crate::flat_tokens::FlatTokens;
use crate::token_view::TokenView;

/// The SHA-256 of tokens that are given one after another.
#[derive(Clone, Default)]
pub(crate) struct TokenDigest(Sha256);

impl TokenDigest {
    /// The digest of the tokens and ends of the examples that there are, as if there were no more.
    pub(crate) fn of(view: TokenView<'_>) -> [u8; 32] {
        let (mut digest, mut ends) = (Self::default(), FlatTokens::default());
        for example in 0..view.len() {
            for sequence in view.sequences(example) {
                digest.add_tokens(sequence.input_ids);
                digest.add_tokens(sequence.token_type_ids);
                ends.end_sequence(sequence.input_ids.len());
            }
            ends.end_example();
        }
        digest.finish(ends.view())
    }

    pub(crate) fn add_tokens(&mut self, tokens: &[u32]) {
        self.0.update(bytemuck::cast_slice(tokens));
    }

    /// The digest, when all tokens were added.
    pub(crate) fn finish(mut self, view: TokenView<'_>) -> [u8; 32] {
        let example_ends = view.example_ends.unwrap_or_default();
        self.0.update(bytemuck::cast_slice(view.sequence_ends));
        self.0.update(bytemuck::cast_slice(example_ends));
        self.0.update((example_ends.len() as u64).to_ne_bytes());
        self.0.finalize().into()
    }
}
