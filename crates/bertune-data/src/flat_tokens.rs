use bertune_tokenize::Encoding;

use crate::Sequence;
use crate::token_view::TokenView;

/// All sequences, one after another, in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlatTokens {
    /// The ids of each sequence, followed by its token types.
    pub(crate) tokens: Vec<u32>,
    /// The tokens of all sequences up to each.
    pub(crate) sequence_ends: Vec<u64>,
    /// The sequences of all examples up to each.
    pub(crate) example_ends: Vec<u64>,
}

impl FlatTokens {
    /// Adds an example.
    pub(crate) fn push(&mut self, sequences: &[Encoding]) {
        for Encoding { input_ids, token_type_ids, .. } in sequences {
            self.push_sequence(Sequence { input_ids, token_type_ids });
        }
        self.end_example();
    }

    pub(crate) fn push_sequence(&mut self, Sequence { input_ids, token_type_ids }: Sequence<'_>) {
        assert_eq!(input_ids.len(), token_type_ids.len(), "one type for each token");
        self.tokens.extend(input_ids);
        self.tokens.extend(token_type_ids);
        self.end_sequence(input_ids.len());
    }

    /// Ends a sequence of so many tokens.
    pub(crate) fn end_sequence(&mut self, tokens: usize) {
        let before = self.sequence_ends.last().copied().unwrap_or(0);
        self.sequence_ends.push(before + tokens as u64);
    }

    pub(crate) fn end_example(&mut self) {
        self.example_ends.push(self.sequence_ends.len() as u64);
    }

    pub(crate) fn view(&self) -> TokenView<'_> {
        let Self { tokens, sequence_ends, example_ends } = self;
        TokenView { tokens, sequence_ends, example_ends: Some(example_ends), selected: None }
    }
}
