//! Figures in docs/benchmarks.md, each between the marks of the command that made it.

use std::fs;

use anyhow::{Context, Result};

use crate::process::root;

const PAGE: &str = "docs/benchmarks.md";

/// Puts `figures` in the place of those that `command` wrote last.
pub(crate) fn write(command: &str, figures: &str) -> Result<()> {
    let path = root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
    let page = with_figures(&page, command, figures)?;
    fs::write(&path, page).with_context(|| format!("cannot write {PAGE}"))
}

fn with_figures(page: &str, command: &str, figures: &str) -> Result<String> {
    let mark = |end| format!("<!-- {end}: cargo xtask {command} --write -->");
    let (begin, end) = (mark("begin"), mark("end"));
    let parts = page.split_once(&begin).zip(page.split_once(&end));
    let ((before, _), (_, after)) = parts.with_context(|| format!("{PAGE} lacks '{begin}'"))?;
    Ok(format!("{before}{begin}\n{figures}\n{end}{after}"))
}

/// The middle value, or the mean of both in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (below, above) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some((sorted[below] + sorted[above]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_replaced() {
        let page = |figures: &str| {
            format!(
                "a\n<!-- begin: cargo xtask bench --write -->\n{figures}\n\
                 <!-- end: cargo xtask bench --write -->\nb\n"
            )
        };
        assert_eq!(with_figures(&page("old"), "bench", "new").ok(), Some(page("new")));
        assert!(with_figures(&page("old"), "other", "new").is_err());
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
