use std::sync::Arc;

/// Where each sequence of a packed batch begins: sequence `i` is the tokens
/// `offsets[i]..offsets[i + 1]`.
///
/// Cheap to clone; held on the host, because the shapes of the work depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequences {
    offsets: Arc<[usize]>,
}

impl Sequences {
    /// Takes cumulative sequence lengths: `sequences + 1` numbers that start with 0 and never
    /// fall.
    ///
    /// # Panics
    ///
    /// If they do not.
    pub fn new(offsets: &[usize]) -> Self {
        assert_eq!(offsets.first(), Some(&0), "cumulative lengths start with 0");
        assert!(offsets.is_sorted(), "cumulative lengths never fall: {offsets:?}");
        Self { offsets: offsets.into() }
    }

    /// The number of sequences.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no sequence.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of tokens of all sequences together.
    pub fn tokens(&self) -> usize {
        self.offsets[self.len()]
    }

    /// The number of tokens of the longest sequence.
    pub fn longest(&self) -> usize {
        self.ranges().map(|range| range.len()).max().unwrap_or(0)
    }

    /// The token range of each sequence, in order.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = std::ops::Range<usize>> + '_ {
        self.offsets.windows(2).map(|pair| pair[0]..pair[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_the_offsets() {
        let sequences = Sequences::new(&[0, 3, 3, 7]);
        assert_eq!(sequences.ranges().collect::<Vec<_>>(), [0..3, 3..3, 3..7]);
        assert_eq!((sequences.len(), sequences.tokens(), sequences.longest()), (3, 7, 4));
    }

    #[test]
    #[should_panic(expected = "never fall")]
    fn falling_offsets_are_refused() {
        Sequences::new(&[0, 3, 2]);
    }
}
