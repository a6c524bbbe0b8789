//! What is said of comparisons of every kind: never more than the intervals give.

mod common;

use bertune_metrics::MetricName;
use bertune_report::{Comparison, Failure, comparison_page, findings, results};
use common::{Shape, comparison, noise, usual};

const BOTH: [&str; 2] = ["scratch", "full"];

/// Everything that is said.
fn words(comparison: &Comparison) -> String {
    let told = findings(comparison).into_iter().map(|finding| {
        let details: Vec<_> =
            finding.details.iter().map(|detail| format!("  - {detail}\n")).collect();
        format!("{}\n{}\n{}", finding.question, finding.answer, details.concat())
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn pretrained_weights_win() {
    insta::assert_snapshot!(words(&usual()));
}

#[test]
fn the_table_has_a_row_for_each_method_and_size() {
    let table = results(&usual());
    assert_eq!(table.rows.len(), 16);
    let rows = [&table.head].into_iter().chain(&table.rows).map(|row| row.join(" | "));
    insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"));
}

#[test]
fn scratch_wins() {
    let comparison = comparison(&BOTH, &[64, 256], 3, |method, _, seed| {
        let (score, gap) = if method == "full" { (0.5, 0.4) } else { (0.8, 0.1) };
        Shape { score: score + 0.01 * noise(method, seed), flat_from: 60, gap }
    });
    let words = words(&comparison);
    assert!(words.contains("No: of 2 comparisons, worse in 2."), "{words}");
    assert!(words.contains("never as good in 100 steps"), "{words}");
    assert!(
        words.contains("Not shown: of 2 comparisons, not as good in every run in 2."),
        "{words}"
    );
    insta::assert_snapshot!(words);
}

#[test]
fn ties_are_within_the_noise() {
    let comparison = comparison(&BOTH, &[64], 4, |method, _, seed| Shape {
        score: 0.7 + 0.02 * noise(method, seed),
        flat_from: 60,
        gap: 0.1 + 0.02 * noise(method, seed + 5),
    });
    let words = words(&comparison);
    assert!(words.contains("Not shown: every difference is within the noise"), "{words}");
    assert!(!words.contains("Yes") && !words.contains("scores better than training"), "{words}");
    insta::assert_snapshot!(words);
}

#[test]
fn equal_runs_are_no_gain() {
    let same = |_: &str, _, _| Shape { score: 0.7, flat_from: 60, gap: 0.1 };
    let words = words(&comparison(&BOTH, &[64], 3, same));
    assert!(words.contains("a smaller gap between training and validation in 0 of 1"), "{words}");
    assert!(words.contains("after 60 steps instead of 60 (within the noise"), "{words}");
}

#[test]
fn the_same_small_difference_in_all_seeds_is_no_certainty() {
    // A row of 160 more, and one evaluation of every 5 steps earlier.
    let comparison = comparison(&BOTH, &[64], 3, |method, _, _| match method {
        "full" => Shape { score: 0.7 + 1.0 / 160.0, flat_from: 55, gap: 0.1 },
        _ => Shape { score: 0.7, flat_from: 60, gap: 0.1 },
    });
    let words = words(&comparison);
    let told = ["cannot be told apart", "after 55 steps instead of 60 (within the noise"];
    assert!(told.iter().all(|told| words.contains(told)), "{words}");
    assert!(!words.contains("Yes") && !words.contains("95 % interval 5 to 5"), "{words}");
}

#[test]
fn one_seed_says_nothing_for_certain() {
    let mut comparison = usual();
    comparison.seeds.truncate(1);
    comparison.cells.retain(|cell| cell.seed == 1);
    let words = words(&comparison);
    let claims =
        ["Yes", "In part", "beyond the noise", "scores better than training", "smaller gap than"];
    for claim in claims {
        assert!(!words.contains(claim), "{claim}: {words}");
    }
    insta::assert_snapshot!(words);
}

#[test]
fn a_method_of_fewer_steps_is_told_of() {
    let mut comparison = comparison(&BOTH, &[64], 3, |method, _, _| {
        let score = if method == "full" { 0.4 } else { 0.6 };
        Shape { score, flat_from: 30, gap: 0.1 }
    });
    comparison.methods[1].step_share = 0.07;
    let words = words(&comparison);
    assert!(words.contains("with 64 examples never as good in 7 steps"), "{words}");
    let told = "the same number of steps, but full fine-tuning 7 of 100, at the learning rates";
    assert!(words.contains(told), "{words}");
    let page = comparison_page(&comparison).to_html();
    assert!(page.contains("100 steps with 64 examples, but full fine-tuning 7 of 100."), "{page}");
    let caption =
        "On one size all methods take the same number of steps, but full fine-tuning 7 of";
    assert_eq!(page.matches(caption).count(), 3, "curves, gaps and trust: {page}");
    // A gap after 7 steps says nothing beside one after 100.
    assert!(words.contains("That cannot be told from runs of other lengths."), "{words}");
    assert!(
        words.contains("gaps between training and validation cannot be compared. Only"),
        "{words}"
    );
}

#[test]
fn a_method_that_reaches_it_in_some_seeds_is_said_to() {
    let comparison = comparison(&BOTH, &[64], 3, |method, _, seed| {
        let score = if method == "full" && seed == 2 { 0.4 } else { 0.6 };
        Shape { score, flat_from: if method == "full" { 20 } else { 80 }, gap: 0.1 }
    });
    let words = words(&comparison);
    let told = "with 64 examples as good in 2 of 3 seeds, these after 20 steps on average";
    assert!(words.contains(told), "{words}");
    assert!(
        words.contains("Not shown: of 1 comparison, not as good in every run in 1."),
        "{words}"
    );
}

#[test]
fn without_a_run_from_scratch_nothing_is_said_of_transfer() {
    let shape =
        |_: &str, _, seed| Shape { score: 0.6 + 0.01 * seed as f64, flat_from: 20, gap: 0.1 };
    let words = words(&comparison(&["frozen", "full"], &[64], 2, shape));
    assert!(words.contains("there is no run from scratch to compare with, so that"), "{words}");
    assert!(words.contains("cannot be told"), "{words}");
    assert!(!words.contains("Yes") && !words.contains("better than training"), "{words}");
}

#[test]
fn it_is_told_what_is_missing_where_nothing_can_be_compared() {
    let shape = |_: &str, _, _| Shape { score: 0.6, flat_from: 20, gap: 0.1 };
    let check = |methods: &[&str], change: fn(&mut Comparison), told: &str| {
        let mut comparison = comparison(methods, &[64], 2, shape);
        change(&mut comparison);
        let words = words(&comparison);
        assert!(words.contains(&format!("There is nothing to say: {told}")), "{words}");
        // The three questions have the same answer, as a sentence.
        assert_eq!(words.matches(&told[1..]).count(), 4, "{words}");
    };
    check(&["scratch"], |_| (), "there is no run of another method than from scratch");
    let other_seeds = |comparison: &mut Comparison| {
        comparison.cells.retain(|cell| (cell.method == "scratch") == (cell.seed == 1));
    };
    check(&BOTH, other_seeds, "no run of another method has the size and the seed of one from");
    let undefined = |comparison: &mut Comparison| {
        for cell in &mut comparison.cells {
            cell.score = None;
            cell.curve.iter_mut().for_each(|point| point.validation_score = None);
        }
    };
    check(&BOTH, undefined, "accuracy is undefined in the runs to compare");
}

#[test]
fn a_best_score_counts_from_the_first_step_that_has_it_but_not_before_the_first() {
    let shape = |_: &str, _, _| Shape { score: 0.7, flat_from: 60, gap: 0.1 };
    let mut comparison = comparison(&["full"], &[64], 1, shape);
    comparison.cells[0].curve[0].validation_score = Some(0.9);
    let best = comparison.cells[0].best(comparison.metric);
    assert_eq!(best.map(|(step, _)| step), Some(60));
}

#[test]
fn of_a_loss_less_is_better() {
    let mut comparison = comparison(&BOTH, &[64], 3, |method, _, seed| {
        let score = if method == "full" { 0.3 } else { 0.9 };
        Shape { score: score + 0.01 * noise(method, seed), flat_from: 50, gap: -0.2 }
    });
    (comparison.metric, comparison.majority) = (MetricName::Loss, None);
    // A curve that falls: from high to the score.
    for point in comparison.cells.iter_mut().flat_map(|cell| &mut cell.curve) {
        point.validation_score =
            point.validation_score.map(|score| score + 1.0 - point.step as f64 / 100.0);
    }
    let words = words(&comparison);
    assert!(words.contains("Full fine-tuning scores better than training from scratch"), "{words}");
}

#[test]
fn scores_that_are_undefined_are_left_out() {
    let mut comparison = usual();
    for cell in comparison.cells.iter_mut().filter(|cell| cell.seed == 2) {
        cell.score = None;
        cell.curve.iter_mut().for_each(|point| point.validation_score = None);
    }
    let table = results(&comparison);
    assert!(table.rows.iter().all(|row| !row.iter().any(|cell| cell.contains("NaN"))));
    assert!(!words(&comparison).contains("NaN"));
}

#[test]
fn runs_that_are_missing_or_failed_are_named() {
    let mut comparison = usual();
    comparison.cells.pop().unwrap();
    let message = "the loss of step 3 is NaN".into();
    comparison.failures =
        vec![Failure { method: "gradual".into(), examples: 6920, seed: 3, message }];
    let words = words(&comparison);
    assert!(words.contains("47 of 48 runs are finished"), "{words}");
    let failed =
        "The run of gradual with 6,920 examples and seed 3 failed: the loss of step 3 is NaN.";
    assert!(words.contains(failed), "{words}");
}
