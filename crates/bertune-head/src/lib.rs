//! Classification heads on the BERT encoder, and their losses.
//!
//! [`BertForSequenceClassification`] is transformers' class of that name: dropout and a linear
//! map on the pooled output. Its parameters carry the same names, so that folders go both ways.
//! [`BertForTasks`] is several of them on one encoder.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod adaptation;
mod adapter;
mod binary_cross_entropy;
mod config;
mod cross_entropy;
mod decisions;
mod labels;
mod masked_lm;
mod sequence_classification;
mod squared_error;
mod tasks;

pub use adaptation::{Adaptation, DropoutOverrides};
pub use adapter::AdapterHead;
pub use binary_cross_entropy::binary_cross_entropy;
pub use config::{Pooling, ProblemType, SequenceClassificationConfig};
pub use cross_entropy::{cross_entropy, soft_cross_entropy};
pub use decisions::{DecisionError, Decisions};
pub use labels::LabelNames;
pub use masked_lm::{BertForMaskedLM, LoadedMaskedLm};
pub use sequence_classification::{BertForSequenceClassification, HeadError, Loaded};
pub use squared_error::squared_error;
pub use tasks::{BertForTasks, LoadedTasks};
