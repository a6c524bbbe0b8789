use bertune_checkpoint::{
    Adapter, Checkpoint, LoadRules, LowRankChange, canonical_name, load_module, tensors_for,
};
use bertune_encoder::{BertConfig, Initializer, Linear, LowRankConfig};
use burn_core::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::sequence_classification::{check_config, read_config};
use crate::{
    BertForSequenceClassification, HeadError, LabelNames, Loaded, Pooling,
    SequenceClassificationConfig,
};

/// What an adapter's folder says of its classifier, beside what peft writes. It is no `config.json`,
/// for by that transformers would take the folder for a whole model's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdapterHead {
    /// The architecture and the classes.
    #[serde(flatten)]
    pub config: SequenceClassificationConfig,
    /// The [hash](Checkpoint::sha256_of) of those of the base's tensors that are used.
    pub bertune_base_sha256: Option<String>,
}

impl AdapterHead {
    /// The name of its file.
    pub const FILE: &str = "bertune_config.json";

    /// The file's content: that of a classifier's `config.json`, and the base's hash.
    pub fn to_json(&self, base: &Map<String, Value>) -> Map<String, Value> {
        let mut json = self.config.to_json(base);
        let hash = self.bertune_base_sha256.as_deref();
        json.insert("bertune_base_sha256".into(), hash.into());
        json
    }
}

impl<B: Backend> BertForSequenceClassification<B> {
    /// A classifier from an adapter's folder and the base that it belongs to: one that bertune
    /// wrote, or peft's of a sequence classifier.
    ///
    /// # Errors
    ///
    /// If the base is another one than the adapter was trained on, as far as the adapter tells: by
    /// its hash, or by the names and shapes of what it changes; and as
    /// [`from_checkpoint`](Self::from_checkpoint).
    pub fn from_adapter(
        adapter: &Adapter,
        base: &Checkpoint,
        device: &B::Device,
    ) -> Result<Loaded<B>, HeadError> {
        let head: Option<AdapterHead> = adapter.read_beside(AdapterHead::FILE)?;
        let (config, hash) = match head {
            Some(AdapterHead { config, bertune_base_sha256 }) => {
                let bert = read_config(base)?.bert;
                check_architecture(adapter, base, [&config.bert, &bert])?;
                (SequenceClassificationConfig { bert, ..config }, bertune_base_sha256)
            }
            None => (config_beside(adapter, base)?, None),
        };
        check_config(&config, adapter.folder())?;
        let mut model = Self::new(&config, &Initializer::new(0, 0.02), device);
        let given: Vec<&str> = adapter.names().collect();
        let unread = match config.pooling {
            Pooling::Pooler => LoadRules::all(),
            Pooling::Mean => LoadRules::initialising(&["bert.pooler"]),
        };
        let rules = unread.replacing(&given);
        if let Some(expected) = hash {
            // Before names and shapes are looked at: of another base they say less.
            let names = tensors_for::<B, _>(&model, base, &rules);
            let found = base.sha256_of(names.iter().map(String::as_str))?;
            check_base(adapter, base, [expected, found])?;
        }
        let changes = adapter.low_rank_changes()?;
        for (name, map) in model.linear_maps() {
            let canonical = canonical_name(&name);
            let change = changes.iter().find(|change| Some(&change.map) == canonical.as_ref());
            if let Some(LowRankChange { rank, scale, .. }) = change {
                let config = LowRankConfig { rank: *rank, scale: *scale, dropout: 0.0 };
                map.adapt(config, &Initializer::new(0, 0.02), device);
            }
        }
        let model = adapter.fill(model, device)?;
        let (model, report) = load_module::<B, _>(model, base, &rules, device)?;
        Ok(Loaded { model, config, report })
    }

    /// The linear maps that can have a low-rank change, by their Hugging Face names: the layers', and
    /// the pooler's where the scores depend on it.
    pub fn linear_maps(&mut self) -> Vec<(String, &mut Linear<B>)> {
        let reads_pooler = self.pooling() == Pooling::Pooler;
        let mut maps = self.bert.linear_maps();
        maps.retain(|(name, _)| reads_pooler || !name.starts_with("bert.pooler."));
        maps
    }

    /// The model with its low-rank changes made part of the weights: it computes the same but for
    /// rounding.
    pub fn merged(mut self) -> Self {
        self.linear_maps().into_iter().for_each(|(_, map)| map.merge());
        self
    }
}

/// Refuses a base whose hash is another than the adapter's.
fn check_base(
    adapter: &Adapter,
    base: &Checkpoint,
    [expected, found]: [String; 2],
) -> Result<(), HeadError> {
    if found == expected {
        return Ok(());
    }
    let (adapter, base) = (adapter.folder().into(), base.folder().into());
    Err(HeadError::OtherBase { adapter, base, expected, found })
}

/// What of an architecture changes what the same weights compute.
const COMPUTATION: [&str; 3] = ["num_attention_heads", "hidden_act", "layer_norm_eps"];

/// Refuses a base that computes something else with the same weights.
fn check_architecture(
    adapter: &Adapter,
    base: &Checkpoint,
    [expected, found]: [&BertConfig; 2],
) -> Result<(), HeadError> {
    let of = |bert: &BertConfig| serde_json::to_value(bert).unwrap_or_default();
    let (expected, found) = (of(expected), of(found));
    match COMPUTATION.into_iter().find(|key| expected[key] != found[key]) {
        None => Ok(()),
        Some(key) => Err(HeadError::OtherArchitecture {
            adapter: adapter.folder().into(),
            base: base.folder().into(),
            key,
            expected: expected[key].to_string(),
            found: found[key].to_string(),
        }),
    }
}

/// The architecture of an adapter that peft wrote, which tells nothing of the classes: the base's
/// where their number is the classifier's, else numbered ones.
fn config_beside(
    adapter: &Adapter,
    base: &Checkpoint,
) -> Result<SequenceClassificationConfig, HeadError> {
    let mut config = read_config(base)?;
    if let Some(&[classes, _]) = adapter.shape("classifier.weight")
        && classes != config.classes()
    {
        config.labels = Some(LabelNames::numbered(classes));
    }
    Ok(config)
}
