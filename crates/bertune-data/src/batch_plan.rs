use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Dataset;
use crate::example_order::ExampleOrder;

/// Which examples make up each batch of each epoch: a pure function of `(seed, epoch)`, so that a
/// position in a run is a number, not an iterator's state.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchPlan {
    order: ExampleOrder,
    size: BatchSize,
}

#[derive(Clone, Debug, PartialEq)]
enum BatchSize {
    Examples(usize),
    Tokens { lengths: Arc<[usize]>, budget: usize },
}

impl BatchPlan {
    /// A new order in each epoch.
    ///
    /// # Panics
    ///
    /// If `batch_size` is 0.
    pub fn new(examples: usize, batch_size: usize, seed: u64) -> Self {
        Self::with_order(ExampleOrder::Shuffled { examples, seed }, batch_size)
    }

    /// The examples as they come, in every epoch.
    ///
    /// # Panics
    ///
    /// If `batch_size` is 0.
    pub fn in_order(examples: usize, batch_size: usize) -> Self {
        Self::with_order(ExampleOrder::Fixed((0..examples).collect()), batch_size)
    }

    /// The longest examples first, so that a batch holds examples of similar length.
    ///
    /// # Panics
    ///
    /// If `batch_size` is 0.
    pub fn by_length(dataset: &Dataset, batch_size: usize) -> Self {
        let mut order: Vec<usize> = (0..dataset.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(dataset.tokens_of(i)));
        Self::with_order(ExampleOrder::Fixed(order), batch_size)
    }

    /// As many examples in each epoch as there are, each drawn anew in proportion to the weights:
    /// some come more than once, others not at all.
    ///
    /// # Panics
    ///
    /// If `batch_size` is 0, a weight is negative or not finite, or none is above 0.
    pub fn sampled(weights: &[f64], batch_size: usize, seed: u64) -> Self {
        Self::with_order(ExampleOrder::sampled(weights, seed), batch_size)
    }

    /// As many examples in each epoch as there are, drawn so that each class is as likely.
    ///
    /// # Panics
    ///
    /// If `batch_size` is 0, or there are no labels.
    pub fn balanced(labels: &[usize], batch_size: usize, seed: u64) -> Self {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for &label in labels {
            *counts.entry(label).or_default() += 1;
        }
        let weights: Vec<f64> = labels.iter().map(|label| 1.0 / counts[label] as f64).collect();
        Self::sampled(&weights, batch_size, seed)
    }

    fn with_order(order: ExampleOrder, batch_size: usize) -> Self {
        assert!(batch_size > 0, "a batch has at least one example");
        Self { order, size: BatchSize::Examples(batch_size) }
    }

    /// The same order, in batches of as many examples as have no more tokens than this together,
    /// whatever their number; one that is longer stands alone.
    ///
    /// # Panics
    ///
    /// If `tokens` is 0, or the data set has another number of examples.
    pub fn with_token_budget(self, dataset: &Dataset, tokens: usize) -> Self {
        assert!(tokens > 0, "a batch has at least one token");
        assert_eq!(dataset.len(), self.order.len(), "the plan is one of this data set");
        let lengths = (0..dataset.len()).map(|example| dataset.tokens_of(example)).collect();
        Self { size: BatchSize::Tokens { lengths, budget: tokens }, ..self }
    }

    /// The number of examples that it is a plan of.
    pub(crate) fn examples(&self) -> usize {
        self.order.len()
    }

    /// The number of batches of an epoch; the last may be short.
    ///
    /// With a token budget that is the first epoch's: see [`batches_in`](Self::batches_in).
    pub fn batches_per_epoch(&self) -> usize {
        self.batches_in(0)
    }

    /// The number of batches of one epoch, which differs between epochs where there is a token
    /// budget.
    pub fn batches_in(&self, epoch: usize) -> usize {
        match self.size {
            BatchSize::Examples(size) => self.order.len().div_ceil(size),
            BatchSize::Tokens { .. } => self.epoch(epoch).len(),
        }
    }

    /// The example numbers of each batch of an epoch, from 0.
    pub fn epoch(&self, epoch: usize) -> Vec<Vec<usize>> {
        let order = self.order.epoch(epoch);
        match &self.size {
            BatchSize::Examples(size) => order.chunks(*size).map(<[usize]>::to_vec).collect(),
            BatchSize::Tokens { lengths, budget } => within_budget(&order, lengths, *budget),
        }
    }
}

/// Consecutive examples, as many as the budget lets together.
fn within_budget(order: &[usize], lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for &example in order {
        match batches.last_mut() {
            Some(batch) if lengths[example] <= room => {
                batch.push(example);
                room -= lengths[example];
            }
            _ => {
                batches.push(vec![example]);
                room = budget.saturating_sub(lengths[example]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use bertune_tokenize::Encoding;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_epoch_has_each_example_once() {
        for (examples, batch_size) in [(1, 1), (10, 3), (64, 32), (7, 100)] {
            let plan = BatchPlan::new(examples, batch_size, 3);
            for epoch in 0..3 {
                let batches = plan.epoch(epoch);
                assert_eq!(batches.len(), plan.batches_per_epoch());
                let mut seen = batches.concat();
                seen.sort_unstable();
                assert_eq!(seen, (0..examples).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn evaluation_keeps_the_order_of_rows() {
        let plan = BatchPlan::in_order(5, 2);
        assert_eq!(plan.epoch(0), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(plan.epoch(7), plan.epoch(0));
        assert_eq!(BatchPlan::in_order(0, 2).batches_per_epoch(), 0);
    }

    #[test]
    fn the_longest_come_first_and_equals_in_order() {
        let encoding = |tokens: usize| Encoding {
            input_ids: vec![1; tokens],
            token_type_ids: vec![0; tokens],
            offsets: vec![(0, 0); tokens],
        };
        let dataset = Dataset::unlabelled([2, 5, 2, 9].map(encoding).into());
        let plan = BatchPlan::by_length(&dataset, 3);
        assert_eq!(plan.epoch(0), [vec![3, 1, 0], vec![2]]);
    }

    /// These orders are an interface: a resumed run depends on them.
    #[test]
    fn the_orders_never_change() {
        let plan = BatchPlan::new(8, 3, 1);
        assert_eq!(plan.epoch(0), [vec![3, 6, 5], vec![4, 7, 1], vec![0, 2]]);
        let plan = BatchPlan::sampled(&[1.0, 0.0, 2.0, 0.5], 3, 1);
        assert_eq!(plan.epoch(0).concat(), [0, 0, 2, 2]);
        assert_ne!(plan.epoch(1), plan.epoch(0));
    }

    #[test]
    fn an_example_is_drawn_in_proportion_to_its_weight() {
        let weights = [1.0, 0.0, 3.0, 4.0];
        let plan = BatchPlan::sampled(&weights, 2, 9);
        let mut counts = [0u32; 4];
        for epoch in 0..10_000 {
            let drawn = plan.epoch(epoch).concat();
            assert_eq!(drawn.len(), 4);
            drawn.iter().for_each(|&example| counts[example] += 1);
        }
        // 5,000 for each unit of weight, a standard deviation of at most 100.
        for (count, weight) in counts.into_iter().zip(weights) {
            assert!(count.abs_diff((5000.0 * weight) as u32) < 500, "{counts:?}");
        }
        assert_eq!(counts[1], 0);
    }

    #[test]
    fn each_class_is_as_likely_in_a_balanced_plan() {
        let labels: Vec<usize> =
            (0..100).map(|i| [0, 2, 5][usize::from(i >= 4) + usize::from(i >= 20)]).collect();
        let plan = BatchPlan::balanced(&labels, 32, 3);
        assert_eq!(plan.batches_per_epoch(), 4);
        let mut counts = [0u32; 6];
        for epoch in 0..300 {
            plan.epoch(epoch).concat().iter().for_each(|&example| counts[labels[example]] += 1);
        }
        // 10,000 expected, a standard deviation of 82.
        for class in [0, 2, 5] {
            assert!(counts[class].abs_diff(10_000) < 400, "{counts:?}");
        }
    }

    #[test]
    #[should_panic(expected = "above 0")]
    fn weights_of_nothing_are_a_mistake() {
        BatchPlan::sampled(&[0.0, 0.0], 1, 1);
    }

    fn with_lengths(lengths: &[usize]) -> Dataset {
        let encoding = |&tokens: &usize| Encoding {
            input_ids: vec![1; tokens],
            token_type_ids: vec![0; tokens],
            ..Encoding::default()
        };
        Dataset::unlabelled(lengths.iter().map(encoding).collect())
    }

    #[test]
    fn a_budget_counts_tokens_in_place_of_examples() {
        let dataset = with_lengths(&[3, 4, 2, 9, 1, 1]);
        let plan = BatchPlan::in_order(6, 1).with_token_budget(&dataset, 7);
        assert_eq!(plan.epoch(0), [vec![0, 1], vec![2], vec![3], vec![4, 5]]);
        assert_eq!(plan.batches_in(0), 4);
        let empty = BatchPlan::in_order(0, 1).with_token_budget(&with_lengths(&[]), 7);
        assert_eq!((empty.batches_in(3), empty.epoch(3)), (0, vec![]));
    }

    proptest! {
        #[test]
        fn a_budget_keeps_the_order_and_is_kept(
            lengths in prop::collection::vec(1usize..40, 0..80),
            budget in 1usize..100,
            seed: u64,
            epoch in 0usize..5,
        ) {
            let dataset = with_lengths(&lengths);
            let shuffled = BatchPlan::new(lengths.len(), 7, seed);
            let plan = shuffled.clone().with_token_budget(&dataset, budget);
            let batches = plan.epoch(epoch);
            prop_assert_eq!(batches.len(), plan.batches_in(epoch));
            prop_assert_eq!(batches.concat(), shuffled.epoch(epoch).concat());
            let tokens = |batch: &[usize]| batch.iter().map(|&i| lengths[i]).sum::<usize>();
            for (i, batch) in batches.iter().enumerate() {
                prop_assert!(batch.len() == 1 || tokens(batch) <= budget);
                // No example of the next batch would have found room in this one.
                let next = batches.get(i + 1).map_or(usize::MAX / 2, |next| lengths[next[0]]);
                prop_assert!(tokens(batch) + next > budget);
            }
        }
    }
}
