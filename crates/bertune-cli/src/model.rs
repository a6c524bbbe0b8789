use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bertune::checkpoint::{Connection, HubOptions, Progress, find_checkpoint};

use crate::outside::Outside;

/// The model that is inside the program, unless it was built without.
pub(crate) const BOXED: &str = "boxed";

/// The folder of a model: one that is given, that of the boxed model, or one from the hub.
pub(crate) fn find_model(
    model: &str,
    revision: Option<String>,
    outside: &Outside,
) -> anyhow::Result<PathBuf> {
    if model == BOXED {
        if revision.is_some() {
            bail!("the boxed model has no revisions; leave --revision out");
        }
        if Path::new(BOXED).is_dir() && !outside.quiet {
            errln!("{BOXED} is the model inside this program; say ./{BOXED} for the folder");
        }
        return unpack();
    }
    Ok(find_checkpoint(model, &hub_options(revision, outside))?)
}

/// The files of a model's folder that its configuration, weights and tokenizer may be in.
pub(crate) fn files_of_model(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let describe = || format!("cannot read {}", folder.display());
    let mut files = Vec::new();
    for entry in folder.read_dir().with_context(describe)? {
        let path = entry.with_context(describe)?.path();
        let is_read = path.extension().is_some_and(|extension| {
            ["json", "safetensors", "bin", "txt"].iter().any(|read| extension == *read)
        });
        if is_read && path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(feature = "boxed")]
fn unpack() -> anyhow::Result<PathBuf> {
    Ok(bertune::boxed::unpack()?)
}

#[cfg(not(feature = "boxed"))]
fn unpack() -> anyhow::Result<PathBuf> {
    bail!(
        "this program was built without a model; name another --model, or build it with --features boxed"
    )
}

fn hub_options(revision: Option<String>, outside: &Outside) -> HubOptions {
    let mut hub = HubOptions::default();
    hub.revision = revision;
    if !outside.quiet {
        hub.progress = Progress::Bar;
    }
    if outside.offline {
        hub.connection = Connection::Offline;
    }
    hub
}
