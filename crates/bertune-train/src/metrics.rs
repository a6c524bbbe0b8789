use serde::{Deserialize, Serialize};

/// How often each class was taken for each: `counts[label][prediction]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    counts: Vec<Vec<u64>>,
}

/// The scores of a classifier, as scikit-learn defines them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The share of right predictions, `0..=1`.
    pub accuracy: f64,
    /// The mean of the classes' F1 scores, `0..=1`, over classes that occur as a label or a
    /// prediction.
    pub macro_f1: f64,
    /// Matthews' correlation coefficient for any number of classes, `-1..=1`
    /// ([Gorodkin, 2004](https://doi.org/10.1016/j.compbiolchem.2004.09.006)); 0 where undefined.
    pub mcc: f64,
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
            counts[label][prediction] += 1;
        }
        Self { counts }
    }

    /// `counts[label][prediction]`.
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// All scores.
    pub fn metrics(&self) -> Metrics {
        Metrics { accuracy: self.accuracy(), macro_f1: self.macro_f1(), mcc: self.mcc() }
    }

    /// How many examples have `class` as their label.
    pub fn labelled(&self, class: usize) -> u64 {
        self.counts[class].iter().sum()
    }

    /// How many examples were predicted to be `class`.
    pub fn predicted(&self, class: usize) -> u64 {
        self.counts.iter().map(|row| row[class]).sum()
    }

    fn classes(&self) -> std::ops::Range<usize> {
        0..self.counts.len()
    }

    fn total(&self) -> u64 {
        self.classes().map(|class| self.labelled(class)).sum()
    }

    fn right(&self) -> u64 {
        self.classes().map(|class| self.counts[class][class]).sum()
    }

    fn accuracy(&self) -> f64 {
        ratio(self.right() as f64, self.total() as f64)
    }

    fn macro_f1(&self) -> f64 {
        let occurring = |class: &usize| self.labelled(*class) + self.predicted(*class) > 0;
        let scores: Vec<f64> =
            self.classes().filter(occurring).map(|class| self.f1(class)).collect();
        ratio(scores.iter().sum(), scores.len() as f64)
    }

    /// The harmonic mean of precision and recall of one class, 0 where it never occurs.
    pub fn f1(&self, class: usize) -> f64 {
        let both = self.labelled(class) + self.predicted(class);
        ratio(2.0 * self.counts[class][class] as f64, both as f64)
    }

    fn mcc(&self) -> f64 {
        let total = self.total() as f64;
        let sum = |f: &dyn Fn(usize) -> f64| self.classes().map(f).sum::<f64>();
        let labelled = |class| self.labelled(class) as f64;
        let predicted = |class| self.predicted(class) as f64;
        let covariance =
            self.right() as f64 * total - sum(&|class| labelled(class) * predicted(class));
        let labels = total * total - sum(&|class| labelled(class).powi(2));
        let predictions = total * total - sum(&|class| predicted(class).powi(2));
        ratio(covariance, (labels * predictions).sqrt())
    }
}

/// A quotient that is 0 where it is undefined.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values from scikit-learn 1.9.1: `accuracy_score`, `f1_score(average="macro",
    /// zero_division=0)`, `matthews_corrcoef`.
    fn check(labels: &[usize], predictions: &[usize], classes: usize, expected: [f64; 3]) {
        let metrics = ConfusionMatrix::new(labels, predictions, classes).metrics();
        let ours = [metrics.accuracy, metrics.macro_f1, metrics.mcc];
        for (ours, expected) in ours.iter().zip(expected) {
            assert!((ours - expected).abs() < 1e-9, "{metrics:?}, expected {expected}");
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
}
