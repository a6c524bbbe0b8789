use serde::{Deserialize, Serialize};

use crate::{
    Average, CALIBRATION_BINS, ConfusionMatrix, MetricName, PrecisionRecallF1, Rows,
    average_precision, expected_calibration_error, log_loss, predicted_classes, roc_auc,
};

/// All scores of a classifier that chooses one class for each row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassificationScores {
    /// The share of right predictions, `0..=1`.
    pub accuracy: f64,
    /// The mean recall of the classes that occur as a label, `0..=1`.
    pub balanced_accuracy: f64,
    /// The mean over the classes that occur as a label or a prediction.
    #[serde(rename = "macro")]
    pub macro_average: PrecisionRecallF1,
    /// Of all decisions taken together: all three are the accuracy.
    #[serde(rename = "micro")]
    pub micro_average: PrecisionRecallF1,
    /// The mean over the classes, weighted by how often they are the label.
    #[serde(rename = "weighted")]
    pub weighted_average: PrecisionRecallF1,
    /// Matthews' correlation coefficient, `-1..=1`.
    pub mcc: f64,
    /// See [`roc_auc`], with [`Average::Macro`].
    pub roc_auc: Option<f64>,
    /// See [`roc_auc`], with [`Average::Weighted`].
    pub weighted_roc_auc: Option<f64>,
    /// See [`average_precision`], with [`Average::Macro`].
    pub pr_auc: Option<f64>,
    /// See [`average_precision`], with [`Average::Weighted`].
    pub weighted_pr_auc: Option<f64>,
    /// See [`log_loss`].
    pub log_loss: Option<f64>,
    /// See [`expected_calibration_error`], with [`CALIBRATION_BINS`].
    pub calibration_error: Option<f64>,
}

impl ClassificationScores {
    /// Scores probabilities; the class with the highest is predicted.
    ///
    /// # Panics
    ///
    /// If the lengths differ or a label names no column.
    pub fn new(labels: &[usize], probabilities: Rows<'_, f64>) -> Self {
        Self {
            roc_auc: roc_auc(labels, probabilities, Average::Macro),
            weighted_roc_auc: roc_auc(labels, probabilities, Average::Weighted),
            pr_auc: average_precision(labels, probabilities, Average::Macro),
            weighted_pr_auc: average_precision(labels, probabilities, Average::Weighted),
            log_loss: log_loss(labels, probabilities),
            calibration_error: expected_calibration_error(labels, probabilities, CALIBRATION_BINS),
            ..Self::of_decisions(labels, probabilities)
        }
    }

    /// A single score, without the work that the others are; as [`get`](Self::get) of all.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn one(name: MetricName, labels: &[usize], probabilities: Rows<'_, f64>) -> Option<f64> {
        match name {
            MetricName::RocAuc => roc_auc(labels, probabilities, Average::Macro),
            MetricName::PrAuc => average_precision(labels, probabilities, Average::Macro),
            MetricName::LogLoss => log_loss(labels, probabilities),
            MetricName::CalibrationError => {
                expected_calibration_error(labels, probabilities, CALIBRATION_BINS)
            }
            _ => Self::of_decisions(labels, probabilities).get(name),
        }
    }

    /// The scores of the predicted classes; those of the probabilities are left out.
    fn of_decisions(labels: &[usize], probabilities: Rows<'_, f64>) -> Self {
        probabilities.assert_labels(labels);
        let predictions = predicted_classes(probabilities);
        let matrix = ConfusionMatrix::new(labels, &predictions, probabilities.width());
        Self {
            accuracy: matrix.accuracy(),
            balanced_accuracy: matrix.balanced_accuracy(),
            macro_average: matrix.average(Average::Macro),
            micro_average: matrix.average(Average::Micro),
            weighted_average: matrix.average(Average::Weighted),
            mcc: matrix.mcc(),
            roc_auc: None,
            weighted_roc_auc: None,
            pr_auc: None,
            weighted_pr_auc: None,
            log_loss: None,
            calibration_error: None,
        }
    }

    /// A score by its name; `None` where it is undefined or not one of a classifier's.
    pub fn get(&self, name: MetricName) -> Option<f64> {
        match name {
            MetricName::Accuracy => Some(self.accuracy),
            MetricName::BalancedAccuracy => Some(self.balanced_accuracy),
            MetricName::MacroPrecision => Some(self.macro_average.precision),
            MetricName::MacroRecall => Some(self.macro_average.recall),
            MetricName::MacroF1 => Some(self.macro_average.f1),
            MetricName::MicroF1 => Some(self.micro_average.f1),
            MetricName::WeightedPrecision => Some(self.weighted_average.precision),
            MetricName::WeightedRecall => Some(self.weighted_average.recall),
            MetricName::WeightedF1 => Some(self.weighted_average.f1),
            MetricName::Mcc => Some(self.mcc),
            MetricName::RocAuc => self.roc_auc,
            MetricName::PrAuc => self.pr_auc,
            MetricName::LogLoss => self.log_loss,
            MetricName::CalibrationError => self.calibration_error,
            _ => None,
        }
    }
}
