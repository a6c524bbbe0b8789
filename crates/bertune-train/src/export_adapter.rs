use std::collections::BTreeSet;
use std::path::Path;

use bertune_checkpoint::{AdapterConfig, StagedFolder, module_tensors, write_adapter, write_json};
use bertune_head::{AdapterHead, BertForSequenceClassification};
use burn_core::tensor::backend::Backend;

use crate::export::{save_tokenizer, write};
use crate::lora::adapter_parameters;
use crate::{Classifier, LoraConfig, TrainError};

/// The model that an adapter belongs to.
#[derive(Clone, Copy, Debug)]
pub struct AdapterBase<'a> {
    /// Its folder, or its id on the Hugging Face hub.
    pub name_or_path: &'a str,
    /// A branch, a tag or a commit of the hub's model.
    pub revision: Option<&'a str>,
    /// The [hash](bertune_checkpoint::Checkpoint::sha256_of) of its tensors that are used.
    pub sha256: &'a str,
}

/// Writes a folder that peft and bertune open: `adapter_config.json`, `adapter_model.safetensors`
/// with the low-rank changes and what was trained in full, `bertune_config.json` with the classes
/// and the base's hash, the tokenizer's files, `README.md` and the extra files. It appears whole or
/// not at all; a model that stood there before is replaced whole.
///
/// # Errors
///
/// If something cannot be written; what stood there before is then untouched.
pub fn save_adapter<B: Backend>(
    folder: &Path,
    model: &BertForSequenceClassification<B>,
    classifier: Classifier<'_>,
    lora: &LoraConfig,
    base: AdapterBase<'_>,
) -> Result<(), TrainError> {
    let Classifier { config, original_config, tokenizer, card, extra_files } = classifier;
    let staged = StagedFolder::create(folder)?;
    let mut tensors = module_tensors::<B, _>(model);
    let held: BTreeSet<String> = adapter_parameters(tensors.keys().map(String::as_str))
        .into_iter()
        .filter(|name| model.reads(name))
        .map(str::to_owned)
        .collect();
    tensors.retain(|name, _| held.contains(name));
    write_adapter(staged.path(), &adapter_config(model, lora, base, &held)?, tensors)?;
    let head =
        AdapterHead { config: config.clone(), bertune_base_sha256: Some(base.sha256.to_owned()) };
    write_json(&staged.path().join(AdapterHead::FILE), &head.to_json(original_config))?;
    save_tokenizer(tokenizer, &staged, config)?;
    write(&staged, "README.md", &card.to_adapter_markdown(config, base.name_or_path))?;
    for (name, text) in extra_files {
        write(&staged, name, text)?;
    }
    Ok(staged.commit()?)
}

fn adapter_config<B: Backend>(
    model: &BertForSequenceClassification<B>,
    lora: &LoraConfig,
    base: AdapterBase<'_>,
    held: &BTreeSet<String>,
) -> Result<AdapterConfig, TrainError> {
    let mut model = model.clone();
    let maps = model.linear_maps();
    let maps: Vec<_> = maps.iter().map(|(name, _)| name.as_str()).collect();
    let in_full = ["classifier", "pooler"].into_iter().filter(|module| {
        held.iter().any(|name| {
            let name = name.strip_prefix("bert.").unwrap_or(name);
            name.starts_with(&format!("{module}.")) && !name.contains(".lora_")
        })
    });
    Ok(AdapterConfig {
        task_type: Some("SEQ_CLS".into()),
        base_model_name_or_path: Some(base.name_or_path.to_owned()),
        revision: base.revision.map(str::to_owned),
        r: lora.rank,
        lora_alpha: lora.alpha,
        lora_dropout: lora.dropout,
        use_rslora: lora.rank_stabilized,
        target_modules: lora.peft_targets(&maps)?.into(),
        modules_to_save: Some(in_full.map(str::to_owned).collect()),
        ..AdapterConfig::default()
    })
}

/// The names of the tensors of the base, as its folder has them, whose hash tells whether another
/// folder is this base: those that a model of it uses and that an adapter does not replace.
pub fn base_tensors<'a, B: Backend>(
    model: &BertForSequenceClassification<B>,
    used: &'a [String],
) -> Vec<&'a str> {
    let names = bertune_checkpoint::parameter_names::<B, _>(model);
    let held = adapter_parameters(names.iter().map(|(_, name)| name.as_str()));
    let canonical = bertune_checkpoint::canonical_name;
    let held: BTreeSet<_> =
        held.into_iter().filter(|name| model.reads(name)).filter_map(canonical).collect();
    let is_held = |name: &&String| canonical(name).is_some_and(|name| held.contains(&name));
    used.iter().filter(|name| !is_held(name)).map(String::as_str).collect()
}
