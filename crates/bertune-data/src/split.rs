use std::collections::BTreeMap;

use crate::DataError;
use crate::random::shuffle;

/// Row numbers of two parts, each in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The rows to learn from.
    pub train: Vec<usize>,
    /// The rows to measure on.
    pub validation: Vec<usize>,
}

/// Splits rows so that each class has the same share in both parts: a pure function of the labels
/// and the seed.
///
/// A class of two rows or more has at least one on each side.
///
/// # Errors
///
/// If the fraction is not above 0 and below 1, or a part would be empty.
pub fn stratified_split(
    labels: &[usize],
    validation_fraction: f64,
    seed: u64,
) -> Result<Split, DataError> {
    if !(validation_fraction > 0.0 && validation_fraction < 1.0) {
        return Err(DataError::Fraction { fraction: validation_fraction });
    }
    let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, &class) in labels.iter().enumerate() {
        classes.entry(class).or_default().push(row);
    }
    let mut split = Split { train: Vec::new(), validation: Vec::new() };
    for (class, rows) in classes {
        let share = (rows.len() as f64 * validation_fraction).round() as usize;
        let held_out = if rows.len() < 2 { 0 } else { share.clamp(1, rows.len() - 1) };
        let order = shuffle(rows.len(), seed, class as u64);
        split.validation.extend(order[..held_out].iter().map(|&i| rows[i]));
        split.train.extend(order[held_out..].iter().map(|&i| rows[i]));
    }
    if split.train.is_empty() || split.validation.is_empty() {
        return Err(DataError::TooFew { rows: labels.len() });
    }
    split.train.sort_unstable();
    split.validation.sort_unstable();
    Ok(split)
}

/// Splits rows without regard to what they are given, as where that is numbers or sets of
/// classes: a pure function of the number of rows and the seed.
///
/// # Errors
///
/// If the fraction is not above 0 and below 1, or a part would be empty.
pub fn random_split(rows: usize, validation_fraction: f64, seed: u64) -> Result<Split, DataError> {
    stratified_split(&vec![0; rows], validation_fraction, seed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_are_a_stratified_partition(
            labels in prop::collection::vec(0usize..4, 8..200),
            fraction in 0.05f64..0.95,
            seed: u64,
        ) {
            prop_assume!((0..4).any(|c| labels.iter().filter(|&&l| l == c).count() >= 2));
            let split = stratified_split(&labels, fraction, seed).unwrap();
            let mut all = [split.train.clone(), split.validation.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
            for class in 0..4 {
                let count = |rows: &[usize]| rows.iter().filter(|&&r| labels[r] == class).count();
                let (train, held_out) = (count(&split.train), count(&split.validation));
                prop_assert!(train + held_out < 2 || train > 0 && held_out > 0);
                let expected = (train + held_out) as f64 * fraction;
                prop_assert!((held_out as f64 - expected).abs() <= 1.0);
            }
            prop_assert_eq!(stratified_split(&labels, fraction, seed).unwrap(), split);
        }
    }

    /// This split is an interface: a run without a validation file depends on it.
    #[test]
    fn the_split_never_changes() {
        let split = stratified_split(&[0, 1, 0, 1, 0, 1, 0, 9], 0.3, 1).unwrap();
        assert_eq!(split.train, [0, 1, 2, 3, 4, 7]);
        assert_eq!(split.validation, [5, 6]);
    }

    #[test]
    fn a_random_split_holds_out_a_share_of_all_rows() {
        let split = random_split(100, 0.2, 7).unwrap();
        let mut all = [split.train.clone(), split.validation.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert_eq!(split.validation.len(), 20);
        assert_ne!(random_split(100, 0.2, 8).unwrap(), split);
        assert!(random_split(1, 0.5, 7).is_err());
    }

    #[test]
    fn rows_without_a_second_of_their_class_do_not_make_a_split() {
        for labels in [&[][..], &[0], &[0, 1, usize::MAX]] {
            let error = stratified_split(labels, 0.1, 1).unwrap_err();
            assert!(matches!(error, DataError::TooFew { rows } if rows == labels.len()));
        }
    }

    #[test]
    fn a_fraction_out_of_range_is_refused() {
        for fraction in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(matches!(
                stratified_split(&[0, 1, 0, 1], fraction, 1),
                Err(DataError::Fraction { .. })
            ));
        }
    }
}
