use crate::Rows;
use crate::mean::mean;

/// The mean of `−ln p` of each row's class, `0..`, scikit-learn's `log_loss`.
///
/// As there, a probability is clipped to `[ε, 1 − ε]` with float64's `ε = 2⁻⁵²`, so one certain
/// mistake costs 36.04 and not infinity. `None` where there are no rows, fewer than two classes, or
/// a probability of a row's class is not a number.
///
/// # Panics
///
/// If the lengths differ or a label names no column.
pub fn log_loss(labels: &[usize], probabilities: Rows<'_, f64>) -> Option<f64> {
    probabilities.assert_labels(labels);
    let of_label = labels.iter().zip(probabilities.iter()).map(|(&label, row)| row[label]);
    mean(of_label.map(cost)).filter(|_| probabilities.width() > 1)
}

/// The mean of `−ln p` where the label is true and `−ln (1 − p)` where it is not, `0..`: the log
/// loss of a binary problem, or of all decisions of a multi-label problem.
///
/// Clipped as [`log_loss`] is. `None` where there is nothing, or a probability is not a number.
///
/// # Panics
///
/// If the lengths differ.
pub fn binary_log_loss(labels: &[bool], probabilities: &[f64]) -> Option<f64> {
    assert_eq!(labels.len(), probabilities.len(), "one probability for each label");
    let of_label = |(&label, &p): (&bool, &f64)| if label { p } else { 1.0 - p };
    mean(labels.iter().zip(probabilities).map(of_label).map(cost))
}

fn cost(probability: f64) -> f64 {
    -probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
}
