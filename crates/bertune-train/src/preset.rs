use serde::{Deserialize, Serialize};

use crate::{LoraConfig, OptimizerKind, ScheduleKind, TrainingConfig};

/// Ready-made configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The article's: Adam, 1e-5 for the encoder and 1e-4 for the head, nothing else.
    Article,
    /// The BERT paper's: AdamW, 2e-5 everywhere, linear with 10 % warm-up (Devlin et al., 2019).
    BertPaper,
    /// For few examples, where the encoder should change little: lower layers learn more slowly,
    /// the embeddings not at all, and the run ends when it no longer gains.
    Gentle,
    /// For many examples and the best score: more epochs, a cosine, smoothed labels and slightly
    /// slower lower layers; ends when it no longer gains.
    Full,
    /// For small models, such as the BERT in the box: they want higher rates than large ones, and more
    /// epochs.
    Small,
    /// LoRA on all linear maps but those to queries, keys and values, at the higher rates that it wants:
    /// a small adapter on a base that stays as it is.
    Lora,
}

impl Preset {
    /// The configuration.
    pub fn config(self) -> TrainingConfig {
        let default = TrainingConfig::default();
        match self {
            Self::Article => TrainingConfig {
                learning_rate: 1e-5,
                head_learning_rate: Some(1e-4),
                optimizer: OptimizerKind::Adam,
                weight_decay: 0.0,
                schedule: ScheduleKind::Constant,
                warmup_ratio: 0.0,
                max_grad_norm: 0.0,
                ..default
            },
            Self::BertPaper => TrainingConfig { learning_rate: 2e-5, ..default },
            Self::Gentle => TrainingConfig {
                epochs: 6,
                batch_size: 16,
                learning_rate: 3e-5,
                head_learning_rate: Some(5e-4),
                layer_decay: 0.8,
                freeze_embeddings: true,
                patience: Some(2),
                ..default
            },
            Self::Full => TrainingConfig {
                epochs: 6,
                layer_decay: 0.95,
                schedule: ScheduleKind::Cosine,
                label_smoothing: 0.1,
                patience: Some(2),
                ..default
            },
            Self::Small => TrainingConfig {
                epochs: 12,
                batch_size: 16,
                learning_rate: 3e-4,
                head_learning_rate: Some(1e-3),
                ..default
            },
            Self::Lora => TrainingConfig {
                epochs: 4,
                learning_rate: 1e-3,
                patience: Some(2),
                lora: Some(LoraConfig { targets: vec!["dense".into()], ..LoraConfig::default() }),
                ..default
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_valid() {
        for preset in [
            Preset::Article,
            Preset::BertPaper,
            Preset::Gentle,
            Preset::Full,
            Preset::Small,
            Preset::Lora,
        ] {
            preset.config().validate().unwrap();
        }
        TrainingConfig::default().validate().unwrap();
    }
}
