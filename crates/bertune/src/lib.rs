//! Fine-tune a pretrained BERT into a text classifier: no Python, no libtorch.
//!
//! This crate is the front door: it re-exports the library crates and names the backends, one
//! feature each: `flex` (the fast CPU backend, default), `ndarray`, `wgpu` and `cuda`. Everything
//! else is generic over `B:` [`BertOps`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`tokenize`] | text to token ids |
//! | [`data`] | labelled tables to batches |
//! | [`checkpoint`] | Hugging Face folders |
//! | [`encoder`] | BERT |
//! | [`head`] | the classifier on it |
//! | [`metrics`] | scores and their uncertainty |
//! | [`train`] | fine-tuning |
//! | [`predict`] | a fine-tuned folder to labels |
//! | `boxed` (a feature) | a small BERT inside the program |
//! | [`report`] | comparisons in words, tables and pictures |
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod backend;

#[cfg(feature = "boxed")]
pub use bertune_boxed as boxed;
pub use bertune_checkpoint as checkpoint;
pub use bertune_data as data;
pub use bertune_encoder as encoder;
pub use bertune_head as head;
pub use bertune_kernels as kernels;
pub use bertune_metrics as metrics;
pub use bertune_predict as predict;
pub use bertune_report as report;
pub use bertune_tokenize as tokenize;
pub use bertune_train as train;
pub use burn;

pub use bertune_kernels::BertOps;
pub use bertune_predict::{Prediction, TextClassifier};
