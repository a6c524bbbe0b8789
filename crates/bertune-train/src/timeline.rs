use std::collections::VecDeque;

use bertune_data::{BatchPlan, Dataset, PackedBatch, Prefetch};

use crate::{Sampling, TrainingConfig};

/// The steps of a run: which examples each has, in which parts they are computed, and after which
/// of them the model is measured. A place in a run is a number, the steps that were taken.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    plan: BatchPlan,
    micro_batch_size: usize,
    evaluate_every: usize,
    /// All steps of the run.
    pub(crate) steps: usize,
    /// The epochs that they need, the last one perhaps in part.
    pub(crate) epochs: usize,
}

/// The examples of one step, in the parts that are computed at once.
#[derive(Debug)]
pub(crate) struct Window {
    /// The epoch, from 1.
    pub(crate) epoch: usize,
    /// At least one part.
    pub(crate) parts: Vec<PackedBatch>,
}

impl Window {
    /// The number of examples.
    pub(crate) fn examples(&self) -> usize {
        self.parts.iter().map(PackedBatch::examples).sum()
    }

    /// The numbers of the examples.
    pub(crate) fn example_ids(&self) -> Vec<usize> {
        self.parts.iter().flat_map(|part| part.example_ids.iter().copied()).collect()
    }
}

impl Timeline {
    pub(crate) fn new(config: &TrainingConfig, dataset: &Dataset) -> Self {
        let TrainingConfig { batch_size, seed, .. } = *config;
        let plan = match config.sampling {
            Sampling::Shuffled => BatchPlan::new(dataset.len(), batch_size, seed),
            Sampling::Balanced => BatchPlan::balanced(dataset.labels(), batch_size, seed),
        };
        let steps_per_epoch = plan.batches_per_epoch();
        let steps = config.max_steps.unwrap_or(config.epochs * steps_per_epoch);
        Self {
            micro_batch_size: config.micro_batch_size.unwrap_or(config.batch_size),
            evaluate_every: config.evaluate_every.in_steps(steps_per_epoch),
            epochs: steps.div_ceil(steps_per_epoch),
            steps,
            plan,
        }
    }

    pub(crate) fn steps_per_epoch(&self) -> usize {
        self.plan.batches_per_epoch()
    }

    /// Whether the model is measured when so many steps were taken.
    pub(crate) fn evaluates_after(&self, steps: usize) -> bool {
        steps.is_multiple_of(self.evaluate_every) || steps == self.steps
    }

    /// The windows of the steps that are left when `taken` were taken.
    pub(crate) fn windows<'a>(&'a self, dataset: &'a Dataset, taken: usize) -> Windows<'a> {
        Windows { timeline: self, dataset, taken, parts: VecDeque::new(), prefetch: None }
    }
}

/// The windows of a run, packed ahead.
#[derive(Debug)]
pub(crate) struct Windows<'a> {
    timeline: &'a Timeline,
    dataset: &'a Dataset,
    taken: usize,
    /// How many parts each further step of this epoch has.
    parts: VecDeque<usize>,
    prefetch: Option<Prefetch>,
}

impl Windows<'_> {
    fn begin_epoch(&mut self) {
        let per_epoch = self.timeline.steps_per_epoch();
        let epoch = self.taken / per_epoch;
        let batches = self.timeline.plan.epoch(epoch).into_iter().skip(self.taken % per_epoch);
        let parts: Vec<Vec<Vec<usize>>> = batches
            .map(|batch| batch.chunks(self.timeline.micro_batch_size).map(<[_]>::to_vec).collect())
            .collect();
        self.parts = parts.iter().map(Vec::len).collect();
        self.prefetch = Some(Prefetch::new(self.dataset, parts.into_iter().flatten().collect()));
    }
}

impl Iterator for Windows<'_> {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        if self.taken == self.timeline.steps {
            return None;
        }
        if self.parts.is_empty() {
            self.begin_epoch();
        }
        let parts = self.parts.pop_front()?;
        let parts: Vec<_> = self.prefetch.as_mut()?.take(parts).collect();
        let epoch = self.taken / self.timeline.steps_per_epoch() + 1;
        self.taken += 1;
        Some(Window { epoch, parts })
    }
}

#[cfg(test)]
mod tests {
    use bertune_tokenize::Encoding;

    use super::*;
    use crate::Interval;

    fn dataset(examples: u32) -> Dataset {
        let encoding = |id| Encoding {
            input_ids: vec![id, id],
            token_type_ids: vec![0, 0],
            offsets: vec![(0, 0), (0, 0)],
        };
        let labels = vec![0; examples as usize];
        Dataset::labelled((0..examples).map(encoding).collect(), labels)
    }

    fn config() -> TrainingConfig {
        TrainingConfig { epochs: 2, batch_size: 4, ..Default::default() }
    }

    fn ids(timeline: &Timeline, dataset: &Dataset, taken: usize) -> Vec<(usize, Vec<usize>)> {
        let windows = timeline.windows(dataset, taken);
        windows.map(|window| (window.epoch, window.example_ids())).collect()
    }

    #[test]
    fn parts_cut_the_same_steps() {
        let dataset = dataset(11);
        let whole = Timeline::new(&config(), &dataset);
        let config = TrainingConfig { micro_batch_size: Some(3), ..config() };
        let parts = Timeline::new(&config, &dataset);
        assert_eq!(ids(&whole, &dataset, 0), ids(&parts, &dataset, 0));
        let sizes: Vec<Vec<usize>> = parts
            .windows(&dataset, 0)
            .map(|window| window.parts.iter().map(PackedBatch::examples).collect())
            .collect();
        assert_eq!(sizes, [[3, 1].as_slice(), &[3, 1], &[3], &[3, 1], &[3, 1], &[3]]);
    }

    #[test]
    fn a_run_goes_on_from_any_step() {
        let dataset = dataset(11);
        let timeline = Timeline::new(&config(), &dataset);
        let all = ids(&timeline, &dataset, 0);
        assert_eq!(all.len(), 6);
        for taken in 0..=6 {
            assert_eq!(ids(&timeline, &dataset, taken), all[taken..]);
        }
    }

    #[test]
    fn the_number_of_steps_may_be_given() {
        let config = TrainingConfig { max_steps: Some(7), ..config() };
        let timeline = Timeline::new(&config, &dataset(11));
        assert_eq!((timeline.steps, timeline.epochs), (7, 3));
        assert_eq!(ids(&timeline, &dataset(11), 0).len(), 7);
    }

    #[test]
    fn the_model_is_measured_at_intervals_and_at_the_end() {
        let measured = |config: &TrainingConfig| -> Vec<usize> {
            let timeline = Timeline::new(config, &dataset(11));
            (1..=timeline.steps).filter(|&steps| timeline.evaluates_after(steps)).collect()
        };
        assert_eq!(measured(&config()), [3, 6]);
        let every = |words: &str| words.parse::<Interval>().unwrap();
        let config = TrainingConfig { evaluate_every: every("4 steps"), ..config() };
        assert_eq!(measured(&config), [4, 6]);
        let config = TrainingConfig { evaluate_every: every("9 epochs"), ..config };
        assert_eq!(measured(&config), [6]);
    }
}
