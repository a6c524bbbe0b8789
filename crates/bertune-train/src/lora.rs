use std::collections::BTreeSet;

use bertune_encoder::{Initializer, LowRankConfig};
use bertune_head::BertForSequenceClassification;
use burn_core::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use crate::config::check;
use crate::pattern::compiled;
use crate::{TrainError, TrainingConfig};

/// How linear maps learn changes of low rank while the encoder itself stays as it is: LoRA
/// ([Hu et al., 2021](https://arxiv.org/abs/2106.09685)). Defaults are peft's and the paper's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoraConfig {
    /// The rank of the changes.
    pub rank: usize,
    /// What the changes are multiplied with, times the rank.
    pub alpha: f64,
    /// Whether `alpha` is to be the changes' factor times the rank's root, so that large ranks learn
    /// as fast as small ones ([Kalajdzievski, 2023](https://arxiv.org/abs/2312.03732)).
    pub rank_stabilized: bool,
    /// The dropout probability of what the changes read.
    pub dropout: f64,
    /// Regular expressions; the linear maps are changed whose name, such as
    /// `bert.encoder.layer.0.attention.self.query`, has a match.
    pub targets: Vec<String>,
}

impl Default for LoraConfig {
    fn default() -> Self {
        Self {
            rank: 8,
            alpha: 16.0,
            rank_stabilized: false,
            dropout: 0.05,
            targets: vec!["query".into(), "value".into()],
        }
    }
}

impl LoraConfig {
    /// Checks every value on its own.
    pub(crate) fn validate(&self) -> Result<(), TrainError> {
        let Self { rank, alpha, dropout, targets, .. } = self;
        check("lora.rank", Some(*rank as f64), |rank| rank >= 1.0, "at least 1")?;
        check("lora.alpha", Some(*alpha), |alpha| alpha > 0.0, "above 0")?;
        let is_probability = |dropout| (0.0..1.0).contains(&dropout);
        check("lora.dropout", Some(*dropout), is_probability, "at least 0 and below 1")?;
        if targets.is_empty() {
            return Err(TrainError::NoLoraTargets);
        }
        match targets.iter().find(|target| target.trim().is_empty()) {
            Some(pattern) => Err(TrainError::LoraTarget {
                pattern: pattern.clone(),
                problem: "it would match every linear map; name some, or say '.' for all".into(),
            }),
            None => Ok(()),
        }
    }

    /// What the product of the two factors is multiplied with.
    pub fn scale(&self) -> f64 {
        let rank = self.rank as f64;
        self.alpha / if self.rank_stabilized { rank.sqrt() } else { rank }
    }

    /// Gives the target maps of a model changes that are nothing yet.
    ///
    /// # Errors
    ///
    /// If a pattern is no regular expression or matches no linear map, or if a map is smaller than
    /// the rank.
    fn adapt<B: Backend>(
        &self,
        model: &mut BertForSequenceClassification<B>,
        seed: u64,
    ) -> Result<(), TrainError> {
        let device = model.device();
        let config = LowRankConfig { rank: self.rank, scale: self.scale(), dropout: self.dropout };
        let mut maps = model.linear_maps();
        let names = maps.iter().map(|(name, _)| name.as_str());
        let targets = self.target_maps(&names.collect::<Vec<_>>())?;
        for (name, map) in maps.iter_mut().filter(|(name, _)| targets.contains(name)) {
            let (rank, shape) = (self.rank, map.shape());
            if rank > shape[0].min(shape[1]) {
                return Err(TrainError::LoraRank { rank, map: name.clone(), shape });
            }
            let init = Initializer::new(seed, 0.0).at(name);
            map.adapt(config, &init, &device);
        }
        Ok(())
    }

    /// Those of the linear maps that a pattern matches.
    fn target_maps(&self, maps: &[&str]) -> Result<BTreeSet<String>, TrainError> {
        let mut targets = BTreeSet::new();
        for pattern in &self.targets {
            let error = |problem| TrainError::LoraTarget { pattern: pattern.clone(), problem };
            let regex = compiled(pattern).map_err(error)?;
            let matched: Vec<_> = maps.iter().filter(|map| regex.is_match(map)).collect();
            if matched.is_empty() {
                let example = maps.first().unwrap_or(&"");
                return Err(error(format!("no linear map has such a name, as '{example}' is")));
            }
            targets.extend(matched.into_iter().map(|map| (*map).to_owned()));
        }
        Ok(targets)
    }

    /// The targets in peft's way, ends of names: the patterns themselves where they mean the same
    /// there, else the names of all maps that are changed.
    pub(crate) fn peft_targets(&self, maps: &[&str]) -> Result<Vec<String>, TrainError> {
        let targets = self.target_maps(maps)?;
        let is_end = |map: &str, end: &str| {
            let before = map.strip_suffix(end);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        let by_end = maps.iter().filter(|map| self.targets.iter().any(|end| is_end(map, end)));
        let by_end: BTreeSet<_> = by_end.map(|map| (*map).to_owned()).collect();
        Ok(if by_end == targets { self.targets.clone() } else { targets.into_iter().collect() })
    }
}

/// The model with the changes that `config` wants, if it wants some and the model has none yet.
///
/// # Errors
///
/// If a target is no regular expression or matches no linear map, or if a map is smaller than the
/// rank.
pub fn adapt<B: Backend>(
    mut model: BertForSequenceClassification<B>,
    config: &TrainingConfig,
) -> Result<BertForSequenceClassification<B>, TrainError> {
    let is_adapted = model.linear_maps().iter().any(|(_, map)| map.low_rank.is_some());
    match &config.lora {
        Some(lora) if !is_adapted => lora.adapt(&mut model, config.seed)?,
        _ => {}
    }
    Ok(model)
}

/// Those of a model's parameters that learn beside a frozen base, and that an adapter holds: the
/// factors of the changes, and in full what stands on the encoder, but for a map with a change.
pub(crate) fn adapter_parameters<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let names: BTreeSet<&str> = names.collect();
    let is_changed = |name: &str| {
        let map = name.rsplit_once('.').map_or(name, |(map, _)| map);
        names.contains(format!("{map}.lora_A.weight").as_str())
    };
    let learns = |name: &&str| {
        let stands_on_it = name.starts_with("classifier.") || name.starts_with("bert.pooler.");
        is_factor(name) || stands_on_it && !is_changed(name)
    };
    names.iter().copied().filter(learns).collect()
}

/// Whether this is a factor of a change.
fn is_factor(name: &str) -> bool {
    name.ends_with(".lora_A.weight") || name.ends_with(".lora_B.weight")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: [&str; 4] = [
        "bert.encoder.layer.0.attention.self.query",
        "bert.encoder.layer.0.output.dense",
        "bert.encoder.layer.1.attention.self.query",
        "bert.pooler.dense",
    ];

    fn lora(targets: &[&str]) -> LoraConfig {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        LoraConfig { targets, ..LoraConfig::default() }
    }

    #[test]
    fn the_scale_is_alpha_by_rank_or_by_its_root() {
        assert_eq!(LoraConfig::default().scale(), 2.0);
        let stabilized = LoraConfig { rank: 16, rank_stabilized: true, ..LoraConfig::default() };
        assert_eq!(stabilized.scale(), 4.0);
    }

    #[test]
    fn targets_are_found_by_pattern() {
        let found = |targets| lora(targets).target_maps(&MAPS).unwrap().len();
        assert_eq!((found(&["query"]), found(&["layer.1", "pooler"]), found(&["."])), (2, 2, 4));
        let message = |target: &str| lora(&[target]).target_maps(&MAPS).unwrap_err().to_string();
        assert!(message("gate").contains("no linear map has such a name"), "{}", message("gate"));
        assert!(message("(").contains("unclosed group"), "{}", message("("));
    }

    #[test]
    fn an_empty_target_is_refused() {
        assert!(lora(&["query", "."]).validate().is_ok());
        for targets in [["query", ""].as_slice(), &[" "]] {
            let message = lora(targets).validate().unwrap_err().to_string();
            assert!(message.contains("it would match every linear map"), "{message}");
        }
        assert!(matches!(lora(&[]).validate(), Err(TrainError::NoLoraTargets)));
    }

    #[test]
    fn peft_is_told_ends_of_names_where_they_mean_the_same() {
        let told = |targets| lora(targets).peft_targets(&MAPS).unwrap();
        assert_eq!(told(&["query"]), ["query"]);
        assert_eq!(told(&["dense"]), ["dense"]);
        assert_eq!(told(&["layer.1"]), [MAPS[2]]);
        assert_eq!(told(&["uery"]), [MAPS[0], MAPS[2]]);
    }

    #[test]
    fn the_head_is_trained_in_full_but_for_a_map_with_a_change() {
        let names = [
            "bert.embeddings.LayerNorm.bias",
            "bert.encoder.layer.0.attention.self.query.weight",
            "bert.encoder.layer.0.attention.self.query.lora_A.weight",
            "bert.encoder.layer.0.attention.self.query.lora_B.weight",
            "bert.pooler.dense.weight",
            "classifier.bias",
        ];
        let learning = adapter_parameters(names.into_iter());
        let expected: BTreeSet<_> = names[2..].iter().copied().collect();
        assert_eq!(learning, expected);
        let names = names.into_iter().chain(["bert.pooler.dense.lora_A.weight"]);
        assert!(!adapter_parameters(names).contains("bert.pooler.dense.weight"));
    }
}
