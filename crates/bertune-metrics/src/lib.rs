//! Scores of classifiers and regressors, equal to scikit-learn's and SciPy's to nine digits, with
//! their uncertainty.

mod average;
mod class_counts;
mod confusion_matrix;
mod mean;
mod rows;

pub use average::{Average, average_scores};
pub use class_counts::{ClassCounts, PrecisionRecallF1};
pub use confusion_matrix::ConfusionMatrix;
pub use rows::Rows;
