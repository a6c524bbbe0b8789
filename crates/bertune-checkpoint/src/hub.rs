#[cfg(feature = "hub")]
pub(crate) mod download;
pub(crate) mod snapshot;

use std::fmt;
use std::path::PathBuf;

/// How models are brought from the Hugging Face hub.
///
/// The default reads the environment as the Python library `huggingface_hub` does: `HF_HOME`,
/// `HF_HUB_CACHE`, `HF_TOKEN` (or the token that `hf auth login` keeps), `HF_HUB_OFFLINE` and
/// `HF_ENDPOINT`.
#[derive(Clone)]
#[non_exhaustive]
pub struct HubOptions {
    /// A branch, a tag or a commit; `main` if there is none.
    pub revision: Option<String>,
    /// The folder of the cache, which Python shares.
    pub cache: Option<PathBuf>,
    /// The address of the hub.
    pub endpoint: String,
    /// The token that opens gated and private models.
    pub token: Option<String>,
    /// Whether the network may be used.
    pub connection: Connection,
    /// Whether downloads are shown.
    pub progress: Progress,
}

/// Whether the network may be used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Connection {
    /// For what is not in the cache.
    Online,
    /// Never.
    Offline,
}

/// Whether downloads are shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// Not at all.
    Hidden,
    /// As a bar, if standard error is a terminal.
    Bar,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self::from_variables(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }
}

impl HubOptions {
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let home = variable("HF_HOME").map(PathBuf::from).or_else(|| {
            let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
            let cache = cache.or_else(|| Some(std::env::home_dir()?.join(".cache")));
            Some(cache?.join("huggingface"))
        });
        let cache = variable("HF_HUB_CACHE").map(PathBuf::from);
        let stored_token = || {
            let file = variable("HF_TOKEN_PATH").map(PathBuf::from);
            let file = file.or_else(|| Some(home.as_ref()?.join("token")))?;
            std::fs::read_to_string(file).ok()
        };
        let token = variable("HF_TOKEN").or_else(stored_token);
        let endpoint = variable("HF_ENDPOINT");
        let endpoint = endpoint.as_deref().unwrap_or("https://huggingface.co");
        Self {
            revision: None,
            cache: cache.or_else(|| Some(home.as_ref()?.join("hub"))),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()),
            connection: connection(variable("HF_HUB_OFFLINE").as_deref()),
            progress: Progress::Hidden,
        }
    }
}

fn connection(offline: Option<&str>) -> Connection {
    let offline = offline.unwrap_or_default().to_ascii_uppercase();
    match ["1", "ON", "YES", "TRUE"].contains(&offline.as_str()) {
        true => Connection::Offline,
        false => Connection::Online,
    }
}

/// Without the token, which is a secret.
impl fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubOptions")
            .field("revision", &self.revision)
            .field("cache", &self.cache)
            .field("endpoint", &self.endpoint)
            .field("connection", &self.connection)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(variables: &[(&str, &str)]) -> HubOptions {
        HubOptions::from_variables(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn check_cache(variables: &[(&str, &str)], cache: &str) {
        assert_eq!(options(variables).cache, Some(PathBuf::from(cache)));
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        check_cache(&[("HF_HOME", "/a"), ("XDG_CACHE_HOME", "/b")], "/a/hub");
        check_cache(&[("HF_HOME", "/a"), ("HF_HUB_CACHE", "/c")], "/c");
        check_cache(&[("XDG_CACHE_HOME", "/b")], "/b/huggingface/hub");
    }

    #[test]
    fn offline_is_said_in_several_ways() {
        let check = |value, expected| {
            assert_eq!(options(&[("HF_HUB_OFFLINE", value)]).connection, expected);
        };
        check("1", Connection::Offline);
        check("true", Connection::Offline);
        check("0", Connection::Online);
        assert_eq!(options(&[]).connection, Connection::Online);
    }

    #[test]
    fn a_token_is_read_from_its_file_and_never_shown() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("token"), "hf_secret\n").unwrap();
        let options = options(&[("HF_HOME", home.path().to_str().unwrap())]);
        assert_eq!(options.token.as_deref(), Some("hf_secret"));
        assert!(!format!("{options:?}").contains("secret"));
    }

    #[test]
    fn an_endpoint_needs_no_slash_at_its_end() {
        let options = options(&[("HF_ENDPOINT", "http://mirror/")]);
        assert_eq!(options.endpoint, "http://mirror");
    }
}
