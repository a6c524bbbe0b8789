use std::sync::Arc;

use bertune_tokenize::Encoding;

/// Tokenized examples with the numbers of their classes; cheap to clone.
#[derive(Clone, Debug)]
pub struct Dataset {
    encodings: Arc<[Encoding]>,
    labels: Arc<[usize]>,
}

impl Dataset {
    /// Examples with one label each.
    ///
    /// # Panics
    ///
    /// If there are not as many labels as encodings.
    pub fn labelled(encodings: Vec<Encoding>, labels: Vec<usize>) -> Self {
        assert_eq!(encodings.len(), labels.len(), "one label for each example");
        Self { encodings: encodings.into(), labels: labels.into() }
    }

    /// Examples without labels.
    pub fn unlabelled(encodings: Vec<Encoding>) -> Self {
        Self { encodings: encodings.into(), labels: Arc::from([]) }
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

    /// The examples' classes; empty if they have none.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }
}
