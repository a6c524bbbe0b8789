use crate::mean::mean;
use crate::{ClassCounts, PrecisionRecallF1, Rows};

/// The share of rows whose classes were all predicted, and no others, `0..=1`, scikit-learn's
/// `accuracy_score` of multi-label problems; `None` where there are no rows.
///
/// # Panics
///
/// If the shapes differ.
pub fn subset_accuracy(labels: Rows<'_, bool>, predictions: Rows<'_, bool>) -> Option<f64> {
    labels.assert_shape_of(predictions);
    let is_right = |(labels, predictions)| if labels == predictions { 1.0 } else { 0.0 };
    mean(labels.iter().zip(predictions.iter()).map(is_right))
}

/// The share of wrong decisions, `0..=1`, scikit-learn's `hamming_loss`; `None` where there are no
/// rows.
///
/// # Panics
///
/// If the shapes differ.
pub fn hamming_loss(labels: Rows<'_, bool>, predictions: Rows<'_, bool>) -> Option<f64> {
    labels.assert_shape_of(predictions);
    let is_wrong = |(label, prediction)| if label == prediction { 0.0 } else { 1.0 };
    mean(labels.values().iter().zip(predictions.values()).map(is_wrong))
}

/// The counts of each class of a multi-label problem, for
/// [`average_scores`](crate::average_scores).
///
/// # Panics
///
/// If the shapes differ.
pub fn label_counts(labels: Rows<'_, bool>, predictions: Rows<'_, bool>) -> Vec<ClassCounts> {
    labels.assert_shape_of(predictions);
    let of_class = |class| ClassCounts::new(&labels.column(class), &predictions.column(class));
    (0..labels.width()).map(of_class).collect()
}

/// The means of each row's precision, recall and F1, scikit-learn's `average="samples"` with
/// `zero_division=0`: a row without labels and predictions scores 0. `None` where there are no
/// rows.
///
/// # Panics
///
/// If the shapes differ.
pub fn sample_average(
    labels: Rows<'_, bool>,
    predictions: Rows<'_, bool>,
) -> Option<PrecisionRecallF1> {
    labels.assert_shape_of(predictions);
    let rows = labels.iter().zip(predictions.iter());
    let rows: Vec<ClassCounts> = rows.map(|(a, b)| ClassCounts::new(a, b)).collect();
    Some(PrecisionRecallF1 {
        precision: mean(rows.iter().map(|row| row.precision()))?,
        recall: mean(rows.iter().map(|row| row.recall()))?,
        f1: mean(rows.iter().map(|row| row.f1()))?,
    })
}
