use std::sync::Arc;

use crate::random::SplitMix64;

/// Things to draw from, each in proportion to its weight; all stay in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Urn {
    /// The weights, summed up.
    cumulative: Arc<[f64]>,
}

impl Urn {
    /// # Panics
    ///
    /// If a weight is negative or not finite, or none is above 0.
    pub(crate) fn new(weights: &[f64]) -> Self {
        let usable = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        assert!(usable, "a weight is a finite number, 0 or more");
        let cumulative: Arc<[f64]> = weights
            .iter()
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        assert!(cumulative.last().is_some_and(|sum| *sum > 0.0), "some weight is above 0");
        Self { cumulative }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.cumulative.len()
    }

    /// The first whose summed weight is above a random number.
    pub(crate) fn draw(&self, random: &mut SplitMix64) -> usize {
        let total = self.cumulative.last().copied().unwrap_or_default();
        // Rounding may give the total itself, which no sum is above.
        let last = self.cumulative.partition_point(|&sum| sum < total);
        let place = random.unit() * total;
        self.cumulative.partition_point(|&sum| sum <= place).min(last)
    }
}
