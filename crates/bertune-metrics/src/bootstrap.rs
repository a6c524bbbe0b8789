use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Interval, SplitMix64};

/// How much scores depend on the rows they were measured on: the bootstrap
/// ([Efron, 1979](https://doi.org/10.1214/aos/1176344552)).
///
/// A score is measured again on `resamples` tables of as many rows, drawn from the table with
/// replacement. Each draw is a pure function of the seed, the resample and the position, so results
/// are the same on any number of threads.
///
/// # Examples
///
/// ```
/// use bertune_metrics::{Bootstrap, ConfusionMatrix};
///
/// let labels = [0, 0, 0, 1, 1, 1, 1, 0];
/// let predictions = [0, 0, 1, 1, 1, 1, 0, 0];
/// let accuracy = |rows: &[usize]| {
///     let gather = |classes: &[usize]| rows.iter().map(|&row| classes[row]).collect::<Vec<_>>();
///     Some(ConfusionMatrix::new(&gather(&labels), &gather(&predictions), 2).accuracy())
/// };
/// let estimate = Bootstrap::default().interval(labels.len(), accuracy).unwrap();
/// assert_eq!(estimate.score, 0.75);
/// assert!(estimate.interval.low < 0.75 && 0.75 < estimate.interval.high);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bootstrap {
    /// How many tables are drawn, 1,000 by default.
    pub resamples: usize,
    /// What they are drawn by, 42 by default.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 1000, seed: 42 }
    }
}

/// A score and how much it depends on the rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BootstrapEstimate {
    /// The score of all rows.
    pub score: f64,
    /// The middle 95 % of the resamples' scores.
    pub interval: Interval,
    /// On how many resamples the score is defined; the others are left out.
    pub resamples: usize,
}

impl Bootstrap {
    /// Fewer rows than these are drawn in too few ways to show how others would be: the percentiles of
    /// their resamples are too narrow an interval, or one without any width.
    pub const FEW_ROWS: usize = 20;

    /// The 95 % percentile interval of a score of the rows whose indices it is given.
    ///
    /// `None` where the score of all rows, or that of every resample, is undefined, and of fewer than
    /// two rows, which cannot be drawn in two ways.
    pub fn interval(
        self,
        rows: usize,
        score: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Option<BootstrapEstimate> {
        let of_all = all_rows(rows, &score)?;
        let mut scores = self.scores(rows, score);
        let resamples = scores.len();
        (resamples > 0).then(|| BootstrapEstimate {
            score: of_all,
            interval: Interval::of_percentiles(&mut scores),
            resamples,
        })
    }

    /// The scores that are defined, in the order of the resamples.
    pub(crate) fn scores(
        self,
        rows: usize,
        score: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Vec<f64> {
        let one = |drawn: &mut Vec<usize>, resample: usize| {
            let mut random = SplitMix64::stream(self.seed, resample as u64);
            drawn.iter_mut().for_each(|row| *row = random.below(rows));
            score(drawn).filter(|score| !score.is_nan())
        };
        let resamples = (0..self.resamples).into_par_iter();
        let scores: Vec<Option<f64>> = resamples.map_init(|| vec![0; rows], one).collect();
        scores.into_iter().flatten().collect()
    }
}

/// The score of the whole table, `None` for one of fewer than two rows.
pub(crate) fn all_rows(rows: usize, score: impl Fn(&[usize]) -> Option<f64>) -> Option<f64> {
    let all: Vec<usize> = (0..rows).collect();
    if rows < 2 { None } else { score(&all).filter(|score| !score.is_nan()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_row_says_nothing_of_how_much_a_score_depends_on_the_rows() {
        let right = |rows: &[usize]| Some(rows.len() as f64);
        for rows in [0, 1] {
            assert_eq!(Bootstrap::default().interval(rows, right), None);
            assert_eq!(Bootstrap::default().paired_difference(rows, right, |_| Some(0.0)), None);
        }
        assert!(Bootstrap::default().interval(2, right).is_some());
    }
}
