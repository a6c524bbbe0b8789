use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The names of the classes, in the order of the logits; `id2label` in `config.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct LabelNames(Vec<String>);

impl LabelNames {
    /// Takes the names in the order of the logits.
    pub fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// The names transformers gives where a checkpoint has none: `LABEL_0`, `LABEL_1` and so on.
    pub fn numbered(classes: usize) -> Self {
        Self((0..classes).map(|id| format!("LABEL_{id}")).collect())
    }

    /// The names in the order of the logits.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// `label2id`: the name of each class with its number, in the order of the logits.
    pub fn ids(&self) -> serde_json::Map<String, serde_json::Value> {
        self.0.iter().cloned().zip((0..).map(|id: usize| id.into())).collect()
    }
}

impl TryFrom<BTreeMap<String, String>> for LabelNames {
    type Error = String;

    fn try_from(names: BTreeMap<String, String>) -> Result<Self, String> {
        let classes = names.len();
        let name = |id: usize| names.get(&id.to_string()).cloned();
        let in_order: Option<Vec<_>> = (0..classes).map(name).collect();
        in_order.map(Self).ok_or_else(|| {
            format!("id2label has {classes} entries, but its keys are not 0 to {}", classes - 1)
        })
    }
}

impl From<LabelNames> for BTreeMap<String, String> {
    fn from(labels: LabelNames) -> Self {
        labels.0.into_iter().enumerate().map(|(id, name)| (id.to_string(), name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_numbers_not_of_their_digits() {
        let names: Vec<_> = (0..12).map(|i| format!("class {i}")).collect();
        let labels = LabelNames::new(names.clone());
        let json = serde_json::to_string(&labels).unwrap();
        let read: LabelNames = serde_json::from_str(&json).unwrap();
        assert_eq!(read.names(), names);
    }

    #[test]
    fn a_gap_in_the_numbers_is_refused() {
        let read = serde_json::from_str::<LabelNames>(r#"{"0": "a", "2": "b"}"#);
        let message = read.unwrap_err().to_string();
        assert_eq!(message, "id2label has 2 entries, but its keys are not 0 to 1");
    }
}
