//! What holds for any labels and scores.

use bertune_metrics::{
    Bootstrap, ClassCounts, PairedDifference, Rows, SeedSummary, best_threshold,
    binary_average_precision, binary_log_loss, binary_roc_auc, fit_temperature, log_loss, pearson,
    softmax, spearman,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Labels and scores with many ties.
fn binary() -> impl Strategy<Value = (Vec<bool>, Vec<f64>)> {
    let row = (any::<bool>(), (0..=16_u8).prop_map(|score| f64::from(score) / 16.0));
    vec(row, 1..40).prop_map(|rows| rows.into_iter().unzip())
}

fn three_class_logits() -> impl Strategy<Value = (Vec<usize>, Vec<f64>)> {
    let row = (0..3_usize, vec(-5.0..5.0, 3));
    vec(row, 1..20).prop_map(|rows| {
        let (labels, logits): (Vec<_>, Vec<Vec<f64>>) = rows.into_iter().unzip();
        (labels, logits.concat())
    })
}

fn close(ours: Option<f64>, expected: Option<f64>) -> bool {
    match (ours, expected) {
        (Some(ours), Some(expected)) => (ours - expected).abs() < 1e-9,
        _ => ours == expected,
    }
}

/// F1 where a score that reaches the threshold is predicted.
fn f1_at(labels: &[bool], scores: &[f64], threshold: f64) -> f64 {
    let predictions: Vec<bool> = scores.iter().map(|&score| score >= threshold).collect();
    ClassCounts::new(labels, &predictions).f1()
}

proptest! {
    #[test]
    fn the_roc_auc_is_how_often_a_positive_row_scores_higher((labels, scores) in binary()) {
        let (mut won, mut pairs) = (0.0, 0.0);
        for (_, positive) in labels.iter().zip(&scores).filter(|(label, _)| **label) {
            for (_, negative) in labels.iter().zip(&scores).filter(|(label, _)| !**label) {
                won += f64::from(u8::from(positive > negative) + u8::from(positive >= negative));
                pairs += 2.0;
            }
        }
        prop_assert!(close(binary_roc_auc(&labels, &scores), (pairs > 0.0).then(|| won / pairs)));
    }

    #[test]
    fn only_the_order_of_scores_matters((labels, scores) in binary()) {
        let cubes: Vec<f64> = scores.iter().map(|score| score.powi(3) - 7.0).collect();
        prop_assert_eq!(binary_roc_auc(&labels, &scores), binary_roc_auc(&labels, &cubes));
        let ours = binary_average_precision(&labels, &scores);
        prop_assert_eq!(ours, binary_average_precision(&labels, &cubes));
    }

    #[test]
    fn the_order_of_rows_does_not_matter((labels, scores) in binary()) {
        let reversed = |(labels, scores): (&[bool], &[f64])| -> (Vec<bool>, Vec<f64>) {
            (labels.iter().rev().copied().collect(), scores.iter().rev().copied().collect())
        };
        let (others, other_scores) = reversed((&labels, &scores));
        prop_assert_eq!(
            binary_roc_auc(&labels, &scores), binary_roc_auc(&others, &other_scores));
        prop_assert_eq!(
            best_threshold(&labels, &scores), best_threshold(&others, &other_scores));
        prop_assert!(close(
            binary_log_loss(&labels, &scores), binary_log_loss(&others, &other_scores)));
    }

    #[test]
    fn no_threshold_has_a_higher_f1_than_the_best((labels, scores) in binary(), other in 0.0..1.0) {
        let best = best_threshold(&labels, &scores);
        prop_assert!((0.0..=1.0).contains(&best));
        let ours = f1_at(&labels, &scores, best);
        prop_assert!(ours >= f1_at(&labels, &scores, other));
    }

    #[test]
    fn no_temperature_has_a_lower_loss_than_the_fitted(
        (labels, logits) in three_class_logits(), other in 0.02..50.0,
    ) {
        let logits = Rows::new(&logits, 3);
        let loss = |temperature| log_loss(&labels, Rows::new(&softmax(logits, temperature), 3));
        let fitted = fit_temperature(&labels, logits).unwrap();
        prop_assert!(loss(fitted).unwrap() <= loss(other).unwrap() + 1e-9);
    }

    #[test]
    fn correlation_is_symmetric_and_ignores_scale(values in vec((-9.0..9.0, -9.0..9.0), 2..20)) {
        let (a, b): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
        let stretched: Vec<f64> = b.iter().map(|value| 3.0 - 2.0 * value).collect();
        for correlation in [pearson, spearman] {
            let r = correlation(&a, &b);
            prop_assert!(close(r, correlation(&b, &a)));
            prop_assert!(close(r.map(|r| -r), correlation(&a, &stretched)));
            prop_assert!(r.is_none_or(|r| (-1.0..=1.0).contains(&r)));
        }
    }

    #[test]
    fn the_bootstrap_is_the_same_on_any_number_of_threads(
        (labels, scores) in binary(), seed in any::<u64>(),
    ) {
        let table = Rows::new(&scores, 1);
        let roc_auc = |rows: &[usize]| {
            binary_roc_auc(&Rows::new(&labels, 1).gather(rows), &table.gather(rows))
        };
        let bootstrap = Bootstrap { resamples: 50, seed };
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bootstrap.interval(labels.len(), roc_auc))
        };
        prop_assert_eq!(on(1), on(3));
    }
}

fn compare(first: &[f64], second: &[f64]) -> Option<PairedDifference> {
    let mean = |values: &[f64], rows: &[usize]| {
        Some(rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64)
    };
    Bootstrap::default().paired_difference(
        first.len(),
        |rows| mean(first, rows),
        |rows| mean(second, rows),
    )
}

#[test]
fn equal_predictions_do_not_differ() {
    let difference = compare(&[1.0, 0.0, 1.0], &[1.0, 0.0, 1.0]).unwrap();
    assert_eq!((difference.difference, difference.p_value), (0.0, 1.0));
}

#[test]
fn what_is_always_better_differs() {
    let difference = compare(&[1.0, 0.9, 1.1], &[0.1, 0.0, 0.3]).unwrap();
    assert_eq!(difference.p_value, 2.0 / 1001.0);
    assert!(difference.interval.low > 0.0);
}

#[test]
fn resamples_without_a_score_are_left_out_and_counted() {
    let labels = [true, false, false, false];
    let scores = [0.9, 0.1, 0.2, 0.95];
    let roc_auc = |rows: &[usize]| {
        binary_roc_auc(&Rows::new(&labels, 1).gather(rows), &Rows::new(&scores, 1).gather(rows))
    };
    let estimate = Bootstrap::default().interval(4, roc_auc).unwrap();
    // A row is not drawn in (3/4)^4 = 32 % of resamples.
    assert!((600..750).contains(&estimate.resamples), "{estimate:?}");
    assert_eq!(Bootstrap::default().interval(0, |_| Some(1.0)), None);
    assert_eq!(Bootstrap::default().interval(4, |_| None), None);
}

#[test]
fn a_single_run_has_no_deviation() {
    let summary = SeedSummary::new(&[0.5]).unwrap();
    assert_eq!((summary.standard_deviation, summary.interval), (None, None));
    assert_eq!(SeedSummary::new(&[]), None);
    assert_eq!(SeedSummary::new(&[0.5, f64::NAN]), None);
}
