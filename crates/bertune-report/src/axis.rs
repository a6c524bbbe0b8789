/// A range of numbers along one side of a plot, with the numbers that are written beside it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) title: String,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) scale: Scale,
    pub(crate) ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    Logarithmic,
}

impl Axis {
    /// An axis that holds all these numbers and begins and ends at round ones, about `ticks` of
    /// them.
    pub(crate) fn round(title: &str, numbers: impl Iterator<Item = f64>, ticks: usize) -> Self {
        let (low, high) = range(numbers);
        let step = round_step((high - low) / ticks as f64);
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let last = last.max(first + 1.0);
        Self::linear(title, (first * step, last * step), step)
    }

    /// An axis from 0 to just this number, with round numbers beside it.
    pub(crate) fn up_to(title: &str, end: usize, ticks: usize) -> Self {
        let end = end.max(1) as f64;
        Self::linear(title, (0.0, end), round_step(end / ticks as f64).max(1.0))
    }

    /// A logarithmic axis with these counts beside it, smallest first.
    pub(crate) fn counts(title: &str, counts: &[usize]) -> Self {
        const ROOM: f64 = 1.35;
        let ends = counts.first().zip(counts.last());
        let (first, last) = ends.map_or((1.0, 1.0), |(a, b)| (*a as f64, *b as f64));
        let tick = |&count: &usize| (count as f64, crate::numbers::count(count));
        Self {
            title: title.into(),
            low: first / ROOM,
            high: last * ROOM,
            scale: Scale::Logarithmic,
            ticks: counts.iter().map(tick).collect(),
        }
    }

    fn linear(title: &str, (low, high): (f64, f64), step: f64) -> Self {
        let digits = (-step.log10()).ceil().max(0.0) as usize;
        let digits = if has_more_digits(step, digits) { digits + 1 } else { digits };
        let (first, last) = ((low / step).round() as i64, (high / step + 1e-9).floor() as i64);
        let number = |number: f64| format!("{number:.digits$}").replace('-', "−");
        let tick = |i: i64| (i as f64 * step, number(i as f64 * step));
        let ticks = (first..=last).map(tick).collect();
        Self { title: title.into(), low, high, scale: Scale::Linear, ticks }
    }

    /// How far along the axis a number lies, from 0 to 1 if it is on it.
    pub(crate) fn share(&self, number: f64) -> f64 {
        match self.scale {
            Scale::Linear => (number - self.low) / (self.high - self.low),
            Scale::Logarithmic => (number / self.low).ln() / (self.high / self.low).ln(),
        }
    }
}

/// The least and the greatest, apart from each other.
fn range(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let numbers = numbers.filter(|number| number.is_finite());
    let ends = numbers.fold(None, |ends: Option<(f64, f64)>, number| {
        let (low, high) = ends.unwrap_or((number, number));
        Some((low.min(number), high.max(number)))
    });
    let (low, high) = ends.unwrap_or((0.0, 1.0));
    let room = (high - low).max(low.abs() * 1e-6).max(1e-6);
    if high - low < room { (low - room, high + room) } else { (low, high) }
}

/// The least of 1, 2, 2.5 and 5 times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|times| times * power);
    steps.into_iter().find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

fn has_more_digits(step: f64, digits: usize) -> bool {
    let scaled = step * 10f64.powi(digits as i32);
    (scaled - scaled.round()).abs() > 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_the_numbers() {
        let axis = Axis::round("", [0.317, 0.842].into_iter(), 5);
        assert_eq!(ticks(&axis), ["0.2", "0.4", "0.6", "0.8", "1.0"]);
        let axis = Axis::round("", [0.875, 0.912].into_iter(), 4);
        assert_eq!(ticks(&axis), ["0.87", "0.88", "0.89", "0.90", "0.91", "0.92"]);
        let axis = Axis::round("", [-0.3, 0.6].into_iter(), 4);
        assert_eq!(ticks(&axis), ["−0.50", "−0.25", "0.00", "0.25", "0.50", "0.75"]);
        assert_eq!(ticks(&Axis::up_to("", 90, 4)), ["0", "25", "50", "75"]);
        assert_eq!(ticks(&Axis::up_to("", 3, 5)), ["0", "1", "2", "3"]);
    }

    #[test]
    fn numbers_that_are_all_alike_have_an_axis_too() {
        for numbers in [vec![], vec![0.0], vec![0.5, 0.5], vec![f64::NAN], vec![1e9]] {
            let axis = Axis::round("", numbers.into_iter(), 4);
            assert!(axis.ticks.len() > 1 && axis.low < axis.high, "{axis:?}");
        }
    }

    #[test]
    fn equal_factors_are_equal_distances() {
        let axis = Axis::counts("", &[64, 256, 1024]);
        let [a, b, c] = [64.0, 256.0, 1024.0].map(|count| axis.share(count));
        assert!((b - a - (c - b)).abs() < 1e-12 && a > 0.0 && c < 1.0);
    }
}
