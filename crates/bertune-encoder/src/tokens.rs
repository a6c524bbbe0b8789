use bertune_kernels::Sequences;
use burn_core::tensor::{Int, Tensor, TensorData, backend::Backend};

/// A ragged batch on a device: all tokens of all sequences, one after another.
#[derive(Clone, Debug)]
pub struct PackedTokens<B: Backend> {
    /// The token ids, `[tokens]`.
    pub input_ids: Tensor<B, 1, Int>,
    /// The segment of each token, `[tokens]`.
    pub token_type_ids: Tensor<B, 1, Int>,
    /// The position of each token in its sequence, from 0, `[tokens]`.
    pub position_ids: Tensor<B, 1, Int>,
    /// Where each sequence begins.
    pub sequences: Sequences,
    /// Which sequences are the windows of each example; absent where each example is one.
    windows: Option<Sequences>,
}

impl<B: Backend> PackedTokens<B> {
    /// Takes a batch from host memory to a device.
    ///
    /// `cu_seqlens` are cumulative sequence lengths: `sequences + 1` numbers from 0 to `tokens`.
    ///
    /// # Panics
    ///
    /// If the lengths contradict each other, or a sequence has no token.
    pub fn new(
        input_ids: &[u32],
        token_type_ids: &[u32],
        position_ids: &[u32],
        cu_seqlens: &[usize],
        device: &B::Device,
    ) -> Self {
        let sequences = Sequences::new(cu_seqlens);
        assert!(sequences.ranges().all(|range| !range.is_empty()), "each sequence has a token");
        let vector = |ids: &[u32]| {
            assert_eq!(ids.len(), sequences.tokens(), "one id for each token");
            let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
            Tensor::from_data(TensorData::new(ids, [sequences.tokens()]), device)
        };
        Self {
            input_ids: vector(input_ids),
            token_type_ids: vector(token_type_ids),
            position_ids: vector(position_ids),
            sequences,
            windows: None,
        }
    }

    /// The batch, of which several sequences are windows of one example: example `i` is the
    /// sequences `cu_windows[i]..cu_windows[i + 1]`, `[examples + 1]`.
    ///
    /// # Panics
    ///
    /// If they are not all the sequences, at least one for each example.
    pub fn with_windows(self, cu_windows: &[usize]) -> Self {
        let windows = Sequences::new(cu_windows);
        assert_eq!(windows.tokens(), self.sequences.len(), "each sequence is of one example");
        assert!(windows.ranges().all(|range| !range.is_empty()), "each example has a sequence");
        let each_is_one = windows.len() == self.sequences.len();
        Self { windows: (!each_is_one).then_some(windows), ..self }
    }

    /// The states of each sequence's first token, which is `[CLS]`.
    ///
    /// # Shapes
    ///
    /// `[tokens, hidden]` → `[sequences, hidden]`.
    pub fn first_of_each(&self, hidden_states: Tensor<B, 2>) -> Tensor<B, 2> {
        hidden_states.select(0, self.firsts())
    }

    /// The rows of the sequences' first tokens among all tokens.
    ///
    /// # Shapes
    ///
    /// `[sequences]`.
    pub fn firsts(&self) -> Tensor<B, 1, Int> {
        let firsts: Vec<i32> = self.sequences.ranges().map(|range| range.start as i32).collect();
        let data = TensorData::new(firsts, [self.sequences.len()]);
        Tensor::from_data(data, &self.input_ids.device())
    }

    /// The mean of each sequence's states.
    ///
    /// # Shapes
    ///
    /// `[tokens, hidden]` → `[sequences, hidden]`.
    pub fn mean_of_each(&self, hidden_states: Tensor<B, 2>) -> Tensor<B, 2> {
        means(&self.sequences, hidden_states)
    }

    /// The mean of what the windows of each example have; what its one sequence has, where there
    /// are no windows.
    ///
    /// # Shapes
    ///
    /// `[sequences, hidden]` → `[examples, hidden]`.
    pub fn mean_of_windows(&self, pooled: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.windows {
            Some(windows) => means(windows, pooled),
            None => pooled,
        }
    }
}

/// The mean of the rows of each part.
///
/// # Shapes
///
/// `[rows, width]` → `[parts, width]`.
fn means<B: Backend>(parts: &Sequences, rows: Tensor<B, 2>) -> Tensor<B, 2> {
    let [count, _] = rows.dims();
    let mut shares = vec![0f32; parts.len() * count];
    for (part, range) in parts.ranges().enumerate() {
        let share = 1.0 / range.len() as f32;
        shares[part * count..][range].fill(share);
    }
    let data = TensorData::new(shares, [parts.len(), count]);
    Tensor::<B, 2>::from_data(data, &rows.device()).matmul(rows)
}
