use serde::{Deserialize, Serialize};

use crate::bootstrap::all_rows;
use crate::{Bootstrap, Interval};

/// How two predictions for the same rows differ, by the paired bootstrap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// The first score less the second, on all rows.
    pub difference: f64,
    /// The middle 95 % of the resamples' differences.
    pub interval: Interval,
    /// The two-sided p-value of no difference, `0..=1`: twice the share of resamples whose
    /// difference is `≤ 0`, or `≥ 0` if that is smaller. One more is counted on either side, so
    /// that it is never 0 ([Davison and Hinkley, 1997](https://doi.org/10.1017/CBO9780511802843)).
    pub p_value: f64,
    /// On how many resamples both scores are defined; the others are left out.
    pub resamples: usize,
}

impl Bootstrap {
    /// Compares two scores of the same rows, such as the accuracies of two models, on the same
    /// resamples.
    ///
    /// `None` where the difference on all rows, or that on every resample, is undefined, and of fewer
    /// than two rows.
    pub fn paired_difference(
        self,
        rows: usize,
        first: impl Fn(&[usize]) -> Option<f64> + Sync,
        second: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Option<PairedDifference> {
        let difference = |rows: &[usize]| Some(first(rows)? - second(rows)?);
        let of_all = all_rows(rows, difference)?;
        let mut differences = self.scores(rows, difference);
        let resamples = differences.len();
        (resamples > 0).then(|| PairedDifference {
            difference: of_all,
            interval: Interval::of_percentiles(&mut differences),
            p_value: p_value(&differences),
            resamples,
        })
    }
}

fn p_value(differences: &[f64]) -> f64 {
    let count = |test: fn(&f64) -> bool| differences.iter().filter(|d| test(d)).count();
    let fewer = count(|difference| *difference <= 0.0).min(count(|difference| *difference >= 0.0));
    (2.0 * (fewer + 1) as f64 / (differences.len() + 1) as f64).min(1.0)
}
