use std::collections::HashSet;
use std::sync::Arc;

use bertune_tokenize::{BertTokenizer, Encoding, Limits, TextInput, TokenizeError};

use crate::flat_tokens::FlatTokens;
use crate::token_store::TokenStore;
use crate::{DataError, LabelMap, LabelledRows, Masking, Sequence, Table, Targets};

/// Tokenized examples with the numbers of their classes; cheap to clone.
///
/// An example is one sequence of tokens, or several: the windows that a long text is read in.
#[derive(Clone, Debug)]
pub struct Dataset {
    tokens: TokenStore,
    targets: Arc<Targets>,
    weights: Option<Arc<[f32]>>,
    masking: Option<Masking>,
}

impl Dataset {
    /// The rows of a table, tokenized, with their targets: classes, sets or values, as the table's
    /// layout says.
    ///
    /// # Errors
    ///
    /// If a target is missing, a label unknown, a text cannot be tokenized, or the limits leave no room
    /// for one.
    pub fn new(
        tokenizer: &BertTokenizer,
        limits: Limits,
        table: &Table,
        labels: &LabelMap,
    ) -> Result<Self, DataError> {
        let targets = Targets::of(table, labels)?;
        let weights = table.examples.iter().map(|example| example.weight).collect();
        let mut examples = FlatTokens::default();
        tokenize(tokenizer, limits, table, |sequences| {
            examples.push(&sequences);
            Ok(())
        })?;
        let tokens = TokenStore::in_memory(examples);
        Ok(Self { tokens, targets: targets.into(), weights, masking: None })
    }

    /// Rows whose texts are read and tokenized now, a few at a time: only their tokens stay in
    /// memory.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or has changed, a text cannot be tokenized, or the limits leave no
    /// room for one.
    pub fn read(
        tokenizer: &BertTokenizer,
        limits: Limits,
        rows: &LabelledRows,
    ) -> Result<Self, DataError> {
        let mut examples = FlatTokens::default();
        rows.tokenize(tokenizer, limits, |sequences| {
            examples.push(&sequences);
            Ok(())
        })?;
        Ok(Self::of_rows(TokenStore::in_memory(examples), rows))
    }

    /// The tokens of rows, with their targets.
    pub(crate) fn of_rows(tokens: TokenStore, rows: &LabelledRows) -> Self {
        let weights = rows.weights().map(Into::into);
        Self { tokens, targets: rows.targets().clone().into(), weights, masking: None }
    }

    /// Only these of the examples, in this order.
    ///
    /// # Panics
    ///
    /// If a number is not below the number of examples.
    pub fn select(&self, examples: &[usize]) -> Self {
        let weight = |weights: &Arc<[f32]>| examples.iter().map(|&row| weights[row]).collect();
        Self {
            tokens: self.tokens.select(examples),
            targets: self.targets.select(examples).into(),
            weights: self.weights.as_ref().map(weight),
            masking: self.masking.clone(),
        }
    }

    /// The examples of several data sets, one after another, their tokens in memory. Where some are
    /// weighted, those of the others count 1.
    ///
    /// # Panics
    ///
    /// If they have not all targets of one kind, or all none.
    pub fn joined(parts: &[&Self]) -> Self {
        let is_weighted = parts.iter().any(|part| part.weights.is_some());
        let weights = |part: &&Self| part.weights().map_or(vec![1.0; part.len()], <[f32]>::to_vec);
        let targets = parts.iter().map(|part| Targets::clone(&part.targets));
        let targets = targets.reduce(Targets::joined).unwrap_or_default();
        let joined = Self::of_tokens(TokenStore::joined(parts.iter().map(|part| &part.tokens)));
        let fits = parts.iter().all(|part| *part.targets == Targets::None);
        assert!(fits || targets.len() == joined.len(), "targets of one kind");
        let weights = is_weighted.then(|| parts.iter().flat_map(weights).collect());
        Self { targets: targets.into(), weights, ..joined }
    }

    /// How many of the examples have the tokens of an example of these data sets.
    pub fn count_in(&self, others: &[&Self]) -> usize {
        let known: HashSet<Vec<Sequence<'_>>> =
            others.iter().flat_map(|dataset| dataset.all_sequences()).collect();
        self.all_sequences().filter(|example| known.contains(example)).count()
    }

    /// The tokens of each example.
    fn all_sequences(&self) -> impl Iterator<Item = Vec<Sequence<'_>>> {
        (0..self.len()).map(|example| self.sequences(example).collect())
    }

    /// Examples with one label each.
    ///
    /// # Panics
    ///
    /// If there are not as many labels as encodings.
    pub fn labelled(encodings: Vec<Encoding>, labels: Vec<usize>) -> Self {
        Self::with_targets(encodings, Targets::Classes(labels))
    }

    /// Examples with targets of any kind.
    ///
    /// # Panics
    ///
    /// If there are targets, but not as many as encodings.
    pub fn with_targets(encodings: Vec<Encoding>, targets: Targets) -> Self {
        let fits = targets == Targets::None || targets.len() == encodings.len();
        assert!(fits, "one target for each example");
        let tokens = encodings.into_iter().map(|encoding| vec![encoding]).collect();
        Self { targets: targets.into(), ..Self::of_tokens(tokens) }
    }

    /// The same examples, each counting this much.
    ///
    /// # Panics
    ///
    /// If there are not as many weights as examples, or one is not a finite number, 0 or more.
    pub fn weighted(self, weights: Vec<f32>) -> Self {
        assert_eq!(self.len(), weights.len(), "one weight for each example");
        let usable = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        assert!(usable, "a weight is a finite number, 0 or more");
        Self { weights: Some(weights.into()), ..self }
    }

    /// The same examples, without targets.
    pub fn without_targets(&self) -> Self {
        Self { targets: Targets::None.into(), ..self.clone() }
    }

    /// Examples without labels.
    pub fn unlabelled(encodings: Vec<Encoding>) -> Self {
        Self::with_targets(encodings, Targets::None)
    }

    /// Examples without labels, each of one or several windows.
    pub fn unlabelled_windows(examples: Vec<Vec<Encoding>>) -> Self {
        let tokens = examples.into_iter().collect();
        Self::of_tokens(tokens)
    }

    /// Examples of which nothing is known but their tokens.
    pub(crate) fn of_tokens(tokens: TokenStore) -> Self {
        Self { tokens, targets: Targets::None.into(), weights: None, masking: None }
    }

    /// The same examples, with tokens hidden in each that are to be guessed.
    pub fn masked(self, masking: Masking) -> Self {
        Self { masking: Some(masking), ..self }
    }

    /// The examples as they are in an epoch, from 0: with its own masks, if there are any.
    pub fn in_epoch(&self, epoch: usize) -> Self {
        let masking = self.masking.as_ref().map(|masking| masking.in_epoch(epoch));
        Self { masking, ..self.clone() }
    }

    /// What hides tokens, if anything does.
    pub(crate) fn masking(&self) -> Option<&Masking> {
        self.masking.as_ref()
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.tokens.view().len()
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tokens of an example: one sequence, or the windows that it is read in.
    ///
    /// # Panics
    ///
    /// If the number is not below the number of examples.
    pub fn sequences(&self, example: usize) -> impl ExactSizeIterator<Item = Sequence<'_>> {
        self.tokens.view().sequences(example)
    }

    /// The same tokens with each window an example of its own, without targets; and for each the
    /// number of the example that it is of.
    pub fn windows(&self) -> (Self, Vec<usize>) {
        let of = |example| self.sequences(example).map(move |_| example);
        let owners = (0..self.len()).flat_map(of).collect();
        let tokens = self.tokens.each_alone();
        (Self::of_tokens(tokens), owners)
    }

    /// The number of tokens of an example, those of all its windows.
    ///
    /// # Panics
    ///
    /// If the number is not below the number of examples.
    pub fn tokens_of(&self, example: usize) -> usize {
        self.tokens.view().tokens_of(example)
    }

    /// The SHA-256 of all tokens.
    pub fn token_digest(&self) -> [u8; 32] {
        self.tokens.digest()
    }

    /// The examples' targets.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// How much each example counts, if there is a column that says it.
    pub fn weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    /// The class of each example; empty if they do not have one each.
    pub fn labels(&self) -> &[usize] {
        match &*self.targets {
            Targets::Classes(classes) => classes,
            _ => &[],
        }
    }
}

/// Rows that are tokenized at once: what is made of them on the way is let go with them.
const CHUNK: usize = 4096;

/// Gives the tokens of the rows of a table to `take`, one after another.
pub(crate) fn tokenize(
    tokenizer: &BertTokenizer,
    limits: Limits,
    table: &Table,
    mut take: impl FnMut(Vec<Encoding>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    for (chunk, examples) in table.examples.chunks(CHUNK).enumerate() {
        let inputs: Vec<_> = examples
            .iter()
            .map(|row| TextInput { text: &row.text, text_pair: row.text_pair.as_deref() })
            .collect();
        let examples = tokenizer.encode_windows_batch(&inputs, limits);
        let examples = examples.map_err(|error| in_table(table, chunk * CHUNK, error))?;
        examples.into_iter().try_for_each(&mut take)?;
    }
    Ok(())
}

/// Says in which line of the file the fault is, if it is in one.
fn in_table(table: &Table, first: usize, error: TokenizeError) -> DataError {
    match error {
        TokenizeError::Input { source, .. }
            if matches!(
                *source,
                TokenizeError::MaxLengthTooSmall { .. } | TokenizeError::WindowsOfPair
            ) =>
        {
            DataError::Tokenizer(*source)
        }
        TokenizeError::Input { index, source } => {
            let row = &table.examples[first + index];
            let (path, position) = (table.file_of(row).into(), table.position_of(row));
            DataError::Tokenize { path, position, source: *source }
        }
        other => DataError::Tokenizer(other),
    }
}
