use serde::{Deserialize, Serialize};

/// What part some examples have in the weight of all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightShare {
    /// How many they are.
    pub rows: usize,
    /// Their part in the weight of all examples, `0..=1`.
    pub share: f64,
    /// How many examples that count alike would say as much, Kish's effective sample size:
    /// `(Σ w)² / Σ w²`.
    pub effective_rows: f64,
}

impl WeightShare {
    /// The part of examples with these weights, where all examples weigh `total`.
    pub fn new(weights: &[f64], total: f64) -> Self {
        let sum: f64 = weights.iter().sum();
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        let divided = |by: f64, value: f64| if by > 0.0 { value / by } else { 0.0 };
        Self {
            rows: weights.len(),
            share: divided(total, sum),
            effective_rows: divided(squares, sum * sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_that_count_alike_are_as_many_as_they_are() {
        let share = WeightShare::new(&[0.5; 4], 8.0);
        assert_eq!(share, WeightShare { rows: 4, share: 0.25, effective_rows: 4.0 });
        let one = WeightShare::new(&[3.0, 0.0, 0.0], 3.0);
        assert_eq!(one, WeightShare { rows: 3, share: 1.0, effective_rows: 1.0 });
        let none = WeightShare::new(&[0.0, 0.0], 0.0);
        assert_eq!(none, WeightShare { rows: 2, share: 0.0, effective_rows: 0.0 });
    }
}
