use serde::{Deserialize, Serialize};
use tokenizers::{TruncationDirection, TruncationParams, TruncationStrategy, truncate_encodings};

use crate::TokenizeError;

/// How long an encoding may be, and what is cut when it would be longer.
///
/// # Examples
///
/// ```
/// use bertune_tokenize::{Limits, Truncation};
///
/// let limits = Limits { max_length: 64, ..Limits::default() };
/// assert_eq!(limits.truncation, Truncation::LongestFirst);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The most tokens of one input, special tokens included. It must at least hold these:
    /// 2 for a single text, 3 for a pair.
    pub max_length: usize,
    /// Which text of a pair is cut.
    pub truncation: Truncation,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_length: 128, truncation: Truncation::default() }
    }
}

/// Which text is cut, at its end, when an input is too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truncation {
    /// Tokens are taken from the longer text until both fit; a single text is just cut.
    #[default]
    LongestFirst,
    /// Only the first text is cut, and it must keep at least one token.
    OnlyFirst,
    /// Only the second text is cut, and it must keep at least one token. A single text that is
    /// too long is an error.
    OnlySecond,
}

/// One or two encodings before their special tokens are added.
pub(crate) type Texts = (tokenizers::Encoding, Option<tokenizers::Encoding>);

/// Cuts the texts to what `limits` leaves beside `special_tokens`.
pub(crate) fn truncate(
    (first, second): Texts,
    limits: Limits,
    special_tokens: usize,
) -> Result<Texts, TokenizeError> {
    let max_length = limits.max_length;
    let room = max_length
        .checked_sub(special_tokens)
        .ok_or(TokenizeError::MaxLengthTooSmall { max_length, special_tokens })?;
    // A single text can always be cut, unless it is the second text that should be.
    let is_pair = second.is_some();
    let too_long = |_| {
        if is_pair {
            TokenizeError::TextTooShort { max_length }
        } else {
            TokenizeError::NoSecondText { max_length }
        }
    };
    let params = TruncationParams {
        max_length: room,
        strategy: limits.truncation.into(),
        stride: 0,
        direction: TruncationDirection::Right,
    };
    let (mut first, mut second) = truncate_encodings(first, second, &params).map_err(too_long)?;
    // The cut-off rest would be post-processed too, in all combinations of a pair.
    first.take_overflowing();
    second.as_mut().map(tokenizers::Encoding::take_overflowing);
    Ok((first, second))
}

impl From<Truncation> for TruncationStrategy {
    fn from(truncation: Truncation) -> Self {
        match truncation {
            Truncation::LongestFirst => Self::LongestFirst,
            Truncation::OnlyFirst => Self::OnlyFirst,
            Truncation::OnlySecond => Self::OnlySecond,
        }
    }
}
