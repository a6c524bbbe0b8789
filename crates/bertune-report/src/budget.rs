use crate::numbers::list;
use crate::{Comparison, Method};

impl Comparison {
    /// Which methods take a share of a size's steps alone, as the end of a sentence; nothing where
    /// all take the same number.
    pub(crate) fn shorter_runs(&self) -> String {
        let shorter = self.methods.iter().filter(|method| method.step_share < 1.0);
        let told: Vec<_> = shorter.map(share).collect();
        if told.is_empty() { String::new() } else { format!(", but {}", list(&told)) }
    }
}

fn share(method: &Method) -> String {
    // As it was given, and not 7.000000000000001 %.
    let percent = (method.step_share * 1e6).round() / 1e4;
    format!("{} {percent} % of them", method.title)
}
