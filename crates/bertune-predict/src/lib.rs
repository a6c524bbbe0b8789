//! A fine-tuned checkpoint to labels and probabilities. There is no optimizer and no autodiff in
//! this crate's tree.

mod classifier;
mod error;
mod prediction;

pub use classifier::TextClassifier;
pub use error::PredictError;
pub use prediction::Prediction;
