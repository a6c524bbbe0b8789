use super::verdict::Verdict;
use super::why_nothing;
use crate::Comparison;
use crate::numbers::{capitalised, list, of};

/// How many comparisons of a method with the reference, each on one size, came out how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) more: usize,
    pub(super) less: usize,
    pub(super) within_noise: usize,
    pub(super) one_seed: usize,
    /// Those where some run never came where the reference was, for questions that have such.
    pub(super) not_reached: usize,
}

/// How the outcomes of a question are called.
pub(super) struct Words {
    pub(super) good: &'static str,
    pub(super) bad: &'static str,
}

impl Tally {
    pub(super) fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::More => self.more += 1,
            Verdict::Less => self.less += 1,
            Verdict::WithinNoise => self.within_noise += 1,
            Verdict::OneSeed => self.one_seed += 1,
        }
    }

    /// All comparisons.
    pub(super) fn pairs(&self) -> usize {
        self.more + self.less + self.within_noise + self.one_seed + self.not_reached
    }

    /// The answer to a question whose good and bad outcomes are so many.
    pub(super) fn answer(
        &self,
        comparison: &Comparison,
        (good, bad): (usize, usize),
        words: &Words,
    ) -> String {
        let pairs = self.pairs();
        match () {
            () if pairs == 0 => format!("{}.", capitalised(&why_nothing(comparison))),
            () if self.one_seed == pairs => {
                "That cannot be told from one seed: a difference may be chance.".into()
            }
            () if good == pairs && pairs == 1 => "Yes, beyond the noise between seeds.".into(),
            () if good == pairs => {
                format!(
                    "Yes: {} in all {pairs} comparisons, beyond the noise between seeds.",
                    words.good
                )
            }
            () if self.within_noise == pairs => {
                "Not shown: every difference is within the noise between seeds.".into()
            }
            () => self.in_part(good, bad, words),
        }
    }

    fn in_part(&self, good: usize, bad: usize, words: &Words) -> String {
        let parts = [
            (good, words.good),
            (bad, words.bad),
            (self.not_reached, "not as good in every run"),
            (self.within_noise, "within the noise between seeds"),
            (self.one_seed, "of one seed only"),
        ];
        let told = parts.iter().filter(|(number, _)| *number > 0);
        let told: Vec<_> = told.map(|(number, what)| format!("{what} in {number}")).collect();
        let verdict = match (good, bad) {
            (1.., _) => "In part",
            (0, bad) if bad == self.pairs() => "No",
            _ => "Not shown",
        };
        format!("{verdict}: of {}, {}.", of(self.pairs(), "comparison"), list(&told))
    }
}
