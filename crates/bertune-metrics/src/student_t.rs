use std::f64::consts::PI;

/// The quantile of Student's t distribution, SciPy's `t.ppf`.
///
/// Found by bisection on the tail's probability `I_x(ν/2, 1/2) / 2` at `x = ν / (ν + t²)`, where
/// `I` is the regularized incomplete beta function and `ν` the degrees of freedom.
///
/// # Panics
///
/// If the probability does not lie between 0 and 1, or there are no degrees of freedom.
///
/// # Examples
///
/// ```
/// use bertune_metrics::student_t_quantile;
///
/// assert!((student_t_quantile(0.975, 4) - 2.776_445_105_197_999).abs() < 1e-9);
/// ```
pub fn student_t_quantile(probability: f64, degrees_of_freedom: u32) -> f64 {
    assert!(
        0.0 < probability && probability < 1.0,
        "{probability} is no probability of a quantile"
    );
    assert!(degrees_of_freedom > 0, "a t distribution needs a degree of freedom");
    if probability < 0.5 {
        -upper_quantile(probability, degrees_of_freedom)
    } else {
        upper_quantile(1.0 - probability, degrees_of_freedom)
    }
}

/// The `t` above which a share of at most a half lies.
fn upper_quantile(tail: f64, degrees_of_freedom: u32) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while upper_tail(high, degrees_of_freedom) > tail {
        (low, high) = (high, 2.0 * high);
    }
    // The middle stops moving when no number lies between.
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high || high < f64::EPSILON {
            return middle;
        }
        let bound =
            if upper_tail(middle, degrees_of_freedom) > tail { &mut low } else { &mut high };
        *bound = middle;
    }
}

/// The share of the distribution above `t >= 0`.
fn upper_tail(t: f64, degrees_of_freedom: u32) -> f64 {
    let (nu, square) = (f64::from(degrees_of_freedom), t * t);
    let (x, rest) = (nu / (nu + square), square / (nu + square));
    let a = nu / 2.0;
    let front =
        (-a * (square / nu).ln_1p()).exp() * rest.sqrt() / beta_with_half(degrees_of_freedom);
    // The fraction converges fast on one side of the mean; the other side is what is left.
    if x < (a + 1.0) / (a + 2.5) {
        front * continued_fraction(x, a, 0.5) / a / 2.0
    } else {
        0.5 - front * continued_fraction(rest, 0.5, a)
    }
}

/// The beta function `B(ν/2, 1/2)`, by `B(a + 1, b) = B(a, b) a / (a + b)`.
fn beta_with_half(degrees_of_freedom: u32) -> f64 {
    let is_odd = degrees_of_freedom % 2 == 1;
    let (first, start) = if is_odd { (1, PI) } else { (2, 2.0) };
    let step = |beta: f64, nu: u32| beta * f64::from(nu) / (f64::from(nu) + 1.0);
    (first..degrees_of_freedom).step_by(2).fold(start, step)
}

/// The continued fraction of the incomplete beta function
/// ([DLMF 8.17.22](https://dlmf.nist.gov/8.17#v)), by Lentz's method.
fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    const MOST_TERMS: u32 = 10_000;
    let (mut c, mut d) = (1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in (1..MOST_TERMS).map(f64::from) {
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / (1.0 + term * d);
            c = 1.0 + term / c;
            change *= c * d;
        }
        fraction *= change;
        if (change - 1.0_f64).abs() < f64::EPSILON {
            break;
        }
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_two_degrees_have_closed_forms() {
        for p in [0.001, 0.025, 0.3, 0.5, 0.7, 0.975, 0.999] {
            let cauchy = (PI * (p - 0.5)).tan();
            let of_two = (2.0 * p - 1.0) / (2.0 * p * (1.0 - p)).sqrt();
            for (nu, expected) in [(1, cauchy), (2, of_two)] {
                let ours = student_t_quantile(p, nu);
                assert!((ours - expected).abs() < 1e-11 * expected.abs().max(1.0), "{p} {nu}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "1 is no probability of a quantile")]
    fn certainty_has_no_quantile() {
        student_t_quantile(1.0, 3);
    }
}
