use std::path::{Path, PathBuf};

use crate::hub::snapshot::{has_model, has_tokenizer, is_id, is_revision, snapshot};
use crate::{CheckpointError, Connection, HubOptions};

/// The folder of a checkpoint: a path, or a name on the Hugging Face hub such as
/// `google-bert/bert-base-uncased`.
///
/// A folder that exists wins. What is whole in the cache is taken from there without asking the
/// network; else the configuration, the weights and the tokenizer's files are fetched.
///
/// # Errors
///
/// If it is neither, and cannot be fetched; the error says what was tried and what to do.
pub fn find_checkpoint(id_or_folder: &str, hub: &HubOptions) -> Result<PathBuf, CheckpointError> {
    let path = Path::new(id_or_folder);
    if path.is_dir() {
        return Ok(path.to_path_buf());
    }
    if path.exists() {
        return Err(CheckpointError::NotAFolder { path: path.to_path_buf() });
    }
    if !is_id(id_or_folder) {
        return Err(CheckpointError::NoFolder { path: path.to_path_buf() });
    }
    find_on_hub(id_or_folder, hub)
}

fn find_on_hub(id: &str, hub: &HubOptions) -> Result<PathBuf, CheckpointError> {
    let revision = hub.revision.as_deref().unwrap_or("main");
    if !is_revision(revision) {
        return Err(CheckpointError::Revision { revision: revision.to_owned() });
    }
    let cache = hub.cache.as_ref().ok_or(CheckpointError::NoCache)?;
    let cache = std::path::absolute(cache)
        .map_err(|source| CheckpointError::Read { path: cache.clone(), source })?;
    let cached = snapshot(&cache, id, revision).filter(|snapshot| has_model(snapshot));
    match (cached, hub.connection) {
        (Some(cached), Connection::Online) if !has_tokenizer(&cached) => {
            // The tokenizer may never have been wanted before; the model alone is better than
            // nothing.
            Ok(fetch(id, revision, &cache, hub).unwrap_or(cached))
        }
        (Some(cached), _) => Ok(cached),
        (None, Connection::Online) => fetch(id, revision, &cache, hub),
        (None, Connection::Offline) => Err(CheckpointError::NotInCache {
            id: id.to_owned(),
            revision: revision.to_owned(),
            cache,
            reason: "--offline or HF_HUB_OFFLINE forbids to fetch it; go without, or give a folder",
        }),
    }
}

#[cfg(feature = "hub")]
fn fetch(
    id: &str,
    revision: &str,
    cache: &Path,
    options: &HubOptions,
) -> Result<PathBuf, CheckpointError> {
    let download = crate::hub::download::Download { id, revision, cache, options };
    download.run()
}

#[cfg(not(feature = "hub"))]
fn fetch(
    id: &str,
    revision: &str,
    cache: &Path,
    _options: &HubOptions,
) -> Result<PathBuf, CheckpointError> {
    Err(CheckpointError::NotInCache {
        id: id.to_owned(),
        revision: revision.to_owned(),
        cache: cache.to_path_buf(),
        reason: "this build cannot fetch it; build with the feature `hub`, or give a folder",
    })
}
