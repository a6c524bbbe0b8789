use std::borrow::Cow;

use crate::random::{SplitMix64, shuffle};
use crate::urn::Urn;

/// The order of the examples in each epoch: a pure function of `(seed, epoch)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExampleOrder {
    /// Each once, in a new order.
    Shuffled { examples: usize, seed: u64 },
    /// The same in every epoch.
    Fixed(Vec<usize>),
    /// Drawn with replacement.
    Sampled { urn: Urn, seed: u64 },
}

impl ExampleOrder {
    /// Each drawn in proportion to its weight.
    pub(crate) fn sampled(weights: &[f64], seed: u64) -> Self {
        Self::Sampled { urn: Urn::new(weights), seed }
    }

    /// The number of examples of an epoch.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Shuffled { examples, .. } => *examples,
            Self::Fixed(order) => order.len(),
            Self::Sampled { urn, .. } => urn.len(),
        }
    }

    /// The examples of an epoch.
    pub(crate) fn epoch(&self, epoch: usize) -> Cow<'_, [usize]> {
        match self {
            Self::Shuffled { examples, seed } => shuffle(*examples, *seed, epoch as u64).into(),
            Self::Fixed(order) => order.into(),
            Self::Sampled { urn, seed } => {
                let mut random = SplitMix64::new(*seed, epoch as u64);
                (0..urn.len()).map(|_| urn.draw(&mut random)).collect::<Vec<_>>().into()
            }
        }
    }
}
