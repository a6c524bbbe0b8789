use crate::Dataset;

/// Which examples make up each batch of each epoch: a pure function of `(seed, epoch)`, so that a
/// position in a run is a number, not an iterator's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchPlan {
    order: Order,
    batch_size: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Order {
    Shuffled { examples: usize, seed: u64 },
    Fixed(Vec<usize>),
}

impl BatchPlan {
    /// A new order in each epoch.
    ///
    /// # Panics
    ///
    /// If `batch_size` is 0.
    pub fn new(examples: usize, batch_size: usize, seed: u64) -> Self {
        Self::with_order(Order::Shuffled { examples, seed }, batch_size)
    }

    /// The examples as they come, in every epoch.
    ///
    /// # Panics
    ///
    /// If `batch_size` is 0.
    pub fn in_order(examples: usize, batch_size: usize) -> Self {
        Self::with_order(Order::Fixed((0..examples).collect()), batch_size)
    }

    /// The longest examples first, so that a batch holds examples of similar length.
    ///
    /// # Panics
    ///
    /// If `batch_size` is 0.
    pub fn by_length(dataset: &Dataset, batch_size: usize) -> Self {
        let mut order: Vec<usize> = (0..dataset.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(dataset.encodings()[i].len()));
        Self::with_order(Order::Fixed(order), batch_size)
    }

    fn with_order(order: Order, batch_size: usize) -> Self {
        assert!(batch_size > 0, "a batch has at least one example");
        Self { order, batch_size }
    }

    /// The number of batches of an epoch; the last may be short.
    pub fn batches_per_epoch(&self) -> usize {
        let examples = match &self.order {
            Order::Shuffled { examples, .. } => *examples,
            Order::Fixed(order) => order.len(),
        };
        examples.div_ceil(self.batch_size)
    }

    /// The example numbers of each batch of an epoch, from 0.
    pub fn epoch(&self, epoch: usize) -> Vec<Vec<usize>> {
        let shuffled;
        let order = match &self.order {
            Order::Shuffled { examples, seed } => {
                shuffled = shuffle(*examples, *seed, epoch as u64);
                &shuffled
            }
            Order::Fixed(order) => order,
        };
        order.chunks(self.batch_size).map(<[usize]>::to_vec).collect()
    }
}

/// The numbers below `n` in a random order (Fisher and Yates; Durstenfeld, 1964).
pub(crate) fn shuffle(n: usize, seed: u64, stream: u64) -> Vec<usize> {
    let mut random = SplitMix64(mix(mix(seed).wrapping_add(stream)));
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, random.below(i + 1));
    }
    order
}

/// The generator of Steele, Lea and Flood (2014), written out here so that an order of examples
/// never changes with a dependency.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `n`, by the multiplication of Lemire (2019); its bias is below `n / 2⁶⁴`.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
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

    proptest! {
        #[test]
        fn an_order_is_a_permutation(n in 0usize..500, seed: u64, epoch: u64) {
            let mut order = shuffle(n, seed, epoch);
            order.sort_unstable();
            prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }

    /// These orders are an interface: a resumed run depends on them.
    #[test]
    fn the_order_never_changes() {
        assert_eq!(shuffle(8, 1, 0), [3, 6, 5, 4, 7, 1, 0, 2]);
        assert_ne!(shuffle(100, 1, 0), shuffle(100, 1, 1));
        assert_ne!(shuffle(100, 1, 0), shuffle(100, 2, 0));
    }

    /// Over many seeds each example comes first about equally often.
    #[test]
    fn orders_are_uniform() {
        let mut first = [0u32; 10];
        (0..20_000).for_each(|seed| first[shuffle(10, seed, 4)[0]] += 1);
        // 2,000 expected, a standard deviation of 42.
        assert!(first.iter().all(|&count| count.abs_diff(2000) < 210), "{first:?}");
    }
}
