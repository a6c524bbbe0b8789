/// The numbers below `n` in a random order (Fisher and Yates; Durstenfeld, 1964).
pub(crate) fn shuffle(n: usize, seed: u64, stream: u64) -> Vec<usize> {
    let mut random = SplitMix64::new(seed, stream);
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, random.below(i + 1));
    }
    order
}

/// The generator of Steele, Lea and Flood (2014), written out here so that an order of examples
/// never changes with a dependency.
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    /// One of many independent streams of a seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self(mix(mix(seed).wrapping_add(stream)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `n`, by the multiplication of Lemire (2019); its bias is below `n / 2⁶⁴`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// A number from 0 and below 1, one of 2⁵³.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The finalizer of the same paper.
fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
