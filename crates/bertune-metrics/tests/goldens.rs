//! Every score equals scikit-learn's and SciPy's on the cases of `tools/metric_goldens.py`.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;

use bertune_metrics::{
    Average, Bootstrap, ClassificationScores, ConfusionMatrix, MetricName, MultiLabelScores,
    RegressionScores, Rows, SeedSummary, fit_temperature, label_counts,
    multi_label_average_precision, multi_label_roc_auc, predicted_classes, predicted_labels,
    student_t_quantile, tune_thresholds,
};
use serde::Serialize;
use serde_json::{Value, json};

fn golden(part: &str) -> Value {
    let text = fs::read_to_string("tests/goldens/metrics.json").unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    golden[part].clone()
}

fn cases(part: &str) -> Vec<Value> {
    golden(part).as_array().unwrap().clone()
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn integers(values: &Value) -> Vec<usize> {
    values.as_array().unwrap().iter().map(|value| value.as_u64().unwrap() as usize).collect()
}

/// Nine digits, and next to nothing where 0 is expected.
fn same_number(ours: f64, expected: f64) -> bool {
    (ours - expected).abs() <= 1e-9 * expected.abs() + 1e-15
}

/// Both have the same form, and the numbers in them are the same.
fn same(ours: impl Serialize, expected: &Value, what: &str) {
    let ours = serde_json::to_value(ours).unwrap();
    match (&ours, expected) {
        (Value::Object(fields), Value::Object(expected)) => {
            assert_eq!(fields.len(), expected.len(), "{what}: {ours} has other fields");
            expected
                .iter()
                .for_each(|(key, value)| same(&ours[key], value, &format!("{what}: {key}")));
        }
        (Value::Array(items), Value::Array(expected)) => {
            assert_eq!(items.len(), expected.len(), "{what}: {ours}");
            items.iter().zip(expected).for_each(|(ours, expected)| same(ours, expected, what));
        }
        (Value::Number(number), Value::Number(value)) => {
            let is_same = same_number(number.as_f64().unwrap(), value.as_f64().unwrap());
            assert!(is_same, "{what}: is {ours}, expected {expected}");
        }
        _ => assert_eq!(&ours, expected, "{what}"),
    }
}

/// Each score is found by its name, and by no other; `macro_f1` is the `f1` in `macro`. JSON would
/// write NaN as null, which is how undefined scores are written, so it is looked for here.
fn named(get: impl Fn(MetricName) -> Option<f64>, expected: &Value, what: &str) {
    for metric in MetricName::ALL {
        let score = get(metric);
        assert!(score.is_none_or(f64::is_finite), "{what}: {metric} is not finite");
        let (average, field) = metric.name().split_once('_').unwrap_or_default();
        let expected = expected[average].get(field).unwrap_or(&expected[metric.name()]);
        same(score, expected, &format!("{what}: get({metric})"));
    }
}

fn name(case: &Value) -> &str {
    case["name"].as_str().unwrap()
}

fn width(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap() as usize
}

#[test]
fn scores_of_one_class_per_row_equal_scikit_learns() {
    let cases = cases("classification");
    assert!(cases.len() >= 30);
    for case in cases {
        let (labels, values) = (integers(&case["labels"]), numbers(&case["probabilities"]));
        let probabilities = Rows::new(&values, width(&case, "classes"));
        let scores = ClassificationScores::new(&labels, probabilities);
        same(scores, &case["scores"], name(&case));
        named(|metric| scores.get(metric), &case["scores"], name(&case));
        let one = |metric| ClassificationScores::one(metric, &labels, probabilities);
        named(one, &case["scores"], name(&case));

        let classes = probabilities.width();
        let matrix = ConfusionMatrix::new(&labels, &predicted_classes(probabilities), classes);
        same(matrix.counts(), &case["counts"], name(&case));
        let of_classes = |score: &dyn Fn(usize) -> f64| (0..classes).map(score).collect::<Vec<_>>();
        let per_class = json!({
            "precision": of_classes(&|class| matrix.precision(class)),
            "recall": of_classes(&|class| matrix.recall(class)),
            "f1": of_classes(&|class| matrix.f1(class)),
        });
        same(per_class, &case["per_class"], name(&case));
    }
}

#[test]
fn scores_of_any_number_of_classes_per_row_equal_scikit_learns() {
    let cases = cases("multi_label");
    assert!(cases.len() >= 30);
    for case in cases {
        let labels: Vec<bool> = integers(&case["labels"]).iter().map(|&label| label == 1).collect();
        let (values, classes) = (numbers(&case["probabilities"]), width(&case, "classes"));
        let (labels, probabilities) = (Rows::new(&labels, classes), Rows::new(&values, classes));
        let halves = vec![0.5; classes];
        let scores = MultiLabelScores::new(labels, probabilities, &halves);
        same(scores, &case["scores"], name(&case));
        named(|metric| scores.get(metric), &case["scores"], name(&case));
        let one = |metric| MultiLabelScores::one(metric, labels, probabilities, &halves);
        named(one, &case["scores"], name(&case));

        let roc_auc = multi_label_roc_auc(labels, probabilities, Average::Weighted);
        same(roc_auc, &case["weighted_roc_auc"], name(&case));
        let precision = multi_label_average_precision(labels, probabilities, Average::Weighted);
        same(precision, &case["weighted_pr_auc"], name(&case));
        same(tune_thresholds(labels, probabilities), &case["thresholds"], name(&case));

        let predictions = predicted_labels(probabilities, &halves);
        let counts = label_counts(labels, Rows::new(&predictions, classes));
        let per_class = json!({
            "precision": counts.iter().map(|class| class.precision()).collect::<Vec<_>>(),
            "recall": counts.iter().map(|class| class.recall()).collect::<Vec<_>>(),
            "f1": counts.iter().map(|class| class.f1()).collect::<Vec<_>>(),
        });
        same(per_class, &case["per_class"], name(&case));
    }
}

#[test]
fn scores_of_numbers_equal_scikit_learns_and_scipys() {
    let cases = cases("regression");
    assert!(cases.len() >= 30);
    for case in cases {
        let (targets, predictions) = (numbers(&case["targets"]), numbers(&case["predictions"]));
        let width = width(&case, "width");
        let scores =
            RegressionScores::new(Rows::new(&targets, width), Rows::new(&predictions, width));
        same(scores, &case["scores"], name(&case));
        named(|metric| scores.get(metric), &case["scores"], name(&case));
    }
}

#[test]
fn temperatures_are_where_the_slope_is_zero() {
    for case in cases("temperature") {
        let (labels, logits) = (integers(&case["labels"]), numbers(&case["logits"]));
        let temperature = fit_temperature(&labels, Rows::new(&logits, width(&case, "classes")));
        same(temperature, &case["temperature"], "temperature");
    }
}

#[test]
fn quantiles_of_students_t_equal_scipys() {
    let golden = golden("student_t");
    let probabilities = numbers(&golden["probabilities"]);
    let ours: Vec<Vec<f64>> = integers(&golden["degrees_of_freedom"])
        .iter()
        .map(|&nu| probabilities.iter().map(|&p| student_t_quantile(p, nu as u32)).collect())
        .collect();
    same(ours, &golden["quantiles"], "quantiles");
}

#[test]
fn intervals_over_seeds_equal_scipys() {
    for case in cases("seeds") {
        let summary = SeedSummary::new(&numbers(&case["values"])).unwrap();
        let interval = summary.interval.unwrap();
        same(summary.mean, &case["mean"], "mean");
        same(summary.standard_deviation, &case["standard_deviation"], "standard deviation");
        same([interval.low, interval.high], &json!([case["low"], case["high"]]), "interval");
    }
}

#[test]
fn the_bootstrap_draws_and_counts_as_it_says() {
    for case in cases("bootstrap") {
        let (first, second) = (numbers(&case["first"]), numbers(&case["second"]));
        let seed = case["seed"].as_u64().unwrap();
        let bootstrap = Bootstrap { resamples: width(&case, "resamples"), seed };
        let mean = |values: &[f64], rows: &[usize]| {
            Some(rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64)
        };
        let estimate = bootstrap.interval(first.len(), |rows| mean(&first, rows)).unwrap();
        same([estimate.interval.low, estimate.interval.high], &case["interval"], "interval");
        let difference = bootstrap.paired_difference(
            first.len(),
            |rows| mean(&first, rows),
            |rows| mean(&second, rows),
        );
        let difference = difference.unwrap();
        let interval = difference.interval;
        same([interval.low, interval.high], &case["difference"], "difference");
        same(difference.p_value, &case["p_value"], "p-value");
    }
}
