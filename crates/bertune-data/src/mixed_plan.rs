use crate::BatchPlan;
use crate::random::SplitMix64;
use crate::urn::Urn;

/// Which examples of several parts of a data set, one after another in it, make up each batch: those
/// of one part alone, drawn by the parts' weights.
///
/// Each part has its own plan, and its epochs, here its passes, follow one another whatever epoch of
/// the whole they fall into: where it shuffles, no example comes again before all of its part have
/// come. An epoch of the whole has as many batches as one pass over each part. As in a [`BatchPlan`], all of that is a pure
/// function of the seed and the number of the step.
#[derive(Clone, Debug, PartialEq)]
pub struct MixedPlan {
    parts: Vec<BatchPlan>,
    urn: Urn,
    seed: u64,
}

impl MixedPlan {
    /// Batches of these parts, each part drawn in proportion to its weight.
    ///
    /// # Panics
    ///
    /// If there are not as many weights as parts, a weight is negative or not finite, none is above
    /// 0, or a part has no examples.
    pub fn new(parts: Vec<BatchPlan>, weights: &[f64], seed: u64) -> Self {
        assert_eq!(parts.len(), weights.len(), "one weight for each part");
        assert!(parts.iter().all(|part| part.examples() > 0), "a part has at least one example");
        // Other numbers than those that the orders of a plan of the same seed are drawn from.
        Self { parts, urn: Urn::new(weights), seed: !seed }
    }

    /// The number of batches of an epoch; with a token budget, a pass may have some more or less
    /// than the first one, by which they are counted here.
    pub fn batches_per_epoch(&self) -> usize {
        self.parts.iter().map(BatchPlan::batches_per_epoch).sum()
    }

    /// The number of the part that a step's batch is of; both are counted from 0.
    pub fn part_at(&self, step: usize) -> usize {
        self.urn.draw(&mut SplitMix64::new(self.seed, step as u64))
    }

    /// The example numbers of each batch of an epoch, from 0.
    pub fn epoch(&self, epoch: usize) -> Vec<Vec<usize>> {
        let batches = self.batches_per_epoch();
        let begin = epoch * batches;
        let mut taken = vec![0; self.parts.len()];
        (0..begin).for_each(|step| taken[self.part_at(step)] += 1);
        let parts = self.parts.iter().zip(taken);
        let mut next: Vec<_> = parts.map(|(part, taken)| batches_after(part, taken)).collect();
        let firsts = self.first_examples();
        (begin..begin + batches)
            .map(|step| {
                let part = self.part_at(step);
                let batch = next[part].next().unwrap_or_default();
                batch.into_iter().map(|example| firsts[part] + example).collect()
            })
            .collect()
    }

    /// The number in the whole of each part's first example.
    fn first_examples(&self) -> Vec<usize> {
        let first = |next: &mut usize, part: &BatchPlan| {
            *next += part.examples();
            Some(*next - part.examples())
        };
        self.parts.iter().scan(0, first).collect()
    }
}

/// The batches of a part that are left when so many were taken, pass after pass without end.
fn batches_after(part: &BatchPlan, taken: usize) -> impl Iterator<Item = Vec<usize>> {
    let (mut pass, mut left) = (0, taken);
    while left >= part.batches_in(pass) {
        left -= part.batches_in(pass);
        pass += 1;
    }
    (pass..).flat_map(|pass| part.epoch(pass)).skip(left)
}

#[cfg(test)]
mod tests {
    use bertune_tokenize::Encoding;

    use super::*;
    use crate::Dataset;

    /// Three parts of 40, 10 and 7 examples in batches of 4: 10, 3 and 2 of them.
    fn plan(weights: &[f64], seed: u64) -> MixedPlan {
        let parts = [40, 10, 7].map(|examples| BatchPlan::new(examples, 4, seed));
        MixedPlan::new(parts.to_vec(), weights, seed)
    }

    fn part_of(batch: &[usize]) -> usize {
        let of = |example: usize| usize::from(example >= 40) + usize::from(example >= 50);
        assert!(batch.iter().all(|&example| example < 57 && of(example) == of(batch[0])));
        of(batch[0])
    }

    #[test]
    fn a_batch_is_of_one_part_and_drawn_as_often_as_the_weights_say() {
        let (plan, epochs) = (plan(&[5.0, 3.0, 2.0], 7), 1000);
        let mut counts = [0u32; 3];
        for epoch in 0..epochs {
            let batches = plan.epoch(epoch);
            assert_eq!(batches.len(), 15);
            for (step, batch) in batches.iter().enumerate() {
                let part = part_of(batch);
                assert_eq!(part, plan.part_at(epoch * 15 + step));
                counts[part] += 1;
            }
        }
        for (count, share) in counts.into_iter().zip([0.5, 0.3, 0.2]) {
            let (mean, deviation) = (15e3 * share, (15e3 * share * (1.0_f64 - share)).sqrt());
            assert!((f64::from(count) - mean).abs() < 5.0 * deviation, "{counts:?}");
        }
    }

    #[test]
    fn every_example_of_a_part_comes_once_in_each_of_its_passes() {
        let plan = plan(&[1.0, 1.0, 1.0], 3);
        let all: Vec<Vec<usize>> = (0..60).flat_map(|epoch| plan.epoch(epoch)).collect();
        for (part, (first, examples)) in [(0, 40), (40, 10), (50, 7)].into_iter().enumerate() {
            let own = all.iter().filter(|batch| part_of(batch) == part);
            let own: Vec<usize> = own.flatten().copied().collect();
            let passes = own.chunks_exact(examples);
            assert!(passes.len() >= 5, "{}", passes.len());
            for mut pass in passes.map(<[usize]>::to_vec) {
                pass.sort_unstable();
                assert_eq!(pass, (first..first + examples).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn an_epoch_is_the_same_whenever_it_is_asked_for_and_depends_on_the_seed() {
        let plan = |seed| plan(&[1.0, 2.0, 0.5], seed);
        assert_eq!(plan(1).epoch(4), plan(1).epoch(4));
        assert_ne!(plan(1).epoch(4), plan(1).epoch(5));
        assert_ne!(plan(1).epoch(0), plan(2).epoch(0));
    }

    #[test]
    fn passes_of_unequal_length_follow_one_another() {
        let encoding = |i: usize| Encoding {
            input_ids: vec![1; 1 + i * 5 % 7],
            token_type_ids: vec![0; 1 + i * 5 % 7],
            ..Encoding::default()
        };
        let dataset = Dataset::unlabelled((0..23).map(encoding).collect());
        let part = BatchPlan::new(23, 4, 2).with_token_budget(&dataset, 10);
        let whole: Vec<_> = batches_after(&part, 0).take(90).collect();
        for taken in [1, 8, 40, 77] {
            let rest: Vec<_> = batches_after(&part, taken).take(90 - taken).collect();
            assert_eq!(rest, whole[taken..]);
        }
        let plan = MixedPlan::new(vec![part.clone(), part], &[1.0, 1.0], 1);
        let lengths: Vec<_> = (0..5).map(|epoch| plan.epoch(epoch).len()).collect();
        assert_eq!(lengths, [plan.batches_per_epoch(); 5]);
    }

    /// These orders are an interface: a resumed run depends on them.
    #[test]
    fn the_draws_never_change() {
        let plan = plan(&[1.0, 1.0, 1.0], 1);
        let parts: Vec<_> = (0..12).map(|step| plan.part_at(step)).collect();
        assert_eq!(parts, [0, 2, 2, 2, 2, 0, 2, 0, 2, 2, 0, 0]);
    }
}
