//! BERT ([Devlin et al., 2019](https://arxiv.org/abs/1810.04805)): embeddings, encoder layers and
//! pooler, on packed tokens.
//!
//! A batch is ragged: all its tokens stand one after another in `[tokens, hidden]`, and no
//! padding is ever computed. Parameters carry the names and shapes of Hugging Face checkpoints.
//!
//! ```
//! # use bertune_encoder::{BertConfig, BertModel, Initializer, PackedTokens};
//! # type B = burn_flex::Flex;
//! # let device = Default::default();
//! let config = BertConfig { num_hidden_layers: 2, vocab_size: 100, ..BertConfig::default() };
//! let bert = BertModel::<B>::new(&config, &Initializer::new(1, 0.02), &device);
//! // Two sequences, of three tokens and of two.
//! let tokens = PackedTokens::new(&[2, 7, 3, 2, 3], &[0; 5], &[0, 1, 2, 0, 1], &[0, 3, 5], &device);
//! let output = bert.forward(&tokens, None);
//! assert_eq!(output.last_hidden_state.dims(), [5, 768]);
//! assert_eq!(output.pooled_output.dims(), [2, 768]);
//! ```
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod attention;
mod config;
mod embeddings;
mod initializer;
mod layer;
mod layer_norm;
mod linear;
mod low_rank;
mod model;
mod neighbours;
mod pooler;
mod tokens;

pub use attention::{BertAttention, BertSelfAttention, BertSelfOutput};
pub use config::{BertConfig, ConfigError, HiddenAct};
pub use embeddings::{BertEmbeddings, Embedding};
pub use initializer::Initializer;
pub use layer::{BertIntermediate, BertLayer, BertOutput};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use low_rank::{Factor, LowRank, LowRankConfig};
pub use model::{BertEncoder, BertModel, BertModelOutput};
pub use pooler::BertPooler;
pub use tokens::PackedTokens;
