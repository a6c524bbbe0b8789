use std::collections::HashMap;

use bertune_checkpoint::parameter_names;
use burn_core::module::{Module, ParamId};
use burn_core::tensor::backend::Backend;

use crate::TrainingConfig;

/// How one parameter learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterGroup {
    /// The peak learning rate.
    pub learning_rate: f64,
    /// The weight decay.
    pub weight_decay: f64,
}

/// The group of every parameter of a model.
#[derive(Clone, Debug)]
pub struct ParameterGroups {
    groups: HashMap<ParamId, ParameterGroup>,
}

impl ParameterGroups {
    /// Groups by name: what is not the encoder's has a rate of its own, biases and layer norms do
    /// not decay.
    pub fn new<B: Backend, M: Module<B>>(model: &M, config: &TrainingConfig) -> Self {
        let names = parameter_names::<B, M>(model);
        Self { groups: names.into_iter().map(|(id, name)| (id, group(&name, config))).collect() }
    }

    /// The group of a parameter; `None` if it is not the model's.
    pub fn get(&self, id: ParamId) -> Option<ParameterGroup> {
        self.groups.get(&id).copied()
    }
}

fn group(name: &str, config: &TrainingConfig) -> ParameterGroup {
    let is_head = !name.starts_with("bert.");
    let decays = !name.ends_with(".bias") && !name.contains("LayerNorm");
    let head_learning_rate = config.head_learning_rate.unwrap_or(config.learning_rate);
    ParameterGroup {
        learning_rate: if is_head { head_learning_rate } else { config.learning_rate },
        weight_decay: if decays { config.weight_decay } else { 0.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, learning_rate: f64, weight_decay: f64) {
        let config = TrainingConfig {
            learning_rate: 1e-5,
            head_learning_rate: Some(1e-4),
            weight_decay: 0.01,
            ..TrainingConfig::default()
        };
        assert_eq!(group(name, &config), ParameterGroup { learning_rate, weight_decay }, "{name}");
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
}
