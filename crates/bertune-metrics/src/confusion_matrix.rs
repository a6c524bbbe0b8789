use serde::{Deserialize, Serialize};

use crate::mean::ratio;
use crate::{Average, ClassCounts, PrecisionRecallF1, average_scores};

/// How often each class was taken for each: `counts[label][prediction]`.
///
/// Scores are scikit-learn's with `zero_division=0`: a quotient whose denominator is 0 is 0.
///
/// # Examples
///
/// ```
/// use bertune_metrics::{Average, ConfusionMatrix};
///
/// let matrix = ConfusionMatrix::new(&[0, 0, 1, 1], &[0, 1, 1, 1], 2);
/// assert_eq!(matrix.accuracy(), 0.75);
/// assert_eq!(matrix.recall(0), 0.5);
/// assert_eq!(matrix.average(Average::Macro).recall, 0.75);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// Counts predictions.
    ///
    /// # Panics
    ///
    /// If the lengths differ or a class is not below `classes`.
    pub fn new(labels: &[usize], predictions: &[usize], classes: usize) -> Self {
        assert_eq!(labels.len(), predictions.len(), "one prediction for each label");
        let mut counts = vec![vec![0; classes]; classes];
        for (&label, &prediction) in labels.iter().zip(predictions) {
            assert!(label < classes && prediction < classes, "a class is not below {classes}");
            counts[label][prediction] += 1;
        }
        Self { counts }
    }

    /// `counts[label][prediction]`.
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// How many rows have `class` as their label, scikit-learn's `support`.
    ///
    /// # Panics
    ///
    /// If there is no such class; so do the other scores of one class.
    pub fn labelled(&self, class: usize) -> u64 {
        self.counts[class].iter().sum()
    }

    /// How many rows were predicted to be `class`.
    pub fn predicted(&self, class: usize) -> u64 {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// The counts that one class's scores need.
    pub fn class(&self, class: usize) -> ClassCounts {
        ClassCounts {
            right: self.counts[class][class],
            labelled: self.labelled(class),
            predicted: self.predicted(class),
        }
    }

    /// The counts of each class, in their order.
    pub fn each_class(&self) -> impl Iterator<Item = ClassCounts> {
        (0..self.counts.len()).map(|class| self.class(class))
    }

    /// The share of right predictions among those of `class`, `0..=1`.
    pub fn precision(&self, class: usize) -> f64 {
        self.class(class).precision()
    }

    /// The share of right predictions among the rows of `class`, `0..=1`.
    pub fn recall(&self, class: usize) -> f64 {
        self.class(class).recall()
    }

    /// The harmonic mean of precision and recall of one class, 0 where it never occurs, `0..=1`.
    pub fn f1(&self, class: usize) -> f64 {
        self.class(class).f1()
    }

    /// Precision, recall and F1 over the classes that occur as a label or a prediction, which is
    /// scikit-learn's choice where `labels` is not given.
    pub fn average(&self, average: Average) -> PrecisionRecallF1 {
        let occurs = |class: &ClassCounts| class.labelled + class.predicted > 0;
        let classes: Vec<_> = self.each_class().filter(occurs).collect();
        average_scores(&classes, average)
    }

    /// The share of right predictions, `0..=1`; 0 where there are no rows.
    pub fn accuracy(&self) -> f64 {
        ratio(self.right() as f64, self.total() as f64)
    }

    /// The mean recall of the classes that occur as a label, `0..=1`, scikit-learn's
    /// `balanced_accuracy_score`; 0 where there are no rows.
    pub fn balanced_accuracy(&self) -> f64 {
        let recalls: Vec<f64> =
            self.each_class().filter(|class| class.labelled > 0).map(ClassCounts::recall).collect();
        ratio(recalls.iter().sum(), recalls.len() as f64)
    }

    /// Matthews' correlation coefficient for any number of classes, `-1..=1`
    /// ([Gorodkin, 2004](https://doi.org/10.1016/j.compbiolchem.2004.09.006)), scikit-learn's
    /// `matthews_corrcoef`; 0 where all labels or all predictions are the same class.
    pub fn mcc(&self) -> f64 {
        let total = self.total() as f64;
        let sum = |f: fn(f64, f64) -> f64| -> f64 {
            self.each_class().map(|class| f(class.labelled as f64, class.predicted as f64)).sum()
        };
        let covariance =
            self.right() as f64 * total - sum(|labelled, predicted| labelled * predicted);
        let labels = total * total - sum(|labelled, _| labelled * labelled);
        let predictions = total * total - sum(|_, predicted| predicted * predicted);
        ratio(covariance, (labels * predictions).sqrt())
    }

    fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    fn right(&self) -> u64 {
        self.each_class().map(|class| class.right).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values from scikit-learn 1.9.1: `accuracy_score`, `f1_score(average="macro",
    /// zero_division=0)`, `matthews_corrcoef`.
    fn check(labels: &[usize], predictions: &[usize], classes: usize, expected: [f64; 3]) {
        let matrix = ConfusionMatrix::new(labels, predictions, classes);
        let ours = [matrix.accuracy(), matrix.average(Average::Macro).f1, matrix.mcc()];
        for (ours, expected) in ours.iter().zip(expected) {
            assert!((ours - expected).abs() < 1e-9, "{matrix:?}: {ours}, expected {expected}");
        }
    }

    #[test]
    fn scores_equal_scikit_learns() {
        let (third, sixth) = (1.0 / 3.0, 1.0 / 6.0);
        check(&[0, 1, 0, 1], &[0, 1, 0, 1], 2, [1.0, 1.0, 1.0]);
        check(&[0, 1, 0, 1], &[1, 0, 1, 0], 2, [0.0, 0.0, -1.0]);
        check(&[0, 1, 0, 1], &[0, 0, 0, 0], 2, [0.5, third, 0.0]);
        check(&[1, 1, 1], &[1, 1, 1], 2, [1.0, 1.0, 0.0]);
        check(&[0], &[1], 3, [0.0, 0.0, 0.0]);
        check(
            &[0, 0, 1, 1, 2, 2],
            &[0, 1, 1, 1, 2, 0],
            3,
            [2.0 * third, (0.5 + 0.8 + 2.0 * third) / 3.0, 0.522_232_967_867_093_5],
        );
        check(
            &[0, 1, 2, 3, 3, 3],
            &[3, 3, 3, 3, 0, 1],
            5,
            [sixth, 0.25 * 2.0 / 7.0, -0.384_900_179_459_750_5],
        );
    }

    #[test]
    fn no_rows_score_nothing() {
        check(&[], &[], 2, [0.0, 0.0, 0.0]);
        assert_eq!(ConfusionMatrix::new(&[], &[], 2).balanced_accuracy(), 0.0);
    }
}
