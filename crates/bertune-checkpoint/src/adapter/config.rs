use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// What `adapter_config.json` says of a LoRA adapter, in peft's words and with peft's defaults.
///
/// Other keys do not change what the adapter computes; those that would are refused where an
/// [`Adapter`](crate::Adapter) is opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdapterConfig {
    /// Always `LORA`.
    pub peft_type: String,
    /// What the model is for: `SEQ_CLS` of a classifier.
    pub task_type: Option<String>,
    /// Where the base is: a folder or an id of the Hugging Face hub.
    pub base_model_name_or_path: Option<String>,
    /// A branch, a tag or a commit of the hub's base.
    pub revision: Option<String>,
    /// The rank.
    pub r: usize,
    /// The numerator of the scale.
    #[serde(serialize_with = "whole_where_it_is")]
    pub lora_alpha: f64,
    /// The dropout probability of what the low-rank maps read.
    pub lora_dropout: f64,
    /// Which linear maps are changed: names, or the ends of names, or a regular expression.
    pub target_modules: Value,
    /// The modules that were trained in full.
    pub modules_to_save: Option<Vec<String>>,
    /// Which biases were trained: `none`.
    pub bias: String,
    /// Whether the denominator of the scale is the rank's root ([Kalajdzievski,
    /// 2023](https://arxiv.org/abs/2312.03732)).
    pub use_rslora: bool,
    /// Other numerators, by the names of maps or their ends.
    pub alpha_pattern: BTreeMap<String, f64>,
    /// Whether the adapter is to be used and not trained.
    pub inference_mode: bool,
}

impl Default for AdapterConfig {
    fn default() -> Self {
        Self {
            peft_type: "LORA".into(),
            task_type: None,
            base_model_name_or_path: None,
            revision: None,
            r: 8,
            lora_alpha: 8.0,
            lora_dropout: 0.0,
            target_modules: Value::Null,
            modules_to_save: None,
            bias: "none".into(),
            use_rslora: false,
            alpha_pattern: BTreeMap::new(),
            inference_mode: true,
        }
    }
}

impl AdapterConfig {
    /// What the product of the factors of this rank of a map is multiplied with.
    pub fn scale(&self, map: &str, rank: usize) -> f64 {
        let is_end = |end: &str| {
            let before = map.strip_suffix(end);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        let mut own = self.alpha_pattern.iter();
        let own = own.find(|(end, _)| is_end(end.strip_prefix("bert.").unwrap_or(end)));
        let alpha = own.map_or(self.lora_alpha, |(_, alpha)| *alpha);
        let rank = rank as f64;
        alpha / if self.use_rslora { rank.sqrt() } else { rank }
    }
}

/// peft's own adapters have 16, not 16.0.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn whole_where_it_is<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let whole = *number as i64;
    if whole as f64 == *number {
        serializer.serialize_i64(whole)
    } else {
        serializer.serialize_f64(*number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_alpha_by_rank_or_by_its_root() {
        let mut config = AdapterConfig { lora_alpha: 16.0, ..AdapterConfig::default() };
        assert_eq!(config.scale("encoder.layer.0.attention.self.query", 4), 4.0);
        config.use_rslora = true;
        assert_eq!(config.scale("encoder.layer.0.attention.self.query", 4), 8.0);
    }

    #[test]
    fn an_alpha_of_its_own_is_found_by_the_end_of_a_name() {
        let alpha_pattern = [("self.query".to_owned(), 2.0), ("bert.pooler.dense".to_owned(), 3.0)];
        let config = AdapterConfig { alpha_pattern: alpha_pattern.into(), ..Default::default() };
        assert_eq!(config.scale("encoder.layer.0.attention.self.query", 1), 2.0);
        assert_eq!(config.scale("pooler.dense", 1), 3.0);
        assert_eq!(config.scale("encoder.layer.0.attention.myself.query", 1), 8.0);
    }

    #[test]
    fn whole_numbers_are_written_as_peft_writes_them() {
        let json = serde_json::to_string(&AdapterConfig::default()).unwrap_or_default();
        assert!(json.contains(r#""lora_alpha":8,"#), "{json}");
    }
}
