use std::path::PathBuf;

/// What can go wrong between a tokenizer's files, a text and its ids.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizeError {
    /// The folder holds no tokenizer.
    #[error(
        "no tokenizer in {}: neither tokenizer.json nor vocab.txt is there; \
         copy them from the folder of the pretrained model",
        folder.display()
    )]
    NotFound {
        /// The folder that was searched.
        folder: PathBuf,
    },

    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it could not be read.
        source: std::io::Error,
    },

    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why it could not be written.
        source: std::io::Error,
    },

    /// A file is not the JSON it should be.
    #[error("{}, line {line}, column {column}: {reason}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The line of the fault, from 1.
        line: usize,
        /// The column of the fault, from 1.
        column: usize,
        /// What the parser says, without the place.
        reason: String,
        /// The parser's own error.
        #[source]
        source: serde_json::Error,
    },

    /// A vocabulary is not UTF-8.
    #[error("{}, line {line}: not valid UTF-8; save the vocabulary as UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line of the first wrong byte, from 1.
        line: usize,
    },

    /// A special token that every text needs is not in the vocabulary.
    #[error(
        "{} has no token `{token}`, which is needed as {role}; \
         is it the vocabulary of a BERT, and does tokenizer_config.json name its tokens?",
        path.display()
    )]
    MissingToken {
        /// The file that lacks it.
        path: PathBuf,
        /// The token.
        token: String,
        /// What it is needed for, in the words of `tokenizer_config.json`.
        role: &'static str,
    },

    /// An added token would get another id than the one its file gives it.
    #[error(
        "{}: the added token `{token}` has id {expected} there, but would get {found}; \
         added tokens have to follow the vocabulary without a gap",
        path.display()
    )]
    AddedToken {
        /// The file that lists the added token.
        path: PathBuf,
        /// The token.
        token: String,
        /// The id in the file.
        expected: u32,
        /// The id after the vocabulary.
        found: u32,
    },

    /// A `tokenizer.json` adds no special tokens, so that it cannot be a BERT's.
    #[error(
        "{}: its post_processor adds no special tokens, but a BERT needs \
         [CLS] before and [SEP] after a text; this is a tokenizer for another kind of model",
        path.display()
    )]
    NoSpecialTokens {
        /// The file.
        path: PathBuf,
    },

    /// A vocabulary that was to be made of texts.
    #[error(
        "a vocabulary of {vocab_size} tokens cannot be made of these texts, which gave {found} \
         with the five special ones: {}",
        if found > vocab_size { "the size must be larger" } else { "there is no word in them" }
    )]
    NoVocabulary {
        /// The size that was asked for.
        vocab_size: usize,
        /// The tokens that there are.
        found: usize,
    },

    /// A `tokenizer.json` whose parts contradict each other.
    #[error(
        "{}: valid JSON, but its parts cannot be used together; \
         copy it again from the folder of the pretrained model",
        path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
    },

    /// An added token of which the normalizer leaves nothing.
    #[error(
        "{}: of the added token {token:?} the normalizer leaves nothing; \
         remove it, or set its `normalized` to false",
        path.display()
    )]
    EmptyAddedToken {
        /// The file.
        path: PathBuf,
        /// The token.
        token: String,
    },

    /// A token has an id that no embedding can have.
    #[error("{}: the id {id} is too large for a vocabulary; the file is broken", path.display())]
    HugeId {
        /// The file.
        path: PathBuf,
        /// The id.
        id: u32,
    },

    /// The length limit cannot even hold the special tokens.
    #[error(
        "max_length is {max_length}, but the special tokens alone take {special_tokens}; raise it"
    )]
    MaxLengthTooSmall {
        /// The limit.
        max_length: usize,
        /// The number of special tokens around this input.
        special_tokens: usize,
    },

    /// Only the second text may be cut, and there is none.
    #[error(
        "the text is longer than {max_length} tokens and there is no second text to cut \
         (truncation only_second); choose longest_first, or a larger max_length"
    )]
    NoSecondText {
        /// The limit.
        max_length: usize,
    },

    /// Only one text may be cut, and cutting it whole would not be enough.
    #[error(
        "the pair is longer than {max_length} tokens even without the text that may be cut; \
         choose truncation longest_first, or a larger max_length"
    )]
    TextTooShort {
        /// The limit.
        max_length: usize,
    },

    /// A pair is to be read in windows, and it is not said which of its texts moves on.
    #[error(
        "a pair of texts is read in windows of one of them, the other in each window; \
         choose truncation only_first or only_second, or leave out the stride"
    )]
    WindowsOfPair,

    /// The windows of an input would not move on.
    #[error(
        "the stride is {stride} tokens, but a window has room for {room} tokens of the text; \
         choose a stride below that, or a larger max_length"
    )]
    StrideTooLarge {
        /// The stride.
        stride: usize,
        /// What a window holds of the text that is read in windows.
        room: usize,
    },

    /// The tokenizer itself failed on a text.
    #[error("the tokenizer failed: {source}")]
    Encode {
        /// What it says.
        source: tokenizers::Error,
    },

    /// One input of a batch failed.
    #[error("input {index}: {source}")]
    Input {
        /// The place of the input in the batch, from 0.
        index: usize,
        /// What is wrong with it.
        source: Box<TokenizeError>,
    },
}

impl TokenizeError {
    pub(crate) fn encode(source: tokenizers::Error) -> Self {
        Self::Encode { source }
    }
}
