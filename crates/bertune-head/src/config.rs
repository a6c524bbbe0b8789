use bertune_encoder::BertConfig;
use serde::{Deserialize, Serialize};

use crate::{Decisions, LabelNames};

/// What the labels are, and with it the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemType {
    /// Each text has exactly one class; cross-entropy over a softmax.
    #[default]
    SingleLabelClassification,
    /// Each text has any number of classes; binary cross-entropy over a sigmoid for each class.
    MultiLabelClassification,
    /// Each text has one or several numbers; the mean squared error.
    Regression,
}

/// Which vector of a sequence the classifier reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The pooler's output, from `[CLS]`, as transformers does.
    #[default]
    Pooler,
    /// The mean of the last states. transformers has no such classifier: it cannot use this head.
    Mean,
}

impl Pooling {
    /// Whether a classifier that reads this vector depends on the parameter of this Hugging Face
    /// name.
    pub(crate) fn reads(self, name: &str) -> bool {
        self == Self::Pooler || !name.starts_with("bert.pooler.")
    }
}

/// A classifier's architecture, as in its `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequenceClassificationConfig {
    /// The encoder's.
    #[serde(flatten)]
    pub bert: BertConfig,
    /// The names of the classes, `None` in a checkpoint that has no classifier yet.
    #[serde(default, rename = "id2label", skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelNames>,
    /// What the labels are; transformers guesses if it is absent.
    #[serde(default)]
    pub problem_type: Option<ProblemType>,
    /// The dropout probability before the classifier; `hidden_dropout_prob` if absent.
    #[serde(default)]
    pub classifier_dropout: Option<f64>,
    /// Which vector the classifier reads.
    #[serde(default, rename = "bertune_pooling")]
    pub pooling: Pooling,
    /// The longest input in tokens that the classifier was trained with.
    #[serde(default, rename = "bertune_max_length", skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// How many tokens a window has in common with the one before, if the classifier was trained
    /// to read long texts in windows.
    #[serde(default, rename = "bertune_stride", skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// Which text of a pair was cut or read in windows, in the words of the tokenizer's settings.
    #[serde(default, rename = "bertune_truncation", skip_serializing_if = "Option::is_none")]
    pub truncation: Option<String>,
    /// Whether the classifier was trained on pairs of texts; of a classifier that other programs
    /// made nothing is known.
    #[serde(default, rename = "bertune_text_pair", skip_serializing_if = "std::ops::Not::not")]
    pub text_pair: bool,
    /// How scores become probabilities and classes.
    #[serde(flatten)]
    pub decisions: Decisions,
}

impl SequenceClassificationConfig {
    /// A classifier of these classes on an encoder.
    pub fn new(bert: BertConfig, labels: LabelNames) -> Self {
        Self {
            bert,
            labels: Some(labels),
            problem_type: Some(ProblemType::default()),
            classifier_dropout: None,
            pooling: Pooling::default(),
            max_length: None,
            stride: None,
            truncation: None,
            text_pair: false,
            decisions: Decisions::default(),
        }
    }

    /// The names of the classes; transformers' default is two numbered ones.
    pub fn label_names(&self) -> LabelNames {
        self.labels.clone().unwrap_or_else(|| LabelNames::numbered(2))
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.label_names().names().len()
    }

    /// What the labels are; where the checkpoint does not say, a single output is a number, as
    /// transformers takes it, and several are classes.
    pub fn problem_type(&self) -> ProblemType {
        let usual = match self.classes() {
            1 => ProblemType::Regression,
            _ => ProblemType::SingleLabelClassification,
        };
        self.problem_type.unwrap_or(usual)
    }

    /// Whether the classifier was trained on pairs of texts; `None` if another program made it, and it
    /// does not say.
    pub fn reads_pairs(&self) -> Option<bool> {
        // bertune notes how long inputs may be in each classifier that it makes.
        (self.text_pair || self.max_length.is_some()).then_some(self.text_pair)
    }

    /// The dropout probability before the classifier.
    pub(crate) fn dropout_probability(&self) -> f64 {
        self.classifier_dropout.unwrap_or(self.bert.hidden_dropout_prob)
    }

    /// This architecture as a `config.json` that transformers reads: the keys of `original`, the
    /// checkpoint that the encoder came from, with those that the classifier changes.
    pub fn to_json(
        &self,
        original: &serde_json::Map<String, serde_json::Value>,
    ) -> serde_json::Map<String, serde_json::Value> {
        let mut json = original.clone();
        // What another classifier had, and this one has not, must not be taken for its own.
        json.retain(|key, _| !key.starts_with("bertune_"));
        if let Ok(serde_json::Value::Object(ours)) = serde_json::to_value(self) {
            json.extend(ours);
        }
        if self.pooling == Pooling::default() {
            json.shift_remove("bertune_pooling");
        }
        json.insert("architectures".into(), ["BertForSequenceClassification"].as_slice().into());
        json.insert("label2id".into(), self.label_names().ids().into());
        for stale in ["num_labels", "_num_labels", "_name_or_path"] {
            json.shift_remove(stale);
        }
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_survives_its_json() {
        let labels = LabelNames::new(vec!["no".into(), "yes".into()]);
        let config = SequenceClassificationConfig::new(BertConfig::default(), labels);
        let json = config.to_json(&serde_json::Map::new());
        assert_eq!(json["label2id"]["yes"], 1);
        assert_eq!(json["architectures"][0], "BertForSequenceClassification");
        let read: SequenceClassificationConfig = serde_json::from_value(json.into()).unwrap();
        assert_eq!(read, config);
    }

    #[test]
    fn only_a_classifier_of_pairs_says_what_it_reads() {
        let mut config =
            SequenceClassificationConfig::new(BertConfig::default(), LabelNames::numbered(2));
        assert!(!config.to_json(&serde_json::Map::new()).contains_key("bertune_text_pair"));
        config.text_pair = true;
        let json = config.to_json(&serde_json::Map::new());
        assert_eq!(json["bertune_text_pair"], true);
        let read: SequenceClassificationConfig = serde_json::from_value(json.into()).unwrap();
        assert!(read.text_pair);
    }

    #[test]
    fn keys_of_the_original_are_kept() {
        let original = serde_json::json!({"gradient_checkpointing": false, "num_labels": 5});
        let config =
            SequenceClassificationConfig::new(BertConfig::default(), LabelNames::numbered(3));
        let json = config.to_json(original.as_object().unwrap());
        assert_eq!(json["gradient_checkpointing"], false);
        assert!(!json.contains_key("num_labels"));
    }

    #[test]
    fn what_another_classifier_had_is_not_kept() {
        let mut config =
            SequenceClassificationConfig::new(BertConfig::default(), LabelNames::numbered(2));
        config.decisions.temperature = Some(2.0);
        config.stride = Some(16);
        let json = config.to_json(&serde_json::Map::new());
        assert_eq!(
            (&json["bertune_temperature"], &json["bertune_stride"]),
            (&2.0.into(), &16.into())
        );
        config.decisions = Decisions { temperature: None, thresholds: Some(vec![0.25, 0.5]) };
        config.stride = None;
        let json = config.to_json(&json);
        assert!(!json.contains_key("bertune_temperature") && !json.contains_key("bertune_stride"));
        let read: SequenceClassificationConfig = serde_json::from_value(json.into()).unwrap();
        assert_eq!(read, config);
    }
}
