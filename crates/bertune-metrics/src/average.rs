use serde::{Deserialize, Serialize};

use crate::mean::ratio;
use crate::{ClassCounts, PrecisionRecallF1};

/// How the scores of classes become one, scikit-learn's `average`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// The mean of the classes' scores: every class counts the same.
    Macro,
    /// The score of all decisions taken together: every decision counts the same.
    Micro,
    /// The mean of the classes' scores, each weighted by how often it is the label.
    Weighted,
}

/// Precision, recall and F1 over several classes, each averaged by itself.
///
/// All of these classes count, as scikit-learn has it for multi-label problems; where one class is
/// chosen of several, [`ConfusionMatrix::average`](crate::ConfusionMatrix::average) leaves out
/// those that never occur. All three are 0 where nothing was counted.
///
/// # Examples
///
/// ```
/// use bertune_metrics::{Average, ClassCounts, average_scores};
///
/// let found = ClassCounts { right: 3, labelled: 3, predicted: 3 };
/// let missed = ClassCounts { right: 0, labelled: 1, predicted: 0 };
/// assert_eq!(average_scores(&[found, missed], Average::Macro).recall, 0.5);
/// assert_eq!(average_scores(&[found, missed], Average::Weighted).recall, 0.75);
/// ```
pub fn average_scores(classes: &[ClassCounts], average: Average) -> PrecisionRecallF1 {
    match average {
        Average::Micro => classes.iter().copied().sum::<ClassCounts>().scores(),
        Average::Macro => weighted_mean(classes, |_| 1.0),
        Average::Weighted => weighted_mean(classes, |class| class.labelled as f64),
    }
}

fn weighted_mean(classes: &[ClassCounts], weight: fn(&ClassCounts) -> f64) -> PrecisionRecallF1 {
    let total: f64 = classes.iter().map(weight).sum();
    let mean = |score: fn(ClassCounts) -> f64| {
        ratio(classes.iter().map(|class| weight(class) * score(*class)).sum(), total)
    };
    PrecisionRecallF1 {
        precision: mean(ClassCounts::precision),
        recall: mean(ClassCounts::recall),
        f1: mean(ClassCounts::f1),
    }
}
