use crate::mean::mean;

/// Pearson's correlation coefficient, `-1..=1`, SciPy's `pearsonr`.
///
/// `None` for fewer than two rows, where either side is constant, or where a value is not finite.
///
/// # Panics
///
/// If the lengths differ.
///
/// # Examples
///
/// ```
/// use bertune_metrics::pearson;
///
/// assert_eq!(pearson(&[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0]), None);
/// assert!(pearson(&[1.0, 2.0, 3.0], &[6.0, 4.0, 2.0]).unwrap() < -0.999_999);
/// ```
pub fn pearson(targets: &[f64], predictions: &[f64]) -> Option<f64> {
    assert_eq!(targets.len(), predictions.len(), "one prediction for each target");
    let (targets, predictions) = (direction(targets)?, direction(predictions)?);
    let cosine: f64 = targets.iter().zip(&predictions).map(|(a, b)| a * b).sum();
    cosine.is_finite().then(|| cosine.clamp(-1.0, 1.0))
}

/// Spearman's rank correlation, `-1..=1`, SciPy's `spearmanr`: Pearson's correlation of the ranks,
/// where equal values share the mean of their ranks.
///
/// `None` where [`pearson`] is.
///
/// # Panics
///
/// If the lengths differ.
pub fn spearman(targets: &[f64], predictions: &[f64]) -> Option<f64> {
    assert_eq!(targets.len(), predictions.len(), "one prediction for each target");
    let is_finite = targets.iter().chain(predictions).all(|value| value.is_finite());
    if is_finite { pearson(&ranks(targets), &ranks(predictions)) } else { None }
}

/// The values less their mean, as a vector of length 1; none for a constant.
fn direction(values: &[f64]) -> Option<Vec<f64>> {
    // Compared exactly: the mean of equal values may be rounded away from them.
    if values.windows(2).all(|pair| pair[0] == pair[1]) {
        return None;
    }
    let mean = mean(values.iter().copied())?;
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    // Divided by the largest first, so that squares neither overflow nor vanish.
    let largest = centred.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let norm = largest * centred.iter().map(|value| (value / largest).powi(2)).sum::<f64>().sqrt();
    Some(centred.iter().map(|value| value / norm).collect())
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for tie in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = below as f64 + (tie.len() + 1) as f64 / 2.0;
        tie.iter().for_each(|&row| ranks[row] = rank);
        below += tie.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(ranks(&[3.0, -0.0, 0.0, 9.0, 3.0, 3.0]), [4.0, 1.5, 1.5, 6.0, 4.0, 4.0]);
    }

    #[test]
    fn a_constant_has_no_correlation_however_its_mean_is_rounded() {
        assert_eq!(pearson(&[0.1; 3], &[1.0, 2.0, 3.0]), None);
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[0.1; 3]), None);
    }

    #[test]
    fn what_is_not_finite_has_no_correlation() {
        assert_eq!(pearson(&[1.0, 2.0, f64::NAN], &[1.0, 2.0, 3.0]), None);
        assert_eq!(spearman(&[1.0, 2.0, f64::INFINITY], &[1.0, 2.0, 3.0]), None);
    }

    #[test]
    fn size_does_not_matter() {
        for size in [1e-200, 1e200] {
            let r = pearson(&[size, 2.0 * size, 3.0 * size], &[1.0, 2.0, 3.0]).unwrap();
            assert!((r - 1.0).abs() < 1e-12, "{size}: {r}");
        }
    }
}
