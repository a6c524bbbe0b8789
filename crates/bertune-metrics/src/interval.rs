use serde::{Deserialize, Serialize};

/// Between which numbers something lies with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The middle 95 % of the values, which are sorted here.
    ///
    /// # Panics
    ///
    /// If there are no values.
    pub(crate) fn of_percentiles(values: &mut [f64]) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Self { low: quantile(values, 0.025), high: quantile(values, 0.975) }
    }
}

/// Between two neighbouring values by a straight line, NumPy's default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    below + (above - below) * position.fract()
}
