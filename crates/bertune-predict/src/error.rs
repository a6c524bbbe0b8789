use std::path::PathBuf;

use bertune_checkpoint::CheckpointError;
use bertune_head::{DecisionError, HeadError};
use bertune_tokenize::TokenizeError;

/// Why a classifier does not open or does not predict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// The folder.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The model in it.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A temperature or a threshold.
    #[error(transparent)]
    Decisions(#[from] DecisionError),
    /// The tokenizer, or a text.
    #[error(transparent)]
    Tokenize(#[from] TokenizeError),
    /// An adapter does not say what its base is.
    #[error("{}: adapter_config.json names no base; give it with --base", adapter.display())]
    NoBase {
        /// The adapter's folder.
        adapter: PathBuf,
    },
    /// The base that an adapter names is not there.
    #[error("{}: the adapter's base is not found: {source} (or give it with --base)", adapter.display())]
    BaseNotFound {
        /// The adapter's folder.
        adapter: PathBuf,
        /// Why.
        source: Box<CheckpointError>,
    },
    /// The tokenizer makes ids that the model has no embedding for.
    #[error(
        "the tokenizer has {tokens} tokens, but the model has only {vocab_size} embeddings: \
         the tokenizer and the model do not belong together"
    )]
    Vocabulary {
        /// Tokens of the tokenizer.
        tokens: usize,
        /// Embeddings of the model.
        vocab_size: usize,
    },
    /// The tokenizer has no token that hides others.
    #[error("the tokenizer has no mask token, such as [MASK]: there is nothing that it could fill")]
    NoMaskToken,
    /// A text hides nothing.
    #[error("the text has no {mask_token}: write it where a token is to be guessed")]
    NothingToFill {
        /// What hides a token.
        mask_token: String,
    },
    /// What the model computes is no number.
    #[error(
        "{}: the model's scores are not finite: some of its weights are not, or are too large; \
         bring the model anew",
        folder.display()
    )]
    NotFinite {
        /// The model's folder.
        folder: PathBuf,
    },
    /// Longer inputs were asked for than the model can take.
    #[error("a limit of {max_length} tokens is more than the {positions} that this model takes")]
    TooLong {
        /// The limit asked for.
        max_length: usize,
        /// Positions of the model.
        positions: usize,
    },
}
