use crate::{Rows, predicted_classes};

/// How many bins [`expected_calibration_error`] usually has.
pub const CALIBRATION_BINS: usize = 15;

/// How far confidence is from accuracy, `0..=1`
/// ([Guo et al., 2017](https://arxiv.org/abs/1706.04599), equation 3).
///
/// Rows are put into `bins` intervals `((b − 1)/bins, b/bins]` of equal width by their confidence,
/// the probability of the predicted class. The error is
/// `Σ_b |B_b| / n · |accuracy(B_b) − confidence(B_b)|`. `None` where there are no rows, or a
/// confidence is not a number.
///
/// # Panics
///
/// If `bins` is 0, the lengths differ or a label names no column.
///
/// # Examples
///
/// ```
/// use bertune_metrics::{CALIBRATION_BINS, Rows, expected_calibration_error};
///
/// // Sure by 75 %, and right in one of two rows.
/// let probabilities = Rows::new(&[0.75, 0.25, 0.75, 0.25], 2);
/// let error = expected_calibration_error(&[0, 1], probabilities, CALIBRATION_BINS);
/// assert_eq!(error, Some(0.25));
/// ```
pub fn expected_calibration_error(
    labels: &[usize],
    probabilities: Rows<'_, f64>,
    bins: usize,
) -> Option<f64> {
    assert!(bins > 0, "calibration needs at least one bin");
    probabilities.assert_labels(labels);
    let mut gaps = vec![0.0; bins];
    for ((row, class), &label) in
        probabilities.iter().zip(predicted_classes(probabilities)).zip(labels)
    {
        let right = if class == label { 1.0 } else { 0.0 };
        gaps[bin_of(row[class], bins)] += right - row[class];
    }
    let error = gaps.iter().map(|gap| gap.abs()).sum::<f64>() / labels.len() as f64;
    error.is_finite().then_some(error)
}

fn bin_of(confidence: f64, bins: usize) -> usize {
    ((confidence * bins as f64).ceil() as usize).clamp(1, bins) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(probabilities: &[f64], labels: &[usize], bins: usize, expected: Option<f64>) {
        let error = expected_calibration_error(labels, Rows::new(probabilities, 2), bins);
        assert_eq!(error, expected, "{probabilities:?}");
    }

    #[test]
    fn a_bin_holds_its_upper_end() {
        // 0.5 is right and in the first of two bins, 0.75 wrong and in the second.
        check(&[0.5, 0.5, 0.75, 0.25], &[0, 1], 2, Some(0.625));
        check(&[0.5, 0.5, 0.75, 0.25], &[0, 1], 1, Some(0.125));
    }

    #[test]
    fn what_is_undefined_has_no_error() {
        check(&[], &[], 15, None);
        check(&[f64::NAN, f64::NAN], &[0], 15, None);
    }
}
