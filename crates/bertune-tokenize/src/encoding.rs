/// The token ids of one input, without padding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoding {
    /// The ids, special tokens included: `[CLS] A [SEP]` or `[CLS] A [SEP] B [SEP]`.
    pub input_ids: Vec<u32>,
    /// 0 for the first text and its special tokens, 1 for the second text and its `[SEP]`.
    pub token_type_ids: Vec<u32>,
    /// Where each token lies in its own text, as start and end in characters (Unicode scalar
    /// values, not bytes); `(0, 0)` for the special tokens that the tokenizer adds.
    pub offsets: Vec<(usize, usize)>,
}

impl Encoding {
    /// The number of tokens, special tokens included.
    pub fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Whether there is no token at all, which no [`BertTokenizer`](crate::BertTokenizer) gives.
    pub fn is_empty(&self) -> bool {
        self.input_ids.is_empty()
    }
}

impl From<tokenizers::Encoding> for Encoding {
    fn from(encoding: tokenizers::Encoding) -> Self {
        Self {
            input_ids: encoding.get_ids().to_vec(),
            token_type_ids: encoding.get_type_ids().to_vec(),
            offsets: encoding.get_offsets().to_vec(),
        }
    }
}
