use std::sync::Arc;

use bertune_tokenize::Encoding;
use sha2::{Digest, Sha256};

use crate::token_file::TokenFile;

/// The ids of one input, or of one window of it, special tokens included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sequence<'a> {
    /// Token ids, `[tokens]`.
    pub input_ids: &'a [u32],
    /// The segment of each token, `[tokens]`.
    pub token_type_ids: &'a [u32],
}

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
            _ => self.view().digest(),
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

    fn push_sequence(&mut self, Sequence { input_ids, token_type_ids }: Sequence<'_>) {
        assert_eq!(input_ids.len(), token_type_ids.len(), "one type for each token");
        self.tokens.extend(input_ids);
        self.tokens.extend(token_type_ids);
        self.end_sequence(input_ids.len());
    }

    /// Ends a sequence of so many tokens.
    fn end_sequence(&mut self, tokens: usize) {
        let before = self.sequence_ends.last().copied().unwrap_or(0);
        self.sequence_ends.push(before + tokens as u64);
    }

    fn end_example(&mut self) {
        self.example_ends.push(self.sequence_ends.len() as u64);
    }

    pub(crate) fn view(&self) -> TokenView<'_> {
        let Self { tokens, sequence_ends, example_ends } = self;
        TokenView { tokens, sequence_ends, example_ends: Some(example_ends), selected: None }
    }
}

/// What [`FlatTokens`] has, wherever it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TokenView<'a> {
    pub(crate) tokens: &'a [u32],
    pub(crate) sequence_ends: &'a [u64],
    /// None where each sequence is an example.
    pub(crate) example_ends: Option<&'a [u64]>,
    /// The numbers of the examples that there are, if not all.
    pub(crate) selected: Option<&'a [usize]>,
}

impl<'a> TokenView<'a> {
    /// The number of examples.
    pub(crate) fn len(self) -> usize {
        let all = self.example_ends.unwrap_or(self.sequence_ends).len();
        self.selected.map_or(all, <[usize]>::len)
    }

    /// The sequences of one example.
    pub(crate) fn sequences(self, example: usize) -> impl ExactSizeIterator<Item = Sequence<'a>> {
        let example = self.selected.map_or(example, |selected| selected[example]);
        self.range(example).map(move |sequence| self.sequence(sequence))
    }

    /// The numbers of the sequences of an example, selected or not.
    fn range(self, example: usize) -> std::ops::Range<usize> {
        self.example_ends.map_or(example..example + 1, |ends| range(ends, example))
    }

    /// The number of tokens of one example.
    pub(crate) fn tokens_of(self, example: usize) -> usize {
        self.sequences(example).map(|sequence| sequence.input_ids.len()).sum()
    }

    fn sequence(self, sequence: usize) -> Sequence<'a> {
        let range = range(self.sequence_ends, sequence);
        let both = &self.tokens[2 * range.start..2 * range.end];
        let (input_ids, token_type_ids) = both.split_at(range.len());
        Sequence { input_ids, token_type_ids }
    }

    /// The SHA-256 of the tokens and ends of the examples that there are, as if there were no more.
    fn digest(self) -> [u8; 32] {
        let (mut digest, mut ends) = (TokenDigest::default(), FlatTokens::default());
        for example in 0..self.len() {
            for sequence in self.sequences(example) {
                digest.add_tokens(sequence.input_ids);
                digest.add_tokens(sequence.token_type_ids);
                ends.end_sequence(sequence.input_ids.len());
            }
            ends.end_example();
        }
        digest.finish(ends.view())
    }

    /// Whether the ends rise, and the last of them is the end.
    pub(crate) fn is_sound(self) -> bool {
        let rise = |ends: &[u64]| ends.is_sorted();
        let last = |ends: &[u64]| ends.last().copied().unwrap_or(0);
        let example_ends = self.example_ends.unwrap_or_default();
        rise(self.sequence_ends)
            && rise(example_ends)
            && last(example_ends) == self.sequence_ends.len() as u64
            && last(self.sequence_ends).checked_mul(2) == Some(self.tokens.len() as u64)
    }
}

fn range(ends: &[u64], index: usize) -> std::ops::Range<usize> {
    let start = if index == 0 { 0 } else { ends[index - 1] };
    start as usize..ends[index] as usize
}

/// The SHA-256 of tokens that are given one after another.
#[derive(Clone, Default)]
pub(crate) struct TokenDigest(Sha256);

impl TokenDigest {
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
