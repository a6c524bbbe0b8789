use crate::{Dataset, MaskedTokens, Targets};

/// A ragged batch: the tokens of all its examples, one after another, and no padding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackedBatch {
    /// Token ids, `[tokens]`.
    pub input_ids: Vec<u32>,
    /// The segment of each token, `[tokens]`.
    pub token_type_ids: Vec<u32>,
    /// The position of each token in its sequence, from 0, `[tokens]`.
    pub position_ids: Vec<u32>,
    /// Cumulative lengths: sequence `i` is the tokens `cu_seqlens[i]..cu_seqlens[i + 1]`,
    /// `[sequences + 1]`.
    pub cu_seqlens: Vec<usize>,
    /// Cumulative numbers of windows: example `i` is the sequences `cu_windows[i]..cu_windows[i +
    /// 1]`, `[examples + 1]`. Without windows each example is one sequence.
    pub cu_windows: Vec<usize>,
    /// The class of each example, `[examples]`; empty if they do not have one each.
    pub labels: Vec<usize>,
    /// What each example is to be given; the classes again, if it is one each.
    pub targets: Targets,
    /// How much each example counts, `[examples]`; empty if all count the same.
    pub weights: Vec<f32>,
    /// The tokens that are to be guessed; none if none are hidden.
    pub masked: MaskedTokens,
    /// The number of each example in its data set, `[examples]`.
    pub example_ids: Vec<usize>,
}

impl PackedBatch {
    /// Packs the examples with these numbers, in this order.
    ///
    /// # Panics
    ///
    /// If a number is not below the data set's length.
    pub fn pack(dataset: &Dataset, example_ids: &[usize]) -> Self {
        let mut batch = Self { cu_seqlens: vec![0], cu_windows: vec![0], ..Self::default() };
        for &example in example_ids {
            for sequence in dataset.sequences(example) {
                let first = batch.input_ids.len();
                batch.input_ids.extend_from_slice(sequence.input_ids);
                if let Some(masking) = dataset.masking() {
                    masking.mask(example, &mut batch.input_ids[first..], first, &mut batch.masked);
                }
                batch.token_type_ids.extend_from_slice(sequence.token_type_ids);
                batch.position_ids.extend(0..sequence.input_ids.len() as u32);
                batch.cu_seqlens.push(batch.input_ids.len());
            }
            batch.cu_windows.push(batch.cu_seqlens.len() - 1);
            batch.labels.extend(dataset.labels().get(example));
        }
        if let Some(weights) = dataset.weights() {
            batch.weights = example_ids.iter().map(|&example| weights[example]).collect();
        }
        batch.targets = dataset.targets().select(example_ids);
        batch.example_ids = example_ids.to_vec();
        batch
    }

    /// The number of examples.
    pub fn examples(&self) -> usize {
        self.example_ids.len()
    }

    /// The number of tokens.
    pub fn tokens(&self) -> usize {
        self.input_ids.len()
    }
}

#[cfg(test)]
mod tests {
    use bertune_tokenize::Encoding;

    use super::*;

    #[test]
    fn examples_stand_one_after_another() {
        let encoding = |input_ids: &[u32], token_type_ids: &[u32]| Encoding {
            input_ids: input_ids.into(),
            token_type_ids: token_type_ids.into(),
            offsets: vec![(0, 0); input_ids.len()],
        };
        let encodings = vec![encoding(&[2, 9, 3], &[0, 0, 1]), encoding(&[2, 3], &[0, 0])];
        let batch = PackedBatch::pack(&Dataset::labelled(encodings, vec![4, 5]), &[1, 0]);
        let expected = PackedBatch {
            input_ids: vec![2, 3, 2, 9, 3],
            token_type_ids: vec![0, 0, 0, 0, 1],
            position_ids: vec![0, 1, 0, 1, 2],
            cu_seqlens: vec![0, 2, 5],
            cu_windows: vec![0, 1, 2],
            labels: vec![5, 4],
            targets: Targets::Classes(vec![5, 4]),
            weights: vec![],
            masked: MaskedTokens::default(),
            example_ids: vec![1, 0],
        };
        assert_eq!(batch, expected);
        assert_eq!((batch.examples(), batch.tokens()), (2, 5));
    }

    #[test]
    fn the_windows_of_an_example_stand_together() {
        let encoding = |input_ids: &[u32]| Encoding {
            input_ids: input_ids.into(),
            token_type_ids: vec![0; input_ids.len()],
            offsets: Vec::new(),
        };
        let long = vec![encoding(&[2, 7, 3]), encoding(&[2, 8, 3]), encoding(&[2, 3])];
        let dataset = Dataset::unlabelled_windows(vec![long, vec![encoding(&[2, 9, 3])]]);
        assert_eq!((dataset.tokens_of(0), dataset.tokens_of(1)), (8, 3));
        let (windows, owners) = dataset.windows();
        assert_eq!((windows.len(), owners), (4, vec![0, 0, 0, 1]));
        assert_eq!(PackedBatch::pack(&windows, &[3, 1]).input_ids, [2, 9, 3, 2, 8, 3]);
        let batch = PackedBatch::pack(&dataset, &[1, 0]);
        assert_eq!(batch.input_ids, [2, 9, 3, 2, 7, 3, 2, 8, 3, 2, 3]);
        assert_eq!(batch.position_ids, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]);
        assert_eq!(batch.cu_seqlens, [0, 3, 6, 9, 11]);
        assert_eq!(batch.cu_windows, [0, 1, 4]);
        assert_eq!(batch.examples(), 2);
    }
}
