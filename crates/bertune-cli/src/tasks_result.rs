use std::collections::BTreeMap;

use bertune::metrics::{BootstrapEstimate, MetricName};
use bertune::train::{History, Scores, TaskScores, TasksScores};

use crate::measured::Measured;
use crate::progress::in_digits;
use crate::text_table;

/// Prints the main score of each task on its validation and test rows.
pub(crate) fn print_results(history: &History, tests: &BTreeMap<String, Measured>) {
    let Some(best) = history.best() else { return };
    let Scores::Tasks(scores) = &best.validation else { return };
    outln!();
    for line in text_table::lines(&rows(scores, single_metric(history), tests)) {
        outln!("{line}");
    }
}

/// The score of a single task that the best model is best in, where one was named.
pub(crate) fn single_metric(history: &History) -> Option<MetricName> {
    history.config.metric.filter(|metric| *metric != MetricName::MeanScore)
}

fn rows(
    scores: &TasksScores,
    metric: Option<MetricName>,
    tests: &BTreeMap<String, Measured>,
) -> Vec<Vec<String>> {
    let head = ["task", "score", "validation", "test", "95 % interval"].map(String::from);
    let row = |TaskScores { name, loss, scores }: &TaskScores| {
        let metric = metric.unwrap_or_else(|| scores.main_metric());
        let validation = match metric {
            MetricName::Loss => Some(*loss),
            metric => scores.get(metric),
        };
        let mut cells = vec![name.clone(), metric.to_string(), in_digits(validation)];
        cells.extend(tests.get(name).map(|test| in_cells(test, metric)).into_iter().flatten());
        cells
    };
    [head.to_vec()].into_iter().chain(scores.tasks.iter().map(row)).collect()
}

/// A score on test rows, and its interval.
fn in_cells(test: &Measured, metric: MetricName) -> [String; 2] {
    let score = match metric {
        MetricName::Loss => Some(test.evaluation.loss),
        metric => test.evaluation.scores.get(metric),
    };
    let interval = test.interval.map(|BootstrapEstimate { interval, .. }| {
        format!("{:.4} to {:.4}", interval.low, interval.high)
    });
    [in_digits(score), interval.unwrap_or_else(|| in_digits(None))]
}

#[cfg(test)]
mod tests {
    use bertune::data::Targets;
    use bertune::head::Decisions;
    use bertune::train::Evaluation;

    use super::*;

    #[test]
    fn each_task_is_a_row_of_its_own_score() {
        let targets = Targets::Classes(vec![0, 1]);
        let decisions = Decisions::default();
        let evaluation = Evaluation::new(vec![1.0, 0.0, 1.0, 0.0], 2, &targets, &decisions);
        let task = |name: &str| TaskScores {
            name: name.into(),
            loss: evaluation.loss,
            scores: evaluation.scores.clone(),
        };
        let tasks = vec![task("topic"), task("stars")];
        let scores = TasksScores { mean_score: Some(0.5), tasks };
        let measured = Measured::new(evaluation.clone(), None, &targets, &decisions);
        let tests = BTreeMap::from([("topic".to_owned(), measured)]);
        let lines = text_table::lines(&rows(&scores, None, &tests));
        assert_eq!(
            lines,
            [
                "task      score  validation    test     95 % interval",
                "topic  accuracy      0.5000  0.5000  0.0000 to 1.0000",
                "stars  accuracy      0.5000",
            ]
        );
        let lines = text_table::lines(&rows(&scores, Some(MetricName::Loss), &tests));
        assert!(lines[1].starts_with("topic   loss      0.8133  0.8133"), "{lines:?}");
    }
}
