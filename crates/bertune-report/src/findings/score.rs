use bertune_metrics::SeedSummary;

use super::Finding;
use super::tally::{Tally, Words};
use super::verdict::{Verdict, by_verdict};
use crate::numbers::{capitalised, list, mean_and_deviation, of, score};
use crate::{Cell, Comparison, Method, Size};

/// Whether methods score better than the reference.
pub(super) fn finding(comparison: &Comparison) -> (Finding, Tally) {
    let mut tally = Tally::default();
    let mut details = Vec::new();
    for method in comparison.others() {
        let gain = |cell: &Cell| Some(comparison.metric.gain(cell.score?, 0.0));
        let pairs = comparison.differences(&method.name, gain, |_| comparison.score_variance());
        pairs.iter().for_each(|(_, difference)| tally.add(Verdict::of(difference)));
        details.extend(sentence(comparison, method, &pairs));
    }
    details.extend(comparison.methods.iter().filter_map(|method| no_better(comparison, method)));
    let words = Words { good: "better", bad: "worse" };
    let finding = Finding {
        question: "Are the scores better than from scratch?".into(),
        answer: tally.answer(comparison, (tally.more, tally.less), &words),
        details,
    };
    (finding, tally)
}

fn sentence(
    comparison: &Comparison,
    method: &Method,
    pairs: &[(&Size, SeedSummary)],
) -> Option<String> {
    let reference = &comparison.reference()?.title;
    let clause = |(verdict, told): (Verdict, String)| match verdict {
        Verdict::More => format!("scores better than {reference} with {told}"),
        Verdict::Less => format!("scores worse than {reference} with {told}"),
        Verdict::WithinNoise => format!("cannot be told apart from {reference} with {told}"),
        Verdict::OneSeed => format!("has one seed, beside one of {reference}, with {told}"),
    };
    let clauses: Vec<_> = by_verdict(pairs, "by").into_iter().map(clause).collect();
    let title = capitalised(&method.title);
    (!clauses.is_empty()).then(|| format!("{title} {}.", clauses.join("; it ")))
}

/// Says on which sizes a method is not shown to do better than always giving one class.
fn no_better(comparison: &Comparison, method: &Method) -> Option<String> {
    let majority = comparison.majority?;
    let is_no_better = |size: &&Size| {
        let scores = comparison.score(&method.name, size.examples);
        scores
            .is_some_and(|scores| scores.interval.map_or(scores.mean, |ends| ends.low) <= majority)
    };
    let sizes = comparison.sizes.iter().filter(is_no_better);
    let sizes: Vec<_> = sizes
        .filter_map(|size| {
            let scores = comparison.score(&method.name, size.examples)?;
            Some(format!("{} ({})", of(size.examples, "example"), mean_and_deviation(&scores)))
        })
        .collect();
    (!sizes.is_empty()).then(|| {
        format!(
            "{} is not shown to do better than always giving the most frequent class ({}) with {}.",
            capitalised(&method.title),
            score(majority),
            list(&sizes)
        )
    })
}
