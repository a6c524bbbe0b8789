use crate::{HeadError, LabelNames, Pooling, ProblemType, SequenceClassificationConfig};

/// How a pretrained encoder becomes a classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Adaptation {
    /// The names of the classes, or of the numbers in a regression.
    pub labels: LabelNames,
    /// What the labels are.
    pub problem_type: ProblemType,
    /// Which vector the classifier reads, in place of what the checkpoint says.
    pub pooling: Option<Pooling>,
    /// What new weights are drawn by.
    pub seed: u64,
    /// How many layers, from the top, begin anew: the top layers are the most specialised to
    /// pretraining ([Zhang et al., 2021](https://arxiv.org/abs/2006.05987)).
    pub reinit_layers: usize,
    /// Dropout probabilities in place of the checkpoint's.
    pub dropout: DropoutOverrides,
}

/// Dropout probabilities, each in place of the checkpoint's if it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DropoutOverrides {
    /// After the embeddings and at the end of each block.
    pub hidden: Option<f64>,
    /// Of the attention probabilities.
    pub attention: Option<f64>,
    /// Before the classifier.
    pub classifier: Option<f64>,
}

impl Adaptation {
    /// A classifier of one class for each text, with the usual choices.
    pub fn new(labels: LabelNames, seed: u64) -> Self {
        Self {
            labels,
            problem_type: ProblemType::default(),
            pooling: None,
            seed,
            reinit_layers: 0,
            dropout: DropoutOverrides::default(),
        }
    }

    /// The output of the checkpoint's own classifier for each of the labels, if it is one of the very
    /// same labels, in whatever order, and reads the same vector; for that it is kept.
    pub(crate) fn own_outputs(
        &self,
        pretrained: &SequenceClassificationConfig,
    ) -> Option<Vec<usize>> {
        let own = pretrained.labels.as_ref()?.names();
        let names = self.labels.names();
        let reads_same = self.pooling.is_none_or(|pooling| pooling == pretrained.pooling);
        let is_same = reads_same
            && pretrained.problem_type() == self.problem_type
            && own.len() == names.len();
        let output = |name: &String| own.iter().position(|other| other == name);
        let outputs: Vec<usize> = names.iter().map(output).collect::<Option<_>>()?;
        is_same.then_some(outputs)
    }

    /// The names of the layers that begin anew.
    pub(crate) fn new_layers(&self, layers: usize) -> Result<Vec<String>, HeadError> {
        let asked = self.reinit_layers;
        let kept = layers.checked_sub(asked).ok_or(HeadError::ReinitLayers { asked, layers })?;
        Ok((kept..layers).map(|layer| format!("bert.encoder.layer.{layer}")).collect())
    }

    /// The architecture of a classifier on this encoder.
    pub(crate) fn apply(
        self,
        pretrained: SequenceClassificationConfig,
    ) -> Result<SequenceClassificationConfig, HeadError> {
        let DropoutOverrides { hidden, attention, classifier } = self.dropout;
        for (key, value) in [
            ("hidden_dropout", hidden),
            ("attention_dropout", attention),
            ("classifier_dropout", classifier),
        ] {
            if let Some(value) = value.filter(|value| !(0.0..1.0).contains(value)) {
                return Err(HeadError::Dropout { key, value });
            }
        }
        let mut bert = pretrained.bert;
        bert.hidden_dropout_prob = hidden.unwrap_or(bert.hidden_dropout_prob);
        bert.attention_probs_dropout_prob = attention.unwrap_or(bert.attention_probs_dropout_prob);
        Ok(SequenceClassificationConfig {
            problem_type: Some(self.problem_type),
            classifier_dropout: classifier.or(pretrained.classifier_dropout),
            pooling: self.pooling.unwrap_or(pretrained.pooling),
            ..SequenceClassificationConfig::new(bert, self.labels)
        })
    }
}

#[cfg(test)]
mod tests {
    use bertune_encoder::BertConfig;

    use super::*;

    #[test]
    fn the_own_classifier_is_kept_where_names_and_type_agree() {
        let labels = |names: &[&str]| LabelNames::new(names.iter().map(|&n| n.into()).collect());
        let own = labels(&["no", "yes", "maybe"]);
        let pretrained = SequenceClassificationConfig::new(BertConfig::default(), own.clone());
        let outputs = |names: &[&str]| Adaptation::new(labels(names), 1).own_outputs(&pretrained);
        assert_eq!(outputs(&["no", "yes", "maybe"]), Some(vec![0, 1, 2]));
        assert_eq!(outputs(&["maybe", "no", "yes"]), Some(vec![2, 0, 1]));
        assert_eq!(outputs(&["no", "yes"]), None);
        assert_eq!(outputs(&["no", "yes", "never"]), None);
        let problem_type = ProblemType::MultiLabelClassification;
        let sets = Adaptation { problem_type, ..Adaptation::new(own.clone(), 1) };
        assert_eq!(sets.own_outputs(&pretrained), None);
        let reading = |pooling| Adaptation { pooling, ..Adaptation::new(own.clone(), 1) };
        assert_eq!(reading(Some(Pooling::Mean)).own_outputs(&pretrained), None);
        assert!(reading(Some(Pooling::Pooler)).own_outputs(&pretrained).is_some());
    }

    #[test]
    fn the_classifier_reads_what_the_checkpoint_says_unless_told_otherwise() {
        let mut pretrained =
            SequenceClassificationConfig::new(BertConfig::default(), LabelNames::numbered(2));
        pretrained.pooling = Pooling::Mean;
        let pooling = |asked| {
            let adaptation =
                Adaptation { pooling: asked, ..Adaptation::new(LabelNames::numbered(3), 1) };
            adaptation.apply(pretrained.clone()).unwrap().pooling
        };
        assert_eq!(pooling(None), Pooling::Mean);
        assert_eq!(pooling(Some(Pooling::Pooler)), Pooling::Pooler);
    }
}
