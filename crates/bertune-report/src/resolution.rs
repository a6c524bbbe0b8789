use bertune_metrics::{Interval, MetricName, SeedSummary, student_t_quantile};

use crate::{Cell, Comparison, Size};

impl Comparison {
    /// The variance of a difference of final scores that comes from measuring on so many rows: a
    /// score that counts rows is known to within one of them.
    pub(crate) fn score_variance(&self) -> f64 {
        of_difference(one_of(self.test_examples.unwrap_or(self.validation_examples), self.metric))
    }

    /// That of a difference of gaps, in which each gap is measured on training and validation rows.
    pub(crate) fn gap_variance(&self, size: &Size) -> f64 {
        let learned = size.examples.min(self.train_sample);
        let rows = [learned, self.validation_examples];
        rows.iter().map(|rows| of_difference(one_of(*rows, self.metric))).sum()
    }
}

/// The variance of a difference of steps between runs that comes from measuring: a step is known to
/// within those from one evaluation to the next, where these are farthest apart.
pub(crate) fn step_variance<'a>(runs: impl IntoIterator<Item = &'a Cell>) -> f64 {
    let pairs = runs.into_iter().flat_map(|run| run.curve.windows(2));
    let between = pairs.map(|pair| pair[1].step.saturating_sub(pair[0].step));
    of_difference(between.max().unwrap_or(0) as f64)
}

/// The summary of a difference whose interval is as wide as the measuring alone would make it, at
/// least: `variance` is added to that between the seeds.
///
/// Steps come on a grid of evaluations and many scores on one of rows, so that a few seeds may well
/// have the very same difference. Their variance is 0 then, and the interval would have no width,
/// as if all were known.
pub(crate) fn known_to(variance: f64, difference: SeedSummary) -> SeedSummary {
    let SeedSummary { runs, mean, standard_deviation, .. } = difference;
    let interval = standard_deviation.map(|deviation| {
        let degrees_of_freedom = u32::try_from(runs - 1).unwrap_or(u32::MAX);
        let error = ((deviation.powi(2) + variance) / runs as f64).sqrt();
        let half = student_t_quantile(0.975, degrees_of_freedom) * error;
        Interval { low: mean - half, high: mean + half }
    });
    SeedSummary { interval, ..difference }
}

/// The variance of a difference of two numbers on a grid of this width: the error of each lies
/// anywhere in it, and has the variance `width² / 12`.
fn of_difference(width: f64) -> f64 {
    width.powi(2) / 6.0
}

/// How much one row of so many is in a score that counts rows; 0 in one that is on no such grid.
fn one_of(rows: usize, metric: MetricName) -> f64 {
    let counts = matches!(
        metric,
        MetricName::Accuracy
            | MetricName::BalancedAccuracy
            | MetricName::MacroPrecision
            | MetricName::MacroRecall
            | MetricName::MacroF1
            | MetricName::MicroF1
            | MetricName::WeightedPrecision
            | MetricName::WeightedRecall
            | MetricName::WeightedF1
            | MetricName::SamplesF1
            | MetricName::Mcc
            | MetricName::SubsetAccuracy
    );
    if counts { 1.0 / rows.max(1) as f64 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half_width(differences: &[f64], width: f64) -> f64 {
        let summary = SeedSummary::new(differences).unwrap();
        let interval = known_to(of_difference(width), summary).interval.unwrap();
        (interval.high - interval.low) / 2.0
    }

    #[test]
    fn what_a_grid_hides_is_no_certainty() {
        // Student's quantile of three runs, and the deviation of a difference on a grid of 5.
        let expected = 4.302_652_73 * 5.0 / 6f64.sqrt() / 3f64.sqrt();
        assert!((half_width(&[-20.0; 3], 5.0) - expected).abs() < 1e-6);
        // Where seeds differ by more, the grid hardly counts.
        let seeds = [-60.0, -20.0, 20.0];
        assert!((half_width(&seeds, 5.0) / half_width(&seeds, 0.0) - 1.0).abs() < 2e-3);
    }

    #[test]
    fn one_run_has_no_interval() {
        let one = SeedSummary::new(&[3.0]).unwrap();
        assert_eq!(known_to(1.0, one), one);
    }

    #[test]
    fn only_scores_that_count_rows_are_on_their_grid() {
        assert_eq!(one_of(50, MetricName::Accuracy), 0.02);
        assert_eq!(one_of(50, MetricName::Mae), 0.0);
    }
}
