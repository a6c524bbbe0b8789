use std::borrow::Cow;
use std::sync::Arc;

use crate::random::{SplitMix64, shuffle};

/// The order of the examples in each epoch: a pure function of `(seed, epoch)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExampleOrder {
    /// Each once, in a new order.
    Shuffled { examples: usize, seed: u64 },
    /// The same in every epoch.
    Fixed(Vec<usize>),
    /// Drawn with replacement; the weights are summed up.
    Sampled { cumulative: Arc<[f64]>, seed: u64 },
}

impl ExampleOrder {
    /// Each drawn in proportion to its weight.
    pub(crate) fn sampled(weights: &[f64], seed: u64) -> Self {
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
        Self::Sampled { cumulative, seed }
    }

    /// The number of examples of an epoch.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Shuffled { examples, .. } => *examples,
            Self::Fixed(order) => order.len(),
            Self::Sampled { cumulative, .. } => cumulative.len(),
        }
    }

    /// The examples of an epoch.
    pub(crate) fn epoch(&self, epoch: usize) -> Cow<'_, [usize]> {
        match self {
            Self::Shuffled { examples, seed } => shuffle(*examples, *seed, epoch as u64).into(),
            Self::Fixed(order) => order.into(),
            Self::Sampled { cumulative, seed } => {
                draw(cumulative, SplitMix64::new(*seed, epoch as u64)).into()
            }
        }
    }
}

/// As many examples as there are, each the first whose summed weight is above a random number.
fn draw(cumulative: &[f64], mut random: SplitMix64) -> Vec<usize> {
    let total = cumulative.last().copied().unwrap_or_default();
    // Rounding may give the total itself, which no sum is above.
    let last = cumulative.partition_point(|&sum| sum < total);
    let mut one = || {
        let place = random.unit() * total;
        cumulative.partition_point(|&sum| sum <= place).min(last)
    };
    (0..cumulative.len()).map(|_| one()).collect()
}
