use bertune_head::ProblemType;
use bertune_metrics::{ClassificationScores, MetricName, MultiLabelScores, RegressionScores};
use serde::{Deserialize, Serialize};

use crate::TasksScores;

/// All scores of a model, by what its labels are.
///
/// Read back, they are the first of these whose fields are there, of which those of numbers need
/// none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scores {
    /// Of one class for each text.
    Classification(ClassificationScores),
    /// Of sets of classes.
    MultiLabel(MultiLabelScores),
    /// Of guessed tokens.
    MaskedLm(MaskedLmScores),
    /// Of several tasks.
    Tasks(TasksScores),
    /// Of numbers.
    Regression(RegressionScores),
}

/// How well a model guesses hidden tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskedLmScores {
    /// The share of hidden tokens whose most likely guess is right.
    pub masked_accuracy: f64,
    /// `e` to the mean loss: among as many equally likely tokens the model is in doubt.
    pub perplexity: f64,
}

impl Scores {
    /// A score by its name; `None` where it is undefined or not one of this problem's.
    pub fn get(&self, name: MetricName) -> Option<f64> {
        match self {
            Self::Classification(scores) => scores.get(name),
            Self::MultiLabel(scores) => scores.get(name),
            Self::Regression(scores) => scores.get(name),
            Self::MaskedLm(_) => None,
            Self::Tasks(scores) => scores.get(name),
        }
    }

    /// What chooses the best model where nothing else is named.
    pub fn main_metric(&self) -> MetricName {
        match self {
            Self::Tasks(_) => MetricName::MeanScore,
            _ => main_metric(self.problem_type()),
        }
    }

    /// What the labels are; `None` where there are none, or of several kinds.
    pub fn problem_type(&self) -> Option<ProblemType> {
        match self {
            Self::Classification(_) => Some(ProblemType::SingleLabelClassification),
            Self::MultiLabel(_) => Some(ProblemType::MultiLabelClassification),
            Self::Regression(_) => Some(ProblemType::Regression),
            Self::MaskedLm(_) | Self::Tasks(_) => None,
        }
    }

    /// The scores that are shown first.
    pub fn shown(&self) -> Vec<(&'static str, Option<f64>)> {
        match (self, self.problem_type()) {
            (Self::MaskedLm(scores), _) => vec![
                ("masked accuracy", Some(scores.masked_accuracy)),
                ("perplexity", Some(scores.perplexity)),
            ],
            (Self::Tasks(scores), _) => vec![("mean score", scores.mean_score)],
            (_, Some(problem_type)) => {
                shown(problem_type).map(|(title, name)| (title, self.get(name))).into()
            }
            (_, None) => Vec::new(),
        }
    }
}

/// What chooses the best model where the configuration names nothing: the lowest loss where there
/// are no labels.
pub fn main_metric(problem_type: Option<ProblemType>) -> MetricName {
    problem_type.map_or(MetricName::Loss, |problem_type| shown(problem_type)[0].1)
}

/// The scores that are shown first, with their titles; the first of them chooses the best model
/// where the configuration names none.
pub(crate) fn shown(problem_type: ProblemType) -> [(&'static str, MetricName); 3] {
    match problem_type {
        ProblemType::SingleLabelClassification => [
            ("accuracy", MetricName::Accuracy),
            ("macro F1", MetricName::MacroF1),
            ("MCC", MetricName::Mcc),
        ],
        ProblemType::MultiLabelClassification => [
            ("micro F1", MetricName::MicroF1),
            ("macro F1", MetricName::MacroF1),
            ("exact sets", MetricName::SubsetAccuracy),
        ],
        ProblemType::Regression => [
            ("Pearson", MetricName::Pearson),
            ("Spearman", MetricName::Spearman),
            ("MAE", MetricName::Mae),
        ],
    }
}

/// Whether a problem of this type has such a score.
pub(crate) fn has_metric(problem_type: ProblemType, name: MetricName) -> bool {
    use MetricName as M;
    let regression = [M::Pearson, M::Spearman, M::Mse, M::Mae, M::R2];
    let only_sets = [M::SubsetAccuracy, M::HammingLoss, M::SamplesF1];
    let only_classes = [M::Accuracy, M::BalancedAccuracy, M::Mcc, M::CalibrationError];
    match problem_type {
        _ if name == M::Loss => true,
        _ if name == M::MeanScore => false,
        ProblemType::Regression => regression.contains(&name),
        ProblemType::SingleLabelClassification => {
            !regression.contains(&name) && !only_sets.contains(&name)
        }
        ProblemType::MultiLabelClassification => {
            !regression.contains(&name) && !only_classes.contains(&name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_every_kind_are_read_back_as_what_they_are() {
        let text = MaskedLmScores { masked_accuracy: 0.5, perplexity: 9.0 };
        let tasks = TasksScores { mean_score: None, tasks: Vec::new() };
        for scores in [Scores::MaskedLm(text), Scores::Tasks(tasks)] {
            let json = serde_json::to_string(&scores).unwrap();
            assert_eq!(serde_json::from_str::<Scores>(&json).unwrap(), scores);
        }
    }
}
