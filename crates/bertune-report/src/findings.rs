mod gap;
mod score;
mod speed;
mod tally;
mod trust;
mod verdict;

use serde::Serialize;

use crate::{Cell, Comparison};
use tally::Tally;

/// A question about a comparison, with what the numbers answer and no more than that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The question.
    pub question: String,
    /// The answer in a sentence or two.
    pub answer: String,
    /// The numbers that it rests on, a sentence each.
    pub details: Vec<String>,
}

/// What a comparison shows: what transfer buys, in scores, steps and overfitting, and how far that
/// can be trusted.
///
/// A difference is only called one where the 95 % interval over the seeds does not hold 0. The
/// interval is never narrower than the measuring allows: that all seeds have the same difference
/// does not make it certain.
pub fn findings(comparison: &Comparison) -> Vec<Finding> {
    let (score, scores) = score::finding(comparison);
    let (speed, speeds) = speed::finding(comparison);
    let (gap, gaps) = gap::finding(comparison);
    let whole = Finding {
        question: "What does transfer buy here?".into(),
        answer: whole(comparison, [&scores, &speeds, &gaps]),
        details: Vec::new(),
    };
    vec![whole, score, speed, gap, trust::finding(comparison)]
}

/// The three answers in one.
fn whole(comparison: &Comparison, [scores, speeds, gaps]: [&Tally; 3]) -> String {
    if scores.pairs() == 0 {
        return format!(
            "There is nothing to say: {}, so that what the pretrained weights bring cannot be told.",
            why_nothing(comparison)
        );
    }
    if scores.one_seed == scores.pairs() {
        return "One seed cannot tell a difference from chance: the numbers below are of one run \
                each. Compare with three seeds or more."
            .into();
    }
    let share = |tally: &Tally, good: usize| format!("in {good} of {}", tally.pairs());
    let gaps = match gaps.pairs() {
        0 => "; gaps between training and validation cannot be compared".into(),
        _ => {
            let smaller = share(gaps, gaps.less);
            format!(", and a smaller gap between training and validation {smaller}")
        }
    };
    format!(
        "Beside the same architecture with new weights, starting from {} gave a better score {} \
         comparisons, as good a model in fewer steps {}{gaps}. Only differences beyond the noise \
         between seeds are counted.",
        comparison.model,
        share(scores, scores.more),
        share(speeds, speeds.less),
    )
}

/// Why no run can be compared with one from scratch, where none can.
fn why_nothing(comparison: &Comparison) -> String {
    let (references, others): (Vec<&Cell>, Vec<&Cell>) =
        comparison.cells.iter().partition(|cell| cell.method == comparison.reference);
    let of_same_rows = |a: &Cell, b: &Cell| (a.examples, a.seed) == (b.examples, b.seed);
    let has_other = |cell: &&Cell| others.iter().any(|other| of_same_rows(cell, other));
    match () {
        () if references.is_empty() => "there is no run from scratch to compare with".into(),
        () if others.is_empty() => "there is no run of another method than from scratch".into(),
        () if !references.iter().any(has_other) => {
            "no run of another method has the size and the seed of one from scratch".into()
        }
        () => format!("{} is undefined in the runs to compare", comparison.metric),
    }
}
