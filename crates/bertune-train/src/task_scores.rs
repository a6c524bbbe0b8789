use bertune_metrics::MetricName;
use serde::{Deserialize, Serialize};

use crate::{Evaluation, Scores};

/// How a model does in several tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TasksScores {
    /// The mean of their main scores; `None` while one is undefined.
    pub mean_score: Option<f64>,
    /// Each task.
    pub tasks: Vec<TaskScores>,
}

/// How a model does in one of several tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskScores {
    /// The task's name.
    pub name: String,
    /// The mean loss of its examples.
    pub loss: f64,
    /// Its scores.
    pub scores: Scores,
}

impl TasksScores {
    /// The scores of tasks by their evaluations.
    pub(crate) fn new<'a>(tasks: impl Iterator<Item = (&'a str, &'a Evaluation)>) -> Self {
        let scores = |(name, evaluation): (&str, &Evaluation)| TaskScores {
            name: name.to_owned(),
            loss: evaluation.loss,
            scores: evaluation.scores.clone(),
        };
        let mut scores = Self { mean_score: None, tasks: tasks.map(scores).collect() };
        scores.mean_score = scores.mean(|task| task.scores.get(task.scores.main_metric()));
        scores
    }

    /// The mean of a score that all tasks have.
    pub(crate) fn get(&self, name: MetricName) -> Option<f64> {
        match name {
            MetricName::MeanScore => self.mean_score,
            name => self.mean(|task| task.scores.get(name)),
        }
    }

    fn mean(&self, score: impl Fn(&TaskScores) -> Option<f64>) -> Option<f64> {
        let sum: f64 = self.tasks.iter().map(score).sum::<Option<f64>>()?;
        Some(sum / self.tasks.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use bertune_data::Targets;
    use bertune_head::Decisions;

    use super::*;

    #[test]
    fn the_mean_is_over_the_main_scores_and_undefined_while_one_is() {
        let evaluation = |logits: &[f64], targets: &Targets| {
            Evaluation::new(logits.to_vec(), logits.len() / 2, targets, &Decisions::default())
        };
        let classes = evaluation(&[1.0, 0.0, 1.0, 0.0], &Targets::Classes(vec![0, 1]));
        let values = Targets::Values { values: vec![1.0, 3.0], width: 1 };
        let scores = |numbers: &[f64]| {
            let numbers = evaluation(numbers, &values);
            TasksScores::new([("a", &classes), ("b", &numbers)].into_iter())
        };
        let mean = scores(&[2.0, 4.0]).get(MetricName::MeanScore).unwrap();
        assert!((mean - 0.75).abs() < 1e-12, "{mean}");
        assert_eq!(scores(&[2.0, 2.0]).mean_score, None);
        assert_eq!(scores(&[2.0, 4.0]).get(MetricName::Accuracy), None);
    }

    #[test]
    fn scores_survive_their_json() {
        let evaluation = Evaluation::new(
            vec![1.0, 0.0, 1.0, 0.0],
            2,
            &Targets::Classes(vec![0, 1]),
            &Decisions::default(),
        );
        let scores = Scores::Tasks(TasksScores::new([("a", &evaluation)].into_iter()));
        let json = serde_json::to_string(&scores).unwrap();
        assert_eq!(serde_json::from_str::<Scores>(&json).unwrap(), scores);
    }
}
