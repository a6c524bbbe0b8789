use crate::ranking::{one_vs_rest, over_classes, ranking};
use crate::{Average, Rows};

/// The area under the ROC curve of a binary problem, `0..=1`, scikit-learn's `roc_auc_score`.
///
/// It is how often a row of the class scores higher than another row, equal scores counting half.
/// `None` where one of the two is absent, or a score is not a number.
///
/// # Panics
///
/// If the lengths differ.
///
/// # Examples
///
/// ```
/// use bertune_metrics::binary_roc_auc;
///
/// assert_eq!(binary_roc_auc(&[false, true, true], &[0.2, 0.2, 0.9]), Some(0.75));
/// assert_eq!(binary_roc_auc(&[true, true, true], &[0.2, 0.2, 0.9]), None);
/// ```
pub fn binary_roc_auc(labels: &[bool], scores: &[f64]) -> Option<f64> {
    let (mut positives, mut negatives, mut twice_won) = (0, 0, 0_u128);
    for tie in ranking(labels, scores)? {
        let above = u128::from(2 * positives + tie.positives);
        twice_won += u128::from(tie.negatives) * above;
        positives += tie.positives;
        negatives += tie.negatives;
    }
    let pairs = u128::from(positives) * u128::from(negatives);
    (pairs > 0).then(|| twice_won as f64 / (2 * pairs) as f64)
}

/// The area under the ROC curve where each row has one class, each against the rest, `0..=1`,
/// scikit-learn's `roc_auc_score(multi_class="ovr")`.
///
/// With two classes it is that of the second class's scores, whatever the average. Scores need not
/// sum to 1. `None` where the average needs a class that is absent: any of them for
/// [`Average::Macro`], while [`Average::Weighted`] gives it no weight; and where all rows have the
/// same class, or a score is not a number.
///
/// # Panics
///
/// If the lengths differ or a label names no column.
pub fn roc_auc(labels: &[usize], scores: Rows<'_, f64>, average: Average) -> Option<f64> {
    one_vs_rest(binary_roc_auc, labels, scores, average)
}

/// The area under the ROC curve where each row has any number of classes, `0..=1`.
///
/// `None` where [`Average::Macro`] meets a class that all rows or none have;
/// [`Average::Weighted`] gives one that none have no weight.
///
/// # Panics
///
/// If the shapes differ.
pub fn multi_label_roc_auc(
    labels: Rows<'_, bool>,
    scores: Rows<'_, f64>,
    average: Average,
) -> Option<f64> {
    over_classes(binary_roc_auc, labels, scores, average)
}
