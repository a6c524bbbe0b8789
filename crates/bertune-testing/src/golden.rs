use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// One tiny model with its inputs and with what transformers makes of them.
#[derive(Debug)]
pub struct Golden {
    /// The checkpoint's folder.
    pub folder: PathBuf,
    /// The inputs.
    pub input: GoldenInput,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

/// A packed batch.
#[derive(Debug, Deserialize)]
pub struct GoldenInput {
    /// Token ids of all sequences.
    pub input_ids: Vec<u32>,
    /// Their segments.
    pub token_type_ids: Vec<u32>,
    /// Cumulative lengths.
    pub cu_seqlens: Vec<usize>,
    /// The tokens that are hidden, in goldens of masked language models.
    #[serde(default)]
    pub masked_indices: Vec<u32>,
    /// The class of each sequence, or what the hidden tokens were.
    pub labels: Vec<usize>,
}

impl GoldenInput {
    /// The position of each token in its sequence.
    pub fn position_ids(&self) -> Vec<u32> {
        self.cu_seqlens.windows(2).flat_map(|pair| 0..(pair[1] - pair[0]) as u32).collect()
    }
}

impl Golden {
    /// The expected values called `name`, row-major.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn values(&self, name: &str) -> &[f32] {
        let tensor = self.tensors.get(name);
        &tensor.unwrap_or_else(|| panic!("{}: no golden {name}", self.folder.display())).1
    }

    /// Whether there are expected values called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The names of goldens that begin with `prefix`, without it.
    pub fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.tensors.keys().filter_map(move |name| name.strip_prefix(prefix))
    }
}

/// All goldens, in the order of their names.
///
/// # Panics
///
/// If the folder of goldens cannot be read.
pub fn goldens() -> Vec<Golden> {
    let goldens = goldens_of("goldens");
    assert!(goldens.len() >= 6, "goldens are missing");
    goldens
}

/// The goldens of LoRA: folders that hold a `base` and an `adapter` of peft.
///
/// # Panics
///
/// If their folder cannot be read.
pub fn lora_goldens() -> Vec<Golden> {
    let goldens = goldens_of("lora");
    assert!(goldens.len() >= 2, "goldens are missing");
    goldens
}

/// The goldens of masked language models.
///
/// # Panics
///
/// If their folder cannot be read.
pub fn masked_lm_goldens() -> Vec<Golden> {
    let goldens = goldens_of("masked_lm");
    assert!(goldens.len() >= 2, "goldens are missing");
    goldens
}

fn goldens_of(kind: &str) -> Vec<Golden> {
    // Cargo says at run time where the tested package is. What it said when this was compiled may be
    // another clone that has the same target folder.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = package.with_file_name("bertune-testing").join(kind);
    let entries = std::fs::read_dir(&root).expect("the folder of goldens");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    folders.retain(|folder| folder.join("golden.json").is_file());
    folders.sort();
    folders.into_iter().map(read).collect()
}

fn read(folder: PathBuf) -> Golden {
    let json = std::fs::read(folder.join("golden.json")).expect("golden.json");
    let bytes = std::fs::read(folder.join("golden.safetensors")).expect("golden.safetensors");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("valid safetensors");
    let values = |bytes: &[u8]| -> Vec<f32> {
        let (numbers, _) = bytes.as_chunks::<4>();
        numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
    };
    let tensors = file
        .iter()
        .map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), values(view.data()))));
    let tensors = tensors.collect();
    let input = serde_json::from_slice(&json).expect("valid golden.json");
    Golden { folder, input, tensors }
}
