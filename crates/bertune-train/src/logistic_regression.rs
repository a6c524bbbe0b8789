use crate::lbfgs::{add_scaled, dot, minimise};

/// What a logistic regression reads: rows of numbers, each of which may belong to a group.
///
/// A group has coefficients of its own beside those that all rows share, so that the groups learn
/// from each other as far as the penalty makes them alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Design<'a> {
    /// The numbers, `[rows · width]`.
    pub(crate) values: &'a [f64],
    /// How many numbers a row has.
    pub(crate) width: usize,
    /// The group of each row, from 0; empty where there are none.
    pub(crate) groups: &'a [usize],
}

/// Two classes told apart by a linear function: `p = 1 / (1 + e^-score)`.
///
/// The coefficients make `C · Σ log loss + ½ ‖coefficients‖²` smallest; the intercept is not
/// penalised, those of the groups are. That is scikit-learn's `LogisticRegression(C)` on the rows
/// with, for each group, the columns of its rows and a column of ones beside them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogisticRegression {
    /// Of the columns, of each group's columns and its intercept, and at last the intercept.
    coefficients: Vec<f64>,
}

/// The largest slope, for each row, at which a minimum is found.
const TOLERANCE: f64 = 1e-7;

impl LogisticRegression {
    /// Coefficients of zero, which tell nothing apart.
    pub(crate) fn new(design: Design<'_>) -> Self {
        let groups = design.groups.iter().max().map_or(0, |last| last + 1);
        let count = design.width + groups * (design.width + 1) + 1;
        Self { coefficients: vec![0.0; count] }
    }

    /// Goes from these coefficients to those that fit the rows with these numbers best.
    pub(crate) fn fit(self, design: Design<'_>, classes: &[bool], rows: &[usize], c: f64) -> Self {
        let objective = |at: &[f64]| penalised_loss(design, classes, rows, c, at);
        let tolerance = TOLERANCE * c * rows.len() as f64;
        Self { coefficients: minimise(objective, self.coefficients, tolerance) }
    }

    /// The logarithm of the odds that a row is of the class `true`.
    pub(crate) fn score(&self, design: Design<'_>, row: usize) -> f64 {
        score(design, &self.coefficients, row)
    }
}

/// `log(1 + e^x)`.
pub(crate) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

impl Design<'_> {
    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..][..self.width]
    }

    /// Where the coefficients of a row's group begin.
    fn group(&self, row: usize) -> Option<usize> {
        let group = self.groups.get(row)?;
        Some(self.width + group * (self.width + 1))
    }
}

fn score(design: Design<'_>, coefficients: &[f64], row: usize) -> f64 {
    let (values, width) = (design.row(row), design.width);
    let own = design.group(row).map_or(0.0, |begin| {
        dot(values, &coefficients[begin..][..width]) + coefficients[begin + width]
    });
    dot(values, &coefficients[..width]) + own + coefficients[coefficients.len() - 1]
}

/// What is made smallest, and its slope.
fn penalised_loss(
    design: Design<'_>,
    classes: &[bool],
    rows: &[usize],
    c: f64,
    at: &[f64],
) -> (f64, Vec<f64>) {
    let penalised = at.len() - 1;
    let mut value = 0.5 * dot(&at[..penalised], &at[..penalised]);
    let mut slope = at.to_vec();
    slope[penalised] = 0.0;
    for &row in rows {
        let score = score(design, at, row);
        let (loss, error) = match classes[row] {
            true => (softplus(-score), -1.0 / (1.0 + score.exp())),
            false => (softplus(score), 1.0 / (1.0 + (-score).exp())),
        };
        value += c * loss;
        add_scaled(&mut slope[..design.width], c * error, design.row(row));
        if let Some(begin) = design.group(row) {
            add_scaled(&mut slope[begin..][..design.width], c * error, design.row(row));
            slope[begin + design.width] += c * error;
        }
        slope[penalised] += c * error;
    }
    (value, slope)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn numbers(value: &Value) -> Vec<f64> {
        serde_json::from_value(value.clone()).unwrap()
    }

    /// With and without groups, from weak to strong penalties, on separable rows too.
    #[test]
    fn coefficients_equal_scikit_learn() {
        let goldens: Value =
            serde_json::from_str(include_str!("../tests/goldens/logistic_regression.json"))
                .unwrap();
        let cases = goldens["cases"].as_array().unwrap();
        assert!(cases.len() >= 8, "{}", cases.len());
        for case in cases {
            let values = numbers(&case["values"]);
            let groups: Vec<usize> = serde_json::from_value(case["groups"].clone()).unwrap();
            let classes: Vec<bool> = serde_json::from_value(case["classes"].clone()).unwrap();
            let width = values.len() / classes.len();
            let design = Design { values: &values, width, groups: &groups };
            let rows: Vec<usize> = (0..classes.len()).collect();
            let c = case["c"].as_f64().unwrap();
            let model = LogisticRegression::new(design).fit(design, &classes, &rows, c);
            let mut expected = numbers(&case["coefficients"]);
            expected.push(case["intercept"].as_f64().unwrap());
            assert_eq!(model.coefficients.len(), expected.len());
            for (ours, theirs) in model.coefficients.iter().zip(&expected) {
                let scale = theirs.abs().max(1.0);
                assert!((ours - theirs).abs() < 1e-4 * scale, "{c}: {ours} {theirs}");
            }
            for (row, theirs) in numbers(&case["scores"]).into_iter().enumerate() {
                let ours = model.score(design, row);
                assert!((ours - theirs).abs() < 1e-4 * theirs.abs().max(1.0), "{ours} {theirs}");
            }
        }
    }

    #[test]
    fn only_the_rows_that_are_named_are_learned_from() {
        let values = [1.0, -1.0, 2.0, -2.0, 50.0];
        let classes = [true, false, true, false, false];
        let design = Design { values: &values, width: 1, groups: &[] };
        let named = LogisticRegression::new(design).fit(design, &classes, &[0, 1, 2, 3], 1.0);
        let few = Design { values: &values[..4], width: 1, groups: &[] };
        let alone = LogisticRegression::new(few).fit(few, &classes[..4], &[0, 1, 2, 3], 1.0);
        assert_eq!(named, alone);
        assert!(named.score(design, 4) > named.score(design, 2));
    }

    #[test]
    fn a_row_is_its_own_start() {
        let values = [0.5, -1.0, 2.0, 0.3];
        let classes = [true, false, true, false];
        let design = Design { values: &values, width: 1, groups: &[] };
        let rows = [0, 1, 2, 3];
        let model = LogisticRegression::new(design).fit(design, &classes, &rows, 1.0);
        assert_eq!(model.clone().fit(design, &classes, &rows, 1.0), model);
    }
}
