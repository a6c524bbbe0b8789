//! Bringing archives from the Python package index with whichever of its clients is there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::process;

/// One release of a package: the archive's name and what is in it never change.
pub(crate) struct Release {
    /// The package's name in the index.
    pub(crate) package: &'static str,
    /// Its version.
    pub(crate) version: &'static str,
    /// The file that the index has under this version.
    pub(crate) archive: &'static str,
    /// The file's SHA-256, in hexadecimal digits.
    pub(crate) sha256: &'static str,
}

/// The path of the release's archive in `folder`, downloaded if need be; its checksum is right.
pub(crate) fn bring(release: &Release, folder: &Path) -> Result<PathBuf> {
    let archive = folder.join(release.archive);
    if archive.exists() && checksum(&archive)? == release.sha256 {
        return Ok(archive);
    }
    println!("Downloading {} {} with pip", release.package, release.version);
    remove(&archive)?;
    download(release, folder)?;
    verify(release, &archive)?;
    Ok(archive)
}

fn download(release: &Release, folder: &Path) -> Result<()> {
    if release.archive.ends_with(".whl") {
        let pinned = format!("{}=={}", release.package, release.version);
        let mut command = pip()?;
        command.args(["download", "--no-deps", "--only-binary=:all:", "--dest"]);
        return process::run(command.arg(folder).arg(pinned));
    }
    // `pip download` of a source archive would run its setup; this script only fetches it.
    let mut command = python()?;
    command.current_dir(process::root()).arg("tools/fetch_sdist.py");
    command.args([release.package, release.version]).arg(folder);
    process::run(command.args(["--sha256", release.sha256]))
}

/// The archive is there and is the one we know; a wrong one is removed.
fn verify(release: &Release, archive: &Path) -> Result<()> {
    let found = checksum(archive)?;
    if found != release.sha256 {
        remove(archive)?;
        bail!(
            "{} is not the file it should be, and was removed: its SHA-256 is {found}, not {}",
            archive.display(),
            release.sha256
        );
    }
    Ok(())
}

fn pip() -> Result<Command> {
    let clients: [&[&str]; 5] = [
        &["python3", "-m", "pip"],
        &["python", "-m", "pip"],
        &["pip3"],
        &["pip"],
        &["uv", "tool", "run", "pip"],
    ];
    first_that_works(&clients).context(
        "pip is not there to download checkpoints with: install Python 3 with pip \
         (Debian: apt-get install python3-pip) or uv",
    )
}

/// A Python 3.
pub(crate) fn python() -> Result<Command> {
    first_that_works(&[&["python3"], &["python"]])
        .context("Python is not there: install Python 3 (Debian: apt-get install python3)")
}

fn first_that_works(clients: &[&[&str]]) -> Option<Command> {
    let command = |client: &[&str]| {
        let mut command = Command::new(client[0]);
        command.args(&client[1..]);
        command
    };
    let found = clients.iter().find(|client| process::works(command(client).arg("--version")))?;
    Some(command(found))
}

/// The SHA-256 of a file in hexadecimal digits.
pub(crate) fn checksum(file: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    File::open(file)
        .and_then(|mut file| io::copy(&mut file, &mut hasher))
        .with_context(|| format!("cannot read {}", file.display()))?;
    Ok(format!("{:x}", hasher.finalize()))
}

fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: Release = Release {
        package: "hello",
        version: "1",
        archive: "hello.whl",
        sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    };

    #[test]
    fn an_archive_that_is_there_is_not_downloaded() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("hello.whl"), "hello").unwrap();
        assert_eq!(bring(&HELLO, folder.path()).unwrap(), folder.path().join("hello.whl"));
    }

    #[test]
    fn an_archive_with_another_checksum_is_refused_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("hello.whl");
        fs::write(&archive, "hullo").unwrap();
        let message = verify(&HELLO, &archive).unwrap_err().to_string();
        assert!(message.contains(HELLO.sha256), "{message}");
        assert!(!archive.exists());
    }

    #[test]
    fn the_first_client_that_works_is_taken() {
        let found = first_that_works(&[&["no-such-client"], &["cargo", "--locked"]]).unwrap();
        assert_eq!(found.get_program(), "cargo");
        assert!(first_that_works(&[&["no-such-client"]]).is_none());
    }
}
