use serde::{Deserialize, Serialize};

use crate::{Interval, TrainError};

/// What rows of other tasks and domains count beside the target's own: the `[source_weights]` table
/// of a TOML file, and the argument of [`Sources::new`](crate::Sources::new).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceWeighting {
    /// What decides it.
    pub rule: SourceRule,
    /// How often each source row is drawn for each time that one of the target is; with `column` the
    /// column says so, times this, and with `domain` how far its source's labels agree, times this. Absent: 1 where the rule is `uniform` or `column`, else what lets
    /// all sources together count as much as the target, but 1 at most.
    pub factor: Option<f64>,
    /// The largest density ratio of `domain`: how much more a row may count than the mean row of its
    /// source.
    pub clip: f64,
    /// The exponent of the density ratio of `domain`, `0..=1`: 1 is the ratio itself, 0 weighs all
    /// rows alike ([Shimodaira, 2000](https://doi.org/10.1016/S0378-3758(00)00115-4)). With one half
    /// the mean weight of a source is the Bhattacharyya coefficient, how much both have in common: 1
    /// for a source that is like the target, 0 for one that shares nothing with it.
    pub flattening: f64,
    /// In how many folds the rows are cut, of which `domain` judges each by the others.
    pub folds: usize,
    /// How often `tradaboost` weighs the rows anew.
    pub every: Interval,
}

/// What decides how much a row of a source counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceRule {
    /// All count alike.
    #[default]
    Uniform,
    /// As much as a column of the file says.
    Column,
    /// The more, the likelier a classifier on the pretrained encoder's features takes the row, with
    /// its label, for one of the target; and its source is drawn the less, the less its labels tell of the
    /// target's.
    Domain,
    /// The less, the more often the model under training disagrees with its label ([Dai et al.,
    /// 2007](https://doi.org/10.1145/1273496.1273521)).
    TrAdaBoost,
}

impl SourceRule {
    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Column => "column",
            Self::Domain => "domain",
            Self::TrAdaBoost => "tradaboost",
        }
    }
}

impl Default for SourceWeighting {
    fn default() -> Self {
        Self {
            rule: SourceRule::Uniform,
            factor: None,
            clip: 10.0,
            flattening: 0.5,
            folds: 5,
            every: Interval::EPOCH,
        }
    }
}

impl SourceWeighting {
    /// Checks every value on its own.
    ///
    /// # Errors
    ///
    /// Naming the key, the value and the range of the first that is out of it.
    pub fn validate(&self) -> Result<(), TrainError> {
        let (factor, within_reason) = (self.factor.unwrap_or(1.0), 1e-6..=1e6);
        let checks = [
            ("factor (--source-weight)", factor, within_reason.clone(), "from 1e-6 to 1e6"),
            ("clip (--source-clip)", self.clip, within_reason, "from 1e-6 to 1e6"),
            ("flattening (--source-flattening)", self.flattening, 0.0..=1.0, "from 0 to 1"),
            ("folds", self.folds as f64, 2.0..=100.0, "from 2 to 100"),
        ];
        match checks.into_iter().find(|(_, value, range, _)| !range.contains(value)) {
            Some((key, value, _, range)) => Err(TrainError::SourceSetting { key, value, range }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_out_of_range_is_named() {
        let check = |weighting: SourceWeighting, expected: &str| {
            let message = weighting.validate().unwrap_err().to_string();
            assert_eq!(message, format!("the setting source_weights.{expected}"));
        };
        let default = SourceWeighting::default();
        assert!(default.validate().is_ok());
        for (factor, said) in [(-1.0, "-1"), (0.0, "0"), (1e7, "10000000")] {
            check(
                SourceWeighting { factor: Some(factor), ..default },
                &format!("factor (--source-weight) is {said}, but must be from 1e-6 to 1e6"),
            );
        }
        check(
            SourceWeighting { clip: 0.0, ..default },
            "clip (--source-clip) is 0, but must be from 1e-6 to 1e6",
        );
        check(
            SourceWeighting { flattening: 2.0, ..default },
            "flattening (--source-flattening) is 2, but must be from 0 to 1",
        );
        check(SourceWeighting { folds: 1, ..default }, "folds is 1, but must be from 2 to 100");
    }
}
