//! The rows of a binary problem from the highest score down, those with equal scores together.

use crate::{Average, Rows};

/// The rows of one score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tie {
    /// Their score.
    pub(crate) score: f64,
    /// How many of them are of the class.
    pub(crate) positives: u64,
    /// How many are not.
    pub(crate) negatives: u64,
}

/// The ties from the highest score down, or `None` where a score is not a number.
pub(crate) fn ranking(labels: &[bool], scores: &[f64]) -> Option<Vec<Tie>> {
    assert_eq!(labels.len(), scores.len(), "one score for each label");
    if scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut rows: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    // By `==` and not by the order, so that -0 and 0 tie.
    Some(rows.chunk_by(|a, b| a.0 == b.0).map(tie).collect())
}

fn tie(rows: &[(f64, bool)]) -> Tie {
    let positives = rows.iter().filter(|(_, label)| *label).count() as u64;
    Tie { score: rows[0].0, positives, negatives: rows.len() as u64 - positives }
}

/// A score of a binary problem: labels, scores.
pub(crate) type BinaryScore = fn(&[bool], &[f64]) -> Option<f64>;

/// Each class against all others; of two classes, only the second against the first.
pub(crate) fn one_vs_rest(
    score: BinaryScore,
    labels: &[usize],
    scores: Rows<'_, f64>,
    average: Average,
) -> Option<f64> {
    scores.assert_labels(labels);
    let classes = scores.width();
    let is_label = |&label: &usize| (0..classes).map(move |class| class == label);
    let one_hot: Vec<bool> = labels.iter().flat_map(is_label).collect();
    let one_hot = Rows::new(&one_hot, classes);
    if classes == 2 {
        score(&one_hot.column(1), &scores.column(1))
    } else {
        over_classes(score, one_hot, scores, average)
    }
}

/// Each column by itself, averaged; `None` where a column that has a weight is undefined.
pub(crate) fn over_classes(
    score: BinaryScore,
    labels: Rows<'_, bool>,
    scores: Rows<'_, f64>,
    average: Average,
) -> Option<f64> {
    labels.assert_shape_of(scores);
    let support = |column: &[bool]| column.iter().filter(|&&label| label).count() as f64;
    let weight = match average {
        Average::Micro => return score(labels.values(), scores.values()),
        Average::Macro => |_: &[bool]| 1.0,
        Average::Weighted => support,
    };
    let (mut sum, mut weights) = (0.0, 0.0);
    for class in 0..labels.width() {
        let column = labels.column(class);
        let weight = weight(&column);
        if weight > 0.0 {
            sum += weight * score(&column, &scores.column(class))?;
            weights += weight;
        }
    }
    (weights > 0.0).then(|| sum / weights)
}
