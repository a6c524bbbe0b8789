use serde::{Deserialize, Serialize};
use tokenizers::{TruncationDirection, TruncationParams, TruncationStrategy, truncate_encodings};

use crate::TokenizeError;

/// How long an encoding may be, and what becomes of an input that would be longer.
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
    /// How many tokens of its text each window has in common with the one before, where an input
    /// that is too long is read in several windows of `max_length`, as transformers' `stride` with
    /// `return_overflowing_tokens`. It is cut if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_length: 128, truncation: Truncation::default(), stride: None }
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

impl Truncation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LongestFirst, Self::OnlyFirst, Self::OnlySecond];

    /// Its name in configurations, such as `longest_first`.
    pub fn name(self) -> &'static str {
        match self {
            Self::LongestFirst => "longest_first",
            Self::OnlyFirst => "only_first",
            Self::OnlySecond => "only_second",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|truncation| truncation.name() == name)
    }
}

/// One or two encodings before their special tokens are added.
pub(crate) type Texts = (tokenizers::Encoding, Option<tokenizers::Encoding>);

/// Cuts the texts to what `limits` leaves beside `special_tokens`: to one window, or, with a
/// stride, to as many as they need.
pub(crate) fn windows(
    (first, second): Texts,
    limits: Limits,
    special_tokens: usize,
) -> Result<Vec<Texts>, TokenizeError> {
    let params = parameters(&first, second.as_ref(), limits, special_tokens)?;
    let max_length = limits.max_length;
    // A single text can always be cut, unless it is the second text that should be.
    let is_pair = second.is_some();
    let too_long = |_| {
        if is_pair {
            TokenizeError::TextTooShort { max_length }
        } else {
            TokenizeError::NoSecondText { max_length }
        }
    };
    let (mut first, mut second) = truncate_encodings(first, second, &params).map_err(too_long)?;
    // What was cut off would be post-processed too, in all combinations of a pair.
    let more_of_first = first.take_overflowing();
    let more_of_second = second.as_mut().map(tokenizers::Encoding::take_overflowing);
    let mut windows = vec![(first.clone(), second.clone())];
    if limits.stride.is_some() {
        windows.extend(more_of_first.into_iter().map(|more| (more, second.clone())));
        let more_of_second = more_of_second.into_iter().flatten();
        windows.extend(more_of_second.map(|more| (first.clone(), Some(more))));
    }
    Ok(windows)
}

/// What the limits are for these texts.
fn parameters(
    first: &tokenizers::Encoding,
    second: Option<&tokenizers::Encoding>,
    limits: Limits,
    special_tokens: usize,
) -> Result<TruncationParams, TokenizeError> {
    let Limits { max_length, truncation, stride } = limits;
    let room = max_length
        .checked_sub(special_tokens)
        .ok_or(TokenizeError::MaxLengthTooSmall { max_length, special_tokens })?;
    let kept = match (second, truncation) {
        (None, _) => 0,
        (Some(_), Truncation::LongestFirst) if stride.is_some() => {
            return Err(TokenizeError::WindowsOfPair);
        }
        (Some(_), Truncation::LongestFirst) => 0,
        (Some(second), Truncation::OnlyFirst) => second.len(),
        (Some(_), Truncation::OnlySecond) => first.len(),
    };
    // Where nothing is left for the text that is cut, that is what will be told.
    let room_of_window = room.saturating_sub(kept);
    if let Some(stride) = stride
        && stride >= room_of_window
        && room_of_window > 0
    {
        return Err(TokenizeError::StrideTooLarge { stride, room: room_of_window });
    }
    let stride = stride.filter(|&stride| stride < room_of_window).unwrap_or(0);
    Ok(TruncationParams {
        max_length: room,
        strategy: truncation.into(),
        stride,
        direction: TruncationDirection::Right,
    })
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
