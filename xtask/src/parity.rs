//! Comparison with Python's transformers as it runs today.

use anyhow::Result;

/// Runs the comparisons.
pub(crate) fn run() -> Result<()> {
    anyhow::bail!("not yet")
}
