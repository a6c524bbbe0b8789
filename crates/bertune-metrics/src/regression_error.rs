use crate::Rows;
use crate::mean::mean;

/// The mean squared error, `0..`, scikit-learn's `mean_squared_error`; `None` where there are no
/// rows, or the error is not finite.
///
/// # Panics
///
/// If the lengths differ.
pub fn mean_squared_error(targets: &[f64], predictions: &[f64]) -> Option<f64> {
    mean(residuals(targets, predictions).map(|residual| residual * residual))
}

/// The mean absolute error, `0..`, scikit-learn's `mean_absolute_error`; `None` where there are no
/// rows, or the error is not finite.
///
/// # Panics
///
/// If the lengths differ.
pub fn mean_absolute_error(targets: &[f64], predictions: &[f64]) -> Option<f64> {
    mean(residuals(targets, predictions).map(f64::abs))
}

/// The coefficient of determination, `..=1`, scikit-learn's `r2_score(force_finite=False)`:
/// `1 − Σ (target − prediction)² / Σ (target − mean target)²`.
///
/// `None` for fewer than two rows and for a constant target, where there is no variance to explain
/// (scikit-learn's default puts 0 or 1 there), or where it is not finite.
///
/// # Panics
///
/// If the lengths differ.
///
/// # Examples
///
/// ```
/// use bertune_metrics::r2;
///
/// assert_eq!(r2(&[1.0, 2.0, 3.0], &[2.0, 2.0, 2.0]), Some(0.0));
/// assert_eq!(r2(&[2.0, 2.0, 2.0], &[2.0, 2.0, 2.0]), None);
/// ```
pub fn r2(targets: &[f64], predictions: &[f64]) -> Option<f64> {
    let unexplained = mean_squared_error(targets, predictions)?;
    // Compared exactly: the mean of equal targets may be rounded away from them.
    if targets.windows(2).all(|pair| pair[0] == pair[1]) {
        return None;
    }
    let centre = mean(targets.iter().copied())?;
    let r2 = 1.0 - unexplained / mean(targets.iter().map(|target| (target - centre).powi(2)))?;
    r2.is_finite().then_some(r2)
}

/// A score of each column by itself, and their mean, scikit-learn's
/// `multioutput="uniform_average"`; `None` where it is undefined for any column.
///
/// # Panics
///
/// If the shapes differ.
///
/// # Examples
///
/// ```
/// use bertune_metrics::{Rows, mean_absolute_error, mean_over_targets};
///
/// let targets = Rows::new(&[1.0, 10.0, 2.0, 20.0], 2);
/// let predictions = Rows::new(&[1.0, 11.0, 2.0, 21.0], 2);
/// assert_eq!(mean_over_targets(mean_absolute_error, targets, predictions), Some(0.5));
/// ```
pub fn mean_over_targets(
    score: impl Fn(&[f64], &[f64]) -> Option<f64>,
    targets: Rows<'_, f64>,
    predictions: Rows<'_, f64>,
) -> Option<f64> {
    targets.assert_shape_of(predictions);
    let columns = 0..targets.width();
    let scores: Option<Vec<f64>> =
        columns.map(|column| score(&targets.column(column), &predictions.column(column))).collect();
    mean(scores?.into_iter())
}

fn residuals(targets: &[f64], predictions: &[f64]) -> impl Iterator<Item = f64> {
    assert_eq!(targets.len(), predictions.len(), "one prediction for each target");
    targets.iter().zip(predictions).map(|(target, prediction)| target - prediction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_not_explained_however_its_mean_is_rounded() {
        assert_eq!(r2(&[0.1; 3], &[1.0, 2.0, 3.0]), None);
    }

    #[test]
    fn what_is_not_finite_has_no_error() {
        for (target, prediction) in [(f64::NAN, 1.0), (1.0, f64::INFINITY), (1e300, -1e300)] {
            let (targets, predictions) = ([target, 0.0], [prediction, 0.0]);
            assert_eq!(mean_squared_error(&targets, &predictions), None);
            assert_eq!(r2(&targets, &predictions), None);
        }
        assert_eq!(mean_absolute_error(&[], &[]), None);
    }
}
