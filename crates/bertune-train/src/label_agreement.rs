use std::ops::Range;

use bertune_metrics::ConfusionMatrix;

/// How far the labels of a source and those of the target tell each other, `0..=1`. If two tasks are alike,
/// what one teaches holds for the other ([Wang et al.,
/// 2019](https://papers.nips.cc/paper/2019/hash/c66dd00e5fc44ba8de89d7713fedcd50-Abstract.html)).
///
/// Who teaches is asked for the class whose mean features are nearest to a row, and Matthews' correlation of
/// the answers with the labels is what it knows, at least 0. The agreement is what the source knows of the
/// target times what the target knows of the source, beside the square of what the target knows of itself,
/// each of its rows judged by the others. One way alone would not do: by chance, a source without any sense may
/// know something of a few rows of a target, but these know nothing of its many rows.
pub(crate) struct LabelAgreement<'a> {
    /// The rows' features, `[rows · width]`.
    pub(crate) features: &'a [f64],
    /// How many a row has.
    pub(crate) width: usize,
    /// The class of each row.
    pub(crate) classes: &'a [usize],
}

impl LabelAgreement<'_> {
    /// The agreement of some rows of the target with some of a source.
    pub(crate) fn of(&self, target: Range<usize>, source: Range<usize>) -> f64 {
        let [means, others] = [&target, &source].map(|rows| ClassMeans::new(self, rows.clone()));
        let there = self.known(target.clone(), |row| others.nearest(self.row(row)));
        let back = self.known(source, |row| means.nearest(self.row(row)));
        let own = self.known(target, |row| means.nearest_without(self, row));
        let (both, most) = (there * back, own * own);
        if both >= most { 1.0 } else { both / most }
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.features[row * self.width..][..self.width]
    }

    fn count(&self) -> usize {
        self.classes.iter().max().map_or(0, |last| last + 1)
    }

    /// What these answers know of the rows' labels.
    fn known(&self, rows: Range<usize>, answer: impl Fn(usize) -> usize) -> f64 {
        let answers: Vec<usize> = rows.clone().map(answer).collect();
        ConfusionMatrix::new(&self.classes[rows], &answers, self.count()).mcc().max(0.0)
    }
}

/// The mean features of each class's rows.
struct ClassMeans {
    means: Vec<Vec<f64>>,
    rows: Vec<f64>,
}

impl ClassMeans {
    fn new(all: &LabelAgreement<'_>, rows: Range<usize>) -> Self {
        let classes = all.count();
        let (mut means, mut counts) = (vec![vec![0.0; all.width]; classes], vec![0.0; classes]);
        for row in rows {
            let class = all.classes[row];
            counts[class] += 1.0;
            means[class].iter_mut().zip(all.row(row)).for_each(|(sum, value)| *sum += value);
        }
        for (mean, count) in means.iter_mut().zip(&counts) {
            mean.iter_mut().for_each(|sum| *sum /= f64::max(*count, 1.0));
        }
        Self { means, rows: counts }
    }

    /// The class whose mean is nearest, the first of several; none that has no rows.
    fn nearest(&self, row: &[f64]) -> usize {
        self.nearest_by(|class| (self.rows[class] > 0.0).then(|| self.distance(row, class)))
    }

    /// The nearest class to one of the rows that these are the means of, without it.
    fn nearest_without(&self, all: &LabelAgreement<'_>, row: usize) -> usize {
        self.nearest_by(|class| {
            // Without one of n rows, a mean is n / (n - 1) times as far from it.
            let (own, count) = (class == all.classes[row], self.rows[class]);
            let others = count - f64::from(own);
            let further = if own { (count / others).powi(2) } else { 1.0 };
            (others > 0.0).then(|| self.distance(all.row(row), class) * further)
        })
    }

    fn nearest_by(&self, distance: impl Fn(usize) -> Option<f64>) -> usize {
        let classes = 0..self.rows.len();
        let distances = classes.filter_map(|class| Some((class, distance(class)?)));
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(class, _)| class)
    }

    /// The square of how far a row is from a class's mean.
    fn distance(&self, row: &[f64], class: usize) -> f64 {
        row.iter().zip(&self.means[class]).map(|(value, mean)| (value - mean).powi(2)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 rows of a target and 400 of a source, with classes by the first of 32 columns.
    fn agreement(class: impl Fn(usize, f64) -> usize) -> f64 {
        let width = 32;
        let noise = |i: usize| (i as f64 * 12.9898).sin() * 43758.5453 % 1.0;
        let features: Vec<f64> = (0..500 * width).map(noise).collect();
        let rows = features.chunks_exact(width).enumerate();
        let classes: Vec<usize> = rows.map(|(row, features)| class(row, features[0])).collect();
        LabelAgreement { features: &features, width, classes: &classes }.of(0..100, 100..500)
    }

    #[test]
    fn the_same_labels_agree_and_turned_ones_do_not() {
        let right = |x: f64| usize::from(x > 0.0);
        assert_eq!(agreement(|_, x| right(x)), 1.0);
        assert_eq!(agreement(|row, x| if row < 100 { right(x) } else { 1 - right(x) }), 0.0);
    }

    #[test]
    fn labels_by_chance_say_little() {
        let chance = agreement(|row, x| if row < 100 { usize::from(x > 0.0) } else { row % 2 });
        assert!(chance < 0.1, "{chance}");
    }

    #[test]
    fn three_classes_of_which_the_source_tells_two_agree_in_part() {
        let class = |x: f64| usize::from(x > -0.3) + usize::from(x > 0.3);
        let part = agreement(|row, x| if row < 100 { class(x) } else { class(x).min(1) });
        assert!((0.2..0.9).contains(&part), "{part}");
    }

    #[test]
    fn where_the_target_says_nothing_every_source_agrees() {
        assert_eq!(agreement(|row, _| usize::from(row == 0)), 1.0);
    }
}
