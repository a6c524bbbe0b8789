use bertune_metrics::SeedSummary;

use crate::Size;
use crate::numbers::{interval, list, of, score};

/// What the difference of two methods over seeds allows to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The interval lies above 0.
    More,
    /// The interval lies below 0.
    Less,
    /// The interval holds 0, or has no width: then the noise is not known.
    WithinNoise,
    /// One seed has no interval.
    OneSeed,
}

impl Verdict {
    /// In the order in which sentences tell them.
    const ALL: [Self; 4] = [Self::More, Self::Less, Self::WithinNoise, Self::OneSeed];

    pub(super) fn of(difference: &SeedSummary) -> Self {
        match difference.interval {
            None => Self::OneSeed,
            Some(interval) if interval.low == interval.high => Self::WithinNoise,
            Some(interval) if interval.low > 0.0 => Self::More,
            Some(interval) if interval.high < 0.0 => Self::Less,
            Some(_) => Self::WithinNoise,
        }
    }
}

/// The sizes of each verdict with their differences, in words: `64 examples (by 0.100, 95 %
/// interval 0.080 to 0.120) and 256 examples (by …)`.
pub(super) fn by_verdict(pairs: &[(&Size, SeedSummary)], by: &str) -> Vec<(Verdict, String)> {
    let mut explained = false;
    let told = Verdict::ALL.into_iter().map(|verdict| {
        let of = pairs.iter().filter(|(_, difference)| Verdict::of(difference) == verdict);
        let told = of.map(|(size, difference)| {
            let told = difference_in_words(size, verdict, difference, (by, explained));
            explained = true;
            told
        });
        (verdict, list(&told.collect::<Vec<_>>()))
    });
    told.filter(|(_, told)| !told.is_empty()).collect()
}

/// How much it is where it is sure which way it goes, and else from where to where.
fn difference_in_words(
    size: &Size,
    verdict: Verdict,
    difference: &SeedSummary,
    (by, explained): (&str, bool),
) -> String {
    let examples = of(size.examples, "example");
    let way = if verdict == Verdict::Less { -1.0 } else { 1.0 };
    let turned = turned(difference, way);
    let interval = interval(&turned, score);
    let interval = if explained { interval } else { format!("95 % interval {interval}") };
    match verdict {
        Verdict::More | Verdict::Less => {
            format!("{examples} ({by} {}, {interval})", score(turned.mean))
        }
        Verdict::WithinNoise => {
            format!("{examples} (a difference of {}, {interval})", score(turned.mean))
        }
        Verdict::OneSeed => format!("{examples} (a difference of {})", score(turned.mean)),
    }
}

/// A difference seen from the other side, where `way` is −1.
pub(super) fn turned(difference: &SeedSummary, way: f64) -> SeedSummary {
    let interval = difference.interval.map(|mut interval| {
        (interval.low, interval.high) = (way * interval.low, way * interval.high);
        if way < 0.0 {
            std::mem::swap(&mut interval.low, &mut interval.high);
        }
        interval
    });
    SeedSummary { mean: way * difference.mean, interval, ..*difference }
}
