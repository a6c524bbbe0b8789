//! Classification heads on the BERT encoder, and their losses.
//!
//! [`BertForSequenceClassification`] is transformers' class of that name: dropout and a linear
//! map on the pooled output. Its parameters carry the same names, so that folders go both ways.

mod config;
mod cross_entropy;
mod labels;
mod sequence_classification;

pub use config::{Pooling, ProblemType, SequenceClassificationConfig};
pub use cross_entropy::cross_entropy;
pub use labels::LabelNames;
pub use sequence_classification::{BertForSequenceClassification, HeadError, Loaded};
