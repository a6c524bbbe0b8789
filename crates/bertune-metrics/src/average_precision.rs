use crate::ranking::{one_vs_rest, over_classes, ranking};
use crate::{Average, Rows};

/// The average precision of a binary problem, `0..=1`, scikit-learn's `average_precision_score`.
///
/// It is the area under the precision-recall curve as a sum of steps,
/// `Σ (recall_i − recall_{i−1}) precision_i`, one for each distinct score from the highest down.
/// `None` where no row is of the class, or a score is not a number.
///
/// # Panics
///
/// If the lengths differ.
///
/// # Examples
///
/// ```
/// use bertune_metrics::binary_average_precision;
///
/// let labels = [true, false, true];
/// assert_eq!(binary_average_precision(&labels, &[0.9, 0.5, 0.9]), Some(1.0));
/// assert_eq!(binary_average_precision(&[false; 3], &[0.9, 0.5, 0.9]), None);
/// ```
pub fn binary_average_precision(labels: &[bool], scores: &[f64]) -> Option<f64> {
    let (mut positives, mut predicted, mut area) = (0, 0, 0.0);
    for tie in ranking(labels, scores)? {
        positives += tie.positives;
        predicted += tie.positives + tie.negatives;
        area += tie.positives as f64 * (positives as f64 / predicted as f64);
    }
    (positives > 0).then(|| area / positives as f64)
}

/// The average precision where each row has one class, each against the rest, `0..=1`.
///
/// With two classes it is that of the second class's scores, whatever the average. `None` where
/// [`Average::Macro`] meets a class that is absent; [`Average::Weighted`] gives it no weight.
///
/// # Panics
///
/// If the lengths differ or a label names no column.
pub fn average_precision(labels: &[usize], scores: Rows<'_, f64>, average: Average) -> Option<f64> {
    one_vs_rest(binary_average_precision, labels, scores, average)
}

/// The average precision where each row has any number of classes, `0..=1`.
///
/// `None` where [`Average::Macro`] meets a class that no row has; [`Average::Weighted`] gives it
/// no weight.
///
/// # Panics
///
/// If the shapes differ.
pub fn multi_label_average_precision(
    labels: Rows<'_, bool>,
    scores: Rows<'_, f64>,
    average: Average,
) -> Option<f64> {
    over_classes(binary_average_precision, labels, scores, average)
}
