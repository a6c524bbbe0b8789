use rayon::prelude::*;

use crate::logistic_regression::{Design, LogisticRegression, softplus};

/// How strongly the classifier of domains may be fitted, weakest first.
const STRENGTHS: [f64; 6] = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0];

/// How much more likely each row of a source is in the target than in the source:
/// `p_target(x, y) / p_source(x, y)`, by Bayes' rule `n_source / n_target · p / (1 - p)`, where `p`
/// is the probability that a logistic regression gives a row of being the target's ([Bickel et al.,
/// 2007](https://doi.org/10.1145/1273496.1273507); [Sugiyama et al.,
/// 2012](https://doi.org/10.1017/CBO9781139035613)).
///
/// It reads the rows' features and, in columns of each class's own, the features again, so that it
/// sees both texts that the target does not have and labels that the target would not give them
/// ([Bickel et al., 2008](https://doi.org/10.1145/1390156.1390164)).
///
/// No row is judged by a classifier that has seen it: the rows are cut into folds, and each fold is
/// judged by what the others taught. How strongly it is fitted is chosen by the likelihood of these
/// judgements.
pub(crate) struct DensityRatio<'a> {
    /// The rows' features, [`standardised`], `[rows · width]`: the target's rows, then the source's.
    pub(crate) features: &'a [f64],
    /// How many a row has.
    pub(crate) width: usize,
    /// The class of each row; empty where there are none.
    pub(crate) classes: &'a [usize],
    /// How many of the rows are the target's.
    pub(crate) target_rows: usize,
    /// How many folds.
    pub(crate) folds: usize,
}

impl DensityRatio<'_> {
    /// The ratio of each row of the source, in their order.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let design = Design { values: self.features, width: self.width, groups: self.classes };
        let scores = self.best_scores(design);
        let source = scores.len() - self.target_rows;
        let prior = (source as f64 / self.target_rows as f64).ln();
        scores[self.target_rows..].iter().map(|score| (score + prior).exp()).collect()
    }

    /// The scores that a classifier gave rows that it had not seen, of the strength of fit with
    /// which they are likeliest.
    fn best_scores(&self, design: Design<'_>) -> Vec<f64> {
        let rows = design.values.len() / design.width;
        let is_target: Vec<bool> = (0..rows).map(|row| row < self.target_rows).collect();
        let folds = self.fold_of_each(rows);
        let all_folds = (0..self.folds).into_par_iter();
        let scores: Vec<Vec<Vec<f64>>> =
            all_folds.map(|fold| judge_fold(design, &is_target, &folds, fold)).collect();
        let merged = |strength: usize| {
            let mut next = vec![0; self.folds];
            let score = |fold: &usize| {
                next[*fold] += 1;
                scores[*fold][strength][next[*fold] - 1]
            };
            folds.iter().map(score).collect::<Vec<f64>>()
        };
        let loss = |scores: &[f64]| -> f64 {
            let rows = scores.iter().zip(&is_target);
            rows.map(|(&score, &target)| softplus(if target { -score } else { score })).sum()
        };
        let all = (0..STRENGTHS.len()).map(merged);
        all.min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap_or_default()
    }

    /// The fold of each row: of each class of each domain, every fold has as many, or one more.
    fn fold_of_each(&self, rows: usize) -> Vec<usize> {
        let classes = self.classes.iter().max().map_or(1, |last| last + 1);
        let mut met = vec![0; 2 * classes];
        let fold = |row: usize| {
            let class = self.classes.get(row).copied().unwrap_or(0);
            let kind = &mut met[2 * class + usize::from(row < self.target_rows)];
            *kind += 1;
            // Each kind begins with another fold, so that rare ones do not all lie in the first.
            (*kind - 1 + class) % self.folds
        };
        (0..rows).map(fold).collect()
    }
}

/// The scores of the rows of one fold by what the other folds teach, for each strength of fit.
fn judge_fold(
    design: Design<'_>,
    is_target: &[bool],
    folds: &[usize],
    fold: usize,
) -> Vec<Vec<f64>> {
    let (held_out, learned): (Vec<usize>, Vec<usize>) =
        (0..folds.len()).partition(|&row| folds[row] == fold);
    let mut model = LogisticRegression::new(design);
    let mut judge = |&strength: &f64| {
        // The weaker fit is a good start for the next.
        model = model.clone().fit(design, is_target, &learned, strength);
        held_out.iter().map(|&row| model.score(design, row)).collect()
    };
    STRENGTHS.iter().map(&mut judge).collect()
}

/// Columns of mean 0 and variance 1; a constant one is 0.
pub(crate) fn standardised(values: &[f64], width: usize) -> Vec<f64> {
    let rows = (values.len() / width).max(1) as f64;
    let (mut means, mut variances) = (vec![0.0; width], vec![0.0; width]);
    for row in values.chunks_exact(width) {
        means.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / rows);
    }
    for row in values.chunks_exact(width) {
        let deviations = row.iter().zip(&means).map(|(value, mean)| (value - mean).powi(2));
        variances.iter_mut().zip(deviations).for_each(|(sum, square)| *sum += square / rows);
    }
    let scales: Vec<f64> = variances
        .iter()
        .map(|&variance: &f64| if variance > 1e-12 { variance.sqrt().recip() } else { 0.0 })
        .collect();
    let scaled = |(column, value): (usize, &f64)| (value - means[column]) * scales[column];
    values.chunks_exact(width).flat_map(|row| row.iter().enumerate().map(scaled)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random, from -1 to 1.
    fn noise(seed: usize) -> f64 {
        let hash = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let hash = (hash ^ (hash >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((hash ^ (hash >> 32)) % 2001) as f64 / 1000.0 - 1.0
    }

    /// The ratios of 300 rows of a source beside 100 of the target: two columns and a class.
    fn ratios(column: impl Fn(usize, bool) -> f64, class: impl Fn(f64, bool) -> usize) -> Vec<f64> {
        let rows: Vec<f64> = (0..400).map(|row| column(row, row < 100)).collect();
        let features: Vec<f64> =
            rows.iter().enumerate().flat_map(|(row, &x)| [x, noise(row + 5000)]).collect();
        let classes: Vec<usize> =
            rows.iter().enumerate().map(|(row, &x)| class(x, row < 100)).collect();
        let (target_rows, folds) = (100, 5);
        let features = standardised(&features, 2);
        DensityRatio { features: &features, width: 2, classes: &classes, target_rows, folds }
            .ratios()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn a_source_that_is_like_the_target_weighs_one() {
        let ratios = ratios(|row, _| noise(row), |x, _| usize::from(x > 0.0));
        assert!(ratios.iter().all(|ratio| (0.5..2.0).contains(ratio)), "{ratios:?}");
        assert!((mean(&ratios) - 1.0).abs() < 0.05, "{}", mean(&ratios));
    }

    #[test]
    fn texts_that_the_target_does_not_have_weigh_little() {
        // The target's column is above 0; half of the source's is.
        let column = |row: usize, is_target| if is_target { noise(row).abs() } else { noise(row) };
        let ratios = ratios(column, |_, _| 0);
        let of = |like: bool| -> Vec<f64> {
            (0..300).filter(|row| (noise(row + 100) > 0.3) == like).map(|row| ratios[row]).collect()
        };
        assert!(mean(&of(true)) > 1.3 && mean(&of(false)) < 0.8, "{ratios:?}");
    }

    #[test]
    fn labels_that_the_target_would_not_give_weigh_little() {
        // In the source every second label is the wrong one.
        let class = |x: f64, is_target: bool| {
            let right = x > 0.0;
            usize::from(right == (is_target || (x * 1000.0) as i64 % 2 == 0))
        };
        let ratios = ratios(|row, _| noise(row), class);
        let of = |right: bool| -> Vec<f64> {
            let is_right = |row: &usize| {
                let x = noise(row + 100);
                (class(x, false) == usize::from(x > 0.0)) == right && x.abs() > 0.2
            };
            (0..300).filter(is_right).map(|row| ratios[row]).collect()
        };
        assert!(mean(&of(true)) > 3.0 * mean(&of(false)), "{ratios:?}");
    }

    #[test]
    fn every_fold_has_its_part_of_every_kind() {
        let classes: Vec<usize> = (0..40).map(|row| row % 3).collect();
        let design =
            DensityRatio { features: &[], width: 1, classes: &classes, target_rows: 15, folds: 5 };
        let folds = design.fold_of_each(40);
        for class in 0..3 {
            for fold in 0..5 {
                let rows = (0..15).filter(|&row| classes[row] == class && folds[row] == fold);
                assert_eq!(rows.count(), 1);
            }
        }
    }
}
