mod foreign;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use foreign::{is_model, keep_foreign};

use crate::CheckpointError;
use crate::files::{read_error, write_error};

/// A folder in the making, which appears in its place all at once or not at all.
///
/// Files are written to [`path`](Self::path), a hidden folder beside the target;
/// [`commit`](Self::commit) puts it in the target's place. The model that stood there goes; other
/// files beside it, which are nobody's but the user's, stay. Dropped before, the new folder vanishes,
/// and what stood there stays. What a killed run left behind is cleared away by the next.
///
/// # Examples
///
/// ```
/// use bertune_checkpoint::StagedFolder;
///
/// # let home = tempfile::tempdir()?;
/// # let target = home.path().join("model");
/// let staged = StagedFolder::create(&target)?;
/// std::fs::write(staged.path().join("README.md"), "a model")?;
/// assert!(!target.exists());
/// staged.commit()?;
/// assert_eq!(std::fs::read_to_string(target.join("README.md"))?, "a model");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StagedFolder {
    target: PathBuf,
    staging: PathBuf,
    /// Held as long as this process is alive and at work: others then leave the folder alone.
    _lock: File,
}

impl StagedFolder {
    /// Begins a folder that is to stand at `target`, in place of what stands there.
    ///
    /// # Errors
    ///
    /// If the target is a file, or a folder with files in it that is no model's or adapter's (no
    /// model is to be put among somebody's documents by mistake), or if beside it nothing can be
    /// written.
    pub fn create(target: &Path) -> Result<Self, CheckpointError> {
        Self::create_over(target, |_| false)
    }

    /// The same for a result that is no single model's: what `is_earlier` says is an earlier such
    /// result may be replaced too.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_over(
        target: &Path,
        is_earlier: impl Fn(&Path) -> bool,
    ) -> Result<Self, CheckpointError> {
        let target = resolve(target)?;
        let neighbours = Neighbours::of(&target);
        neighbours.tidy().map_err(|source| write_error(&target, source))?;
        check_replaceable(&target, is_earlier)?;
        let staging = neighbours.unused("staging");
        let lock_path = lock_path(&staging);
        let lock = lock(&lock_path).map_err(|source| write_error(&lock_path, source))?;
        fs::create_dir(&staging).map_err(|source| {
            // The folder's error is the one to tell.
            fs::remove_file(&lock_path).ok();
            write_error(&staging, source)
        })?;
        Ok(Self { target, staging, _lock: lock })
    }

    /// The folder to write into.
    pub fn path(&self) -> &Path {
        &self.staging
    }

    /// Brings everything to the disk and puts the folder in its place.
    ///
    /// # Errors
    ///
    /// If the system refuses; what stood there before is then still there.
    pub fn commit(self) -> Result<(), CheckpointError> {
        sync_tree(&self.staging).map_err(|source| write_error(&self.staging, source))?;
        self.replace()
            .and_then(|()| sync_folder(parent(&self.target)))
            .map_err(|source| write_error(&self.target, source))
    }

    /// Afterwards the old folder, if there was one, is what the staging path leads to.
    fn replace(&self) -> io::Result<()> {
        if !self.target.exists() {
            return fs::rename(&self.staging, &self.target);
        }
        // Before, and not after: so what is to stay is in its place at every moment.
        keep_foreign(&self.target, &self.staging)?;
        sync_folder(&self.staging)?;
        exchange(&self.staging, &self.target).or_else(|_| self.replace_in_two_steps())
    }

    /// For file systems that cannot exchange two folders. If the process dies between the two
    /// steps, the next [`create`](Self::create) puts the old folder back.
    fn replace_in_two_steps(&self) -> io::Result<()> {
        let old = Neighbours::of(&self.target).unused("old");
        fs::rename(&self.target, &old)?;
        if let Err(error) = fs::rename(&self.staging, &self.target) {
            fs::rename(&old, &self.target)?;
            return Err(error);
        }
        fs::rename(&old, &self.staging)
    }
}

impl Drop for StagedFolder {
    /// Removes what lies at the staging path: the unfinished folder, or after a commit the old.
    fn drop(&mut self) {
        // What cannot be removed now is tidied up by the next run.
        if !self.staging.exists() || fs::remove_dir_all(&self.staging).is_ok() {
            fs::remove_file(lock_path(&self.staging)).ok();
        }
    }
}

/// The hidden folders beside a target: `.name.staging-…`, `.name.old-…`.
struct Neighbours<'a> {
    target: &'a Path,
}

impl<'a> Neighbours<'a> {
    fn of(target: &'a Path) -> Self {
        Self { target }
    }

    fn prefix(&self, kind: &str) -> OsString {
        let mut name = OsString::from(".");
        name.push(self.target.file_name().unwrap_or_default());
        name.push(format!(".{kind}-"));
        name
    }

    /// A name that neither this process nor another one alive uses.
    fn unused(&self, kind: &str) -> PathBuf {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut name = self.prefix(kind);
        name.push(format!("{}-{count}", std::process::id()));
        parent(self.target).join(name)
    }

    fn all(&self, kind: &str) -> io::Result<Vec<PathBuf>> {
        let prefix = self.prefix(kind);
        let mut found = Vec::new();
        for entry in fs::read_dir(parent(self.target))? {
            let name = entry?.file_name();
            if name.as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
                found.push(parent(self.target).join(name));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Puts back or removes what killed runs left.
    fn tidy(&self) -> io::Result<()> {
        for old in self.all("old")? {
            if self.target.exists() {
                fs::remove_dir_all(old)?;
            } else {
                fs::rename(old, self.target)?;
            }
        }
        let locks = self.all("staging")?.into_iter();
        for path in locks.filter(|path| path.extension().is_some_and(|name| name == "lock")) {
            // A lock that is held is that of a run that is alive.
            if lock(&path).is_ok() {
                fs::remove_dir_all(path.with_extension("")).or_else(unless_absent)?;
                fs::remove_file(path).or_else(unless_absent)?;
            }
        }
        Ok(())
    }
}

fn unless_absent(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

fn lock_path(staging: &Path) -> PathBuf {
    let mut name = staging.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn lock(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).append(true).open(path)?;
    file.try_lock()?;
    Ok(file)
}

/// The target without links in its path, so that it has a name and a parent, which is made.
fn resolve(target: &Path) -> Result<PathBuf, CheckpointError> {
    if target.exists() {
        return target.canonicalize().map_err(|source| read_error(target, source));
    }
    let target = std::path::absolute(target).map_err(|source| read_error(target, source))?;
    fs::create_dir_all(parent(&target)).map_err(|source| write_error(parent(&target), source))?;
    Ok(target)
}

fn parent(target: &Path) -> &Path {
    target.parent().unwrap_or(target)
}

fn check_replaceable(
    target: &Path,
    is_earlier: impl Fn(&Path) -> bool,
) -> Result<(), CheckpointError> {
    if !target.exists() {
        return Ok(());
    }
    if !target.is_dir() {
        return Err(CheckpointError::NotAFolder { path: target.to_path_buf() });
    }
    let mut entries = fs::read_dir(target).map_err(|source| read_error(target, source))?;
    if entries.next().is_some() && !is_model(target) && !is_earlier(target) {
        return Err(CheckpointError::ForeignFolder { folder: target.to_path_buf() });
    }
    Ok(())
}

/// Has two folders change places at one instant, where the system can.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            File::options().append(true).open(&path)?.sync_all()?;
        }
    }
    sync_folder(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, text: &str) {
        let json = format!(r#"{{"model_type": "{text}"}}"#);
        fs::write(folder.join("config.json"), json).unwrap();
    }

    fn read(folder: &Path) -> String {
        let json = fs::read(folder.join("config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&json).unwrap();
        config["model_type"].as_str().unwrap().to_owned()
    }

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    fn staged(target: &Path, text: &str) -> StagedFolder {
        let staged = StagedFolder::create(target).unwrap();
        write(staged.path(), text);
        staged
    }

    #[test]
    fn a_commit_replaces_the_model_as_a_whole_and_leaves_nothing_beside_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("deep/model");
        staged(&target, "old").commit().unwrap();
        fs::write(target.join("pytorch_model.bin"), "").unwrap();
        fs::write(target.join("notes.txt"), "").unwrap();
        staged(&target, "new").commit().unwrap();
        assert_eq!(read(&target), "new");
        assert_eq!(names(&target), ["config.json", "notes.txt"]);
        assert_eq!(names(target.parent().unwrap()), ["model"]);
    }

    #[test]
    fn two_steps_do_what_an_exchange_does() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("model");
        staged(&target, "old").commit().unwrap();
        let new = staged(&target, "new");
        new.replace_in_two_steps().unwrap();
        drop(new);
        assert_eq!(read(&target), "new");
        assert_eq!(names(home.path()), ["model"]);
    }

    #[test]
    fn what_is_dropped_before_the_commit_leaves_the_old_folder() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("model");
        staged(&target, "old").commit().unwrap();
        drop(staged(&target, "new"));
        assert_eq!(read(&target), "old");
        assert_eq!(names(home.path()), ["model"]);
    }

    #[test]
    fn a_commit_that_fails_leaves_the_old_folder() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("model");
        staged(&target, "old").commit().unwrap();
        let new = staged(&target, "new");
        fs::remove_dir_all(new.path()).unwrap();
        assert!(matches!(new.commit(), Err(CheckpointError::Write { .. })));
        assert_eq!(read(&target), "old");
    }

    #[test]
    fn a_second_step_that_fails_undoes_the_first() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("model");
        staged(&target, "old").commit().unwrap();
        let new = staged(&target, "new");
        fs::remove_dir_all(new.path()).unwrap();
        assert!(new.replace_in_two_steps().is_err());
        assert_eq!(read(&target), "old");
    }

    #[test]
    fn leftovers_of_a_killed_run_are_cleared_away() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("model");
        let left = home.path().join(".model.staging-1-0");
        fs::create_dir(&left).unwrap();
        fs::write(lock_path(&left), "").unwrap();
        fs::create_dir(home.path().join(".model.old-1-0")).unwrap();
        staged(&target, "new").commit().unwrap();
        assert_eq!(names(home.path()), ["model"]);
    }

    #[test]
    fn a_run_killed_between_two_steps_gets_its_old_folder_back() {
        let home = tempfile::tempdir().unwrap();
        let (target, old) = (home.path().join("model"), home.path().join(".model.old-1-0"));
        fs::create_dir(&old).unwrap();
        write(&old, "old");
        drop(StagedFolder::create(&target).unwrap());
        assert_eq!(read(&target), "old");
    }

    #[test]
    fn the_work_of_a_run_that_is_alive_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("model");
        let (first, second) = (staged(&target, "first"), staged(&target, "second"));
        second.commit().unwrap();
        assert_eq!(read(&target), "second");
        first.commit().unwrap();
        assert_eq!(read(&target), "first");
        assert_eq!(names(home.path()), ["model"]);
    }

    #[test]
    fn documents_are_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("thesis.tex"), "").unwrap();
        fs::write(home.path().join("config.json"), r#"{"port": 80}"#).unwrap();
        let result = StagedFolder::create(home.path());
        assert!(matches!(result, Err(CheckpointError::ForeignFolder { .. })));
        let is_earlier = |folder: &Path| folder.join("thesis.tex").is_file();
        assert!(StagedFolder::create_over(home.path(), is_earlier).is_ok());
    }

    #[test]
    fn a_file_is_no_target_and_no_parent() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        let result = StagedFolder::create(&file);
        assert!(matches!(result, Err(CheckpointError::NotAFolder { .. })));
        let result = StagedFolder::create(&file.join("model"));
        assert!(matches!(result, Err(CheckpointError::Write { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_what_it_leads_to_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let (target, link) = (home.path().join("model"), home.path().join("latest"));
        staged(&target, "old").commit().unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        staged(&link, "new").commit().unwrap();
        assert!(link.is_symlink());
        assert_eq!(read(&target), "new");
    }
}
