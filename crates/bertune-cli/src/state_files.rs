use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, bail};

/// The hashes of the files that the run read, in each state.
const INPUTS: &str = "inputs.json";

/// The checksums of a state's other files.
const CHECKSUMS: &str = "checksums.json";

/// What a state holds besides what the run has learned.
#[derive(Clone, Copy)]
pub(crate) struct StateFiles<'a> {
    /// The name and the text of its settings.
    pub(crate) settings: (&'a str, &'a str),
    /// The SHA-256 of each file that the run read.
    pub(crate) inputs: &'a BTreeMap<String, String>,
}

impl StateFiles<'_> {
    /// Writes them into a state's folder, and the checksums of all that is in it.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let (name, settings) = self.settings;
        fs::write(folder.join(name), settings)?;
        fs::write(folder.join(INPUTS), serde_json::to_string_pretty(self.inputs)?)?;
        let mut checksums = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            checksums.insert(name, checksum(&entry.path())?);
        }
        fs::write(folder.join(CHECKSUMS), serde_json::to_string_pretty(&checksums)?)
    }
}

/// The hashes of the files that the run of this state had read.
pub(crate) fn inputs(state: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    read(&state.join(INPUTS))
}

/// Checks that a state is what was written.
pub(crate) fn check(state: &Path) -> anyhow::Result<()> {
    let checksums: BTreeMap<String, u32> = read(&state.join(CHECKSUMS))?;
    for (name, expected) in checksums {
        let path = state.join(name);
        let found = checksum(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if found != expected {
            bail!("{} is not what was written", path.display());
        }
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let json = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&json).with_context(|| format!("{} is damaged", path.display()))
}

/// The CRC-32C of a file.
fn checksum(path: &Path) -> io::Result<u32> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut sum = 0;
    loop {
        let part = file.fill_buf()?;
        if part.is_empty() {
            return Ok(sum);
        }
        sum = crc32c::crc32c_append(sum, part);
        let length = part.len();
        file.consume(length);
    }
}
