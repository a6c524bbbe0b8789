/// What a classifier says of one text.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The probability of each class, in the order of the model's labels; they sum to 1.
    pub probabilities: Vec<f32>,
}

impl Prediction {
    /// The number of the most probable class, the first of several.
    pub fn class(&self) -> usize {
        let ranked = self.probabilities.iter().enumerate();
        let best = ranked.fold((0, f32::NEG_INFINITY), |best, (class, &probability)| {
            if probability > best.1 { (class, probability) } else { best }
        });
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_most_probable_classes_wins() {
        let class =
            |probabilities: &[f32]| Prediction { probabilities: probabilities.into() }.class();
        assert_eq!(class(&[0.2, 0.5, 0.3]), 1);
        assert_eq!(class(&[0.4, 0.2, 0.4]), 0);
    }
}
