//! The few fused operations that decide the speed of BERT, as an extension of Burn's backend
//! trait.
//!
//! [`BertOps`] has default bodies made of Burn primitives, so that every backend works on the
//! first day; the Flex backend (feature `flex`) overrides them with fused, vectorised code, and
//! `Autodiff<B>` (feature `autodiff`) gives each of them a hand-written backward.
//!
//! Model code calls the typed functions of [`ops`]; they take and return [`Tensor`]s.
//!
//! [`Tensor`]: burn_core::tensor::Tensor
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod bert_ops;
mod dropout;
mod layer_weights;
pub mod ops;
mod optimizer;
mod optimizer_ops;
mod precision;
mod primitive;
mod sequences;

#[cfg(feature = "autodiff")]
mod autodiff;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "fusion")]
mod fusion;
#[cfg(feature = "ndarray")]
mod ndarray;

pub use bert_ops::{Activation, BertOps, LayerNormState};
pub use dropout::{Dropout, DropoutKey};
#[cfg(feature = "flex")]
pub use flex::keep_freed_memory;
pub use layer_weights::{LayerRows, LayerWeights, LinearWeights, NormWeights};
pub use optimizer::{AdamState, AdamStep, LionStep, SgdStep, WaitingRow, WeightDecay};
pub use optimizer_ops::OptimizerOps;
pub use precision::Precision;
pub use sequences::Sequences;

#[cfg(all(test, feature = "autodiff", feature = "flex", feature = "ndarray"))]
mod tests;
