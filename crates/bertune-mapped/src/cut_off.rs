/// Lets this process say why it ends, where it reads a mapped file beyond where somebody has cut it
/// off: an error in one line and the exit code 1, in place of the system's bare "bus error".
///
/// A program calls this once at its start; a library never does, for it changes the whole process.
/// Where there are no such signals, nothing happens.
pub fn explain_cut_off_files() {
    #[cfg(unix)]
    // SAFETY: the handler is a function of the type that `signal` takes, and does nothing that a
    // handler may not do.
    unsafe {
        libc::signal(libc::SIGBUS, tell as *const () as libc::sighandler_t);
    }
}

#[cfg(unix)]
extern "C" fn tell(_: libc::c_int) {
    const MESSAGE: &[u8] = b"error: a file was cut off while it was in use, or could not be read; \
        files of weights and tokens are replaced by renaming another into their place, not by writing to them\n";
    // SAFETY: both functions may be called in a handler of signals, and the message is as long as
    // is said.
    unsafe {
        libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len());
        libc::_exit(1);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::env;
    use std::fs::{self, File};
    use std::process::Command;

    use super::*;
    use crate::MappedFile;

    /// Names the file that a test's second process is to cut off under itself.
    const VICTIM: &str = "BERTUNE_CUT_OFF";

    #[test]
    fn a_process_says_why_it_ends_when_its_file_is_cut_off() -> std::io::Result<()> {
        if let Some(path) = env::var_os(VICTIM) {
            explain_cut_off_files();
            let mapped = MappedFile::open(path.as_ref())?;
            File::options().write(true).open(&path)?.set_len(1)?;
            let last = mapped[mapped.len() - 1];
            unreachable!("{last} was read");
        }
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        fs::write(&path, vec![7; 1 << 20])?;
        let name = "cut_off::tests::a_process_says_why_it_ends_when_its_file_is_cut_off";
        let mut test = Command::new(env::current_exe()?);
        let output = test.args([name, "--exact", "--nocapture"]).env(VICTIM, &path).output()?;
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("error: a file was cut off while it was in use"), "{said}");
        Ok(())
    }
}
