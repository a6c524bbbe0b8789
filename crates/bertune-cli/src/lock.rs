use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context, bail};

/// Locks a file, which is made if it is not there, for as long as what is given lives; refused where
/// another process has it, at work on `output`.
pub(crate) fn lock(path: &Path, output: &Path) -> anyhow::Result<File> {
    let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another bertune is at work on {}; wait for it or stop it", output.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}
