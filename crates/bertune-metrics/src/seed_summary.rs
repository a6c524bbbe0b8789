use serde::{Deserialize, Serialize};

use crate::mean::mean;
use crate::{Interval, student_t_quantile};

/// How much a score depends on the seed: what several runs of one configuration scored.
///
/// # Examples
///
/// ```
/// use bertune_metrics::SeedSummary;
///
/// let summary = SeedSummary::new(&[0.90, 0.92, 0.94]).unwrap();
/// assert!((summary.mean - 0.92).abs() < 1e-12);
/// assert!((summary.standard_deviation.unwrap() - 0.02).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedSummary {
    /// How many runs there are.
    pub runs: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation (`n − 1`); undefined for a single run.
    pub standard_deviation: Option<f64>,
    /// Where the mean of ever more runs would lie: `mean ± t s / √n`, Student's 95 % interval;
    /// undefined for a single run.
    pub interval: Option<Interval>,
}

impl SeedSummary {
    /// Summarises the scores of the runs; `None` where there are none, or one is not finite.
    pub fn new(scores: &[f64]) -> Option<Self> {
        let runs = scores.len();
        let mean = mean(scores.iter().copied())?;
        let standard_deviation = standard_deviation(scores, mean);
        let interval = standard_deviation.map(|deviation| {
            let half = half_width(deviation, runs);
            Interval { low: mean - half, high: mean + half }
        });
        Some(Self { runs, mean, standard_deviation, interval })
    }
}

fn standard_deviation(scores: &[f64], mean: f64) -> Option<f64> {
    let squares: f64 = scores.iter().map(|score| (score - mean).powi(2)).sum();
    (scores.len() > 1).then(|| (squares / (scores.len() - 1) as f64).sqrt())
}

fn half_width(deviation: f64, runs: usize) -> f64 {
    let degrees_of_freedom = u32::try_from(runs - 1).unwrap_or(u32::MAX);
    student_t_quantile(0.975, degrees_of_freedom) * deviation / (runs as f64).sqrt()
}
