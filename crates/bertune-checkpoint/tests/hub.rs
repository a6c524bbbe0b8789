//! A hub on this machine, which answers as the real one does.

#![cfg(feature = "hub")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bertune_checkpoint::{CheckpointError, Connection, HubOptions, find_checkpoint};
use serde_json::json;
use tempfile::TempDir;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What a hub has, and what it was asked.
#[derive(Clone, Default)]
struct Hub {
    files: BTreeMap<&'static str, &'static str>,
    /// The files that only this token opens.
    gated_by: Option<&'static str>,
    /// The files that break off in the middle.
    broken: Option<&'static str>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    fn with(files: &[(&'static str, &'static str)]) -> Self {
        Self { files: files.iter().copied().collect(), ..Self::default() }
    }

    /// Serves until the test ends; the address to ask.
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let hub = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let hub = hub.clone();
                std::thread::spawn(move || hub.answer(stream.unwrap()));
            }
        });
        address
    }

    fn answer(&self, mut stream: TcpStream) {
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let request: Vec<_> = lines
            .map(|line| line.unwrap_or_default())
            .take_while(|line| !line.is_empty())
            .collect();
        let Some(path) = request.first().and_then(|line| line.split(' ').nth(1)) else {
            return;
        };
        self.requests.lock().unwrap().push(path.to_owned());
        let header = |name: &str| {
            let found = request.iter().find(|line| line.to_lowercase().starts_with(name));
            found.and_then(|line| line.split_once(": ")).map(|(_, value)| value)
        };
        let response = self.respond(path, header("range"), header("authorization"));
        // The other side may have gone.
        let _ = stream.write_all(&response);
    }

    fn respond(&self, path: &str, range: Option<&str>, token: Option<&str>) -> Vec<u8> {
        if path == "/api/models/org/model/revision/main" {
            let siblings: Vec<_> =
                self.files.keys().map(|name| json!({"rfilename": name})).collect();
            let info = json!({"sha": COMMIT, "siblings": siblings}).to_string();
            return format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{info}",
                info.len()
            )
            .into();
        }
        let resolve = format!("/org/model/resolve/{COMMIT}/");
        let Some((name, body)) =
            path.strip_prefix(&resolve).and_then(|name| self.files.get_key_value(name))
        else {
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                .into();
        };
        if self.gated_by.is_some_and(|needed| token != Some(&format!("Bearer {needed}"))) {
            return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                .into();
        }
        let (from, to) = range_of(range, body.len());
        let part = &body[from..to];
        let sent = if self.broken == Some(name) && part.len() > 1 {
            &part[..part.len() / 2]
        } else {
            part
        };
        format!(
            "HTTP/1.1 206 Partial Content\r\nETag: \"etag-{name}\"\r\nX-Repo-Commit: {COMMIT}\r\n\
             Content-Range: bytes {from}-{}/{}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{sent}",
            to - 1, body.len(), part.len()
        )
        .into()
    }
}

/// `bytes=0-0`, `bytes=12-`, or all.
fn range_of(range: Option<&str>, length: usize) -> (usize, usize) {
    let bounds = range
        .and_then(|range| range.strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'));
    let (from, to) = bounds.unwrap_or(("0", ""));
    (from.parse().unwrap(), to.parse().map_or(length, |last: usize| last + 1))
}

fn options(endpoint: &str, cache: &Path) -> HubOptions {
    let mut options = HubOptions::default();
    options.endpoint = endpoint.to_owned();
    options.cache = Some(cache.to_path_buf());
    options.token = None;
    options.revision = None;
    options.connection = Connection::Online;
    options
}

const MODEL: [(&str, &str); 5] = [
    ("config.json", "{\"model_type\": \"bert\"}"),
    ("model.safetensors", "some weights"),
    ("pytorch_model.bin", "the same weights"),
    ("vocab.txt", "[PAD]"),
    ("README.md", "a card"),
];

fn find(hub: &Hub, cache: &TempDir) -> Result<std::path::PathBuf, CheckpointError> {
    find_checkpoint("org/model", &options(&hub.start(), cache.path()))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_model_is_fetched_once_and_then_found_without_a_network() {
    let (hub, cache) = (Hub::with(&MODEL), tempfile::tempdir().unwrap());
    let mut options = options(&hub.start(), cache.path());
    let folder = find_checkpoint("org/model", &options).unwrap();
    assert_eq!(folder, cache.path().join("models--org--model/snapshots").join(COMMIT));
    assert_eq!(names(&folder), ["config.json", "model.safetensors", "vocab.txt"]);
    assert_eq!(fs::read_to_string(folder.join("model.safetensors")).unwrap(), "some weights");
    let main = cache.path().join("models--org--model/refs/main");
    assert_eq!(fs::read_to_string(main).unwrap(), COMMIT);
    let asked = hub.requests.lock().unwrap().len();
    assert_eq!(find_checkpoint("org/model", &options).unwrap(), folder);
    assert_eq!(hub.requests.lock().unwrap().len(), asked);
    options.connection = Connection::Offline;
    assert_eq!(find_checkpoint("org/model", &options).unwrap(), folder);
    options.revision = Some(COMMIT.to_owned());
    assert_eq!(find_checkpoint("org/model", &options).unwrap(), folder);
}

#[test]
fn shards_are_fetched_with_their_index() {
    let index = r#"{"weight_map": {"x": "model-1.safetensors", "y": "model-2.safetensors"}}"#;
    let hub = Hub::with(&[
        ("config.json", "{}"),
        ("model.safetensors.index.json", index),
        ("model-1.safetensors", "one"),
        ("model-2.safetensors", "two"),
        ("tokenizer.json", "{}"),
    ]);
    let cache = tempfile::tempdir().unwrap();
    let folder = find(&hub, &cache).unwrap();
    assert_eq!(names(&folder).len(), 5);
}

#[test]
fn what_the_hub_does_not_have_is_said() {
    let cache = tempfile::tempdir().unwrap();
    let endpoint = Hub::with(&MODEL).start();
    let error = find_checkpoint("org/other", &options(&endpoint, cache.path())).unwrap_err();
    assert!(matches!(error, CheckpointError::NotOnHub { .. }), "{error}");
    assert!(error.to_string().contains("check the name"), "{error}");
    let error = find(&Hub::with(&[("README.md", "a card")]), &cache).unwrap_err();
    assert!(error.to_string().contains("lacks config.json"), "{error}");
    let error = find(&Hub::with(&[("config.json", "{}")]), &cache).unwrap_err();
    assert!(error.to_string().contains("lacks model.safetensors"), "{error}");
}

#[test]
fn a_gated_model_opens_by_its_token() {
    let hub = Hub { gated_by: Some("secret"), ..Hub::with(&MODEL) };
    let cache = tempfile::tempdir().unwrap();
    let mut options = options(&hub.start(), cache.path());
    let error = find_checkpoint("org/model", &options).unwrap_err();
    assert!(matches!(error, CheckpointError::Gated { status: 401, .. }), "{error}");
    assert!(error.to_string().contains("HF_TOKEN"), "{error}");
    options.token = Some("secret".to_owned());
    assert!(find_checkpoint("org/model", &options).is_ok());
}

#[test]
fn a_broken_download_leaves_no_checkpoint_and_goes_on_later() {
    let hub = Hub { broken: Some("model.safetensors"), ..Hub::with(&MODEL) };
    let cache = tempfile::tempdir().unwrap();
    let mut options = options(&hub.start(), cache.path());
    let error = find_checkpoint("org/model", &options).unwrap_err();
    assert!(matches!(error, CheckpointError::HubUnreachable { .. }), "{error}");
    options.connection = Connection::Offline;
    let error = find_checkpoint("org/model", &options).unwrap_err();
    assert!(matches!(error, CheckpointError::NotInCache { .. }), "{error}");
    options.connection = Connection::Online;
    options.endpoint = Hub::with(&MODEL).start();
    let folder = find_checkpoint("org/model", &options).unwrap();
    assert_eq!(fs::read_to_string(folder.join("model.safetensors")).unwrap(), "some weights");
}

#[test]
fn without_a_network_the_error_says_what_was_tried() {
    let cache = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut options = options(&format!("http://{closed}"), cache.path());
    let error = find_checkpoint("org/model", &options).unwrap_err();
    assert!(matches!(error, CheckpointError::HubUnreachable { .. }), "{error}");
    assert!(error.to_string().contains("`org/model` is no folder, is not in the cache"), "{error}");
    options.connection = Connection::Offline;
    let error = find_checkpoint("org/model", &options).unwrap_err();
    assert!(error.to_string().contains("HF_HUB_OFFLINE"), "{error}");
}

#[test]
fn a_model_without_its_tokenizer_is_better_than_none() {
    let cache = tempfile::tempdir().unwrap();
    let model = cache.path().join("models--org--model");
    let snapshot = model.join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(model.join("refs")).unwrap();
    fs::write(model.join("refs/main"), COMMIT).unwrap();
    fs::write(snapshot.join("config.json"), "{}").unwrap();
    fs::write(snapshot.join("model.safetensors"), "weights").unwrap();
    let found = find_checkpoint("org/model", &options("http://127.0.0.1:1", cache.path()));
    assert_eq!(found.unwrap(), snapshot);
}

#[test]
fn a_folder_wins_and_a_path_is_no_name() {
    let cache = tempfile::tempdir().unwrap();
    let options = options("http://127.0.0.1:1", cache.path());
    let folder = cache.path().to_str().unwrap();
    assert_eq!(find_checkpoint(folder, &options).unwrap(), cache.path());
    let error = find_checkpoint(&format!("{folder}/absent"), &options).unwrap_err();
    assert!(matches!(error, CheckpointError::NoFolder { .. }), "{error}");
    let file = cache.path().join("file");
    fs::write(&file, "").unwrap();
    let error = find_checkpoint(file.to_str().unwrap(), &options).unwrap_err();
    assert!(matches!(error, CheckpointError::NotAFolder { .. }), "{error}");
}

#[test]
fn a_revision_leads_out_of_no_folder() {
    let cache = tempfile::tempdir().unwrap();
    let mut options = options("http://127.0.0.1:1", cache.path());
    options.revision = Some("../../x".to_owned());
    let error = find_checkpoint("org/model", &options).unwrap_err();
    assert!(matches!(error, CheckpointError::Revision { .. }), "{error}");
}
