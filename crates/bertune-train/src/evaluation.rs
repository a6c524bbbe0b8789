use bertune_data::Targets;
use bertune_head::Decisions;
use bertune_metrics::{
    Bootstrap, BootstrapEstimate, ClassCounts, ClassificationScores, ConfusionMatrix, MetricName,
    MultiLabelScores, RegressionScores, Rows, label_counts, predicted_classes, predicted_labels,
    softmax,
};

use crate::Scores;
use crate::logistic_regression::softplus;

/// How a model does on labelled examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean loss: cross-entropy or binary cross-entropy in nats, or the squared error;
    /// without weights and smoothing, of the scores divided by the temperature.
    pub loss: f64,
    /// The scores.
    pub scores: Scores,
    /// Which classes were taken for which, where each example has one.
    pub confusion: Option<ConfusionMatrix>,
    /// What the model gave each class of each example, before softmax or sigmoid, or the numbers
    /// it predicted; rows of as many as there are classes.
    pub logits: Vec<f64>,
}

impl Evaluation {
    /// Scores what a model gave.
    ///
    /// # Panics
    ///
    /// If there are no targets, or not as many as rows.
    pub fn new(logits: Vec<f64>, width: usize, targets: &Targets, decisions: &Decisions) -> Self {
        let rows = Rows::new(&logits, width);
        let outputs = outputs(rows, targets, decisions);
        let found = Rows::new(&outputs, width);
        let temperature = decisions.temperature();
        let (loss, scores, confusion) = match targets {
            Targets::Classes(labels) => {
                let scores = ClassificationScores::new(labels, found);
                let matrix = ConfusionMatrix::new(labels, &predicted_classes(rows), width);
                let surprise = |(row, &label): (&[f64], &usize)| {
                    let row: Vec<f64> = row.iter().map(|logit| logit / temperature).collect();
                    log_sum_exp(&row) - row[label]
                };
                let loss = mean(rows.iter().zip(labels).map(surprise));
                (loss, Scores::Classification(scores), Some(matrix))
            }
            Targets::Sets { values, .. } => {
                let labels = in_set(values);
                let thresholds = thresholds(decisions, width);
                let scores = MultiLabelScores::new(Rows::new(&labels, width), found, &thresholds);
                let surprise = |(&logit, &label): (&f64, &bool)| {
                    softplus(if label { -logit } else { logit } / temperature)
                };
                let loss = mean(logits.iter().zip(&labels).map(surprise));
                (loss, Scores::MultiLabel(scores), None)
            }
            Targets::Values { values, .. } => {
                let wanted = numbers(values);
                let scores = RegressionScores::new(Rows::new(&wanted, width), found);
                let loss = mean(logits.iter().zip(&wanted).map(|(x, y)| (x - y) * (x - y)));
                (loss, Scores::Regression(scores), None)
            }
            Targets::None => unreachable!("examples without labels cannot be measured"),
        };
        Self { loss, scores, confusion, logits }
    }

    /// A score with its 95 % interval: how much it depends on which examples were measured.
    ///
    /// `None` where the score is undefined.
    ///
    /// # Panics
    ///
    /// If these are not the targets of the evaluation.
    pub fn interval(
        &self,
        metric: MetricName,
        targets: &Targets,
        decisions: &Decisions,
        bootstrap: Bootstrap,
    ) -> Option<BootstrapEstimate> {
        bootstrap.interval(targets.len(), |rows| self.score_of(rows, metric, targets, decisions))
    }

    /// A score of the examples with these numbers, of which any may occur several times.
    ///
    /// # Panics
    ///
    /// If a number is not below that of the examples.
    pub fn score_of(
        &self,
        rows: &[usize],
        metric: MetricName,
        targets: &Targets,
        decisions: &Decisions,
    ) -> Option<f64> {
        let width = self.logits.len() / targets.len();
        let logits = Rows::new(&self.logits, width).gather(rows);
        let targets = &targets.select(rows);
        let outputs = outputs(Rows::new(&logits, width), targets, decisions);
        let found = Rows::new(&outputs, width);
        match targets {
            Targets::Classes(labels) => {
                ClassificationScores::one(named(metric, MetricName::LogLoss), labels, found)
            }
            Targets::Sets { values, .. } => {
                let (labels, metric) = (in_set(values), named(metric, MetricName::LogLoss));
                let thresholds = thresholds(decisions, width);
                MultiLabelScores::one(metric, Rows::new(&labels, width), found, &thresholds)
            }
            Targets::Values { values, .. } => {
                let wanted = numbers(values);
                let scores = RegressionScores::new(Rows::new(&wanted, width), found);
                scores.get(named(metric, MetricName::Mse))
            }
            Targets::None => None,
        }
    }

    /// How often each class was a label, was predicted, and was both, in their order; none where
    /// the targets are numbers.
    ///
    /// # Panics
    ///
    /// If these are not the targets of the evaluation.
    pub fn class_counts(&self, targets: &Targets, decisions: &Decisions) -> Vec<ClassCounts> {
        match targets {
            Targets::Sets { values, classes } => {
                let (labels, thresholds) = (in_set(values), thresholds(decisions, *classes));
                let found = outputs(Rows::new(&self.logits, *classes), targets, decisions);
                let found = predicted_labels(Rows::new(&found, *classes), &thresholds);
                label_counts(Rows::new(&labels, *classes), Rows::new(&found, *classes))
            }
            _ => self.confusion.iter().flat_map(ConfusionMatrix::each_class).collect(),
        }
    }

    /// The scores of each number that an example has, in their order; none where the targets are
    /// classes.
    ///
    /// # Panics
    ///
    /// If these are not the targets of the evaluation.
    pub fn target_scores(&self, targets: &Targets) -> Vec<RegressionScores> {
        let Targets::Values { values, width } = targets else { return Vec::new() };
        let wanted = numbers(values);
        RegressionScores::of_each(Rows::new(&wanted, *width), Rows::new(&self.logits, *width))
    }
}

/// The name that the loss has among the scores.
fn named(metric: MetricName, loss: MetricName) -> MetricName {
    if metric == MetricName::Loss { loss } else { metric }
}

/// The probabilities that the logits stand for, or the numbers that they are.
fn outputs(logits: Rows<'_, f64>, targets: &Targets, decisions: &Decisions) -> Vec<f64> {
    let temperature = decisions.temperature();
    match targets {
        Targets::Classes(_) => softmax(logits, temperature),
        Targets::Sets { .. } => {
            logits.values().iter().map(|logit| sigmoid(logit / temperature)).collect()
        }
        Targets::Values { .. } | Targets::None => logits.values().to_vec(),
    }
}

pub(crate) fn in_set(values: &[f32]) -> Vec<bool> {
    values.iter().map(|&value| value > 0.5).collect()
}

fn thresholds(decisions: &Decisions, classes: usize) -> Vec<f64> {
    (0..classes).map(|class| decisions.threshold(class)).collect()
}

fn numbers(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn log_sum_exp(row: &[f64]) -> f64 {
    let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    highest + row.iter().map(|logit| (logit - highest).exp()).sum::<f64>().ln()
}

/// The probability that a logit stands for, `1 / (1 + e^-x)`.
pub(crate) fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        logits: &[f64],
        width: usize,
        targets: &Targets,
        loss: f64,
        score: MetricName,
        value: f64,
    ) {
        let evaluation = Evaluation::new(logits.to_vec(), width, targets, &Decisions::default());
        assert!((evaluation.loss - loss).abs() < 1e-12, "{evaluation:?}");
        assert_eq!(evaluation.scores.get(score), Some(value));
    }

    /// Losses from PyTorch 2.15 in float64: `cross_entropy`, `binary_cross_entropy_with_logits`,
    /// `mse_loss`.
    #[test]
    fn each_problem_has_its_loss_and_scores() {
        let labels = Targets::Classes(vec![0, 1]);
        let loss = (2.0f64.ln() + (1.0 + (-3f64).exp()).ln()) / 2.0;
        check(&[0.5, 0.5, -1.0, 2.0], 2, &labels, loss, MetricName::Accuracy, 1.0);
        let sets = Targets::Sets { values: vec![1.0, 0.0, 0.0, 0.0], classes: 2 };
        let loss = (4.0 * 2.0f64.ln()) / 4.0;
        check(&[0.0; 4], 2, &sets, loss, MetricName::SubsetAccuracy, 0.0);
        let numbers = Targets::Values { values: vec![1.0, 4.0], width: 1 };
        check(&[2.0, 2.0], 1, &numbers, 2.5, MetricName::Mae, 1.5);
    }

    #[test]
    fn a_score_of_all_rows_is_the_score() {
        let decisions = Decisions { temperature: Some(1.5), thresholds: Some(vec![0.3, 0.6]) };
        let logits = vec![0.3, -0.4, -1.0, 2.0, 0.1, 0.2, 1.5, -2.0];
        let classes = Targets::Classes(vec![0, 1, 1, 1]);
        let values = vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0];
        let sets = Targets::Sets { values: values.clone(), classes: 2 };
        let numbers = Targets::Values { values, width: 2 };
        for targets in [classes, sets, numbers] {
            let evaluation = Evaluation::new(logits.clone(), 2, &targets, &decisions);
            for metric in MetricName::ALL {
                let score = evaluation.score_of(&[0, 1, 2, 3], metric, &targets, &decisions);
                match (metric, evaluation.scores.get(metric)) {
                    (MetricName::Loss, _) => {
                        assert!((score.unwrap() - evaluation.loss).abs() < 1e-12);
                    }
                    (_, expected) => assert_eq!(score, expected, "{metric}"),
                }
            }
        }
    }

    #[test]
    fn each_class_is_counted_by_its_own_threshold() {
        let counts = |right, labelled, predicted| ClassCounts { right, labelled, predicted };
        // Probabilities of the first class 0.73, 0.27, 0.88, of the second 0.73, 0.95, 0.27.
        let logits = vec![1.0, 1.0, -1.0, 3.0, 2.0, -1.0];
        let values = vec![1.0, 1.0, 0.0, 1.0, 0.0, 0.0];
        let sets = Targets::Sets { values, classes: 2 };
        let tuned = Decisions { temperature: None, thresholds: Some(vec![0.5, 0.9]) };
        let halves = Decisions::default();
        let evaluation = Evaluation::new(logits.clone(), 2, &sets, &tuned);
        assert_eq!(evaluation.class_counts(&sets, &tuned), [counts(1, 1, 2), counts(1, 2, 1)]);
        assert_eq!(evaluation.class_counts(&sets, &halves), [counts(1, 1, 2), counts(2, 2, 2)]);
        assert!(evaluation.target_scores(&sets).is_empty());

        let classes = Targets::Classes(vec![0, 0, 0]);
        let evaluation = Evaluation::new(logits, 2, &classes, &halves);
        assert_eq!(evaluation.class_counts(&classes, &halves), [counts(2, 3, 2), counts(0, 0, 1)]);
    }

    #[test]
    fn the_scores_of_several_numbers_are_the_means_of_each() {
        let numbers = Targets::Values { values: vec![1.0, 5.0, 2.0, 9.0], width: 2 };
        let decisions = Decisions::default();
        let evaluation = Evaluation::new(vec![1.5, 5.0, 2.0, 8.0], 2, &numbers, &decisions);
        let each = evaluation.target_scores(&numbers);
        let errors: Vec<_> = each.iter().map(|scores| scores.mae).collect();
        assert_eq!(errors, [Some(0.25), Some(0.5)]);
        assert_eq!(evaluation.scores.get(MetricName::Mae), Some(0.375));
        assert!(evaluation.class_counts(&numbers, &decisions).is_empty());
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let labels = Targets::Classes(vec![1]);
        let evaluation = Evaluation::new(vec![1000.0, -1000.0], 2, &labels, &Decisions::default());
        assert_eq!(evaluation.loss, 2000.0);
        let sets = Targets::Sets { values: vec![1.0], classes: 1 };
        assert_eq!(Evaluation::new(vec![-1000.0], 1, &sets, &Decisions::default()).loss, 1000.0);
    }
}
