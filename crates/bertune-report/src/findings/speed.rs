use bertune_metrics::SeedSummary;

use super::Finding;
use super::tally::{Tally, Words};
use super::verdict::{Verdict, turned};
use crate::numbers::{capitalised, interval, list, of, of_steps, steps};
use crate::{Comparison, Method, Reached, Size};

/// Whether methods are as good as the reference ever is after fewer steps than it takes.
pub(super) fn finding(comparison: &Comparison) -> (Finding, Tally) {
    let mut tally = Tally::default();
    let mut details = Vec::new();
    for method in comparison.others() {
        let sizes = comparison.sizes.iter();
        let of_size = |size: &Size| (*size, comparison.reached(&method.name, size.examples));
        let all: Vec<_> = sizes.map(of_size).filter(|(_, reached)| reached.runs > 0).collect();
        all.iter().for_each(|(_, reached)| count(&mut tally, reached));
        details.extend(sentence(method, &all));
    }
    details.extend(own_best(comparison));
    let words = Words { good: "fewer steps", bad: "more steps" };
    let finding = Finding {
        question: "Does it take fewer steps to be as good as from scratch?".into(),
        answer: tally.answer(comparison, (tally.less, tally.more), &words),
        details,
    };
    (finding, tally)
}

/// A method that does not reach the reference in every run has no difference of steps: how many
/// more it would take is not known.
fn count(tally: &mut Tally, reached: &Reached) {
    match &reached.difference {
        _ if reached.runs == 1 => tally.one_seed += 1,
        Some(difference) => tally.add(Verdict::of(difference)),
        None => tally.not_reached += 1,
    }
}

/// After how many steps a method reaches the reference's best, on each size.
fn sentence(method: &Method, all: &[(Size, Reached)]) -> Option<String> {
    let clauses: Vec<_> = all.iter().map(|(size, reached)| clause(method, size, reached)).collect();
    let title = capitalised(&method.title);
    (!clauses.is_empty()).then(|| format!("{title}: {}.", clauses.join("; ")))
}

fn clause(method: &Method, size: &Size, reached: &Reached) -> String {
    let examples = of(size.examples, "example");
    let Some(own) = reached.steps else {
        let steps = size.steps_of(method.step_share);
        return format!("with {examples} never as good in {}", of(steps, "step"));
    };
    let after = of_steps(own.mean);
    if reached.reached < reached.runs {
        let seeds = format!("{} of {}", reached.reached, of(reached.runs, "seed"));
        return format!("with {examples} as good in {seeds}, these after {after} on average");
    }
    let instead = reached.reference_steps.map_or_else(String::new, |own| steps(own.mean));
    let words = |difference: &SeedSummary| match Verdict::of(difference) {
        Verdict::Less => {
            let fewer = turned(difference, -1.0);
            format!("{} fewer, 95 % interval {}", steps(fewer.mean), interval(&fewer, steps))
        }
        Verdict::More => {
            format!(
                "{} more, 95 % interval {}",
                steps(difference.mean),
                interval(difference, steps)
            )
        }
        Verdict::WithinNoise => {
            let more = interval(difference, steps);
            format!("within the noise, 95 % interval of the difference {more}")
        }
        Verdict::OneSeed => "in one seed".into(),
    };
    let by = reached.difference.as_ref().map_or_else(String::new, words);
    format!("with {examples} after {after} instead of {instead} ({by})")
}

/// What is to be reached.
fn own_best(comparison: &Comparison) -> Option<String> {
    let reference = comparison.reference()?;
    let best = |size: &Size| {
        let best = |cell: &crate::Cell| cell.best(comparison.metric).map(|(_, score)| score);
        let best = comparison.over_seeds(&reference.name, size.examples, best)?;
        Some(format!("{} with {}", crate::numbers::score(best.mean), of(size.examples, "example")))
    };
    let bests: Vec<_> = comparison.sizes.iter().filter_map(best).collect();
    (!bests.is_empty()).then(|| {
        format!(
            "What is to be reached is the best validation {} of {}, per seed; on average {}.",
            comparison.metric,
            reference.title,
            list(&bests)
        )
    })
}
