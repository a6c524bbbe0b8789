use serde::{Deserialize, Serialize};

use crate::{
    Average, MetricName, PrecisionRecallF1, Rows, average_scores, binary_log_loss, hamming_loss,
    label_counts, multi_label_average_precision, multi_label_roc_auc, predicted_labels,
    sample_average, subset_accuracy,
};

/// All scores of a classifier that gives each row any number of classes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultiLabelScores {
    /// See [`subset_accuracy`].
    pub subset_accuracy: Option<f64>,
    /// See [`hamming_loss`].
    pub hamming_loss: Option<f64>,
    /// The mean over all classes; one that never occurs scores 0.
    #[serde(rename = "macro")]
    pub macro_average: PrecisionRecallF1,
    /// Of all decisions taken together.
    #[serde(rename = "micro")]
    pub micro_average: PrecisionRecallF1,
    /// The mean over the classes, weighted by how often they are a label.
    #[serde(rename = "weighted")]
    pub weighted_average: PrecisionRecallF1,
    /// See [`sample_average`].
    #[serde(rename = "samples")]
    pub sample_average: Option<PrecisionRecallF1>,
    /// See [`multi_label_roc_auc`], with [`Average::Macro`].
    pub roc_auc: Option<f64>,
    /// See [`multi_label_roc_auc`], with [`Average::Micro`].
    pub micro_roc_auc: Option<f64>,
    /// See [`multi_label_average_precision`], with [`Average::Macro`].
    pub pr_auc: Option<f64>,
    /// See [`multi_label_average_precision`], with [`Average::Micro`].
    pub micro_pr_auc: Option<f64>,
    /// See [`binary_log_loss`], of all decisions.
    pub log_loss: Option<f64>,
}

impl MultiLabelScores {
    /// Scores probabilities; those that reach their class's threshold are predicted.
    ///
    /// # Panics
    ///
    /// If the shapes differ, or there is not one threshold for each class.
    pub fn new(labels: Rows<'_, bool>, probabilities: Rows<'_, f64>, thresholds: &[f64]) -> Self {
        Self {
            roc_auc: multi_label_roc_auc(labels, probabilities, Average::Macro),
            micro_roc_auc: multi_label_roc_auc(labels, probabilities, Average::Micro),
            pr_auc: multi_label_average_precision(labels, probabilities, Average::Macro),
            micro_pr_auc: multi_label_average_precision(labels, probabilities, Average::Micro),
            log_loss: binary_log_loss(labels.values(), probabilities.values()),
            ..Self::of_decisions(labels, probabilities, thresholds)
        }
    }

    /// A single score, without the work that the others are; as [`get`](Self::get) of all.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn one(
        name: MetricName,
        labels: Rows<'_, bool>,
        probabilities: Rows<'_, f64>,
        thresholds: &[f64],
    ) -> Option<f64> {
        match name {
            MetricName::RocAuc => multi_label_roc_auc(labels, probabilities, Average::Macro),
            MetricName::PrAuc => {
                multi_label_average_precision(labels, probabilities, Average::Macro)
            }
            MetricName::LogLoss => binary_log_loss(labels.values(), probabilities.values()),
            _ => Self::of_decisions(labels, probabilities, thresholds).get(name),
        }
    }

    /// The scores of the predicted sets; those of the probabilities are left out.
    fn of_decisions(
        labels: Rows<'_, bool>,
        probabilities: Rows<'_, f64>,
        thresholds: &[f64],
    ) -> Self {
        labels.assert_shape_of(probabilities);
        let predictions = predicted_labels(probabilities, thresholds);
        let predictions = Rows::new(&predictions, labels.width());
        let classes = label_counts(labels, predictions);
        Self {
            subset_accuracy: subset_accuracy(labels, predictions),
            hamming_loss: hamming_loss(labels, predictions),
            macro_average: average_scores(&classes, Average::Macro),
            micro_average: average_scores(&classes, Average::Micro),
            weighted_average: average_scores(&classes, Average::Weighted),
            sample_average: sample_average(labels, predictions),
            roc_auc: None,
            micro_roc_auc: None,
            pr_auc: None,
            micro_pr_auc: None,
            log_loss: None,
        }
    }

    /// A score by its name; `None` where it is undefined or not one of a multi-label problem.
    pub fn get(&self, name: MetricName) -> Option<f64> {
        match name {
            MetricName::SubsetAccuracy => self.subset_accuracy,
            MetricName::HammingLoss => self.hamming_loss,
            MetricName::MacroPrecision => Some(self.macro_average.precision),
            MetricName::MacroRecall => Some(self.macro_average.recall),
            MetricName::MacroF1 => Some(self.macro_average.f1),
            MetricName::MicroF1 => Some(self.micro_average.f1),
            MetricName::WeightedPrecision => Some(self.weighted_average.precision),
            MetricName::WeightedRecall => Some(self.weighted_average.recall),
            MetricName::WeightedF1 => Some(self.weighted_average.f1),
            MetricName::SamplesF1 => self.sample_average.map(|average| average.f1),
            MetricName::RocAuc => self.roc_auc,
            MetricName::PrAuc => self.pr_auc,
            MetricName::LogLoss => self.log_loss,
            _ => None,
        }
    }
}
