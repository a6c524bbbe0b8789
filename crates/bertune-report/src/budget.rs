use crate::numbers::{count, list};
use crate::{Comparison, Method, Size};

impl Comparison {
    /// That all methods take the same number of steps on one size, but for those that take a share of
    /// them: a sentence without its end.
    pub(crate) fn same_steps(&self) -> String {
        format!("On one size all methods take the same number of steps{}", self.shorter_runs())
    }

    /// Which methods take a share of a size's steps alone, as the end of a sentence; nothing where
    /// all take the same number.
    pub(crate) fn shorter_runs(&self) -> String {
        let shorter = self.methods.iter().filter(|method| method.step_share < 1.0);
        let told: Vec<_> = shorter.map(|method| self.steps_in_words(method)).collect();
        if told.is_empty() { String::new() } else { format!(", but {}", list(&told)) }
    }

    /// Whether the runs of a method are as long as the reference's.
    pub(crate) fn is_as_long(&self, method: &Method) -> bool {
        self.reference().is_none_or(|reference| reference.step_share == method.step_share)
    }

    fn steps_in_words(&self, method: &Method) -> String {
        let of_size = |size: &Size| {
            format!("{} of {}", count(size.steps_of(method.step_share)), count(size.steps))
        };
        let steps: Vec<_> = self.sizes.iter().map(of_size).collect();
        format!("{} {}", method.title, list(&steps))
    }
}
