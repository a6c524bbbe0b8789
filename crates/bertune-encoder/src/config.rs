use bertune_kernels::Activation;
use serde::{Deserialize, Serialize};

/// The architecture of a BERT, as in a checkpoint's `config.json`.
///
/// Defaults are BERT-base's. Keys that are not listed here do not change what the model computes
/// and are ignored; those that would are checked by [`validate`](Self::validate).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BertConfig {
    /// Always `bert`.
    pub model_type: String,
    /// The number of tokens that have an embedding.
    pub vocab_size: usize,
    /// The width of all hidden states.
    pub hidden_size: usize,
    /// The number of layers.
    pub num_hidden_layers: usize,
    /// The number of attention heads, a divisor of `hidden_size`.
    pub num_attention_heads: usize,
    /// The width inside the feed-forward block.
    pub intermediate_size: usize,
    /// The activation inside the feed-forward block.
    pub hidden_act: HiddenAct,
    /// The dropout probability of embeddings and of each block's output.
    pub hidden_dropout_prob: f64,
    /// The dropout probability of attention probabilities.
    pub attention_probs_dropout_prob: f64,
    /// The longest sequence, in tokens.
    pub max_position_embeddings: usize,
    /// The number of token types (segments).
    pub type_vocab_size: usize,
    /// The standard deviation of newly initialised weights.
    pub initializer_range: f64,
    /// What keeps layer norms finite.
    pub layer_norm_eps: f64,
    /// `absolute`; nothing else is supported.
    pub position_embedding_type: String,
    /// Whether attention is causal; not supported.
    pub is_decoder: bool,
    /// Whether there is attention to another model's states; not supported.
    pub add_cross_attention: bool,
}

impl Default for BertConfig {
    fn default() -> Self {
        Self {
            model_type: "bert".into(),
            vocab_size: 30_522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: HiddenAct::Gelu,
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            position_embedding_type: "absolute".into(),
            is_decoder: false,
            add_cross_attention: false,
        }
    }
}

/// The activations that BERT checkpoints name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenAct {
    /// GELU with the exact error function.
    Gelu,
    /// GELU's tanh approximation.
    GeluNew,
    /// The same approximation under another name.
    GeluPytorchTanh,
    /// ReLU.
    Relu,
}

impl From<HiddenAct> for Activation {
    fn from(act: HiddenAct) -> Self {
        match act {
            HiddenAct::Gelu => Self::Gelu,
            HiddenAct::GeluNew | HiddenAct::GeluPytorchTanh => Self::GeluTanh,
            HiddenAct::Relu => Self::Relu,
        }
    }
}

/// Why an architecture cannot be built.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// Another architecture than BERT.
    #[error("config.json: model_type is '{found}', and only 'bert' is supported")]
    ModelType {
        /// The type found.
        found: String,
    },
    /// A size that must be positive is zero.
    #[error("config.json: {key} must be at least 1")]
    Zero {
        /// The key.
        key: &'static str,
    },
    /// Heads do not divide the hidden size.
    #[error(
        "config.json: hidden_size {hidden_size} is not a multiple of \
         num_attention_heads {num_attention_heads}"
    )]
    Heads {
        /// The hidden size.
        hidden_size: usize,
        /// The number of heads.
        num_attention_heads: usize,
    },
    /// A probability outside `0..1`.
    #[error("config.json: {key} is {found}, but a dropout probability is at least 0 and below 1")]
    Probability {
        /// The key.
        key: &'static str,
        /// The value found.
        found: f64,
    },
    /// A variant of BERT that computes something else.
    #[error("config.json: {key} is {found}; only {supported} is supported")]
    Unsupported {
        /// The key.
        key: &'static str,
        /// The value found.
        found: String,
        /// What is supported.
        supported: &'static str,
    },
}

impl BertConfig {
    /// Checks that this architecture can be built.
    ///
    /// # Errors
    ///
    /// If it is no BERT, a variant that computes something else, or inconsistent.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.model_type != "bert" {
            return Err(ConfigError::ModelType { found: self.model_type.clone() });
        }
        self.validate_variant()?;
        self.validate_sizes()?;
        let probabilities = [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            ("attention_probs_dropout_prob", self.attention_probs_dropout_prob),
        ];
        match probabilities.into_iter().find(|(_, p)| !(0.0..1.0).contains(p)) {
            Some((key, found)) => Err(ConfigError::Probability { key, found }),
            None => Ok(()),
        }
    }

    fn validate_variant(&self) -> Result<(), ConfigError> {
        let unsupported = |key, found: &str, supported| {
            Err(ConfigError::Unsupported { key, found: found.into(), supported })
        };
        match self {
            Self { position_embedding_type: found, .. } if found != "absolute" => {
                unsupported("position_embedding_type", found, "'absolute'")
            }
            Self { is_decoder: true, .. } => unsupported("is_decoder", "true", "false"),
            Self { add_cross_attention: true, .. } => {
                unsupported("add_cross_attention", "true", "false")
            }
            _ => Ok(()),
        }
    }

    fn validate_sizes(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        if let Some((key, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(ConfigError::Zero { key });
        }
        let Self { hidden_size, num_attention_heads, .. } = *self;
        if !hidden_size.is_multiple_of(num_attention_heads) {
            return Err(ConfigError::Heads { hidden_size, num_attention_heads });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bert_base_is_valid() {
        assert_eq!(BertConfig::default().validate(), Ok(()));
    }

    fn refuses(change: impl FnOnce(&mut BertConfig), message: &str) {
        let mut config = BertConfig::default();
        change(&mut config);
        assert_eq!(config.validate().unwrap_err().to_string(), message);
    }

    #[test]
    fn what_cannot_be_built_is_refused() {
        refuses(
            |c| c.model_type = "roberta".into(),
            "config.json: model_type is 'roberta', and only 'bert' is supported",
        );
        refuses(|c| c.hidden_size = 0, "config.json: hidden_size must be at least 1");
        refuses(
            |c| c.num_attention_heads = 7,
            "config.json: hidden_size 768 is not a multiple of num_attention_heads 7",
        );
        refuses(
            |c| c.hidden_dropout_prob = 1.0,
            "config.json: hidden_dropout_prob is 1, but a dropout probability is at least 0 and \
             below 1",
        );
        refuses(
            |c| c.position_embedding_type = "relative_key".into(),
            "config.json: position_embedding_type is relative_key; only 'absolute' is supported",
        );
        refuses(
            |c| c.is_decoder = true,
            "config.json: is_decoder is true; only false is supported",
        );
    }
}
