use std::process::ExitCode;

use bertune::BertOps;

use crate::device::{DEVICES, Job, dispatch};

/// Nothing: that a device can be used is checked before any job.
struct Nothing;

impl Job for Nothing {
    type Output = ();

    fn run<B: BertOps>(self, _: &B::Device) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Lists all devices and whether each can be used.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let state = |name: &str, compiled: bool| match dispatch(name, Nothing) {
        Ok(()) => "ready".to_owned(),
        Err(_) if !compiled => format!("not compiled in: build with --features {name}"),
        Err(error) => error.to_string(),
    };
    let rows: Vec<Vec<String>> = DEVICES
        .iter()
        .map(|&(name, what, compiled)| {
            vec![format!("{name:8} {what}"), format!(" {}", state(name, compiled))]
        })
        .collect();
    let width = rows.iter().map(|row| row[0].len()).max().unwrap_or(0);
    for row in &rows {
        outln!("{:width$} {}", row[0], row[1]);
    }
    Ok(ExitCode::SUCCESS)
}
