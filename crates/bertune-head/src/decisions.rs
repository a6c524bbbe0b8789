use serde::{Deserialize, Serialize};

/// How a classifier's scores become probabilities, and probabilities sets of classes.
///
/// It stands in `config.json`. transformers knows neither: there, it is as if both were absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decisions {
    /// What the scores are divided by before softmax or sigmoid, above 0; 1 if absent ([Guo et
    /// al., 2017](https://arxiv.org/abs/1706.04599)).
    #[serde(default, rename = "bertune_temperature", skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The probability from which each class is in a set, `0..=1`; 0.5 if absent.
    #[serde(default, rename = "bertune_thresholds", skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Vec<f64>>,
}

/// Why decisions cannot be made so.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecisionError {
    /// The temperature is none.
    #[error("the temperature is {0}, but must be a finite number above 0")]
    Temperature(f64),
    /// A threshold is no probability.
    #[error("the threshold of class {class} is {value}, but must be from 0 to 1")]
    Threshold {
        /// The number of the class.
        class: usize,
        /// Its threshold.
        value: f64,
    },
    /// The thresholds are those of another number of classes.
    #[error("there are {found} thresholds for {classes} classes")]
    Thresholds {
        /// The number of thresholds.
        found: usize,
        /// The number of classes.
        classes: usize,
    },
}

impl Decisions {
    /// The temperature.
    pub fn temperature(&self) -> f64 {
        self.temperature.unwrap_or(1.0)
    }

    /// The threshold of a class.
    pub fn threshold(&self, class: usize) -> f64 {
        self.thresholds.as_ref().map_or(0.5, |thresholds| thresholds[class])
    }

    /// Checks that decisions between so many classes can be made.
    ///
    /// # Errors
    ///
    /// If a number is out of its range, or there are not as many thresholds as classes.
    pub fn validate(&self, classes: usize) -> Result<(), DecisionError> {
        if let Some(temperature) = self.temperature
            && !(temperature.is_finite() && temperature > 0.0)
        {
            return Err(DecisionError::Temperature(temperature));
        }
        let Some(thresholds) = &self.thresholds else { return Ok(()) };
        if thresholds.len() != classes {
            return Err(DecisionError::Thresholds { found: thresholds.len(), classes });
        }
        let wrong = thresholds.iter().position(|value| !(0.0..=1.0).contains(value));
        match wrong {
            Some(class) => Err(DecisionError::Threshold { class, value: thresholds[class] }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_as_usual() {
        let decisions = Decisions::default();
        assert_eq!((decisions.temperature(), decisions.threshold(3)), (1.0, 0.5));
        assert_eq!(serde_json::to_string(&decisions).unwrap(), "{}");
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let error = |temperature, thresholds: Option<&[f64]>| {
            let thresholds = thresholds.map(<[f64]>::to_vec);
            Decisions { temperature, thresholds }.validate(2).unwrap_err().to_string()
        };
        for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(error(Some(temperature), None).starts_with("the temperature is"));
        }
        assert_eq!(error(None, Some(&[0.5])), "there are 1 thresholds for 2 classes");
        let expected = "the threshold of class 1 is 1.5, but must be from 0 to 1";
        assert_eq!(error(None, Some(&[0.5, 1.5])), expected);
        let usable = Decisions { temperature: Some(2.0), thresholds: Some(vec![0.0, 1.0]) };
        assert_eq!(usable.validate(2), Ok(()));
    }
}
