//! Scores of classifiers and regressors, equal to scikit-learn's and SciPy's to nine digits, with
//! their uncertainty.
//!
//! [`ClassificationScores`], [`MultiLabelScores`] and [`RegressionScores`] hold all scores of a
//! problem; each score is a function that can be used alone. Tables go in as [`Rows`] of a slice.
//! [`MetricName`] names a score in a configuration. [`Bootstrap`] tells how much a score depends
//! on the rows it was measured on, [`SeedSummary`] how much on the seed.
//!
//! A score that is undefined, such as the ROC AUC of rows that all have the same class, is `None`:
//! never NaN, and never a number that only looks like a score. The exceptions are the scores that
//! scikit-learn defines by `zero_division=0`, and they say so.
//!
//! # Examples
//!
//! ```
//! use bertune_metrics::{ClassificationScores, MetricName, Rows};
//!
//! let probabilities = [0.9, 0.1, 0.6, 0.4, 0.3, 0.7, 0.8, 0.2];
//! let scores = ClassificationScores::new(&[0, 0, 1, 1], Rows::new(&probabilities, 2));
//! assert_eq!(scores.accuracy, 0.75);
//! assert_eq!(scores.get(MetricName::RocAuc), Some(0.75));
//! assert_eq!(scores.get(MetricName::Pearson), None);
//! ```

mod average;
mod average_precision;
mod bootstrap;
mod calibration_error;
mod class_counts;
mod classification_scores;
mod confusion_matrix;
mod correlation;
mod interval;
mod log_loss;
mod mean;
mod metric_name;
mod multi_label;
mod multi_label_scores;
mod paired_difference;
mod predictions;
mod ranking;
mod regression_error;
mod regression_scores;
mod roc_auc;
mod rows;
mod seed_summary;
mod split_mix64;
mod student_t;
mod temperature;
mod thresholds;

pub use average::{Average, average_scores};
pub use average_precision::{
    average_precision, binary_average_precision, multi_label_average_precision,
};
pub use bootstrap::{Bootstrap, BootstrapEstimate};
pub use calibration_error::{CALIBRATION_BINS, expected_calibration_error};
pub use class_counts::{ClassCounts, PrecisionRecallF1};
pub use classification_scores::ClassificationScores;
pub use confusion_matrix::ConfusionMatrix;
pub use correlation::{pearson, spearman};
pub use interval::Interval;
pub use log_loss::{binary_log_loss, log_loss};
pub use metric_name::{MetricName, UnknownMetric};
pub use multi_label::{hamming_loss, label_counts, sample_average, subset_accuracy};
pub use multi_label_scores::MultiLabelScores;
pub use paired_difference::PairedDifference;
pub use predictions::{predicted_classes, predicted_labels};
pub use regression_error::{mean_absolute_error, mean_over_targets, mean_squared_error, r2};
pub use regression_scores::RegressionScores;
pub use roc_auc::{binary_roc_auc, multi_label_roc_auc, roc_auc};
pub use rows::Rows;
pub use seed_summary::SeedSummary;
pub use split_mix64::SplitMix64;
pub use student_t::student_t_quantile;
pub use temperature::{TEMPERATURES, fit_temperature, softmax};
pub use thresholds::{best_threshold, tune_thresholds};
