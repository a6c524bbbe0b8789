//! A read-only file mapped into memory, behind a safe function.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

/// The bytes of a file, each read from it when it is first looked at.
///
/// The file must stay as it is while it is mapped: it may be removed or replaced by another of its
/// name, but not written to or shortened. Shortening it ends a process that reads beyond its end.
#[derive(Debug)]
pub struct MappedFile {
    map: Mmap,
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
        // while it is mapped. bertune maps only files that it writes beside their place and renames
        // into it, which leaves a mapped file of that name whole; the documentation above asks the
        // same of everyone else who could write to them.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Self { map })
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
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
        assert_eq!(&MappedFile::open(&path)?[..], b"another");
        Ok(())
    }

    #[test]
    fn a_file_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().map(|folder| folder.path().join("file"));
        let error = folder.and_then(|path| MappedFile::open(&path)).map(drop);
        assert_eq!(error.map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));
    }
}
