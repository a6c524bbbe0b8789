//! A small English BERT that bertune itself pretrained, inside the program: what there is to
//! fine-tune where there is no network and no folder.
//!
//! Its [model card](https://github.com/bertune/bertune/blob/main/crates/bertune-boxed/model/README.md)
//! says what it learned from and how good it is. [`unpack`] makes a Hugging Face folder of it.

mod error;
mod model;

use std::fs;
use std::path::{Path, PathBuf};

use bertune_checkpoint::StagedFolder;

pub use error::BoxedError;

/// What the model is called where a folder or an id of the hub is asked for.
pub const NAME: &str = "boxed";

/// The folder of the model in the user's cache, made if it is not there as it should be:
/// `$BERTUNE_CACHE`, or else `bertune` in the place that the system has for caches.
///
/// # Errors
///
/// If there is no such place, or if it cannot be written to.
pub fn unpack() -> Result<PathBuf, BoxedError> {
    let cache = std::env::var_os("BERTUNE_CACHE").filter(|folder| !folder.is_empty());
    let cache = cache.map(PathBuf::from).or_else(|| Some(dirs::cache_dir()?.join("bertune")));
    unpack_into(&cache.ok_or(BoxedError::NoCache)?)
}

/// The folder of the model below another, made if it is not there as it should be.
///
/// # Errors
///
/// If it cannot be written.
pub fn unpack_into(cache: &Path) -> Result<PathBuf, BoxedError> {
    let write_error = |path: &Path| {
        let path = path.to_path_buf();
        move |source| BoxedError::Write { path, source }
    };
    let cache = std::path::absolute(cache).map_err(write_error(cache))?;
    let folder = cache.join(NAME).join(env!("CARGO_PKG_VERSION"));
    if is_whole(&folder) {
        return Ok(folder);
    }
    fs::create_dir_all(&cache).map_err(write_error(&cache))?;
    let config = folder.join("config.json");
    if folder.is_dir() && !config.exists() {
        // A folder without this is taken for another's, and would not be replaced.
        fs::write(&config, "{}").map_err(write_error(&config))?;
    }
    let staged = StagedFolder::create(&folder)?;
    for (name, bytes) in model::FILES {
        let path = staged.path().join(name);
        fs::write(&path, bytes).map_err(write_error(&path))?;
    }
    staged.commit()?;
    Ok(folder)
}

/// Whether each file is there, and holds what it should.
fn is_whole(folder: &Path) -> bool {
    let is = |(name, bytes): &(&str, &[u8])| fs::read(folder.join(name)).is_ok_and(|b| b == *bytes);
    model::FILES.iter().all(is)
}
