use std::num::NonZeroUsize;

use bertune_data::Dataset;

use crate::timeline::Timeline;
use crate::{Interval, Sources, TrainingConfig};

/// The settings of a run on the target alone that may be as long as the run with sources, whose
/// examples these are: as many steps, measured as often, and ended alike where there is patience. What
/// differs between the two is what they learn from.
///
/// # Panics
///
/// If there is no example.
pub fn target_only(
    config: &TrainingConfig,
    with_sources: &Dataset,
    sources: &Sources,
) -> TrainingConfig {
    as_long_as(config, &Timeline::new(config, with_sources, sources.draws()))
}

fn as_long_as(config: &TrainingConfig, timeline: &Timeline) -> TrainingConfig {
    let in_steps = |interval: Interval| {
        let steps = interval.in_steps(timeline.steps_per_epoch());
        NonZeroUsize::new(steps).map_or(interval, Interval::Steps)
    };
    TrainingConfig {
        max_steps: Some(timeline.steps),
        evaluate_every: in_steps(config.evaluate_every),
        gradual_unfreezing: config.gradual_unfreezing.map(in_steps),
        ..config.clone()
    }
}

#[cfg(test)]
mod tests {
    use bertune_tokenize::Encoding;

    use super::*;

    #[test]
    fn a_run_without_sources_is_as_long_as_one_with_them() {
        let encoding = Encoding { input_ids: vec![1], token_type_ids: vec![0], offsets: vec![] };
        let dataset = |rows: usize| Dataset::labelled(vec![encoding.clone(); rows], vec![0; rows]);
        let config = TrainingConfig {
            epochs: 3,
            batch_size: 4,
            gradual_unfreezing: Some(Interval::EPOCH),
            ..Default::default()
        };
        let (all, target) = (dataset(50), dataset(8));
        let with_sources = Timeline::new(&config, &all, None);
        let alone = as_long_as(&config, &with_sources);
        let timeline = Timeline::new(&alone, &target, None);
        assert_eq!((timeline.steps, with_sources.steps), (39, 39));
        let measured = |timeline: &Timeline| -> Vec<usize> {
            (1..=39).filter(|&steps| timeline.evaluates_after(steps)).collect()
        };
        assert_eq!(measured(&timeline), measured(&with_sources));
        assert_eq!(alone.gradual_unfreezing, "13 steps".parse().ok());
    }
}
