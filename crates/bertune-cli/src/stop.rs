use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use bertune::train::StopSignal;

/// The exit code of a run that was interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// A signal that Ctrl-C (or SIGTERM) gives, which also calls `tell`; a second one ends the program
/// at once.
pub(crate) fn on_ctrl_c(tell: impl Fn() + Send + 'static) -> anyhow::Result<StopSignal> {
    static ASKED: AtomicBool = AtomicBool::new(false);
    let signal = StopSignal::default();
    let stop = signal.clone();
    let handler = move || {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        stop.stop();
        tell();
    };
    ctrlc::set_handler(handler).context("cannot listen for Ctrl-C")?;
    Ok(signal)
}
