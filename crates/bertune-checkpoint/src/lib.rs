//! Hugging Face checkpoint folders: find, read and write them.
//!
//! [`find_checkpoint`] turns a folder's path or a hub id into a folder, [`Checkpoint`] reads it,
//! [`load_module`] puts its tensors into a Burn module and [says](LoadReport) what went where,
//! and a [`StagedFolder`] with [`write_checkpoint`] in it makes a folder that transformers opens.
//!
//! Checkpoints come from strangers. Safetensors headers and pickles are read as data with every
//! length checked; nothing in a pickle is ever run.

mod access;
mod adapter;
mod checkpoint;
mod convert;
mod dtype;
mod element_type;
mod error;
mod files;
mod find;
mod host_tensor;
mod hub;
mod load_report;
mod load_rules;
mod module;
mod names;
mod pickle;
mod safetensors_file;
mod staged_folder;
mod weights;
mod write;

pub use adapter::{Adapter, AdapterConfig, LowRankChange, write_adapter};
pub use bertune_mapped::explain_cut_off_files;
pub use checkpoint::Checkpoint;
pub use convert::convert;
pub use dtype::Dtype;
pub use error::CheckpointError;
pub use find::find_checkpoint;
pub use host_tensor::HostTensor;
pub use hub::{Connection, HubOptions, Progress};
pub use load_report::LoadReport;
pub use load_rules::LoadRules;
pub use module::{fill_module, load_module, module_tensors, parameter_names, tensors_for};
pub use names::{canonical_name, hugging_face_name};
pub use safetensors_file::read_safetensors;
pub use staged_folder::StagedFolder;
pub use write::{write_checkpoint, write_json, write_safetensors};
