use std::collections::{BTreeSet, HashMap};

use bertune_checkpoint::parameter_names;
use burn_core::module::{Module, ModuleMapper, Param, ParamId};
use burn_core::tensor::{Tensor, backend::Backend};
use regex::Regex;

use crate::lora::adapter_parameters;
use crate::pattern::compiled;
use crate::{TrainError, TrainingConfig};

/// How one parameter learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterGroup {
    /// The peak learning rate.
    pub learning_rate: f64,
    /// The weight decay.
    pub weight_decay: f64,
    /// The step, from 0, from which on it learns; `None` if it is frozen.
    pub learns_from: Option<usize>,
}

/// The group of every parameter of a model.
#[derive(Clone, Debug)]
pub struct ParameterGroups {
    names: Vec<(ParamId, String)>,
    groups: HashMap<ParamId, ParameterGroup>,
}

impl ParameterGroups {
    /// Groups by name: what is not the encoder's has a rate of its own, lower layers may learn
    /// more slowly, later or not at all, biases and layer norms do not decay, and patterns
    /// override all of that.
    ///
    /// `steps_per_epoch` is needed where layers are unfrozen by the epoch.
    ///
    /// # Errors
    ///
    /// If a pattern is no regular expression or matches no parameter, if more layers are to be
    /// frozen than there are, or if nothing is left to learn.
    pub fn new<B: Backend, M: Module<B>>(
        model: &M,
        config: &TrainingConfig,
        steps_per_epoch: usize,
    ) -> Result<Self, TrainError> {
        let names = parameter_names::<B, M>(model);
        let layers = names.iter().filter_map(|(_, name)| layer(name)).max().map_or(0, |i| i + 1);
        if config.freeze_layers > layers {
            let asked = config.freeze_layers;
            return Err(TrainError::FreezeLayers { asked, layers });
        }
        let rules = Rules {
            config,
            layers,
            unfreeze_after: config.gradual_unfreezing.map(|every| every.in_steps(steps_per_epoch)),
            adapter: config.lora.as_ref().map(|_| {
                let learning = adapter_parameters(names.iter().map(|(_, name)| name.as_str()));
                learning.into_iter().map(str::to_owned).collect()
            }),
            freeze: patterns(config.freeze.iter().map(String::as_str), &names)?,
            groups: patterns(config.groups.iter().map(|group| group.pattern.as_str()), &names)?,
        };
        let groups: HashMap<_, _> =
            names.iter().map(|(id, name)| (*id, rules.group(name))).collect();
        if groups.values().all(|group| group.learns_from.is_none()) {
            return Err(TrainError::NothingLearns);
        }
        Ok(Self { names, groups })
    }

    /// The group of a parameter; `None` if it is not the model's.
    pub fn get(&self, id: ParamId) -> Option<ParameterGroup> {
        self.groups.get(&id).copied()
    }

    /// The parameters with their Hugging Face names, in the model's order.
    pub fn names(&self) -> &[(ParamId, String)] {
        &self.names
    }

    /// Whether a parameter learns in a step, from 0.
    pub fn learns(&self, id: ParamId, step: usize) -> bool {
        let from = self.get(id).and_then(|group| group.learns_from);
        from.is_some_and(|from| from <= step)
    }

    /// The model with a graph for those parameters only that learn in this step: what lies below
    /// all of them has no backward and keeps nothing for it.
    pub fn freeze<B: Backend, M: Module<B>>(&self, model: M, step: usize) -> M {
        model.map(&mut Freezer { groups: self, step })
    }

    /// How many parameters would learn, but only after so many steps.
    pub(crate) fn unreached_in(&self, steps: usize) -> usize {
        let groups = self.groups.values();
        groups.filter(|group| group.learns_from.is_some_and(|from| from >= steps)).count()
    }

    /// Whether other parameters learn in this step than in the one before.
    pub fn change_at(&self, step: usize) -> bool {
        self.groups.values().any(|group| group.learns_from == Some(step))
    }
}

struct Freezer<'a> {
    groups: &'a ParameterGroups,
    step: usize,
}

impl<B: Backend> ModuleMapper<B> for Freezer<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let learns = self.groups.learns(param.id, self.step);
        param.set_require_grad(learns)
    }
}

/// A configuration in the light of a model.
struct Rules<'a> {
    config: &'a TrainingConfig,
    layers: usize,
    unfreeze_after: Option<usize>,
    /// What alone learns, with LoRA.
    adapter: Option<BTreeSet<String>>,
    freeze: Vec<Regex>,
    groups: Vec<Regex>,
}

impl Rules<'_> {
    fn group(&self, name: &str) -> ParameterGroup {
        let config = self.config;
        let own = || self.groups.iter().zip(&config.groups).rev();
        let own = own().filter(|(pattern, _)| pattern.is_match(name)).map(|(_, group)| group);
        let learning_rate = own.clone().find_map(|group| group.learning_rate);
        let weight_decay = own.clone().find_map(|group| group.weight_decay);
        ParameterGroup {
            learning_rate: learning_rate.unwrap_or_else(|| self.learning_rate(name)),
            weight_decay: weight_decay.unwrap_or_else(|| self.weight_decay(name)),
            learns_from: (!self.is_frozen(name)).then(|| self.learns_from(name)),
        }
    }

    fn learning_rate(&self, name: &str) -> f64 {
        let config = self.config;
        if name.starts_with("bert.") {
            config.learning_rate * config.layer_decay.powf(self.depth(name) as f64)
        } else {
            config.head_learning_rate.unwrap_or(config.learning_rate)
        }
    }

    fn weight_decay(&self, name: &str) -> f64 {
        let decays = !name.ends_with(".bias") && !name.contains("LayerNorm");
        if decays { self.config.weight_decay } else { 0.0 }
    }

    fn is_frozen(&self, name: &str) -> bool {
        is_embedding(name) && self.config.freeze_embeddings
            || layer(name).is_some_and(|layer| layer < self.config.freeze_layers)
            || self.freeze.iter().any(|pattern| pattern.is_match(name))
            || self.adapter.as_ref().is_some_and(|adapter| !adapter.contains(name))
    }

    /// With gradual unfreezing, the head and the pooler learn from the first step, the top layer
    /// an interval later, and so on down to the embeddings.
    fn learns_from(&self, name: &str) -> usize {
        let stage = match (layer(name), is_embedding(name)) {
            (None, false) => 0,
            _ => self.depth(name) + 1,
        };
        stage * self.unfreeze_after.unwrap_or(0)
    }

    /// How many layers lie above: 0 for the top layer and what stands on it.
    fn depth(&self, name: &str) -> usize {
        match layer(name) {
            Some(layer) => self.layers - 1 - layer,
            None if is_embedding(name) => self.layers,
            None => 0,
        }
    }
}

/// The number of the layer that a parameter belongs to.
fn layer(name: &str) -> Option<usize> {
    name.strip_prefix("bert.encoder.layer.")?.split('.').next()?.parse().ok()
}

fn is_embedding(name: &str) -> bool {
    name.starts_with("bert.embeddings.")
}

/// Regular expressions, each of which matches some name.
fn patterns<'a>(
    patterns: impl Iterator<Item = &'a str>,
    names: &[(ParamId, String)],
) -> Result<Vec<Regex>, TrainError> {
    patterns
        .map(|pattern| {
            let error = |problem| TrainError::Pattern { pattern: pattern.to_owned(), problem };
            let regex = compiled(pattern).map_err(error)?;
            let example = names.last().map_or("", |(_, name)| name);
            match names.iter().any(|(_, name)| regex.is_match(name)) {
                true => Ok(regex),
                false => Err(error(format!("no parameter has such a name, as '{example}' is"))),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GroupConfig, Interval};

    const LAYERS: usize = 4;

    /// Rules for a model of four layers.
    fn group(name: &str, config: &TrainingConfig) -> ParameterGroup {
        let compile = |pattern: &String| Regex::new(pattern).unwrap();
        let rules = Rules {
            config,
            layers: LAYERS,
            unfreeze_after: config.gradual_unfreezing.map(|every| every.in_steps(10)),
            adapter: None,
            freeze: config.freeze.iter().map(compile).collect(),
            groups: config.groups.iter().map(|group| compile(&group.pattern)).collect(),
        };
        rules.group(name)
    }

    fn check(name: &str, learning_rate: f64, weight_decay: f64) {
        let config = TrainingConfig {
            learning_rate: 1e-5,
            head_learning_rate: Some(1e-4),
            weight_decay: 0.01,
            ..TrainingConfig::default()
        };
        let expected = ParameterGroup { learning_rate, weight_decay, learns_from: Some(0) };
        assert_eq!(group(name, &config), expected, "{name}");
    }

    #[test]
    fn names_decide_rate_and_decay() {
        check("classifier.weight", 1e-4, 0.01);
        check("classifier.bias", 1e-4, 0.0);
        check("bert.pooler.dense.weight", 1e-5, 0.01);
        check("bert.embeddings.LayerNorm.weight", 1e-5, 0.0);
        check("bert.encoder.layer.0.attention.self.query.bias", 1e-5, 0.0);
        check("bert.encoder.layer.0.attention.self.query.weight", 1e-5, 0.01);
    }

    #[test]
    fn lower_layers_learn_more_slowly() {
        let config =
            TrainingConfig { learning_rate: 1.0, layer_decay: 0.5, ..TrainingConfig::default() };
        let rate = |name| group(name, &config).learning_rate;
        assert_eq!(rate("classifier.weight"), 1.0);
        assert_eq!(rate("bert.pooler.dense.weight"), 1.0);
        assert_eq!(rate("bert.encoder.layer.3.output.dense.weight"), 1.0);
        assert_eq!(rate("bert.encoder.layer.0.output.dense.weight"), 0.125);
        assert_eq!(rate("bert.embeddings.word_embeddings.weight"), 0.0625);
    }

    #[test]
    fn freezing_is_by_place_or_by_pattern() {
        let config = TrainingConfig {
            freeze_embeddings: true,
            freeze_layers: 2,
            freeze: vec![r"layer\.3\..*query".into()],
            ..TrainingConfig::default()
        };
        let learns = |name| group(name, &config).learns_from == Some(0);
        assert!(learns("classifier.weight") && learns("bert.pooler.dense.bias"));
        assert!(learns("bert.encoder.layer.2.output.dense.weight"));
        assert!(!learns("bert.encoder.layer.1.output.dense.weight"));
        assert!(!learns("bert.embeddings.LayerNorm.bias"));
        assert!(!learns("bert.encoder.layer.3.attention.self.query.weight"));
        assert!(learns("bert.encoder.layer.3.attention.self.key.weight"));
    }

    #[test]
    fn layers_are_unfrozen_from_the_top() {
        let config = TrainingConfig {
            gradual_unfreezing: Some(Interval::EPOCH),
            ..TrainingConfig::default()
        };
        let from = |name| group(name, &config).learns_from.unwrap();
        assert_eq!((from("classifier.bias"), from("bert.pooler.dense.bias")), (0, 0));
        assert_eq!(from("bert.encoder.layer.3.output.dense.weight"), 10);
        assert_eq!(from("bert.encoder.layer.0.output.dense.weight"), 40);
        assert_eq!(from("bert.embeddings.LayerNorm.bias"), 50);
    }

    #[test]
    fn the_last_pattern_counts_and_leaves_what_it_does_not_say() {
        let own = |pattern: &str, learning_rate, weight_decay| GroupConfig {
            pattern: pattern.into(),
            learning_rate,
            weight_decay,
        };
        let groups = vec![own("layer", Some(3.0), Some(4.0)), own("layer.1", Some(5.0), None)];
        let config = TrainingConfig { groups, ..TrainingConfig::default() };
        let group = group("bert.encoder.layer.1.output.dense.bias", &config);
        assert_eq!((group.learning_rate, group.weight_decay), (5.0, 4.0));
    }
}
