use std::num::NonZeroUsize;

use bertune::train::Interval;

/// Every so many steps, one at least.
pub(super) fn every(steps: usize) -> Interval {
    Interval::Steps(NonZeroUsize::new(steps).unwrap_or(NonZeroUsize::MIN))
}
