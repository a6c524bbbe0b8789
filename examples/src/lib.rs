//! Short stories that use bertune; each is a file beside this package's `Cargo.toml`:
//!
//! | example | what it tells |
//! |---|---|
//! | `article` | two sentences, two learning rates, three epochs |
//! | `fine_tune_files` | a classifier from files to a folder, and a prediction |
//! | `tokenize` | the tokenizer alone |
//! | `features` | the encoder alone, as a feature extractor |
//! | `own_head` | a head of one's own on the encoder |
//!
//! `cargo run --release -p bertune-examples --example article -- MODEL` runs one on Flex;
//! `--no-default-features --features wgpu` (or `cuda`, or `ndarray`) on another backend. MODEL is
//! a folder or an id of the Hugging Face hub.

use std::path::PathBuf;

use bertune::checkpoint::{HubOptions, find_checkpoint};

/// The folder of the model that the first argument names.
///
/// # Errors
///
/// If there is no argument or no such model.
pub fn model_folder() -> anyhow::Result<PathBuf> {
    let Some(model) = std::env::args().nth(1) else {
        anyhow::bail!("usage: EXAMPLE MODEL, a folder or an id of the Hugging Face hub");
    };
    Ok(find_checkpoint(&model, &HubOptions::default())?)
}
