use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::{Builder, NamedTempFile};

use crate::stop::INTERRUPTED;

/// A file in the making, which appears in its place whole or not at all. Ctrl-C ends the program
/// and leaves nothing of it.
///
/// What stands in the place and is no file, as a device or a pipe, is written into and stays.
pub(crate) struct WholeFile {
    /// As it was named.
    path: PathBuf,
    target: Target,
}

enum Target {
    /// A file beside the place that it will have.
    File { file: NamedTempFile, place: PathBuf },
    /// A device or a pipe.
    Stream(File),
}

impl WholeFile {
    /// Begins a file that is to stand at `path`, in place of the one that stands there or that a
    /// link there leads to.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        if path.is_dir() {
            bail!("{} is a folder; name a file in it", path.display());
        }
        let describe = || format!("cannot write {}", path.display());
        let target = match fs::metadata(path) {
            Ok(found) if found.is_file() => {
                let place = path.canonicalize().with_context(describe)?;
                let file = begin_beside(&place, path)?;
                // Whoever may read what stands there may read what takes its place.
                file.as_file().set_permissions(found.permissions()).ok();
                Target::File { file, place }
            }
            Ok(_) => {
                let stream = OpenOptions::new().write(true).open(path);
                Target::Stream(stream.with_context(describe)?)
            }
            Err(_) if path.is_symlink() => {
                bail!("{} is a link to nothing; remove it, or name a file", path.display())
            }
            Err(_) => Target::File { file: begin_beside(path, path)?, place: path.to_owned() },
        };
        Ok(Self { path: path.to_owned(), target })
    }

    /// The file to write into.
    pub(crate) fn as_file(&self) -> &File {
        match &self.target {
            Target::File { file, .. } => file.as_file(),
            Target::Stream(stream) => stream,
        }
    }

    /// Puts the file in its place.
    pub(crate) fn commit(self) -> anyhow::Result<()> {
        let Self { path, target } = self;
        if let Target::File { file, place } = target {
            let persisted = file.persist(place).map_err(|error| error.error);
            persisted.with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// Begins the file that is to stand at `place`, which was named `path`.
fn begin_beside(place: &Path, path: &Path) -> anyhow::Result<NamedTempFile> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        bail!("cannot write {}: there is no folder {}", path.display(), folder.display());
    }
    let file = new_file_in(folder)
        // The error names the temporary file, which is nobody's business.
        .map_err(|error| io::Error::from(error.kind()))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let temporary = file.path().to_owned();
    let remove_and_end = move || {
        fs::remove_file(&temporary).ok();
        std::process::exit(i32::from(INTERRUPTED));
    };
    ctrlc::set_handler(remove_and_end).context("cannot listen for Ctrl-C")?;
    Ok(file)
}

/// Writes a file anew: it changes whole or not at all.
pub(crate) fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    let describe = || format!("cannot write {}", path.display());
    let mut file = new_file_in(path.parent().unwrap_or(Path::new("."))).with_context(describe)?;
    file.write_all(text.as_bytes()).with_context(describe)?;
    file.persist(path).with_context(describe)?;
    Ok(())
}

/// A file that is to be moved to its place when it is whole, with the permissions of any new file.
fn new_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    permit(&mut builder);
    builder.tempfile_in(folder)
}

/// Permits all that the umask does.
#[cfg(unix)]
fn permit(builder: &mut Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn permit(_: &mut Builder<'_, '_>) {}
