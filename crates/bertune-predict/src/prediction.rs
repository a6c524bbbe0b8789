use bertune_head::ProblemType;

/// What a model says of one text.
#[derive(Clone, Debug, PartialEq)]
pub enum Prediction {
    /// One class.
    Class {
        /// The probability of each class, in the order of the model's labels; they sum to 1.
        probabilities: Vec<f32>,
    },
    /// Any number of classes.
    Set {
        /// The probability of each class, in the order of the model's labels, each from 0 to 1.
        probabilities: Vec<f32>,
    },
    /// A number for each of the model's labels.
    Values {
        /// The numbers.
        values: Vec<f32>,
    },
}

/// The probability from which a class is in the set.
const THRESHOLD: f32 = 0.5;

impl Prediction {
    /// What a row of a model's scores says.
    pub(crate) fn new(problem_type: ProblemType, logits: &[f32]) -> Self {
        match problem_type {
            ProblemType::SingleLabelClassification => {
                Self::Class { probabilities: softmax(logits) }
            }
            ProblemType::MultiLabelClassification => {
                let probabilities = logits.iter().map(|&logit| sigmoid(logit)).collect();
                Self::Set { probabilities }
            }
            ProblemType::Regression => Self::Values { values: logits.to_vec() },
        }
    }

    /// The probabilities, or the numbers.
    pub fn numbers(&self) -> &[f32] {
        match self {
            Self::Class { probabilities } | Self::Set { probabilities } => probabilities,
            Self::Values { values } => values,
        }
    }

    /// The numbers of the predicted classes: the most probable one (the first of several), those of
    /// at least 0.5, or none.
    pub fn classes(&self) -> Vec<usize> {
        match self {
            Self::Class { probabilities } => highest(probabilities).into_iter().collect(),
            Self::Set { probabilities } => {
                let reached = |&(_, &probability): &(usize, &f32)| probability >= THRESHOLD;
                probabilities.iter().enumerate().filter(reached).map(|(class, _)| class).collect()
            }
            Self::Values { .. } => Vec::new(),
        }
    }
}

fn highest(probabilities: &[f32]) -> Option<usize> {
    let better = |best: usize, class: usize| {
        if probabilities[class] > probabilities[best] { class } else { best }
    };
    (0..probabilities.len()).reduce(better)
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&logit| f64::from(logit - highest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}

fn sigmoid(logit: f32) -> f32 {
    (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(problem_type: ProblemType, logits: &[f32]) -> Vec<usize> {
        Prediction::new(problem_type, logits).classes()
    }

    #[test]
    fn the_first_of_the_most_probable_classes_wins() {
        let single = ProblemType::SingleLabelClassification;
        assert_eq!(classes(single, &[0.2, 0.5, 0.3]), [1]);
        assert_eq!(classes(single, &[0.4, 0.2, 0.4]), [0]);
    }

    #[test]
    fn a_set_holds_every_class_of_at_least_a_half() {
        let sets = ProblemType::MultiLabelClassification;
        assert_eq!(classes(sets, &[1.0, -1.0, 0.0]), [0, 2]);
        assert!(classes(sets, &[-1.0, -1.0]).is_empty());
    }

    #[test]
    fn probabilities_are_what_the_scores_say() {
        let single = Prediction::new(ProblemType::SingleLabelClassification, &[1000.0, 1000.0]);
        assert_eq!(single.numbers(), [0.5, 0.5]);
        let sets = Prediction::new(ProblemType::MultiLabelClassification, &[0.0, 1000.0, -1000.0]);
        assert_eq!(sets.numbers(), [0.5, 1.0, 0.0]);
        let values = Prediction::new(ProblemType::Regression, &[-3.5]);
        assert_eq!((values.numbers(), values.classes()), ([-3.5].as_slice(), vec![]));
    }
}
