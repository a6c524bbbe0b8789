use bertune::data::Targets;
use bertune::head::Decisions;
use bertune::metrics::{Bootstrap, BootstrapEstimate, ConfusionMatrix, MetricName};
use bertune::train::Evaluation;
use serde_json::json;

use crate::progress::in_digits;
use crate::text_table;

/// Classes up to which all confusions are printed.
const WIDEST_CONFUSION: usize = 12;

/// A model's scores on a file, and how far the main one can be trusted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) evaluation: Evaluation,
    metric: MetricName,
    /// Of the main score; none where that is undefined.
    pub(crate) interval: Option<BootstrapEstimate>,
}

impl Measured {
    /// Draws the examples anew many times for the interval of `metric`, or of the main score.
    pub(crate) fn new(
        evaluation: Evaluation,
        metric: Option<MetricName>,
        targets: &Targets,
        decisions: &Decisions,
    ) -> Self {
        let metric = metric.unwrap_or_else(|| evaluation.scores.main_metric());
        let interval = evaluation.interval(metric, targets, decisions, Bootstrap::default());
        Self { evaluation, metric, interval }
    }

    /// Prints the scores, each class's, and which classes were taken for which.
    pub(crate) fn print(&self, labels: &[String]) {
        let shown = self.evaluation.scores.shown().into_iter();
        let scores = shown.map(|(title, score)| format!("{title} {}", in_digits(score)));
        let scores: Vec<_> = scores.collect();
        println!("loss {:.4}  {}", self.evaluation.loss, scores.join("  "));
        if let Some(BootstrapEstimate { interval, .. }) = self.interval {
            let (metric, low, high) = (self.metric, interval.low, interval.high);
            println!("95 % interval of {metric}: {low:.4} to {high:.4}");
        }
        let Some(confusion) = &self.evaluation.confusion else { return };
        println!();
        print_table(class_rows(confusion, labels));
        if labels.len() <= WIDEST_CONFUSION {
            println!("\nlabels down, predictions across");
            print_table(confusion_rows(confusion, labels));
        }
    }

    /// All scores as a JSON object.
    pub(crate) fn to_json(&self, labels: &[String]) -> serde_json::Value {
        let mut json = json!({ "loss": self.evaluation.loss, "labels": labels });
        let Some(object) = json.as_object_mut() else { return json };
        for metric in MetricName::ALL {
            if let Some(score) = self.evaluation.scores.get(metric) {
                object.insert(metric.name().into(), score.into());
            }
        }
        if let Some(BootstrapEstimate { interval, .. }) = self.interval {
            let (low, high) = (interval.low, interval.high);
            let interval = json!({ "metric": self.metric.name(), "low": low, "high": high });
            object.insert("interval".into(), interval);
        }
        let Some(confusion) = &self.evaluation.confusion else { return json };
        let class = |(class, name): (usize, &String)| {
            json!({
                "label": name,
                "examples": confusion.labelled(class),
                "precision": confusion.precision(class),
                "recall": confusion.recall(class),
                "f1": confusion.f1(class),
            })
        };
        object.insert("confusion".into(), json!(confusion.counts()));
        let classes: Vec<_> = labels.iter().enumerate().map(class).collect();
        object.insert("classes".into(), classes.into());
        json
    }
}

fn class_rows(confusion: &ConfusionMatrix, labels: &[String]) -> Vec<Vec<String>> {
    let head = ["class", "examples", "precision", "recall", "F1"].map(String::from);
    let row = |(class, name): (usize, &String)| {
        let scores = [confusion.precision(class), confusion.recall(class), confusion.f1(class)];
        let mut cells = vec![name.clone(), confusion.labelled(class).to_string()];
        cells.extend(scores.map(|score| format!("{score:.4}")));
        cells
    };
    let rows = labels.iter().enumerate().map(row);
    [head.to_vec()].into_iter().chain(rows).collect()
}

fn confusion_rows(confusion: &ConfusionMatrix, labels: &[String]) -> Vec<Vec<String>> {
    let head = [String::new()].into_iter().chain(labels.iter().cloned());
    let rows = labels.iter().zip(confusion.counts()).map(|(name, counts)| {
        let counts = counts.iter().map(u64::to_string);
        [name.clone()].into_iter().chain(counts).collect()
    });
    [head.collect()].into_iter().chain(rows).collect()
}

fn print_table(rows: Vec<Vec<String>>) {
    for line in text_table::lines(&rows) {
        println!("{line}");
    }
}
