use std::ops::RangeInclusive;

use crate::Rows;

/// The temperatures that [`fit_temperature`] chooses from.
pub const TEMPERATURES: RangeInclusive<f64> = 0.01..=100.0;

/// The temperature `T` which minimises the log loss of `softmax(logits / T)`
/// ([Guo et al., 2017](https://arxiv.org/abs/1706.04599)), within [`TEMPERATURES`].
///
/// Above 1 it makes a model less sure, below 1 surer; no prediction changes. The loss is convex in
/// `1 / T`, and the zero of its slope is found by Newton's steps, or by bisection where they leave
/// the interval or shrink too slowly. Where every prediction is right, the loss falls for ever and
/// `T` is the lowest; where all logits of each row are equal, it is the same for every `T`, which
/// is 1. `None` where there are no rows, or a logit is not finite.
///
/// # Panics
///
/// If the lengths differ or a label names no column.
///
/// # Examples
///
/// ```
/// use bertune_metrics::{Rows, fit_temperature, softmax};
///
/// // As sure as 0.99, and right in three rows of four.
/// let logits = [99.0_f64.ln(), 0.0].repeat(4);
/// let logits = Rows::new(&logits, 2);
/// let temperature = fit_temperature(&[0, 0, 0, 1], logits).unwrap();
/// assert!((softmax(logits, temperature)[0] - 0.75).abs() < 1e-9);
/// ```
pub fn fit_temperature(labels: &[usize], logits: Rows<'_, f64>) -> Option<f64> {
    logits.assert_labels(labels);
    if labels.is_empty() || logits.values().iter().any(|logit| !logit.is_finite()) {
        return None;
    }
    let (lowest, highest) = (1.0 / TEMPERATURES.end(), 1.0 / TEMPERATURES.start());
    let slope_at = |inverse| derivatives(labels, logits, inverse).0;
    Some(match (slope_at(lowest) < 0.0, slope_at(highest) > 0.0) {
        (true, true) => 1.0 / minimum(labels, logits, lowest, highest),
        (true, false) => *TEMPERATURES.start(),
        (false, true) => *TEMPERATURES.end(),
        (false, false) => 1.0,
    })
}

/// `softmax(logits / temperature)` of each row, row by row.
///
/// # Panics
///
/// If the temperature is not above 0.
pub fn softmax(logits: Rows<'_, f64>, temperature: f64) -> Vec<f64> {
    assert!(temperature > 0.0, "a temperature must be above 0, and is {temperature}");
    logits.iter().flat_map(|row| softmax_of_row(row, 1.0 / temperature)).collect()
}

fn softmax_of_row(row: &[f64], inverse: f64) -> Vec<f64> {
    let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = row.iter().map(|logit| ((logit - highest) * inverse).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// Where the slope is 0, between an inverse temperature where it is below and one where above.
fn minimum(labels: &[usize], logits: Rows<'_, f64>, mut low: f64, mut high: f64) -> f64 {
    const MOST_STEPS: usize = 200;
    let (mut inverse, mut last_step) = (1.0, high - low);
    for _ in 0..MOST_STEPS {
        let (slope, curvature) = derivatives(labels, logits, inverse);
        if slope == 0.0 {
            break;
        }
        let bound = if slope < 0.0 { &mut low } else { &mut high };
        *bound = inverse;
        let newton = inverse - slope / curvature;
        let is_good = low < newton && newton < high && (newton - inverse).abs() < last_step / 2.0;
        let next = if is_good { newton } else { low + (high - low) / 2.0 };
        last_step = (next - inverse).abs();
        inverse = next;
        if last_step <= f64::EPSILON * inverse {
            break;
        }
    }
    inverse
}

/// The first and second derivative of the log loss by the inverse temperature: the means of the
/// expectation and the variance of a row's logits, less the label's.
fn derivatives(labels: &[usize], logits: Rows<'_, f64>, inverse: f64) -> (f64, f64) {
    let (mut slope, mut curvature) = (0.0, 0.0);
    for (row, &label) in logits.iter().zip(labels) {
        let probabilities = softmax_of_row(row, inverse);
        let excess = |class: usize| row[class] - row[label];
        let expect = |value: &dyn Fn(usize) -> f64| -> f64 {
            probabilities.iter().enumerate().map(|(class, p)| p * value(class)).sum()
        };
        let expected = expect(&excess);
        slope += expected;
        curvature += expect(&|class| (excess(class) - expected).powi(2));
    }
    (slope / labels.len() as f64, curvature / labels.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &[usize], logits: &[f64], classes: usize, expected: Option<f64>) {
        let temperature = fit_temperature(labels, Rows::new(logits, classes));
        assert_eq!(temperature, expected, "{labels:?} {logits:?}");
    }

    #[test]
    fn what_has_no_minimum_inside_gets_a_bound() {
        check(&[0, 1], &[1.0, 0.0, 0.0, 1.0], 2, Some(0.01));
        check(&[0, 1], &[900.0, 0.0, 0.0, 900.0], 2, Some(0.01));
        check(&[1, 0], &[1.0, 0.0, 0.0, 1.0], 2, Some(100.0));
    }

    #[test]
    fn what_no_temperature_changes_keeps_its_own() {
        check(&[0, 1], &[3.0, 3.0, 0.0, 0.0], 2, Some(1.0));
        check(&[0, 0], &[3.0, 1.0], 1, Some(1.0));
    }

    #[test]
    fn what_is_undefined_has_no_temperature() {
        check(&[], &[], 2, None);
        check(&[0], &[f64::NAN, 1.0], 2, None);
        check(&[0], &[f64::INFINITY, 1.0], 2, None);
    }
}
