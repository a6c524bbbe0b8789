use serde::{Deserialize, Serialize};

use crate::TrainError;

/// How often each of several tasks is drawn, by its number of examples `n`.
///
/// In a configuration it is the word `"proportional"` or `"square-root"`, or `{ temperature = T }`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum TaskSampling {
    /// In proportion to `n`: a task with more examples teaches more often.
    #[default]
    Proportional,
    /// In proportion to `√n`: small tasks come more often than their size says.
    SquareRoot,
    /// In proportion to `n^(1/T)`: as `proportional` where `T` is 1, and the more alike the larger
    /// it is.
    Temperature(f64),
}

impl TaskSampling {
    /// Checks the temperature, if there is one.
    ///
    /// # Errors
    ///
    /// If it is not a finite number, 1 or more.
    pub fn validate(self) -> Result<(), TrainError> {
        match self {
            Self::Temperature(value) if !(value.is_finite() && value >= 1.0) => {
                Err(TrainError::TaskTemperature { value })
            }
            _ => Ok(()),
        }
    }

    /// The probability of each task, by its number of examples and by how much more often than the
    /// rule says it is to be drawn.
    pub fn probabilities(self, tasks: impl Iterator<Item = (usize, f64)>) -> Vec<f64> {
        let exponent = match self {
            Self::Proportional => 1.0,
            Self::SquareRoot => 0.5,
            Self::Temperature(temperature) => 1.0 / temperature,
        };
        let weights = tasks.map(|(examples, factor)| (examples as f64).powf(exponent) * factor);
        let weights: Vec<f64> = weights.collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    }
}

/// A rule as configurations have it.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields, expecting = "a rule is a word or { temperature = T }")]
enum Written {
    Word(String),
    Temperature { temperature: f64 },
}

const PROPORTIONAL: &str = "proportional";
const SQUARE_ROOT: &str = "square-root";

impl From<TaskSampling> for Written {
    fn from(sampling: TaskSampling) -> Self {
        match sampling {
            TaskSampling::Proportional => Self::Word(PROPORTIONAL.into()),
            TaskSampling::SquareRoot => Self::Word(SQUARE_ROOT.into()),
            TaskSampling::Temperature(temperature) => Self::Temperature { temperature },
        }
    }
}

impl TryFrom<Written> for TaskSampling {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Temperature { temperature } => Ok(Self::Temperature(temperature)),
            Written::Word(word) if word == PROPORTIONAL => Ok(Self::Proportional),
            Written::Word(word) if word == SQUARE_ROOT => Ok(Self::SquareRoot),
            Written::Word(word) => Err(format!(
                "there is no sampling '{word}'; say \"{PROPORTIONAL}\", \"{SQUARE_ROOT}\", or \
                 {{ temperature = T }} with a number from 1"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sampling: TaskSampling, factors: [f64; 2], expected: [f64; 2]) {
        let tasks = [900, 100].into_iter().zip(factors);
        for (found, expected) in sampling.probabilities(tasks).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{sampling:?}: {found} {expected}");
        }
    }

    #[test]
    fn the_rules_are_powers_of_the_number_of_examples() {
        check(TaskSampling::Proportional, [1.0, 1.0], [0.9, 0.1]);
        check(TaskSampling::SquareRoot, [1.0, 1.0], [0.75, 0.25]);
        check(TaskSampling::Temperature(1.0), [1.0, 1.0], [0.9, 0.1]);
        check(TaskSampling::Temperature(2.0), [1.0, 1.0], [0.75, 0.25]);
        check(TaskSampling::Temperature(1e15), [1.0, 1.0], [0.5, 0.5]);
        check(TaskSampling::Proportional, [1.0, 3.0], [0.75, 0.25]);
    }

    #[test]
    fn a_rule_is_a_word_or_a_temperature_at_least_1() {
        #[derive(Serialize, Deserialize)]
        struct File {
            sampling: TaskSampling,
        }
        for (text, expected) in [
            ("sampling = \"square-root\"\n", TaskSampling::SquareRoot),
            ("[sampling]\ntemperature = 2.5\n", TaskSampling::Temperature(2.5)),
        ] {
            let file: File = toml::from_str(text).unwrap();
            assert_eq!(file.sampling, expected);
            assert_eq!(toml::to_string(&file).unwrap(), text);
        }
        for wrong in [0.5, f64::NAN, f64::INFINITY] {
            let message = TaskSampling::Temperature(wrong).validate().unwrap_err().to_string();
            assert!(message.contains("must be at least 1"), "{message}");
        }
    }
}
