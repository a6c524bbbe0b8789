use bertune_metrics::SeedSummary;

use super::Finding;
use super::tally::{Tally, Words};
use super::verdict::{Verdict, by_verdict};
use crate::numbers::capitalised;
use crate::{Cell, Comparison, Method, Size};

/// Whether the gap between training and validation rows is smaller than the reference's.
pub(super) fn finding(comparison: &Comparison) -> (Finding, Tally) {
    let mut tally = Tally::default();
    let mut details = Vec::new();
    let (as_long, left_out): (Vec<_>, Vec<_>) =
        comparison.others().partition(|method| comparison.is_as_long(method));
    for method in &as_long {
        let gap = |cell: &Cell| cell.gap(comparison.metric);
        let pairs = comparison.differences(&method.name, gap, |size| comparison.gap_variance(size));
        pairs.iter().for_each(|(_, difference)| tally.add(Verdict::of(difference)));
        details.extend(sentence(comparison, method, &pairs));
    }
    if !details.is_empty() {
        details.push(
            "A small gap alone is no merit: a model that learns little has one too. Read it \
             beside the scores."
                .into(),
        );
    }
    details.extend(left_out.iter().map(|method| {
        let title = capitalised(&method.title);
        format!(
            "{title} is left out: a gap grows with the steps, and its runs have another number."
        )
    }));
    let words = Words { good: "a smaller gap", bad: "a larger gap" };
    let finding = Finding {
        question: "Is there less overfitting?".into(),
        answer: match as_long.is_empty() && !left_out.is_empty() {
            true => "That cannot be told from runs of other lengths.".into(),
            false => tally.answer(comparison, (tally.less, tally.more), &words),
        },
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
        Verdict::More => format!("a larger gap than {reference} with {told}"),
        Verdict::Less => format!("a smaller gap than {reference} with {told}"),
        Verdict::WithinNoise => {
            format!("a gap that cannot be told apart from that of {reference} with {told}")
        }
        Verdict::OneSeed => format!("one seed, beside one of {reference}, with {told}"),
    };
    let clauses: Vec<_> = by_verdict(pairs, "by").into_iter().map(clause).collect();
    let title = capitalised(&method.title);
    (!clauses.is_empty()).then(|| format!("{title} has {}.", clauses.join("; it has ")))
}
