use std::fmt::Write;
use std::path::Path;

use bertune_checkpoint::{StagedFolder, module_tensors, write_checkpoint};
use bertune_encoder::BertConfig;
use bertune_head::BertForMaskedLM;
use bertune_tokenize::BertTokenizer;
use burn_core::tensor::backend::Backend;
use serde_json::{Map, Value};

use crate::export::write;
use crate::{EvaluationRecord, History, Scores, TrainError};

/// What a pretrained model's folder holds besides its weights.
#[derive(Clone, Copy, Debug)]
pub struct MaskedLm<'a> {
    /// The architecture.
    pub config: &'a BertConfig,
    /// The `config.json` of the checkpoint that was trained further, whose other keys are kept.
    pub original_config: &'a Map<String, Value>,
    /// The tokenizer.
    pub tokenizer: &'a BertTokenizer,
    /// Whether something has taught the pooler: one that knows nothing is left out.
    pub pooler: Pooler,
    /// The run, the best evaluation's model being this one.
    pub history: &'a History,
    /// Names and contents of further text files, such as the record of the run.
    pub extra_files: &'a [(&'a str, &'a str)],
}

/// Whether a pooler says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooler {
    /// It is a checkpoint's, or this run has taught it.
    Pretrained,
    /// The run did not read it: its weights are those it was born with.
    New,
}

/// Writes a folder that transformers opens as `BertForMaskedLM`, and bertune as an encoder to
/// fine-tune. It appears whole or not at all; a model that stood there before is replaced whole.
///
/// # Errors
///
/// If something cannot be written; what stood there before is then untouched.
pub fn save_masked_lm<B: Backend>(
    folder: &Path,
    model: &BertForMaskedLM<B>,
    files: MaskedLm<'_>,
) -> Result<(), TrainError> {
    let staged = StagedFolder::create(folder)?;
    let mut tensors = module_tensors::<B, _>(model);
    if files.pooler == Pooler::New {
        tensors.retain(|name, _| !name.starts_with("bert.pooler."));
    }
    let mut config = files.original_config.clone();
    config.retain(|key, _| !is_of_classifier(key));
    if let Ok(Value::Object(ours)) = serde_json::to_value(files.config) {
        config.extend(ours);
    }
    config.insert("architectures".into(), ["BertForMaskedLM"].as_slice().into());
    config.shift_remove("_name_or_path");
    write_checkpoint(staged.path(), &tensors, &config)?;
    files.tokenizer.save(staged.path())?;
    write(&staged, "README.md", &card(files.history, files.config))?;
    for (name, text) in files.extra_files {
        write(&staged, name, text)?;
    }
    Ok(staged.commit()?)
}

/// Whether a key of a `config.json` tells of a classifier, which a masked language model is not.
fn is_of_classifier(key: &str) -> bool {
    let keys = ["id2label", "label2id", "problem_type", "classifier_dropout"];
    keys.contains(&key) || key.ends_with("num_labels") || key.starts_with("bertune_")
}

/// The model card: what it is and what was measured.
fn card(history: &History, config: &BertConfig) -> String {
    let BertConfig { num_hidden_layers, hidden_size, vocab_size, .. } = config;
    let end = if *num_hidden_layers == 1 { "" } else { "s" };
    let mut card = format!(
        "---\npipeline_tag: fill-mask\nlibrary_name: transformers\ntags:\n- fill-mask\n- bert\n\
         - bertune\n---\n\n# Masked language model\n\nBERT of {num_hidden_layers} layer{end}, \
         {hidden_size} wide, with {vocab_size} tokens, pretrained by bertune {} on {} sequences \
         of text.\n\n## Results\n\nOn {} sequences of held-out text:\n\n\
         | step | epoch | training loss | loss | masked accuracy | perplexity |\n\
         |---|---|---|---|---|---|\n",
        history.bertune_version, history.train_examples, history.validation_examples,
    );
    let best = history.best().map(|record| record.step);
    for record in &history.evaluations {
        let EvaluationRecord { step, epoch, train_loss, validation_loss, validation } = record;
        let mark = if Some(*step) == best { " (this model)" } else { "" };
        if let Scores::MaskedLm(scores) = validation {
            let _ = writeln!(
                card,
                "| {step}{mark} | {epoch} | {train_loss:.4} | {validation_loss:.4} | {:.4} | \
                 {:.2} |",
                scores.masked_accuracy, scores.perplexity,
            );
        }
    }
    card
}
