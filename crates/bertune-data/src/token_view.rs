use crate::Sequence;

/// What [`FlatTokens`](crate::flat_tokens::FlatTokens) has, wherever it lies.
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
    pub(crate) fn range(self, example: usize) -> std::ops::Range<usize> {
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
