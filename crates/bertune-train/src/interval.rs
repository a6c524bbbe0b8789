use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How often something happens: every so many epochs or steps. In words `2 epochs`, `1 epoch`,
/// `500 steps`; a bare number means steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// At the end of every so many epochs.
    Epochs(NonZeroUsize),
    /// After every so many steps.
    Steps(NonZeroUsize),
}

/// Why words are no [`Interval`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' says no interval; write for example '1 epoch' or '500 steps'")]
pub struct IntervalError(String);

impl Interval {
    /// Every epoch.
    pub const EPOCH: Self = Self::Epochs(NonZeroUsize::MIN);

    /// The interval in steps, where an epoch has `steps_per_epoch`.
    pub fn in_steps(self, steps_per_epoch: usize) -> usize {
        match self {
            Self::Epochs(epochs) => epochs.get() * steps_per_epoch,
            Self::Steps(steps) => steps.get(),
        }
    }
}

impl FromStr for Interval {
    type Err = IntervalError;

    fn from_str(words: &str) -> Result<Self, IntervalError> {
        let error = || IntervalError(words.to_owned());
        let digits = words.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = words[..words.len() - digits.len()].parse().map_err(|_| error())?;
        match digits.trim() {
            "epoch" | "epochs" => Ok(Self::Epochs(number)),
            "" | "step" | "steps" => Ok(Self::Steps(number)),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self {
            Self::Epochs(number) => (number, "epoch"),
            Self::Steps(number) => (number, "step"),
        };
        write!(f, "{number} {unit}{}", if number.get() == 1 { "" } else { "s" })
    }
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_an_interval_and_back() {
        for words in ["1 epoch", "3 epochs", "1 step", "500 steps"] {
            assert_eq!(words.parse::<Interval>().unwrap().to_string(), words);
        }
        assert_eq!("20".parse::<Interval>().unwrap().in_steps(7), 20);
        assert_eq!("2epochs".parse::<Interval>().unwrap().in_steps(7), 14);
    }

    #[test]
    fn other_words_are_refused() {
        for words in ["", "0 steps", "-1", "1.5 epochs", "often", "3 weeks", "99999999999999999999"]
        {
            assert!(words.parse::<Interval>().is_err(), "{words}");
        }
    }
}
