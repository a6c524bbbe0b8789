use std::path::{Path, PathBuf};

use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

use super::snapshot::is_commit;
use super::{HubOptions, Progress};
use crate::CheckpointError;
use crate::weights::{WEIGHT_FILES, shards};

/// What a checkpoint may have besides its configuration and weights.
const OPTIONAL_FILES: [&str; 4] =
    ["tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"];
const RETRIES: usize = 2;

/// A model to be fetched.
pub(crate) struct Download<'a> {
    pub(crate) id: &'a str,
    pub(crate) revision: &'a str,
    pub(crate) cache: &'a Path,
    pub(crate) options: &'a HubOptions,
}

impl Download<'_> {
    /// Brings all files of one commit into the cache; only then the revision points to them.
    pub(crate) fn run(&self) -> Result<PathBuf, CheckpointError> {
        let cache = Cache::new(self.cache.to_path_buf());
        let api = ApiBuilder::from_cache(cache.clone())
            .with_endpoint(self.options.endpoint.clone())
            .with_token(self.options.token.clone())
            .with_progress(self.options.progress == Progress::Bar)
            .with_retries(RETRIES)
            .build()
            .map_err(|error| self.unreachable(error))?;
        let revision = self.repo(self.revision);
        let info = api.repo(revision.clone()).info().map_err(|error| self.no_model(error))?;
        if !is_commit(&info.sha) {
            let revision = info.sha.escape_debug().to_string();
            return Err(CheckpointError::Revision { revision });
        }
        let commit = api.repo(self.repo(&info.sha));
        let names: Vec<_> = info.siblings.iter().map(|file| file.rfilename.as_str()).collect();
        let snapshot = self.fetch_all(&commit, &names)?;
        cache
            .repo(revision)
            .create_ref(&info.sha)
            .map_err(|error| self.unreachable(error.into()))?;
        Ok(snapshot)
    }

    fn repo(&self, revision: &str) -> Repo {
        Repo::with_revision(self.id.to_owned(), RepoType::Model, revision.to_owned())
    }

    /// The configuration comes last, so that a snapshot that has it is whole.
    fn fetch_all(&self, commit: &ApiRepo, names: &[&str]) -> Result<PathBuf, CheckpointError> {
        let lacks = |lacks: &str| CheckpointError::NoCheckpointOnHub {
            id: self.id.to_owned(),
            endpoint: self.options.endpoint.clone(),
            lacks: lacks.to_owned(),
        };
        if !names.contains(&"config.json") {
            return Err(lacks("config.json"));
        }
        let weights = WEIGHT_FILES.iter().find(|name| names.contains(name));
        let weights = weights.ok_or_else(|| lacks("model.safetensors and pytorch_model.bin"))?;
        for name in OPTIONAL_FILES.iter().filter(|name| names.contains(name)) {
            self.fetch(commit, name)?;
        }
        let weights = self.fetch(commit, weights)?;
        if weights.extension().is_some_and(|extension| extension == "json") {
            for shard in shards(&weights)? {
                self.fetch(commit, &shard)?;
            }
        }
        let config = self.fetch(commit, "config.json")?;
        Ok(config.parent().unwrap_or(self.cache).to_path_buf())
    }

    fn fetch(&self, commit: &ApiRepo, name: &str) -> Result<PathBuf, CheckpointError> {
        commit.get(name).map_err(|error| match status(&error) {
            Some(status @ (401 | 403)) => self.gated(status),
            Some(404) => CheckpointError::NoCheckpointOnHub {
                id: self.id.to_owned(),
                endpoint: self.options.endpoint.clone(),
                lacks: name.to_owned(),
            },
            _ => self.unreachable(error),
        })
    }

    /// The hub answers 401 for a model that is not there to those who are not logged in.
    fn no_model(&self, error: ApiError) -> CheckpointError {
        match status(&error) {
            Some(401 | 404) => CheckpointError::NotOnHub {
                id: self.id.to_owned(),
                revision: self.revision.to_owned(),
                endpoint: self.options.endpoint.clone(),
            },
            Some(403) => self.gated(403),
            _ => self.unreachable(error),
        }
    }

    fn gated(&self, status: u16) -> CheckpointError {
        CheckpointError::Gated {
            id: self.id.to_owned(),
            endpoint: self.options.endpoint.clone(),
            status,
        }
    }

    fn unreachable(&self, error: ApiError) -> CheckpointError {
        CheckpointError::HubUnreachable {
            id: self.id.to_owned(),
            endpoint: self.options.endpoint.clone(),
            cache: self.cache.to_path_buf(),
            problem: error.to_string(),
        }
    }
}

fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::TooManyRetries(cause) => status(cause),
        ApiError::RequestError(cause) => match **cause {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}
