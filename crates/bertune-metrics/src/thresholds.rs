use crate::ranking::{Tie, ranking};
use crate::{ClassCounts, Rows};

/// The threshold which maximises a class's F1 where a row is predicted if its probability reaches
/// it, `score >= threshold`.
///
/// Candidates lie halfway between neighbouring probabilities, and between the lowest and 0. Of
/// equally good ones it is the nearest to 0.5, and of two such the lower. Where no row is of the
/// class, every threshold is as good, and it is 0.5. A probability that is not a number is never
/// predicted.
///
/// # Panics
///
/// If the lengths differ.
///
/// # Examples
///
/// ```
/// use bertune_metrics::best_threshold;
///
/// let labels = [false, true, false, true];
/// assert_eq!(best_threshold(&labels, &[0.125, 0.25, 0.0, 0.5]), 0.1875);
/// ```
pub fn best_threshold(labels: &[bool], probabilities: &[f64]) -> f64 {
    let candidates = candidates(labels, probabilities);
    let best = candidates.into_iter().filter(|(counts, _)| counts.right > 0).reduce(better);
    best.map_or(0.5, |(_, threshold)| threshold)
}

/// [`best_threshold`] of each class of a multi-label problem.
///
/// # Panics
///
/// If the shapes differ.
pub fn tune_thresholds(labels: Rows<'_, bool>, probabilities: Rows<'_, f64>) -> Vec<f64> {
    labels.assert_shape_of(probabilities);
    let best = |class| best_threshold(&labels.column(class), &probabilities.column(class));
    (0..labels.width()).map(best).collect()
}

/// What would be predicted, and the threshold for it.
type Candidate = (ClassCounts, f64);

/// The candidates from the highest threshold down. One above all probabilities is not there: it
/// predicts nothing, which is no better than anything.
fn candidates(labels: &[bool], probabilities: &[f64]) -> Vec<Candidate> {
    let ties = ranking_of_numbers(labels, probabilities);
    let labelled = labels.iter().filter(|&&label| label).count() as u64;
    let mut counts = ClassCounts { labelled, ..ClassCounts::default() };
    let mut candidates = Vec::with_capacity(ties.len());
    for (index, tie) in ties.iter().enumerate() {
        counts.right += tie.positives;
        counts.predicted += tie.positives + tie.negatives;
        let below = ties.get(index + 1).map_or(0.0, |next| next.score);
        candidates.push((counts, halfway(below, tie.score)));
    }
    candidates
}

fn ranking_of_numbers(labels: &[bool], probabilities: &[f64]) -> Vec<Tie> {
    assert_eq!(labels.len(), probabilities.len(), "one probability for each label");
    let rows = labels.iter().copied().zip(probabilities.iter().copied());
    let (labels, probabilities): (Vec<bool>, Vec<f64>) =
        rows.filter(|(_, probability)| !probability.is_nan()).unzip();
    ranking(&labels, &probabilities).unwrap_or_default()
}

/// The middle, or `above` where rounding puts the middle on `below`.
fn halfway(below: f64, above: f64) -> f64 {
    let middle = below + (above - below) / 2.0;
    if middle > below { middle } else { above }
}

/// The one with the higher F1, else the nearer to 0.5, else the second.
fn better(first: Candidate, second: Candidate) -> Candidate {
    // F1 is 2 right / (labelled + predicted); compared as fractions, which are exact.
    let decisions = |counts: ClassCounts| u128::from(counts.labelled + counts.predicted);
    let value = u128::from(first.0.right) * decisions(second.0);
    let other = u128::from(second.0.right) * decisions(first.0);
    let distance = |candidate: &Candidate| (candidate.1 - 0.5).abs();
    let is_nearer = distance(&first) < distance(&second);
    if value > other || value == other && is_nearer { first } else { second }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &[bool], probabilities: &[f64], expected: f64) {
        let threshold = best_threshold(labels, probabilities);
        assert_eq!(threshold, expected, "{labels:?} {probabilities:?}");
    }

    #[test]
    fn the_threshold_lies_between_scores() {
        check(&[false, true], &[0.25, 0.75], 0.5);
        check(&[true, true], &[0.25, 0.75], 0.125);
        check(&[true], &[0.0], 0.0);
        check(&[true, false], &[f64::NAN, 0.5], 0.5);
    }

    #[test]
    fn of_equally_good_thresholds_the_nearest_to_a_half_is_taken() {
        // F1 is 2/3 for the first row alone, and for all rows.
        let labels = [true, false, false, true];
        check(&labels, &[1.0, 0.5, 0.375, 0.25], 0.75);
        check(&labels, &[1.0, 0.875, 0.75, 0.625], 0.3125);
        check(&labels, &[1.0, 0.75, 0.5, 0.25], 0.125);
    }

    #[test]
    fn a_class_without_rows_keeps_a_half() {
        check(&[], &[], 0.5);
        check(&[false, false], &[0.9, 0.8], 0.5);
    }

    #[test]
    fn neighbouring_floats_stay_apart() {
        let below = 0.3_f64;
        check(&[false, true], &[below, below.next_up()], below.next_up());
    }
}
