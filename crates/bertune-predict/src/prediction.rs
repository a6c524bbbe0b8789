use bertune_head::{Decisions, ProblemType};

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
        /// The classes that are probable enough, in the order of the model's labels.
        classes: Vec<usize>,
    },
    /// A number for each of the model's labels.
    Values {
        /// The numbers.
        values: Vec<f32>,
    },
}

impl Prediction {
    /// What a row of a model's scores says.
    pub(crate) fn new(problem_type: ProblemType, logits: &[f32], decisions: &Decisions) -> Self {
        let scores = || logits.iter().map(|&logit| f64::from(logit) / decisions.temperature());
        match problem_type {
            ProblemType::SingleLabelClassification => {
                Self::Class { probabilities: softmax(scores()) }
            }
            ProblemType::MultiLabelClassification => {
                let probabilities: Vec<f64> = scores().map(sigmoid).collect();
                let reached = |&class: &usize| probabilities[class] >= decisions.threshold(class);
                let classes = (0..probabilities.len()).filter(reached).collect();
                let probabilities = probabilities.iter().map(|&share| share as f32).collect();
                Self::Set { probabilities, classes }
            }
            ProblemType::Regression => Self::Values { values: logits.to_vec() },
        }
    }

    /// The probabilities, or the numbers.
    pub fn numbers(&self) -> &[f32] {
        match self {
            Self::Class { probabilities } | Self::Set { probabilities, .. } => probabilities,
            Self::Values { values } => values,
        }
    }

    /// The numbers of the predicted classes: the most probable one (the first of several), those of
    /// the set, or none.
    pub fn classes(&self) -> Vec<usize> {
        match self {
            Self::Class { probabilities } => highest(probabilities).into_iter().collect(),
            Self::Set { classes, .. } => classes.clone(),
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

fn softmax(scores: impl Iterator<Item = f64> + Clone) -> Vec<f32> {
    let highest = scores.clone().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.map(|score| (score - highest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}

fn sigmoid(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(problem_type: ProblemType, logits: &[f32]) -> Vec<usize> {
        Prediction::new(problem_type, logits, &Decisions::default()).classes()
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
    fn a_temperature_changes_how_sure_and_thresholds_which_classes() {
        let decisions = Decisions { temperature: Some(2.0), thresholds: Some(vec![0.8, 0.2]) };
        let odds = [9f32.ln(), -(9f32.ln())];
        let check = |problem_type, probabilities: [f32; 2], classes: &[usize]| {
            let prediction = Prediction::new(problem_type, &odds, &decisions);
            let found = prediction.numbers().iter().zip(probabilities);
            assert!(found.into_iter().all(|(a, b)| (a - b).abs() < 1e-6), "{prediction:?}");
            assert_eq!(prediction.classes(), classes);
        };
        check(ProblemType::MultiLabelClassification, [0.75, 0.25], &[1]);
        check(ProblemType::SingleLabelClassification, [0.9, 0.1], &[0]);
    }

    #[test]
    fn probabilities_are_what_the_scores_say() {
        let new = |problem_type, logits: &[f32]| {
            Prediction::new(problem_type, logits, &Decisions::default())
        };
        let single = new(ProblemType::SingleLabelClassification, &[1000.0, 1000.0]);
        assert_eq!(single.numbers(), [0.5, 0.5]);
        let sets = new(ProblemType::MultiLabelClassification, &[0.0, 1000.0, -1000.0]);
        assert_eq!(sets.numbers(), [0.5, 1.0, 0.0]);
        let values = new(ProblemType::Regression, &[-3.5]);
        assert_eq!((values.numbers(), values.classes()), ([-3.5].as_slice(), vec![]));
    }
}
