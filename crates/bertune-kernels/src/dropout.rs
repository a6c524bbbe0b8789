//! Dropout whose mask is a pure function of a key and the element's index.
//!
//! Nothing is stored between forward and backward, no generator has a state to save, and every
//! backend draws the same mask: the hash below uses only operations that integer tensors have.

/// Names one use of dropout: which run, which step, which place in the model.
///
/// Keys of different steps and sites are unrelated; the same key always gives the same mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropoutKey(u64);

impl DropoutKey {
    /// The key of one training step of a run.
    pub fn new(seed: u64, step: u64) -> Self {
        Self(mix(mix(seed).wrapping_add(step)))
    }

    /// The key of one part of a step whose gradients are added up; the first part's is the step's.
    pub fn part(self, part: u32) -> Self {
        if part == 0 { self } else { Self(mix(self.0.wrapping_add(u64::from(part)))) }
    }

    /// The key of one place in the model, `layer` and a number of the place within the layer.
    pub fn site(self, layer: u32, site: u32) -> Self {
        Self(mix(self.0 ^ (u64::from(layer) << 32 | u64::from(site))))
    }

    /// Two 32-bit halves for [`hash`].
    pub(crate) fn halves(self) -> (u32, u32) {
        (self.0 as u32, (self.0 >> 32) as u32)
    }
}

/// Dropout of one tensor: each element is zero with `probability`, else scaled by
/// `1 / (1 - probability)` ([Srivastava et al., 2014](https://jmlr.org/papers/v15/srivastava14a.html)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// The probability of zeroing an element, in `0.0..1.0`.
    pub probability: f32,
    /// The key that the mask is drawn with.
    pub key: DropoutKey,
}

impl Dropout {
    /// Dropout with `probability`, or `None` if that is zero, so that nothing needs computing.
    ///
    /// # Panics
    ///
    /// If `probability` is not in `0.0..1.0`.
    pub fn new(probability: f64, key: DropoutKey) -> Option<Self> {
        assert!((0.0..1.0).contains(&probability), "dropout probability {probability}");
        (probability > 0.0).then_some(Self { probability: probability as f32, key })
    }

    /// What a kept element is multiplied with.
    pub(crate) fn scale(self) -> f32 {
        1.0 / (1.0 - self.probability)
    }

    /// An element is kept if the upper 24 bits of its hash are below this.
    pub(crate) fn threshold(self) -> u32 {
        ((1.0 - f64::from(self.probability)) * f64::from(1u32 << 24)).round() as u32
    }
}

/// Attention probabilities are indexed as a matrix of `tokens · heads` rows of this many columns,
/// more than a sequence of BERT has tokens: an index depends on a token's place in the batch, not
/// on its neighbours' lengths. (It wraps at 2³²: places so far apart may share a mask. In a sequence
/// of more tokens than this, the end of a row has the mask of the beginning of the next.)
pub(crate) const ATTENTION_STRIDE: u32 = 1 << 12;

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): nearby inputs, unrelated outputs.
fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// All multipliers are below 2³¹, so that products of 32-bit numbers fit a signed 64-bit
/// integer tensor.
pub(crate) const MULTIPLIERS: [u32; 3] = [0x21f0_aaad, 0x735a_2d97, 0x3184_8bab];

/// 32 pseudo-random bits for the element `index` under a key's halves.
///
/// Three rounds of xor-shift and multiply, two of them keyed; with two rounds, elements 4,096
/// apart were correlated. `primitive::dropout` computes the same with tensors.
#[inline(always)]
#[cfg_attr(not(feature = "flex"), expect(dead_code, reason = "only Flex hashes on the host"))]
pub(crate) fn hash(index: u32, (low, high): (u32, u32)) -> u32 {
    let mut x = index ^ low;
    x ^= x >> 16;
    x = x.wrapping_mul(MULTIPLIERS[0]);
    x ^= high;
    x ^= x >> 15;
    x = x.wrapping_mul(MULTIPLIERS[1]);
    x ^= x >> 15;
    x = x.wrapping_mul(MULTIPLIERS[2]);
    x ^ (x >> 14)
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use super::*;

    fn mask(key: DropoutKey, probability: f64, n: u32) -> Vec<bool> {
        let dropout = Dropout::new(probability, key).unwrap();
        let (halves, threshold) = (key.halves(), dropout.threshold());
        (0..n).map(|i| hash(i, halves) >> 8 < threshold).collect()
    }

    /// The deviation of `hits` out of `n` from its expectation, in standard deviations.
    fn sigmas(hits: usize, n: usize, expected: f64) -> f64 {
        let sd = (n as f64 * expected * (1.0 - expected)).sqrt();
        (hits as f64 - n as f64 * expected).abs() / sd
    }

    #[test]
    fn the_share_of_kept_elements_is_binomial() {
        let n = 1_000_000;
        for probability in [0.1, 0.3, 0.5] {
            for step in 0..20 {
                let kept = mask(DropoutKey::new(7, step), probability, n);
                let hits = kept.iter().filter(|&&k| k).count();
                assert!(sigmas(hits, n as usize, 1.0 - probability) < 4.5, "{probability} {step}");
            }
        }
    }

    /// Neighbours at any distance up to a few rows, and the same element at the next step, in
    /// the next layer and under the next seed, agree as often as independent draws do.
    #[test]
    fn elements_and_keys_are_uncorrelated() {
        let n = 200_000;
        let key = DropoutKey::new(1, 1);
        let kept = mask(key, 0.5, n);
        let agree = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| a == b).count();
        for lag in (1..70).chain([128, 256, 384, 512, 768, 1024, 3072, 4096, 65_536]) {
            let n = kept.len() - lag;
            assert!(sigmas(agree(&kept[..n], &kept[lag..]), n, 0.5) < 4.5, "lag {lag}");
        }
        let others = [DropoutKey::new(1, 2), DropoutKey::new(2, 1), key.site(0, 1), key.site(1, 0)];
        for other in others {
            let hits = agree(&kept, &mask(other, 0.5, n));
            assert!(sigmas(hits, n as usize, 0.5) < 4.5, "{other:?}");
        }
    }

    /// Each bit of the index or of the key changes every deciding output bit about half the time.
    #[test]
    fn the_hash_avalanches() {
        let samples = 20_000u32;
        let halves = DropoutKey::new(3, 4).halves();
        for input in 0..32 {
            let mut flips = [0usize; 32];
            for i in 0..samples {
                let index = i.wrapping_mul(2_654_435_761);
                let difference = hash(index, halves) ^ hash(index ^ 1 << input, halves);
                (0..32).for_each(|bit| flips[bit] += (difference >> bit & 1) as usize);
            }
            for (bit, &count) in flips.iter().enumerate().skip(8) {
                let share = count as f64 / f64::from(samples);
                assert!((share - 0.5).abs() < 0.06, "input bit {input}, output bit {bit}: {share}");
            }
        }
    }
}
