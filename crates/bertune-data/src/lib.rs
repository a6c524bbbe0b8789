//! Labelled tables to ragged, padding-free batches in host memory.
//!
//! [`TableFiles`] are read as often as they are wanted ([`SplitFiles`] finds those of a data set's
//! folder), a [`LabelMap`] numbers their labels, [`LabelledRows`] are their [`Targets`] and weights, a
//! [`Dataset`] adds the tokens ([`TokenCache`] keeps these between runs), a [`BatchPlan`] says which
//! examples make up each batch of each epoch ([`MixedPlan`] does for several tasks, whose examples share
//! no batch), and [`Prefetch`] packs them ahead. Files that fit into memory can be a [`Table`] of texts
//! first.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

#[cfg(feature = "parquet")]
mod arrow_cell;
mod batch_plan;
#[cfg(feature = "parquet")]
mod class_label;
#[cfg(feature = "parquet")]
mod columnar;
#[cfg(feature = "parquet")]
mod columnar_file;
mod columns;
mod completeness;
mod corpus;
mod corpus_error;
mod dataset;
mod delimited;
mod delimited_table;
mod error;
mod example_order;
mod flat_tokens;
mod header;
mod jsonl;
mod label_map;
mod labelled_rows;
mod layout;
mod masking;
mod mixed_plan;
mod nearest;
mod packed_batch;
mod position;
mod prefetch;
mod random;
mod read_table;
mod roles;
mod row_example;
mod row_targets;
mod sequence;
mod split;
mod split_files;
mod stratified_order;
mod survey;
mod table;
mod table_file;
mod table_files;
mod table_format;
mod target_error;
mod target_kind;
mod targets;
mod text_file;
mod token_cache;
mod token_digest;
mod token_file;
mod token_store;
mod token_view;
mod urn;
mod usual_names;

pub use batch_plan::BatchPlan;
pub use corpus::{Corpus, Document};
pub use corpus_error::CorpusError;
pub use dataset::Dataset;
pub use error::DataError;
pub use label_map::LabelMap;
pub use labelled_rows::LabelledRows;
pub use layout::Layout;
pub use masking::{MaskedTokens, Masking, MaskingConfig, MaskingUnit};
pub use mixed_plan::MixedPlan;
pub use packed_batch::PackedBatch;
pub use position::Position;
pub use prefetch::Prefetch;
pub use read_table::{Labels, read_table, read_tables};
pub use sequence::Sequence;
pub use split::{Split, random_split, stratified_split};
pub use split_files::SplitFiles;
pub use stratified_order::stratified_order;
pub use table::{Example, Table};
pub use table_files::TableFiles;
pub use table_format::{Column, FileFormat, Header, Quoting, TableFormat, TextEncoding};
pub use target_error::TargetError;
pub use target_kind::TargetKind;
pub use targets::Targets;
pub use token_cache::TokenCache;
