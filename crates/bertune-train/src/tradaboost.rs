use bertune_data::Targets;

use crate::evaluation::sigmoid;

/// The rule by which training weighs its examples anew: TrAdaBoost ([Dai et al.,
/// 2007](https://doi.org/10.1145/1273496.1273521)), where the model under training is what the paper
/// calls the hypothesis of a round.
///
/// A source's example loses weight by `β^error`, `β = 1 / (1 + √(2 ln n / N))` for `n` examples of
/// sources and `N` rounds. One of the target gains by `β_t^-error`, `β_t = ε / (1 - ε)`, where `ε` is
/// the target's mean error, each example counting its weight.
///
/// A network learns its examples by heart, so that `ε` may come near 0, where the paper's learners do
/// not: no example of the target gains more in a round than one of a source loses, `1 / β`. Where the
/// model is wrong more often than right, the target's examples gain nothing, as `ε` is taken for one
/// half. The paper's vote of the later rounds falls away: there is one model, and it is the last
/// round's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TrAdaBoost {
    /// The examples of the target, which come first.
    pub(crate) target_examples: usize,
    /// How often the weights change during the run.
    pub(crate) rounds: usize,
}

impl TrAdaBoost {
    /// The weights of the next round, from those of this one and what the model did wrong, from 0 to
    /// 1 for each example.
    pub(crate) fn reweighed(self, weights: &[f32], errors: &[f64]) -> Vec<f32> {
        let sources = weights.len() - self.target_examples;
        let loss = source_factor(sources, self.rounds);
        let target = self.target_examples;
        let gain = target_factor(&weights[..target], &errors[..target]).max(loss);
        let factor = |example: usize, error: f64| match example < target {
            true => gain.powf(-error),
            false => loss.powf(error),
        };
        let examples = weights.iter().zip(errors).enumerate();
        let new = examples.map(|(example, (&weight, &error))| {
            (f64::from(weight) * factor(example, error)) as f32
        });
        new.collect()
    }
}

/// `β`.
fn source_factor(sources: usize, rounds: usize) -> f64 {
    let logarithm = (sources.max(1) as f64).ln();
    1.0 / (1.0 + (2.0 * logarithm / rounds.max(1) as f64).sqrt())
}

/// `β_t`.
fn target_factor(weights: &[f32], errors: &[f64]) -> f64 {
    let all: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
    let wrong: f64 = weights.iter().zip(errors).map(|(&w, error)| f64::from(w) * error).sum();
    let epsilon = (wrong / all.max(f64::MIN_POSITIVE)).min(0.5);
    epsilon / (1.0 - epsilon)
}

/// How wrong a model is about each example, from 0 to 1, by what it gave its classes: 1 where another
/// class than its own has the highest score; the share of wrong labels of a set; the distance of
/// numbers, where the greatest of all examples is 1 ([Pardoe and Stone,
/// 2010](https://icml.cc/Conferences/2010/papers/352.pdf)).
pub(crate) fn errors(logits: &[f64], width: usize, targets: &Targets) -> Vec<f64> {
    let rows = logits.chunks_exact(width.max(1));
    match targets {
        Targets::None => vec![0.0; rows.len()],
        Targets::Classes(labels) => {
            let is_wrong = |(row, &label): (&[f64], &usize)| {
                let above = |(class, &logit): (usize, &f64)| {
                    logit > row[label] || (logit == row[label] && class < label)
                };
                f64::from(u8::from(row.iter().enumerate().any(above)))
            };
            rows.zip(labels).map(is_wrong).collect()
        }
        Targets::Sets { values, .. } => {
            let wrong = |(&logit, &value): (&f64, &f32)| (sigmoid(logit) > 0.5) != (value > 0.5);
            let share = |(row, values): (&[f64], &[f32])| {
                row.iter().zip(values).filter(|&pair| wrong(pair)).count() as f64 / width as f64
            };
            rows.zip(values.chunks_exact(width)).map(share).collect()
        }
        Targets::Values { values, .. } => {
            let distance = |(row, values): (&[f64], &[f32])| -> f64 {
                let each = row.iter().zip(values).map(|(x, &y)| (x - f64::from(y)).abs());
                each.sum::<f64>()
            };
            let distances: Vec<f64> = rows.zip(values.chunks_exact(width)).map(distance).collect();
            let greatest = distances.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
            distances.into_iter().map(|distance| distance / greatest).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_target_never_loses_and_no_source_gains(
            rows in prop::collection::vec((0f32..10.0, 0f64..=1.0), 2..60),
            rounds in 0usize..20,
        ) {
            let (weights, errors): (Vec<f32>, Vec<f64>) = rows.into_iter().unzip();
            let target_examples = weights.len() / 2;
            let rule = TrAdaBoost { target_examples, rounds };
            let new = rule.reweighed(&weights, &errors);
            prop_assert_eq!(new.len(), weights.len());
            for (example, (new, old)) in new.iter().zip(&weights).enumerate() {
                prop_assert!(new.is_finite() && *new >= 0.0);
                let is_right = if example < target_examples { new >= old } else { new <= old };
                prop_assert!(is_right, "{example}: {old} {new}");
                prop_assert!(errors[example] > 0.0 || new == old);
            }
        }
    }

    #[test]
    fn wrong_examples_of_a_source_lose_and_of_the_target_gain() {
        let rule = TrAdaBoost { target_examples: 4, rounds: 2 };
        let errors = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.5];
        let new = rule.reweighed(&[1.0; 7], &errors);
        // β = 1 / (1 + √(2 ln 3 / 2)); a quarter of the target is wrong, β_t = 1/3 is below β.
        let beta = 1.0 / (1.0 + 3f64.ln().sqrt());
        assert!(beta > 1.0 / 3.0);
        let expected = [1.0 / beta, 1.0, 1.0, 1.0, beta, 1.0, beta.sqrt()];
        assert_eq!(new, expected.map(|weight| weight as f32));
    }

    #[test]
    fn the_target_gains_by_how_seldom_it_is_wrong() {
        let half = TrAdaBoost { target_examples: 4, rounds: 1 };
        let sources = [0.0; 400];
        let gain = |wrong: [f64; 4]| {
            half.reweighed(&[1.0; 404], &[wrong.as_slice(), &sources].concat())[0]
        };
        // Three of four wrong counts as a half: no gain.
        assert_eq!(gain([1.0, 1.0, 1.0, 0.0]), 1.0);
        assert_eq!(gain([1.0, 0.0, 0.0, 0.0]), 3.0);
    }

    #[test]
    fn an_example_is_wrong_where_another_class_is_highest() {
        let logits = [0.1, 0.3, 0.2, 0.5, 0.5, 0.0, 0.5, 0.5, 0.0];
        let classes = Targets::Classes(vec![1, 0, 1]);
        assert_eq!(errors(&logits, 3, &classes), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn sets_are_wrong_in_part_and_numbers_in_proportion() {
        let values = vec![1.0, 0.0, 1.0, 1.0];
        let sets = Targets::Sets { values: values.clone(), classes: 2 };
        assert_eq!(errors(&[2.0, 1.0, 0.5, 3.0], 2, &sets), [0.5, 0.0]);
        let numbers = Targets::Values { values, width: 1 };
        assert_eq!(errors(&[1.0, 2.0, 0.0, 1.5], 1, &numbers), [0.0, 1.0, 0.5, 0.25]);
        let known = Targets::Values { values: vec![1.0], width: 1 };
        assert_eq!(errors(&[1.0], 1, &known), [0.0]);
    }
}
