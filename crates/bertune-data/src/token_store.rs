use std::sync::Arc;

use bertune_tokenize::Encoding;

use crate::flat_tokens::FlatTokens;
use crate::token_digest::TokenDigest;
use crate::token_file::TokenFile;
use crate::token_view::TokenView;

/// The sequences of examples; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct TokenStore {
    place: Place,
    /// Whether each sequence counts as an example.
    each_alone: bool,
    /// The numbers of the examples that there are, if not all.
    selected: Option<Arc<[usize]>>,
}

#[derive(Clone, Debug)]
enum Place {
    Memory(Arc<FlatTokens>),
    File(Arc<TokenFile>),
}

impl TokenStore {
    pub(crate) fn in_memory(tokens: FlatTokens) -> Self {
        Self { place: Place::Memory(Arc::new(tokens)), each_alone: false, selected: None }
    }

    pub(crate) fn in_file(file: TokenFile) -> Self {
        Self { place: Place::File(Arc::new(file)), each_alone: false, selected: None }
    }

    /// The same tokens, each sequence an example.
    pub(crate) fn each_alone(&self) -> Self {
        let view = self.view();
        let sequences = |&example: &usize| view.range(example);
        let selected =
            self.selected.as_ref().map(|selected| selected.iter().flat_map(sequences).collect());
        Self { each_alone: true, selected, ..self.clone() }
    }

    /// Only these of the examples, in this order.
    pub(crate) fn select(&self, examples: &[usize]) -> Self {
        let of = |example: &usize| self.selected.as_ref().map_or(*example, |all| all[*example]);
        Self { selected: Some(examples.iter().map(of).collect()), ..self.clone() }
    }

    /// The examples of several, one after another, in memory.
    pub(crate) fn joined<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        let mut tokens = FlatTokens::default();
        for view in parts.map(Self::view) {
            for example in 0..view.len() {
                view.sequences(example).for_each(|sequence| tokens.push_sequence(sequence));
                tokens.end_example();
            }
        }
        Self::in_memory(tokens)
    }

    pub(crate) fn view(&self) -> TokenView<'_> {
        let view = match &self.place {
            Place::Memory(tokens) => tokens.view(),
            Place::File(file) => file.view(),
        };
        let example_ends = view.example_ends.filter(|_| !self.each_alone);
        TokenView { example_ends, selected: self.selected.as_deref(), ..view }
    }

    /// The SHA-256 of all tokens and ends, the same in memory, in a file, and selected.
    pub(crate) fn digest(&self) -> [u8; 32] {
        match &self.place {
            Place::File(file) if self.selected.is_none() => file.digest(),
            _ => TokenDigest::of(self.view()),
        }
    }
}

impl FromIterator<Vec<Encoding>> for TokenStore {
    fn from_iter<I: IntoIterator<Item = Vec<Encoding>>>(examples: I) -> Self {
        let mut tokens = FlatTokens::default();
        examples.into_iter().for_each(|sequences| tokens.push(&sequences));
        Self::in_memory(tokens)
    }
}
