use serde::{Deserialize, Serialize};

use crate::{
    MetricName, Rows, mean_absolute_error, mean_over_targets, mean_squared_error, pearson, r2,
    spearman,
};

/// All scores of predicted numbers; of several for each row, the means over them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegressionScores {
    /// See [`pearson`].
    pub pearson: Option<f64>,
    /// See [`spearman`].
    pub spearman: Option<f64>,
    /// See [`mean_squared_error`].
    pub mse: Option<f64>,
    /// See [`mean_absolute_error`].
    pub mae: Option<f64>,
    /// See [`r2`].
    pub r2: Option<f64>,
}

impl RegressionScores {
    /// Scores predictions.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn new(targets: Rows<'_, f64>, predictions: Rows<'_, f64>) -> Self {
        let mean = |score: fn(&[f64], &[f64]) -> Option<f64>| {
            mean_over_targets(score, targets, predictions)
        };
        Self {
            pearson: mean(pearson),
            spearman: mean(spearman),
            mse: mean(mean_squared_error),
            mae: mean(mean_absolute_error),
            r2: mean(r2),
        }
    }

    /// Scores each column by itself, in their order.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn of_each(targets: Rows<'_, f64>, predictions: Rows<'_, f64>) -> Vec<Self> {
        targets.assert_shape_of(predictions);
        let of_column = |column| {
            let (targets, predictions) = (targets.column(column), predictions.column(column));
            Self::new(Rows::new(&targets, 1), Rows::new(&predictions, 1))
        };
        (0..targets.width()).map(of_column).collect()
    }

    /// A score by its name; `None` where it is undefined or not one of a regression.
    pub fn get(&self, name: MetricName) -> Option<f64> {
        match name {
            MetricName::Pearson => self.pearson,
            MetricName::Spearman => self.spearman,
            MetricName::Mse => self.mse,
            MetricName::Mae => self.mae,
            MetricName::R2 => self.r2,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ours: Option<f64>, expected: Option<f64>) {
        let difference = ours.zip(expected).map(|(ours, expected)| (ours - expected).abs());
        let is_same = difference.map_or(ours == expected, |difference| difference < 1e-12);
        assert!(is_same, "{ours:?}, expected {expected:?}");
    }

    #[test]
    fn each_column_has_its_scores() {
        // Right; turned round; and a constant, missed by a half.
        let targets = [1.0, 10.0, 7.0, 2.0, 20.0, 7.0, 3.0, 30.0, 7.0];
        let predictions = [1.0, 30.0, 7.5, 2.0, 20.0, 6.5, 3.0, 10.0, 7.5];
        let (targets, predictions) = (Rows::new(&targets, 3), Rows::new(&predictions, 3));
        let expected = [
            [Some(1.0), Some(1.0), Some(0.0), Some(0.0), Some(1.0)],
            [Some(-1.0), Some(-1.0), Some(800.0 / 3.0), Some(40.0 / 3.0), Some(-3.0)],
            [None, None, Some(0.25), Some(0.5), None],
        ];
        let each = RegressionScores::of_each(targets, predictions);
        assert_eq!(each.len(), expected.len());
        for (scores, expected) in each.into_iter().zip(expected) {
            let RegressionScores { pearson, spearman, mse, mae, r2 } = scores;
            let ours = [pearson, spearman, mse, mae, r2];
            ours.into_iter().zip(expected).for_each(|(ours, expected)| check(ours, expected));
        }
        let mean = RegressionScores::new(targets, predictions);
        check(mean.mae, Some((40.0 / 3.0 + 0.5) / 3.0));
        check(mean.pearson, None);
    }
}
