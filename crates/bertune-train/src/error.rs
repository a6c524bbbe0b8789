use std::path::PathBuf;

use bertune_checkpoint::CheckpointError;
use bertune_tokenize::TokenizeError;

/// Why fine-tuning did not begin, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting is out of its range.
    #[error("training setting {key} is {value}, but must be {range}")]
    Setting {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        range: &'static str,
    },
    /// There is nothing to learn from or to measure on.
    #[error("there are no {split} examples")]
    Empty {
        /// `training` or `validation`.
        split: &'static str,
    },
    /// A text has more tokens than the model has positions.
    #[error(
        "an example has {tokens} tokens, but the model has {positions} positions: \
         set max_length to {positions} or less"
    )]
    TooLong {
        /// Tokens of the longest example.
        tokens: usize,
        /// Positions of the model.
        positions: usize,
    },
    /// The tokenizer makes ids that the model has no embedding for.
    #[error(
        "the tokenizer gave the id {id}, but the model has only {vocab_size} embeddings: \
         the tokenizer and the model do not belong together"
    )]
    Vocabulary {
        /// The id.
        id: u32,
        /// The model's embeddings.
        vocab_size: usize,
    },
    /// The loss or the gradient became infinite or not a number.
    #[error(
        "step {step}: the {what} is {value}; the model was not updated with it. \
         Examples of this batch: {examples:?}. A lower learning rate often helps"
    )]
    NotFinite {
        /// The step, from 1.
        step: usize,
        /// `loss` or `gradient norm`.
        what: &'static str,
        /// NaN or an infinity.
        value: f64,
        /// The numbers of the batch's examples, from 0 in the order of the training set.
        examples: Vec<usize>,
    },
    /// Writing or reading a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Writing the tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizeError),
    /// Writing another file of the result.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}
