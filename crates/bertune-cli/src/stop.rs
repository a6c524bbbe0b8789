use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::Context;
use bertune::train::StopSignal;

/// The exit code of a run that was interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// Says that Ctrl-C was understood.
type Tell = Box<dyn Fn() + Send>;

static SIGNAL: LazyLock<StopSignal> = LazyLock::new(StopSignal::default);
static TELL: Mutex<Option<Tell>> = Mutex::new(None);

/// The signal that Ctrl-C (or SIGTERM) gives, which also calls the last `tell`; a second one ends
/// the program at once.
pub(crate) fn on_ctrl_c(tell: impl Fn() + Send + 'static) -> anyhow::Result<StopSignal> {
    let is_first =
        TELL.lock().unwrap_or_else(PoisonError::into_inner).replace(Box::new(tell)).is_none();
    if is_first {
        ctrlc::set_handler(handle).context("cannot listen for Ctrl-C")?;
    }
    Ok(SIGNAL.clone())
}

fn handle() {
    if SIGNAL.is_stopped() {
        std::process::exit(i32::from(INTERRUPTED));
    }
    SIGNAL.stop();
    if let Some(tell) = TELL.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
        tell();
    }
}
