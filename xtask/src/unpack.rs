//! A folder out of an archive, all of it or nothing.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;

/// Writes the files that lie below `inside` in the archive (`.whl`, `.zip` or `.tar.gz`) to the
/// new folder `folder`.
pub(crate) fn unpack(archive: &Path, inside: &str, folder: &Path) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
    let is_tar = archive.extension().is_some_and(|extension| extension == "gz");
    let files =
        if is_tar { from_tar(file, inside, folder) } else { from_zip(file, inside, folder) }
            .with_context(|| format!("cannot unpack {}", archive.display()))?;
    if files == 0 {
        bail!("{} holds no folder {inside}", archive.display());
    }
    Ok(())
}

fn from_zip(archive: File, inside: &str, folder: &Path) -> Result<usize> {
    let mut archive = zip::ZipArchive::new(archive)?;
    let mut files = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        if entry.is_file()
            && let Some(path) = path_inside(entry.name(), inside)?
        {
            write(&mut entry, &folder.join(path))?;
            files += 1;
        }
    }
    Ok(files)
}

fn from_tar(archive: File, inside: &str, folder: &Path) -> Result<usize> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    let mut files = 0;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        if entry.header().entry_type().is_file()
            && let Some(path) = path_inside(&name, inside)?
        {
            write(&mut entry, &folder.join(path))?;
            files += 1;
        }
    }
    Ok(files)
}

/// The rest of the name of an entry that lies below `inside`. A name that leaves its folder is
/// refused, wherever it lies.
fn path_inside(name: &str, inside: &str) -> Result<Option<PathBuf>> {
    let is_plain = |part| matches!(part, Component::Normal(_));
    if name.contains(['\\', ':', '\0']) || !Path::new(name).components().all(is_plain) {
        bail!("the archive is hostile: it has a file named {name:?}");
    }
    let rest = Path::new(name).strip_prefix(inside);
    Ok(rest.ok().filter(|rest| *rest != Path::new("")).map(Path::to_path_buf))
}

fn write(content: &mut impl Read, path: &Path) -> Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))
        .and_then(|()| io::copy(content, &mut File::create_new(path)?))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    const FILES: [(&str, &str); 3] =
        [("a/setup.py", "no"), ("a/model/config.json", "{}"), ("a/model/pool/config.json", "[]")];

    fn zip_of(files: &[(&str, &str)], path: &Path) {
        let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
        for (name, text) in files {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
    }

    fn tar_of(files: &[(&str, &str)], path: &Path) {
        let encoder = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
        let mut archive = tar::Builder::new(encoder);
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            // Written by hand: the crate's own functions refuse hostile names.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(text.len() as u64);
            header.set_cksum();
            archive.append(&header, text.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap();
    }

    fn both(files: &[(&str, &str)], check: impl Fn(Result<()>, &Path)) {
        let temporary = tempfile::tempdir().unwrap();
        let (wheel, sdist) = (temporary.path().join("a.whl"), temporary.path().join("a.tar.gz"));
        zip_of(files, &wheel);
        tar_of(files, &sdist);
        for archive in [wheel, sdist] {
            let folder = archive.with_extension("unpacked");
            check(unpack(&archive, "a/model", &folder), &folder);
        }
    }

    #[test]
    fn only_the_folder_that_was_asked_for_is_unpacked() {
        both(&FILES, |result, folder| {
            result.unwrap();
            assert_eq!(fs::read_to_string(folder.join("config.json")).unwrap(), "{}");
            assert_eq!(fs::read_to_string(folder.join("pool/config.json")).unwrap(), "[]");
            assert_eq!(fs::read_dir(folder).unwrap().count(), 2);
        });
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in ["a/model/../../x", "/x", "../x", "a/model/c:x", "a/model\\..\\x"] {
            both(&[(name, "x")], |result, _| {
                let message = format!("{:#}", result.unwrap_err());
                assert!(message.contains("hostile"), "{name}: {message}");
            });
        }
    }

    #[test]
    fn an_archive_without_the_folder_is_refused() {
        both(&FILES[..1], |result, _| {
            let message = result.unwrap_err().to_string();
            assert!(message.ends_with("holds no folder a/model"), "{message}");
        });
    }
}
