use bertune_metrics::SeedSummary;

/// A count with its thousands set apart, such as `1,024`.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join(",")
}

/// A count of things, such as `1 seed` and `3 seeds`.
pub(crate) fn of(number: usize, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A score, or a difference of scores, with a minus that is one.
pub(crate) fn score(score: f64) -> String {
    signed(format!("{:.3}", score.abs()), score)
}

/// A mean number of steps.
pub(crate) fn steps(steps: f64) -> String {
    let digits = if steps.abs() < 10.0 && steps.fract() != 0.0 { 1 } else { 0 };
    signed(format!("{:.digits$}", steps.abs()), steps)
}

/// The same with its unit, such as `1 step` and `4.5 steps`.
pub(crate) fn of_steps(mean: f64) -> String {
    let number = steps(mean);
    format!("{number} step{}", if number == "1" { "" } else { "s" })
}

/// What is less than nothing in the digits that are shown gets a minus.
fn signed(digits: String, number: f64) -> String {
    let is_zero = digits.chars().all(|digit| matches!(digit, '0' | '.'));
    if number < 0.0 && !is_zero { format!("−{digits}") } else { digits }
}

/// A score over seeds, such as `0.812 ± 0.010`.
pub(crate) fn mean_and_deviation(summary: &SeedSummary) -> String {
    match summary.standard_deviation {
        Some(deviation) => format!("{} ± {}", score(summary.mean), score(deviation)),
        None => score(summary.mean),
    }
}

/// The interval of a mean over seeds; a dash where one seed has none.
pub(crate) fn interval(summary: &SeedSummary, digits: impl Fn(f64) -> String) -> String {
    let interval = summary.interval;
    interval.map_or("–".into(), |ends| format!("{} to {}", digits(ends.low), digits(ends.high)))
}

/// Things in a sentence: `a`, `a and b`, `a, b and c`.
pub(crate) fn list(things: &[String]) -> String {
    match things {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The sentence with a capital letter.
pub(crate) fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_thousands_set_apart() {
        let counts = [0, 64, 1024, 67_349, 1_000_000].map(count);
        assert_eq!(counts, ["0", "64", "1,024", "67,349", "1,000,000"]);
        assert_eq!((of(1, "seed"), of(0, "seed")), ("1 seed".into(), "0 seeds".into()));
    }

    #[test]
    fn nothing_has_no_sign() {
        assert_eq!([-0.0004, -0.0126, 0.5].map(score), ["0.000", "−0.013", "0.500"]);
        assert_eq!([4.5, 9.0, 12.3, -31.6].map(steps), ["4.5", "9", "12", "−32"]);
        assert_eq!([1.0, 1.5, 12.0].map(of_steps), ["1 step", "1.5 steps", "12 steps"]);
    }

    #[test]
    fn things_are_listed_as_in_a_sentence() {
        let of =
            |things: &[&str]| list(&things.iter().map(|&thing| thing.into()).collect::<Vec<_>>());
        assert_eq!([of(&[]), of(&["a"]), of(&["a", "b"])], ["", "a", "a and b"]);
        assert_eq!(of(&["a", "b", "c"]), "a, b and c");
    }
}
