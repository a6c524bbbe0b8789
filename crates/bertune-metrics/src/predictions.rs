use crate::Rows;

/// The class with the highest score of each row; of equal scores the first, as NumPy's `argmax`.
/// What is not a number is never the highest.
pub fn predicted_classes(scores: Rows<'_, f64>) -> Vec<usize> {
    scores.iter().map(highest).collect()
}

/// Whether each score reaches its class's threshold: the classes of a multi-label problem.
///
/// # Panics
///
/// If there is not one threshold for each column.
pub fn predicted_labels(scores: Rows<'_, f64>, thresholds: &[f64]) -> Vec<bool> {
    assert_eq!(scores.width(), thresholds.len(), "one threshold for each class");
    let reached = |row: &[f64]| -> Vec<bool> {
        row.iter().zip(thresholds).map(|(score, threshold)| score >= threshold).collect()
    };
    scores.iter().flat_map(reached).collect()
}

fn highest(row: &[f64]) -> usize {
    let higher = |best: usize, class: usize| {
        let is_higher = row[class] > row[best] || row[best].is_nan() && !row[class].is_nan();
        if is_higher { class } else { best }
    };
    (1..row.len()).fold(0, higher)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(row: &[f64], expected: usize) {
        assert_eq!(predicted_classes(Rows::new(row, row.len())), [expected], "{row:?}");
    }

    #[test]
    fn the_first_of_the_highest_is_predicted() {
        check(&[0.2, 0.5, 0.3], 1);
        check(&[0.4, 0.2, 0.4], 0);
        check(&[f64::NAN, 0.2, 0.4], 2);
        check(&[0.2, f64::NAN, 0.1], 0);
        check(&[f64::NAN, f64::NAN], 0);
    }
}
