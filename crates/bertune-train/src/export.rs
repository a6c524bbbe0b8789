use std::path::Path;

use bertune_checkpoint::{StagedFolder, module_tensors, write_checkpoint};
use bertune_head::{BertForSequenceClassification, SequenceClassificationConfig};
use bertune_tokenize::{BertTokenizer, Limits, Truncation};
use burn_core::tensor::backend::Backend;
use serde_json::{Map, Value};

use crate::{ModelCard, TrainError};

/// What a classifier's folder holds besides its weights.
#[derive(Clone, Copy, Debug)]
pub struct Classifier<'a> {
    /// The architecture and the classes.
    pub config: &'a SequenceClassificationConfig,
    /// The `config.json` of the checkpoint that was fine-tuned, whose other keys are kept.
    pub original_config: &'a Map<String, Value>,
    /// The tokenizer.
    pub tokenizer: &'a BertTokenizer,
    /// The model card.
    pub card: ModelCard<'a>,
    /// Names and contents of further text files, such as the record of the run.
    pub extra_files: &'a [(&'a str, &'a str)],
}

/// Writes a folder that transformers and bertune open: `model.safetensors`, `config.json`, the
/// tokenizer's files, `README.md` and the extra files. It appears whole or not at all; a folder that
/// stood there before is replaced whole.
///
/// # Errors
///
/// If something cannot be written; what stood there before is then untouched.
pub fn save_classifier<B: Backend>(
    folder: &Path,
    model: &BertForSequenceClassification<B>,
    classifier: Classifier<'_>,
) -> Result<(), TrainError> {
    let Classifier { config, original_config, tokenizer, card, extra_files } = classifier;
    let staged = StagedFolder::create(folder)?;
    let json = config.to_json(original_config);
    write_checkpoint(staged.path(), &module_tensors::<B, _>(model), &json)?;
    save_tokenizer(tokenizer, &staged, config)?;
    write(&staged, "README.md", &card.to_markdown(config))?;
    for (name, text) in extra_files {
        write(&staged, name, text)?;
    }
    Ok(staged.commit()?)
}

/// Writes the tokenizer of a classifier, which cuts where bertune does.
pub(crate) fn save_tokenizer(
    tokenizer: &BertTokenizer,
    staged: &StagedFolder,
    config: &SequenceClassificationConfig,
) -> Result<(), TrainError> {
    match config.max_length {
        Some(max_length) => tokenizer.save_limited(staged.path(), max_length)?,
        None => tokenizer.save(staged.path())?,
    }
    Ok(())
}

/// Notes in an architecture how long its inputs may be, for whoever predicts with it.
pub fn set_limits(config: &mut SequenceClassificationConfig, limits: Limits) {
    let Limits { max_length, truncation, stride } = limits;
    config.max_length = Some(max_length);
    config.stride = stride;
    let is_usual = truncation == Truncation::default();
    config.truncation = (!is_usual).then(|| truncation.name().to_owned());
}

pub(crate) fn write(staged: &StagedFolder, name: &str, text: &str) -> Result<(), TrainError> {
    let path = staged.path().join(name);
    std::fs::write(&path, text).map_err(|source| TrainError::Write { path, source })
}
