use std::iter::Sum;

use serde::{Deserialize, Serialize};

use crate::mean::ratio;

/// How often a class was the label, was predicted, and was both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts {
    /// The true positives: rows of this class that were predicted to be.
    pub right: u64,
    /// The rows of this class, scikit-learn's `support`.
    pub labelled: u64,
    /// The rows that were predicted to be of this class.
    pub predicted: u64,
}

/// Precision, recall and F1, scikit-learn's `precision_recall_fscore_support`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecallF1 {
    /// The share of right predictions among the predictions, `0..=1`.
    pub precision: f64,
    /// The share of labels that were found, `0..=1`.
    pub recall: f64,
    /// The harmonic mean of precision and recall, `0..=1`.
    pub f1: f64,
}

impl ClassCounts {
    /// Counts one class of a multi-label problem, or a binary problem's positive class.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn new(labels: &[bool], predictions: &[bool]) -> Self {
        assert_eq!(labels.len(), predictions.len(), "one prediction for each label");
        let count = |values: &[bool]| values.iter().filter(|&&value| value).count() as u64;
        let both = labels.iter().zip(predictions).filter(|&(&label, &taken)| label && taken);
        Self { right: both.count() as u64, labelled: count(labels), predicted: count(predictions) }
    }

    /// `right / predicted`, 0 where the class was never predicted.
    pub fn precision(self) -> f64 {
        ratio(self.right as f64, self.predicted as f64)
    }

    /// `right / labelled`, 0 where the class never was the label.
    pub fn recall(self) -> f64 {
        ratio(self.right as f64, self.labelled as f64)
    }

    /// `2 right / (labelled + predicted)`, 0 where the class never occurs.
    pub fn f1(self) -> f64 {
        ratio(2.0 * self.right as f64, (self.labelled + self.predicted) as f64)
    }

    /// All three.
    pub fn scores(self) -> PrecisionRecallF1 {
        PrecisionRecallF1 { precision: self.precision(), recall: self.recall(), f1: self.f1() }
    }
}

impl Sum for ClassCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, class| Self {
            right: sum.right + class.right,
            labelled: sum.labelled + class.labelled,
            predicted: sum.predicted + class.predicted,
        })
    }
}
