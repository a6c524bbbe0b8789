use bertune::data::Targets;
use bertune::head::Decisions;
use bertune::metrics::{
    Bootstrap, BootstrapEstimate, ClassCounts, ConfusionMatrix, MetricName, RegressionScores,
};
use bertune::train::Evaluation;
use serde_json::{Map, Value, json};

use crate::count::count;
use crate::progress::in_digits;
use crate::text_table;

/// Classes up to which all confusions are printed.
const WIDEST_CONFUSION: usize = 12;

/// A model's scores on a file, and how far the main one can be trusted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) evaluation: Evaluation,
    metric: MetricName,
    rows: usize,
    /// Of the main score; none where that is undefined.
    pub(crate) interval: Option<BootstrapEstimate>,
    /// Of each class, where the labels are classes.
    classes: Vec<ClassCounts>,
    /// Of each number, where the labels are numbers.
    targets: Vec<RegressionScores>,
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
        let (rows, classes) = (targets.len(), evaluation.class_counts(targets, decisions));
        let targets = evaluation.target_scores(targets);
        Self { evaluation, metric, rows, interval, classes, targets }
    }

    /// Prints the scores, each class's or those of each of several numbers, and which classes were
    /// taken for which.
    pub(crate) fn print(&self, labels: &[String]) {
        let shown = self.evaluation.scores.shown().into_iter();
        let scores = shown.map(|(title, score)| format!("{title} {}", in_digits(score)));
        let scores: Vec<_> = scores.collect();
        outln!("loss {:.4}  {}", self.evaluation.loss, scores.join("  "));
        if let Some(BootstrapEstimate { interval, .. }) = self.interval {
            let (metric, low, high) = (self.metric, interval.low, interval.high);
            let few = match self.rows {
                rows if rows < Bootstrap::FEW_ROWS => {
                    format!(", too narrow: {} tell little of others", count(rows, "row"))
                }
                _ => String::new(),
            };
            outln!("95 % interval of {metric}: {low:.4} to {high:.4}{few}");
        }
        if !self.classes.is_empty() {
            outln!();
            print_table(class_rows(&self.classes, labels));
        }
        if self.targets.len() > 1 {
            outln!();
            print_table(target_rows(&self.targets, labels));
        }
        if let Some(confusion) = &self.evaluation.confusion
            && labels.len() <= WIDEST_CONFUSION
        {
            outln!("\nlabels down, predictions across");
            print_table(confusion_rows(confusion, labels));
        }
    }

    /// All scores that are defined, as a JSON object.
    pub(crate) fn to_json(&self, labels: &[String]) -> Value {
        let Evaluation { loss, scores, confusion, .. } = &self.evaluation;
        let mut json = json!({ "loss": loss, "labels": labels });
        let Some(object) = json.as_object_mut() else { return json };
        object.extend(named(json!(scores)));
        if let Some(BootstrapEstimate { interval, .. }) = self.interval {
            let (low, high) = (interval.low, interval.high);
            let interval = json!({ "metric": self.metric.name(), "low": low, "high": high });
            object.insert("interval".into(), interval);
        }
        if let Some(confusion) = confusion {
            object.insert("confusion".into(), json!(confusion.counts()));
        }
        if !self.classes.is_empty() {
            let classes: Vec<_> = self.classes.iter().zip(labels).map(class_json).collect();
            object.insert("classes".into(), classes.into());
        }
        if !self.targets.is_empty() {
            let targets: Vec<_> = self.targets.iter().zip(labels).map(target_json).collect();
            object.insert("targets".into(), targets.into());
        }
        json
    }
}

/// The scores that are defined, each by its name: the `f1` in `macro` is `macro_f1`.
fn named(scores: Value) -> Map<String, Value> {
    let Value::Object(scores) = scores else { return Map::new() };
    let flat = |(name, score): (String, Value)| -> Vec<(String, Value)> {
        match score {
            Value::Object(average) => {
                let field = |(field, score): (String, Value)| (format!("{name}_{field}"), score);
                average.into_iter().map(field).collect()
            }
            score => vec![(name, score)],
        }
    };
    scores.into_iter().flat_map(flat).filter(|(_, score)| !score.is_null()).collect()
}

fn class_json((class, name): (&ClassCounts, &String)) -> Value {
    json!({
        "label": name,
        "examples": class.labelled,
        "precision": class.precision(),
        "recall": class.recall(),
        "f1": class.f1(),
    })
}

fn target_json((scores, name): (&RegressionScores, &String)) -> Value {
    let mut target = Map::from_iter([("label".to_owned(), json!(name))]);
    target.extend(named(json!(scores)));
    target.into()
}

fn class_rows(classes: &[ClassCounts], labels: &[String]) -> Vec<Vec<String>> {
    let head = ["class", "examples", "precision", "recall", "F1"].map(String::from);
    let row = |(class, name): (&ClassCounts, &String)| {
        let scores = [class.precision(), class.recall(), class.f1()];
        let mut cells = vec![name.clone(), class.labelled.to_string()];
        cells.extend(scores.map(|score| format!("{score:.4}")));
        cells
    };
    let rows = classes.iter().zip(labels).map(row);
    [head.to_vec()].into_iter().chain(rows).collect()
}

fn target_rows(targets: &[RegressionScores], labels: &[String]) -> Vec<Vec<String>> {
    let head = ["target", "Pearson", "Spearman", "MSE", "MAE", "R²"].map(String::from);
    let row = |(scores, name): (&RegressionScores, &String)| {
        let RegressionScores { pearson, spearman, mse, mae, r2 } = *scores;
        let mut cells = vec![name.clone()];
        cells.extend([pearson, spearman, mse, mae, r2].map(in_digits));
        cells
    };
    let rows = targets.iter().zip(labels).map(row);
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
        outln!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(logits: &[f64], width: usize, targets: &Targets) -> Measured {
        let decisions = Decisions::default();
        let evaluation = Evaluation::new(logits.to_vec(), width, targets, &decisions);
        Measured::new(evaluation, None, targets, &decisions)
    }

    fn labels() -> Vec<String> {
        ["joy", "anger"].map(String::from).to_vec()
    }

    #[test]
    fn each_class_of_sets_has_its_scores() {
        // Joy is predicted twice and right once, anger never.
        let sets = Targets::Sets { values: vec![1.0, 1.0, 0.0, 0.0, 0.0, 0.0], classes: 2 };
        let measured = measured(&[1.0, -1.0, 2.0, -1.0, -1.0, -3.0], 2, &sets);
        let json = measured.to_json(&labels());
        let joy = json!({
            "label": "joy", "examples": 1, "precision": 0.5, "recall": 1.0, "f1": 2.0 / 3.0,
        });
        let anger = json!({
            "label": "anger", "examples": 1, "precision": 0.0, "recall": 0.0, "f1": 0.0,
        });
        assert_eq!(json["classes"], json!([joy, anger]));
        assert_eq!(json["macro_f1"], 1.0 / 3.0_f64);
        assert_eq!(
            text_table::lines(&class_rows(&measured.classes, &labels())),
            [
                "class  examples  precision  recall      F1",
                "joy           1     0.5000  1.0000  0.6667",
                "anger         1     0.0000  0.0000  0.0000",
            ]
        );
    }

    #[test]
    fn each_of_several_numbers_has_its_scores() {
        // Joy is missed by a half each time; anger never changes.
        let numbers = Targets::Values { values: vec![1.0, 3.0, 2.0, 3.0], width: 2 };
        let measured = measured(&[0.5, 3.0, 2.5, 5.0], 2, &numbers);
        let json = measured.to_json(&labels());
        assert_eq!(json["targets"][1], json!({ "label": "anger", "mse": 2.0, "mae": 1.0 }));
        assert_eq!(json["mae"], 0.75);
        assert_eq!(json.get("r2"), None);
        assert_eq!(
            text_table::lines(&target_rows(&measured.targets, &labels())),
            [
                "target  Pearson  Spearman     MSE     MAE      R²",
                "joy      1.0000    1.0000  0.2500  0.5000  0.0000",
                "anger         –         –  2.0000  1.0000       –",
            ]
        );
    }

    #[test]
    fn every_score_is_in_the_json_by_its_name() {
        let classes = Targets::Classes(vec![0, 1, 1, 1]);
        let values = vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0];
        let sets = Targets::Sets { values: values.clone(), classes: 2 };
        let numbers = Targets::Values { values, width: 2 };
        for targets in [&classes, &sets, &numbers] {
            let measured = measured(&[0.3, -0.4, -1.0, 2.0, 0.1, 0.2, 1.5, -2.0], 2, targets);
            let json = measured.to_json(&labels());
            for metric in MetricName::ALL.into_iter().filter(|&metric| metric != MetricName::Loss) {
                let score = measured.evaluation.scores.get(metric);
                assert_eq!(json.get(metric.name()).and_then(Value::as_f64), score, "{metric}");
            }
        }
        // The first class has one row and is predicted twice; the second is found in two of three.
        let logits = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        let json = measured(&logits, 2, &classes).to_json(&labels());
        assert_eq!(json["weighted_precision"], 0.875);
        assert_eq!(json["weighted_recall"], 0.75);
        assert!(json["weighted_roc_auc"].is_number() && json["micro_recall"] == 0.75, "{json}");
    }
}
