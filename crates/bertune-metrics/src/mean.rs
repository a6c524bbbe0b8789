/// The mean, or `None` where there is nothing or the result is not finite.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u64, 0.0), |(count, sum), value| (count + 1, sum + value));
    let mean = sum / count as f64;
    mean.is_finite().then_some(mean)
}

/// A quotient that is 0 where it is undefined, scikit-learn's `zero_division=0`.
pub(crate) fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}
