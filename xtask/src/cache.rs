//! The folder outside the repository that holds what was downloaded.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Downloads, checkpoints and the Python environment of `cargo xtask parity`.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// `$BERTUNE_CACHE`, else `$XDG_CACHE_HOME/bertune`, else `.cache/bertune` in the home folder.
    pub(crate) fn open() -> Result<Self> {
        let folder = folder_from(&|name| env::var_os(name).map(PathBuf::from), env::home_dir())
            .context("there is no home folder to keep downloads in; set BERTUNE_CACHE")?;
        Self::at(folder)
    }

    /// The cache in this folder, which is made if it is not there.
    pub(crate) fn at(folder: PathBuf) -> Result<Self> {
        let cache = Self { folder };
        for folder in [cache.downloads(), cache.models()] {
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        Ok(cache)
    }

    /// Archives as the registry gave them.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.folder.join("downloads")
    }

    /// Checkpoint folders.
    pub(crate) fn models(&self) -> PathBuf {
        self.folder.join("models")
    }

    /// The Python environment of `cargo xtask parity`.
    pub(crate) fn parity(&self) -> PathBuf {
        self.folder.join("parity")
    }

    /// Keeps other runs from writing to the cache until the guard is dropped.
    pub(crate) fn lock(&self) -> Result<File> {
        let path = self.folder.join("lock");
        let file = File::create(&path)
            .with_context(|| format!("cannot write to the cache: {}", path.display()))?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            println!("Waiting for another run that is writing to {}", self.folder.display());
        }
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(file)
    }
}

fn folder_from(
    variable: &dyn Fn(&str) -> Option<PathBuf>,
    home: Option<PathBuf>,
) -> Option<PathBuf> {
    // The XDG rules: a relative path is to be ignored.
    let xdg = variable("XDG_CACHE_HOME").filter(|folder| folder.is_absolute());
    let home = home.filter(|folder| folder.is_absolute());
    variable("BERTUNE_CACHE")
        .filter(|folder| folder != Path::new(""))
        .map(|folder| std::path::absolute(&folder).unwrap_or(folder))
        .or_else(|| xdg.map(|folder| folder.join("bertune")))
        .or_else(|| home.map(|folder| folder.join(".cache").join("bertune")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(set: &[(&str, &str)], expected: Option<&str>) {
        let variable = |name: &str| {
            set.iter().find(|(set, _)| *set == name).map(|(_, value)| PathBuf::from(value))
        };
        let folder = folder_from(&variable, variable("HOME"));
        assert_eq!(folder, expected.map(PathBuf::from), "{set:?}");
    }

    #[test]
    #[cfg(unix)]
    fn the_folder_is_taken_from_the_environment() {
        let all = [("BERTUNE_CACHE", "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")];
        check(&all, Some("/a"));
        check(&all[1..], Some("/b/bertune"));
        check(&all[2..], Some("/c/.cache/bertune"));
        check(&[("BERTUNE_CACHE", ""), ("XDG_CACHE_HOME", "b"), all[2]], Some("/c/.cache/bertune"));
        check(&[], None);
    }
}
