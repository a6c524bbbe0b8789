//! A fine-tuned checkpoint to labels and probabilities. There is no optimizer and no autodiff in
//! this crate's tree.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod base;
mod chunks;
mod classifier;
mod error;
mod mask_filler;
mod prediction;

pub use base::find_base;
pub use chunks::{OwnedInput, PredictionChunks};
pub use classifier::TextClassifier;
pub use error::PredictError;
pub use mask_filler::{Guess, MaskFiller};
pub use prediction::Prediction;
