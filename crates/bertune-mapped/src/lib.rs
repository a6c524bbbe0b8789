//! A read-only file mapped into memory, behind a safe function.

mod cut_off;

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::time::SystemTime;

use memmap2::Mmap;

pub use cut_off::explain_cut_off_files;

/// The bytes of a file, each read from it when it is first looked at.
///
/// The file must stay as it is while it is mapped: it may be removed or replaced by another of its
/// name, but not written to or shortened. Shortening it ends a process that reads beyond its end: a
/// program can [say why](explain_cut_off_files).
#[derive(Debug)]
pub struct MappedFile {
    map: Mmap,
    file: File,
    modified: Option<SystemTime>,
}

impl MappedFile {
    /// Maps a file as it is now.
    ///
    /// # Errors
    ///
    /// If it cannot be opened or mapped.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: memory that is borrowed must not change, and so the file must not be written to
        // while it is mapped. bertune writes files beside their place and renames them into it,
        // which leaves a mapped file of that name whole; the documentation above asks the same of
        // everyone else who could write to them, and `is_unchanged` finds who did.
        let map = unsafe { Mmap::map(&file) }?;
        let modified = file.metadata()?.modified().ok();
        Ok(Self { map, file, modified })
    }

    /// Whether the file has still the length, and the time of its last change, that it had.
    ///
    /// # Errors
    ///
    /// If the operating system does not say.
    pub fn is_unchanged(&self) -> io::Result<bool> {
        let now = self.file.metadata()?;
        Ok(now.len() == self.map.len() as u64 && now.modified().ok() == self.modified)
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_mapped_file_is_its_bytes() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        for bytes in [&b""[..], b"some bytes", &[7; 10_000]] {
            fs::write(&path, bytes)?;
            assert_eq!(&MappedFile::open(&path)?[..], bytes);
        }
        Ok(())
    }

    #[test]
    fn a_file_that_is_replaced_stays_mapped() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (path, new) = (folder.path().join("file"), folder.path().join("new"));
        fs::write(&path, "old")?;
        let old = MappedFile::open(&path)?;
        fs::write(&new, "another")?;
        fs::rename(&new, &path)?;
        assert_eq!(&old[..], b"old");
        assert!(old.is_unchanged()?);
        assert_eq!(&MappedFile::open(&path)?[..], b"another");
        Ok(())
    }

    #[test]
    fn a_change_of_a_mapped_file_is_seen() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        for change in [&b"longer than it was"[..], b"fire", b""] {
            fs::write(&path, "file")?;
            File::open(&path)?.set_modified(SystemTime::UNIX_EPOCH)?;
            let mapped = MappedFile::open(&path)?;
            assert!(mapped.is_unchanged()?);
            fs::write(&path, change)?;
            assert!(!mapped.is_unchanged()?, "{change:?}");
        }
        Ok(())
    }

    #[test]
    fn a_file_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().map(|folder| folder.path().join("file"));
        let error = folder.and_then(|path| MappedFile::open(&path)).map(drop);
        assert_eq!(error.map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));
    }
}
