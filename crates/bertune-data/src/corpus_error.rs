use std::path::PathBuf;

/// Why raw text does not give examples with hidden tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A file of raw text is not UTF-8.
    #[error("{path}, line {line}: not UTF-8; save the file as UTF-8")]
    NotUtf8Text {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A file that begins as gzip does cannot be unpacked.
    #[error(
        "{path}: the gzip file is cut off or damaged, or other bytes follow it ({source}); fetch or pack it \
         again"
    )]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// Files of raw text have no word.
    #[error("there is no word in {}", in_a_row(paths))]
    NoWords {
        /// The files.
        paths: Vec<PathBuf>,
    },
    /// Sequences are too short for a token between the special ones.
    #[error("sequences of {max_length} tokens have no room for a word; say --max-length 3 or more")]
    NoRoom {
        /// Their length.
        max_length: usize,
    },
    /// Nothing can be hidden.
    #[error(
        "the tokenizer has no mask token, such as [MASK]; masked language modelling needs one in \
         the vocabulary"
    )]
    NoMaskToken,
    /// A share is none.
    #[error("the masking probability is {probability}, but must be above 0 and below 1")]
    MaskingProbability {
        /// Its value.
        probability: f64,
    },
}

/// Paths with commas between.
fn in_a_row(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
