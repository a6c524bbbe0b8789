use std::collections::VecDeque;

use bertune_data::{Dataset, PackedBatch, Prefetch};

use crate::plan::{Draws, Plan};
use crate::{Interval, TrainingConfig};

/// The steps of a run: which examples each has, in which parts they are computed, and after which
/// of them the model is measured. A place in a run is a number, the steps that were taken.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    plan: Plan,
    /// That of the first epoch, where it is another.
    first_plan: Option<Plan>,
    micro_batch_size: usize,
    evaluate_every: Interval,
    /// All steps of the run.
    pub(crate) steps: usize,
    /// The steps from the beginning to the end of each epoch; the last epoch may be run in part.
    epoch_ends: Vec<usize>,
}

/// The examples of one step, in the parts that are computed at once.
#[derive(Clone, Debug)]
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

    /// The window with these weights of the data set's examples, if there are any, in place of its
    /// own.
    pub(crate) fn weighed(mut self, weights: Option<&[f32]>) -> Self {
        let Some(weights) = weights else { return self };
        for part in &mut self.parts {
            part.weights = part.example_ids.iter().map(|&example| weights[example]).collect();
        }
        self
    }

    /// The numbers of the examples.
    pub(crate) fn example_ids(&self) -> Vec<usize> {
        self.parts.iter().flat_map(|part| part.example_ids.iter().copied()).collect()
    }
}

impl Timeline {
    /// The steps of the examples of a data set, drawn as it is said, if it is.
    pub(crate) fn new(config: &TrainingConfig, dataset: &Dataset, draws: Option<Draws>) -> Self {
        let (plan, first_plan) = Plan::of_epochs(config, dataset, draws);
        let is_short = config.max_steps.map_or(config.epochs == 1, |s| s <= plan.batches_in(0));
        let first_plan = first_plan.filter(|_| !is_short);
        let plan_of = |epoch| first_plan.as_ref().filter(|_| epoch == 0).unwrap_or(&plan);
        let is_enough = |epochs: usize, steps: usize| match config.max_steps {
            Some(max_steps) => steps >= max_steps,
            None => epochs == config.epochs,
        };
        let (mut epoch_ends, mut steps) = (Vec::new(), 0);
        while !is_enough(epoch_ends.len(), steps) {
            steps += plan_of(epoch_ends.len()).batches_in(epoch_ends.len()).max(1);
            epoch_ends.push(steps);
        }
        Self {
            micro_batch_size: config.micro_batch_size.unwrap_or(usize::MAX),
            evaluate_every: config.evaluate_every,
            steps: config.max_steps.unwrap_or(steps),
            epoch_ends,
            first_plan,
            plan,
        }
    }

    fn plan_of(&self, epoch: usize) -> &Plan {
        self.first_plan.as_ref().filter(|_| epoch == 0).unwrap_or(&self.plan)
    }

    /// The steps of the first epoch; with a token budget, others may have some more or less.
    pub(crate) fn steps_per_epoch(&self) -> usize {
        self.epoch_ends[0]
    }

    /// The epochs, the last one perhaps in part.
    pub(crate) fn epochs(&self) -> usize {
        self.epoch_ends.len()
    }

    /// Whether it is time for what happens at an interval when so many steps were taken.
    pub(crate) fn is_due(&self, interval: Interval, steps: usize) -> bool {
        match interval {
            Interval::Steps(every) => steps.is_multiple_of(every.get()),
            Interval::Epochs(every) => {
                let epoch = self.epoch_ends.binary_search(&steps);
                epoch.is_ok_and(|epoch| (epoch + 1).is_multiple_of(every.get()))
            }
        }
    }

    /// How often something happens at an interval before the last step.
    pub(crate) fn times_before_end(&self, interval: Interval) -> usize {
        (1..self.steps).filter(|&steps| self.is_due(interval, steps)).count()
    }

    /// Whether the model is measured when so many steps were taken.
    pub(crate) fn evaluates_after(&self, steps: usize) -> bool {
        self.is_due(self.evaluate_every, steps) || steps == self.steps
    }

    /// The epoch, from 0, of the step after so many, and the steps before it.
    fn epoch_after(&self, taken: usize) -> (usize, usize) {
        let epoch = self.epoch_ends.partition_point(|&end| end <= taken);
        (epoch, epoch.checked_sub(1).map_or(0, |before| self.epoch_ends[before]))
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
        let (epoch, before) = self.timeline.epoch_after(self.taken);
        let dataset = self.dataset.in_epoch(epoch);
        let batches =
            self.timeline.plan_of(epoch).epoch(epoch).into_iter().skip(self.taken - before);
        let parts: Vec<Vec<Vec<usize>>> = batches
            .map(|batch| batch.chunks(self.timeline.micro_batch_size).map(<[_]>::to_vec).collect())
            .collect();
        self.parts = parts.iter().map(Vec::len).collect();
        self.prefetch = Some(Prefetch::new(&dataset, parts.into_iter().flatten().collect()));
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
        let (epoch, _) = self.timeline.epoch_after(self.taken);
        self.taken += 1;
        Some(Window { epoch: epoch + 1, parts })
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
        let whole = Timeline::new(&config(), &dataset, None);
        let config = TrainingConfig { micro_batch_size: Some(3), ..config() };
        let parts = Timeline::new(&config, &dataset, None);
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
        let timeline = Timeline::new(&config(), &dataset, None);
        let all = ids(&timeline, &dataset, 0);
        assert_eq!(all.len(), 6);
        for taken in 0..=6 {
            assert_eq!(ids(&timeline, &dataset, taken), all[taken..]);
        }
    }

    #[test]
    fn the_number_of_steps_may_be_given() {
        let config = TrainingConfig { max_steps: Some(7), ..config() };
        let timeline = Timeline::new(&config, &dataset(11), None);
        assert_eq!((timeline.steps, timeline.epochs()), (7, 3));
        assert_eq!(ids(&timeline, &dataset(11), 0).len(), 7);
    }

    #[test]
    fn a_token_budget_makes_epochs_of_different_lengths() {
        let encoding = |i: u32| Encoding {
            input_ids: vec![i; 1 + i as usize * 5 % 7],
            token_type_ids: vec![0; 1 + i as usize * 5 % 7],
            offsets: Vec::new(),
        };
        let dataset = Dataset::labelled((0..23).map(encoding).collect(), vec![0; 23]);
        let config = TrainingConfig { epochs: 6, tokens_per_batch: Some(10), ..config() };
        let timeline = Timeline::new(&config, &dataset, None);
        let all = ids(&timeline, &dataset, 0);
        assert_eq!(all.len(), timeline.steps);
        for epoch in 1..=6 {
            let mut seen: Vec<usize> = all
                .iter()
                .filter(|(of, _)| *of == epoch)
                .flat_map(|(_, ids)| ids.clone())
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..23).collect::<Vec<_>>(), "epoch {epoch}");
        }
        let tokens = |ids: &[usize]| ids.iter().map(|&id| dataset.tokens_of(id)).sum::<usize>();
        assert!(all.iter().all(|(_, ids)| tokens(ids) <= 10));
        let ends: Vec<usize> =
            (1..=timeline.steps).filter(|&steps| timeline.evaluates_after(steps)).collect();
        assert_eq!(ends, timeline.epoch_ends);
        let lengths: Vec<usize> =
            ends.iter().zip([0].iter().chain(&ends)).map(|(b, a)| b - a).collect();
        assert!(lengths.iter().any(|length| *length != lengths[0]), "{lengths:?}");
        for taken in 0..=timeline.steps {
            assert_eq!(ids(&timeline, &dataset, taken), all[taken..]);
        }
    }

    #[test]
    fn examples_are_drawn_as_often_as_it_is_said_and_in_the_first_epoch_otherwise() {
        let dataset = dataset(40);
        let first = Some([vec![1.0; 10], vec![0.0; 30]].concat());
        let draws = Draws::Examples { first, all: [vec![3.0; 10], vec![1.0; 30]].concat() };
        let config = TrainingConfig { epochs: 41, batch_size: 7, ..config() };
        let timeline = Timeline::new(&config, &dataset, Some(draws));
        let all = ids(&timeline, &dataset, 0);
        assert_eq!(all.len(), timeline.steps);
        let of = |first: bool| -> Vec<usize> {
            let epochs = all.iter().filter(|(epoch, _)| (*epoch == 1) == first);
            epochs.flat_map(|(_, ids)| ids.clone()).collect()
        };
        assert!(of(true).len() == 40 && of(true).iter().all(|&id| id < 10));
        // 800 of 1600 expected, a standard deviation of 20.
        let target = of(false).iter().filter(|&&id| id < 10).count();
        assert!(target.abs_diff(800) < 100, "{target}");
        for taken in 0..=14 {
            assert_eq!(ids(&timeline, &dataset, taken), all[taken..]);
        }
    }

    #[test]
    fn the_model_is_measured_at_intervals_and_at_the_end() {
        let measured = |config: &TrainingConfig| -> Vec<usize> {
            let timeline = Timeline::new(config, &dataset(11), None);
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
