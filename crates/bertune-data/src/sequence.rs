/// The ids of one input, or of one window of it, special tokens included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sequence<'a> {
    /// Token ids, `[tokens]`.
    pub input_ids: &'a [u32],
    /// The segment of each token, `[tokens]`.
    pub token_type_ids: &'a [u32],
}
