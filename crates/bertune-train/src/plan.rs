use bertune_data::{BatchPlan, Dataset, MixedPlan};

use crate::{Sampling, TrainingConfig};

/// Which examples make up each batch of each epoch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plan {
    /// Of one task.
    Single(BatchPlan),
    /// Of several tasks, whose examples share no batch.
    Mixed(MixedPlan),
}

/// What is drawn, where that is not each example once in an epoch.
#[derive(Clone, Debug)]
pub(crate) enum Draws {
    /// Examples, so often in proportion to the others.
    Examples {
        /// In the first epoch of several, if that is not as in all.
        first: Option<Vec<f32>>,
        /// In each epoch.
        all: Vec<f32>,
    },
    /// Batches of one task each.
    Tasks {
        /// The examples of each task, one task after another in the data set of all.
        examples: Vec<Dataset>,
        /// How often each task is drawn, in proportion to the others.
        weights: Vec<f64>,
    },
}

impl Draws {
    /// How often each example is drawn, if it is examples that are.
    pub(crate) fn of_examples(&self) -> Option<&[f32]> {
        match self {
            Self::Examples { all, .. } => Some(all),
            Self::Tasks { .. } => None,
        }
    }

    /// These, but each of so many examples as often as the run that is gone on with drew it, `before`;
    /// `None` stands for each once.
    pub(crate) fn as_before(
        draws: Option<Self>,
        before: Option<&[f32]>,
        examples: usize,
    ) -> Option<Self> {
        let before = before.filter(|before| before.len() == examples).map(<[_]>::to_vec);
        match draws {
            Some(Self::Tasks { .. }) => draws,
            Some(Self::Examples { first, .. }) => before.map(|all| Self::Examples { first, all }),
            None => before.map(|all| Self::Examples { first: None, all }),
        }
    }
}

impl Plan {
    /// The plan of all epochs as the settings have it, and that of the first of several, where it is
    /// another.
    pub(crate) fn of_epochs(
        config: &TrainingConfig,
        dataset: &Dataset,
        draws: Option<Draws>,
    ) -> (Self, Option<Self>) {
        let single = |draws| Self::Single(batch_plan(config, dataset, draws, config.seed));
        match draws {
            None => (single(None), None),
            Some(Draws::Examples { first, all }) => {
                (single(Some(all)), first.map(|first| single(Some(first))))
            }
            Some(Draws::Tasks { examples, weights }) => {
                let seeds = (0..).map(|task| config.seed.wrapping_add(task));
                let plans = examples.iter().zip(seeds);
                let plans = plans.map(|(task, seed)| batch_plan(config, task, None, seed));
                (Self::Mixed(MixedPlan::new(plans.collect(), &weights, config.seed)), None)
            }
        }
    }

    /// The number of batches of one epoch.
    pub(crate) fn batches_in(&self, epoch: usize) -> usize {
        match self {
            Self::Single(plan) => plan.batches_in(epoch),
            Self::Mixed(plan) => plan.batches_per_epoch(),
        }
    }

    /// The example numbers of each batch of an epoch, from 0.
    pub(crate) fn epoch(&self, epoch: usize) -> Vec<Vec<usize>> {
        match self {
            Self::Single(plan) => plan.epoch(epoch),
            Self::Mixed(plan) => plan.epoch(epoch),
        }
    }
}

/// The batches as the settings have them, of examples that are drawn so often.
fn batch_plan(
    config: &TrainingConfig,
    dataset: &Dataset,
    draws: Option<Vec<f32>>,
    seed: u64,
) -> BatchPlan {
    let batch_size = config.batch_size;
    let draws: Option<Vec<f64>> = draws.map(|draws| draws.into_iter().map(f64::from).collect());
    let plan = match (config.sampling, draws) {
        (Sampling::Shuffled, None) => BatchPlan::new(dataset.len(), batch_size, seed),
        (Sampling::Balanced, None) => BatchPlan::balanced(dataset.labels(), batch_size, seed),
        (Sampling::Shuffled, Some(draws)) => BatchPlan::sampled(&draws, batch_size, seed),
        (Sampling::Balanced, Some(draws)) => {
            BatchPlan::sampled(&balanced(&draws, dataset.labels()), batch_size, seed)
        }
    };
    match config.tokens_per_batch {
        Some(tokens) => plan.with_token_budget(dataset, tokens),
        None => plan,
    }
}

/// The same draws within each class, but each class as often as every other.
pub(crate) fn balanced(draws: &[f64], labels: &[usize]) -> Vec<f64> {
    let mut sums = vec![0.0; labels.iter().max().map_or(0, |last| last + 1)];
    draws.iter().zip(labels).for_each(|(draw, &label)| sums[label] += draw);
    draws.iter().zip(labels).map(|(draw, &label)| draw / sums[label].max(1e-300)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_drew_before_is_drawn_on() {
        let now = || Some(Draws::Examples { first: None, all: vec![1.0, 0.5] });
        let drawn = |now: Option<Draws>, before: Option<&[f32]>| {
            Draws::as_before(now, before, 2)?.of_examples().map(<[_]>::to_vec)
        };
        let before: Option<&[f32]> = Some(&[1.0, 0.25]);
        assert_eq!(drawn(now(), before), Some(vec![1.0, 0.25]));
        assert_eq!(drawn(None, before), Some(vec![1.0, 0.25]));
        assert_eq!(drawn(now(), None), None);
        assert_eq!(drawn(None, Some(&[1.0])), None);
        let tasks = Draws::Tasks { examples: Vec::new(), weights: Vec::new() };
        assert!(matches!(Draws::as_before(Some(tasks), None, 2), Some(Draws::Tasks { .. })));
    }

    #[test]
    fn balanced_draws_keep_their_proportions_within_a_class() {
        let draws = balanced(&[1.0, 3.0, 2.0, 0.0], &[0, 0, 1, 2]);
        assert_eq!(draws, [0.25, 0.75, 1.0, 0.0]);
    }
}
