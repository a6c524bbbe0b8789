//! What stands beside every figure: on what, when, and with which bertune it was measured.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// Processor, cores, date and version.
pub(crate) fn described() -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let mut date = Command::new("date");
    let date = process::output_of(date.args(["-u", "+%Y-%m-%d"]))?;
    let (processor, date) = (processor()?, date.trim());
    Ok(format!("{processor}, {cores} cores; {date}; bertune {} on Flex", env!("CARGO_PKG_VERSION")))
}

/// The processor's name.
pub(crate) fn processor() -> Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo").context("cannot read /proc/cpuinfo")?;
    let name = info.lines().find_map(|line| line.strip_prefix("model name"));
    Ok(name.map_or("an unknown processor", |name| name.trim_start_matches([' ', '\t', ':'])).into())
}
