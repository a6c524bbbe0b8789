use std::sync::Arc;

use bertune_tokenize::{BertTokenizer, Encoding, Limits, TextInput, TokenizeError};

use crate::{DataError, LabelMap, Table, Targets};

/// Tokenized examples with the numbers of their classes; cheap to clone.
#[derive(Clone, Debug)]
pub struct Dataset {
    encodings: Arc<[Encoding]>,
    targets: Arc<Targets>,
    weights: Option<Arc<[f32]>>,
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
        let tokens = || tokenize(tokenizer, limits, table);
        Self::of_table(table, labels, tokens)
    }

    /// The rows of a table, whose tokens are made when their targets have proved right.
    pub(crate) fn of_table(
        table: &Table,
        labels: &LabelMap,
        tokens: impl FnOnce() -> Result<Vec<Encoding>, DataError>,
    ) -> Result<Self, DataError> {
        let targets = Targets::of(table, labels)?;
        let weights: Option<_> = table.examples.iter().map(|example| example.weight).collect();
        Ok(Self { weights, ..Self::with_targets(tokens()?, targets) })
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
        Self { encodings: encodings.into(), targets: targets.into(), weights: None }
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

    /// Examples without labels.
    pub fn unlabelled(encodings: Vec<Encoding>) -> Self {
        Self::with_targets(encodings, Targets::None)
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.encodings.len()
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.encodings.is_empty()
    }

    /// The examples' tokens.
    pub fn encodings(&self) -> &[Encoding] {
        &self.encodings
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

/// The tokens of the rows of a table.
pub(crate) fn tokenize(
    tokenizer: &BertTokenizer,
    limits: Limits,
    table: &Table,
) -> Result<Vec<Encoding>, DataError> {
    let inputs: Vec<_> = table
        .examples
        .iter()
        .map(|example| TextInput { text: &example.text, text_pair: example.text_pair.as_deref() })
        .collect();
    let encodings = tokenizer.encode_batch(&inputs, limits);
    encodings.map_err(|error| in_table(table, error))
}

/// Says in which line of the file the fault is, if it is in one.
fn in_table(table: &Table, error: TokenizeError) -> DataError {
    match error {
        TokenizeError::Input { source, .. }
            if matches!(*source, TokenizeError::MaxLengthTooSmall { .. }) =>
        {
            DataError::Tokenizer(*source)
        }
        TokenizeError::Input { index, source } => DataError::Tokenize {
            path: table.file_of(&table.examples[index]).into(),
            position: table.position_of(&table.examples[index]),
            source: *source,
        },
        other => DataError::Tokenizer(other),
    }
}
