use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A score by name: what the best model may be best in.
///
/// In configurations and records it is its [`name`](Self::name).
///
/// # Examples
///
/// ```
/// use bertune_metrics::MetricName;
///
/// let metric: MetricName = "macro_f1".parse().unwrap();
/// assert!(metric.is_better(0.9, 0.8));
/// assert!(!MetricName::LogLoss.is_better(0.9, 0.8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MetricName {
    /// What training minimises, which only the training knows.
    Loss,
    /// The mean negative log of the label's probability.
    LogLoss,
    /// The share of right predictions.
    Accuracy,
    /// The mean recall of the classes.
    BalancedAccuracy,
    /// The mean precision of the classes.
    MacroPrecision,
    /// The mean recall of the classes that occur.
    MacroRecall,
    /// The mean F1 of the classes.
    MacroF1,
    /// The F1 of all decisions taken together.
    MicroF1,
    /// The mean precision of the classes, weighted by how often they are the label.
    WeightedPrecision,
    /// The mean recall of the classes, weighted by how often they are the label.
    WeightedRecall,
    /// The mean F1 of the classes, weighted by how often they are the label.
    WeightedF1,
    /// The mean F1 of the rows of a multi-label problem.
    SamplesF1,
    /// Matthews' correlation coefficient.
    Mcc,
    /// The area under the ROC curve, the mean of the classes.
    RocAuc,
    /// The area under the precision-recall curve, the mean of the classes.
    PrAuc,
    /// How far confidence is from accuracy.
    CalibrationError,
    /// The share of rows of a multi-label problem that are right in every class.
    SubsetAccuracy,
    /// The share of wrong decisions of a multi-label problem.
    HammingLoss,
    /// Pearson's correlation coefficient.
    Pearson,
    /// Spearman's rank correlation.
    Spearman,
    /// The mean squared error.
    Mse,
    /// The mean absolute error.
    Mae,
    /// The coefficient of determination.
    R2,
    /// The mean of several tasks' main scores, which only their training knows.
    MeanScore,
}

/// A name that no score has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric '{name}'; there are {}", MetricName::ALL.map(MetricName::name).join(", "))]
pub struct UnknownMetric {
    /// The name.
    pub name: String,
}

impl MetricName {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Loss,
        Self::LogLoss,
        Self::Accuracy,
        Self::BalancedAccuracy,
        Self::MacroPrecision,
        Self::MacroRecall,
        Self::MacroF1,
        Self::MicroF1,
        Self::WeightedPrecision,
        Self::WeightedRecall,
        Self::WeightedF1,
        Self::SamplesF1,
        Self::Mcc,
        Self::RocAuc,
        Self::PrAuc,
        Self::CalibrationError,
        Self::SubsetAccuracy,
        Self::HammingLoss,
        Self::Pearson,
        Self::Spearman,
        Self::Mse,
        Self::Mae,
        Self::R2,
        Self::MeanScore,
    ];

    /// Its name in configurations, such as `macro_f1`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::LogLoss => "log_loss",
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::MacroPrecision => "macro_precision",
            Self::MacroRecall => "macro_recall",
            Self::MacroF1 => "macro_f1",
            Self::MicroF1 => "micro_f1",
            Self::WeightedPrecision => "weighted_precision",
            Self::WeightedRecall => "weighted_recall",
            Self::WeightedF1 => "weighted_f1",
            Self::SamplesF1 => "samples_f1",
            Self::Mcc => "mcc",
            Self::RocAuc => "roc_auc",
            Self::PrAuc => "pr_auc",
            Self::CalibrationError => "calibration_error",
            Self::SubsetAccuracy => "subset_accuracy",
            Self::HammingLoss => "hamming_loss",
            Self::Pearson => "pearson",
            Self::Spearman => "spearman",
            Self::Mse => "mse",
            Self::Mae => "mae",
            Self::R2 => "r2",
            Self::MeanScore => "mean_score",
        }
    }

    /// Whether more of it is better; of losses and errors, less is.
    pub fn higher_is_better(self) -> bool {
        !matches!(
            self,
            Self::Loss
                | Self::LogLoss
                | Self::CalibrationError
                | Self::HammingLoss
                | Self::Mse
                | Self::Mae
        )
    }

    /// How much better `new` is than `old`; below 0 where it is worse.
    pub fn gain(self, new: f64, old: f64) -> f64 {
        if self.higher_is_better() { new - old } else { old - new }
    }

    /// Whether `new` is better than `old`, and not just as good. What is not a number is never
    /// better, and anything is better than it.
    pub fn is_better(self, new: f64, old: f64) -> bool {
        self.gain(new, old) > 0.0 || old.is_nan() && !new.is_nan()
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for MetricName {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        let unknown = || UnknownMetric { name: name.to_owned() };
        Self::ALL.into_iter().find(|metric| metric.name() == name).ok_or_else(unknown)
    }
}

impl TryFrom<String> for MetricName {
    type Error = UnknownMetric;

    fn try_from(name: String) -> Result<Self, UnknownMetric> {
        name.parse()
    }
}

impl From<MetricName> for String {
    fn from(metric: MetricName) -> Self {
        metric.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for metric in MetricName::ALL {
            let json = serde_json::to_string(&metric).unwrap();
            assert_eq!(json, format!("\"{metric}\""));
            assert_eq!(serde_json::from_str::<MetricName>(&json).unwrap(), metric);
        }
    }

    #[test]
    fn names_are_the_variants_in_snake_case() {
        for metric in MetricName::ALL {
            let variant = format!("{metric:?}").to_lowercase();
            assert_eq!(metric.name().replace('_', ""), variant);
        }
    }

    #[test]
    fn less_is_better_of_losses_and_errors() {
        let less: Vec<_> =
            MetricName::ALL.into_iter().filter(|metric| !metric.higher_is_better()).collect();
        let names: Vec<_> = less.iter().map(|metric| metric.name()).collect();
        let expected = ["loss", "log_loss", "calibration_error", "hamming_loss", "mse", "mae"];
        assert_eq!(names, expected);
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let error = "f1".parse::<MetricName>().unwrap_err().to_string();
        assert!(error.starts_with("there is no metric 'f1'; there are loss, log_loss, accuracy"));
    }

    #[test]
    fn what_is_not_a_number_is_never_better() {
        for metric in [MetricName::Accuracy, MetricName::Mse] {
            assert!(!metric.is_better(f64::NAN, 0.5));
            assert!(metric.is_better(0.5, f64::NAN));
            assert!(!metric.is_better(0.5, 0.5));
        }
    }
}
