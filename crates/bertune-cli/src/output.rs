//! Standard output and standard error, of which a run outlives the end: when `| head` has seen enough,
//! or a disk is full, the work goes on, and [`end`] says at last what could not be written.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

/// Prints a line on standard output, as `println!` does, but never panics.
macro_rules! outln {
    () => { $crate::output::out(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::out(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints on standard output, as `print!` does, but never panics.
macro_rules! out {
    ($($text:tt)*) => { $crate::output::out(format_args!($($text)*)) };
}

/// Prints a line on standard error, as `eprintln!` does, but never panics.
macro_rules! errln {
    ($($text:tt)*) => { $crate::output::err(format_args!("{}\n", format_args!($($text)*))) };
}

/// Why standard output could no longer be written to.
static FAILURE: OnceLock<io::Error> = OnceLock::new();

/// Prints on standard output, until that fails once.
pub(crate) fn out(text: Arguments<'_>) {
    if FAILURE.get().is_none()
        && let Err(error) = io::stdout().write_fmt(text)
    {
        FAILURE.set(error).ok();
    }
}

/// Prints on standard error; where that fails there is nobody to tell.
pub(crate) fn err(text: Arguments<'_>) {
    io::stderr().write_fmt(text).ok();
}

/// The program's exit code, with a word if its output is not whole. That nobody reads on is no fault.
pub(crate) fn end(code: ExitCode) -> ExitCode {
    if let Err(error) = io::stdout().flush() {
        FAILURE.set(error).ok();
    }
    match FAILURE.get() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            errln!("error: cannot write to standard output: {error}");
            ExitCode::FAILURE
        }
        _ => code,
    }
}
