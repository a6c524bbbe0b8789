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
