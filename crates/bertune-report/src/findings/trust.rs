use super::Finding;
use crate::Comparison;
use crate::numbers::of;

/// How far the other answers can be trusted.
pub(super) fn finding(comparison: &Comparison) -> Finding {
    let answer = match comparison.seeds_there() {
        0 | 1 => "Every number is of one run: nothing here can be told from chance.".into(),
        seeds => format!(
            "Intervals are Student's 95 % intervals over {seeds} seeds. A seed decides which rows \
             are learned from, their order, the new weights and dropout; of one seed, all methods \
             see the same rows, and differences are taken seed by seed. Intervals of differences \
             also hold what measuring leaves open: steps are known to within those from one \
             evaluation to the next, scores that count rows to within one row."
        ),
    };
    let details = [Some(same_rows(comparison)), Some(budget(comparison)), incomplete(comparison)];
    Finding {
        question: "How far can this be trusted?".into(),
        answer,
        details: details.into_iter().flatten().chain(failed(comparison)).collect(),
    }
}

fn same_rows(comparison: &Comparison) -> String {
    match comparison.test_examples {
        Some(rows) => format!(
            "Scores are those of the model that was best on the validation rows, on {} that no \
             choice was made by. These rows are the same for all: other ones would move all \
             scores, which the intervals do not say.",
            of(rows, "test row")
        ),
        None => format!(
            "Scores are those of the model that was best on the {} that they are measured on, so \
             that they flatter every method. Name a --test file for scores that do not.",
            of(comparison.validation_examples, "validation row")
        ),
    }
}

fn budget(comparison: &Comparison) -> String {
    format!(
        "{}, at the learning rates that this page names, which were not searched for on this data; another budget or rate may change \
         the picture. Intervals are not corrected for the number of comparisons: of twenty without \
         a difference, one is expected to look like one.",
        comparison.same_steps()
    )
}

fn incomplete(comparison: &Comparison) -> Option<String> {
    let runs = comparison.methods.len() * comparison.sizes.len() * comparison.seeds.len();
    let there = comparison.cells.len();
    (there < runs).then(|| {
        format!("{there} of {runs} runs are finished; the same command goes on with the others.")
    })
}

fn failed(comparison: &Comparison) -> impl Iterator<Item = String> {
    comparison.failures.iter().map(|failure| {
        let examples = of(failure.examples, "example");
        let (method, seed) = (&failure.method, failure.seed);
        format!("The run of {method} with {examples} and seed {seed} failed: {}.", failure.message)
    })
}
