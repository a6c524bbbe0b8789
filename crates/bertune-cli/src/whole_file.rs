use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

use crate::stop::INTERRUPTED;

/// A file in the making, which appears in its place whole or not at all. Ctrl-C ends the program
/// and leaves nothing of it.
pub(crate) struct WholeFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl WholeFile {
    /// Begins a file that is to stand at `path`, in place of the one that stands there.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        if path.is_dir() {
            bail!("{} is a folder; name a file in it", path.display());
        }
        let folder =
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            bail!("cannot write {}: there is no folder {}", path.display(), folder.display());
        }
        let file = NamedTempFile::new_in(folder)
            // The error names the temporary file, which is nobody's business.
            .map_err(|error| std::io::Error::from(error.kind()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        let temporary = file.path().to_owned();
        let remove_and_end = move || {
            std::fs::remove_file(&temporary).ok();
            std::process::exit(i32::from(INTERRUPTED));
        };
        ctrlc::set_handler(remove_and_end).context("cannot listen for Ctrl-C")?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// The file to write into.
    pub(crate) fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Puts the file in its place.
    pub(crate) fn commit(self) -> anyhow::Result<()> {
        let path = self.path;
        let persisted = self.file.persist(&path).map_err(|error| error.error);
        persisted.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(())
    }
}
