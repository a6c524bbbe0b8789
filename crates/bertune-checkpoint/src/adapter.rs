//! Folders of peft's LoRA adapters: what a task changes of a base that others share.

mod config;
mod unsupported;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn_core::module::Module;
use burn_core::tensor::backend::Backend;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use config::AdapterConfig;

use crate::checkpoint::check_folder;
use crate::files::{parse_json, read_json_file};
use crate::module::{fill_parameters, parameters};
use crate::weights::{WEIGHT_FILES, Weights};
use crate::{CheckpointError, HostTensor, canonical_name, write_safetensors};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: [&str; 2] = ["adapter_model.safetensors", "adapter_model.bin"];
/// What peft puts before the names of the base's modules.
const PREFIX: &str = "base_model.model.";
const LORA_A: &str = ".lora_A.weight";
const LORA_B: &str = ".lora_B.weight";

/// An opened adapter folder: `adapter_config.json` and `adapter_model.safetensors`, as
/// [peft](https://github.com/huggingface/peft) writes them.
///
/// It holds low-rank changes of linear maps ([Hu et al., 2021](https://arxiv.org/abs/2106.09685))
/// and the modules that were trained in full, to be put on a base that lies elsewhere.
#[derive(Debug)]
pub struct Adapter {
    folder: PathBuf,
    config: AdapterConfig,
    tensors: BTreeMap<String, HostTensor>,
}

/// The low-rank change of one linear map.
#[derive(Clone, Debug, PartialEq)]
pub struct LowRankChange {
    /// The [canonical name](canonical_name) of the map, such as
    /// `encoder.layer.0.attention.self.query`.
    pub map: String,
    /// The rank.
    pub rank: usize,
    /// What the product of both factors is multiplied with.
    pub scale: f64,
}

impl Adapter {
    /// Whether a folder is an adapter's, and not a whole model's.
    pub fn is_at(folder: &Path) -> bool {
        let has = |name: &&str| folder.join(name).is_file();
        has(&CONFIG) && !WEIGHT_FILES.iter().any(has)
    }

    /// Opens a folder.
    ///
    /// # Errors
    ///
    /// If a file is missing or damaged, if the adapter is not of LoRA, or of a variant that computes
    /// something else, or if a factor has no counterpart, or another rank than the configuration
    /// says.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        check_folder(folder)?;
        let file = folder.join(CONFIG);
        let bytes = read_json_file(&file)?;
        let keys: Map<String, Value> = parse_json(&file, &bytes)?;
        unsupported::check(&file, &keys)?;
        let config = parse_json(&file, &bytes)?;
        let tensors = read_tensors(folder)?;
        let adapter = Self { folder: folder.to_path_buf(), config, tensors };
        adapter.check_ranks(&keys)?;
        Ok(adapter)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `adapter_config.json`.
    pub fn config(&self) -> &AdapterConfig {
        &self.config
    }

    /// A JSON file beside it as a type of the caller's, if it is there.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or says something else.
    pub fn read_beside<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, CheckpointError> {
        let file = self.folder.join(name);
        if !file.is_file() {
            return Ok(None);
        }
        parse_json(&file, &read_json_file(&file)?).map(Some)
    }

    /// The canonical names of all parameters that the adapter gives.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of a parameter that the adapter gives, by its canonical name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// The linear maps that the adapter changes.
    ///
    /// # Errors
    ///
    /// If one of two factors is missing, or is no matrix of at least one row.
    pub fn low_rank_changes(&self) -> Result<Vec<LowRankChange>, CheckpointError> {
        let factors = self.tensors.keys();
        let maps = factors
            .filter_map(|name| name.strip_suffix(LORA_A).or_else(|| name.strip_suffix(LORA_B)));
        let maps: BTreeSet<&str> = maps.collect();
        maps.into_iter().map(|map| self.low_rank_change(map.to_owned())).collect()
    }

    /// Refuses a change of a rank that is neither `r` nor one of those that `rank_pattern` has for
    /// single maps.
    fn check_ranks(&self, keys: &Map<String, Value>) -> Result<(), CheckpointError> {
        let patterns = keys.get("rank_pattern").and_then(Value::as_object);
        let own: Vec<u64> =
            patterns.into_iter().flat_map(Map::values).filter_map(Value::as_u64).collect();
        let expected = self.config.r;
        let is_told = |rank: usize| rank == expected || own.contains(&(rank as u64));
        let mut changes = self.low_rank_changes()?.into_iter();
        match changes.find(|change| !is_told(change.rank)) {
            Some(LowRankChange { map, rank: found, .. }) => {
                let folder = self.folder.clone();
                Err(CheckpointError::AdapterRank { folder, map, expected, found })
            }
            None => Ok(()),
        }
    }

    fn low_rank_change(&self, map: String) -> Result<LowRankChange, CheckpointError> {
        for suffix in [LORA_A, LORA_B] {
            let name = format!("{map}{suffix}");
            if !self.tensors.contains_key(&name) {
                let folder = self.folder.clone();
                return Err(CheckpointError::MissingFactor { folder, name });
            }
        }
        let name = format!("{map}{LORA_A}");
        match self.shape(&name) {
            Some(&[rank, _]) if rank > 0 => {
                let scale = self.config.scale(&map, rank);
                Ok(LowRankChange { map, rank, scale })
            }
            shape => Err(CheckpointError::AdapterShape {
                folder: self.folder.clone(),
                name,
                expected: "[rank, in]".to_owned(),
                found: shape.unwrap_or_default().to_vec(),
            }),
        }
    }

    /// The module with the adapter's parameters in place of its own; the others stay.
    ///
    /// # Errors
    ///
    /// If the module has no such parameter, or one of another shape.
    pub fn fill<B: Backend, M: Module<B>>(
        &self,
        module: M,
        device: &B::Device,
    ) -> Result<M, CheckpointError> {
        let mut by_name = BTreeMap::new();
        for parameter in parameters::<B, M>(&module) {
            by_name.insert(canonical_name(&parameter.name).unwrap_or_default(), parameter);
        }
        let mut tensors = BTreeMap::new();
        for (name, tensor) in &self.tensors {
            let (folder, name) = (self.folder.clone(), name.clone());
            let Some(parameter) = by_name.get(&name) else {
                return Err(CheckpointError::ForeignParameter { folder, name });
            };
            if parameter.shape != tensor.shape {
                let (expected, found) = (format!("{:?}", parameter.shape), tensor.shape.clone());
                return Err(CheckpointError::AdapterShape { folder, name, expected, found });
            }
            tensors.insert(parameter.name.clone(), tensor.clone());
        }
        Ok(fill_parameters(module, &tensors, device))
    }
}

fn read_tensors(folder: &Path) -> Result<BTreeMap<String, HostTensor>, CheckpointError> {
    let Some(file) = WEIGHTS.iter().find(|name| folder.join(name).is_file()) else {
        return Err(CheckpointError::NoAdapterWeights { folder: folder.to_path_buf() });
    };
    let weights = Weights::of_file(&folder.join(file))?;
    let mut tensors = BTreeMap::new();
    for name in weights.names() {
        let Some(parameter) = name.strip_prefix(PREFIX).and_then(canonical_name) else {
            let (folder, name) = (folder.to_path_buf(), name.to_owned());
            return Err(CheckpointError::ForeignParameter { folder, name });
        };
        if let Some(tensor) = weights.tensor(name) {
            tensors.insert(parameter, tensor?);
        }
    }
    Ok(tensors)
}

/// Writes `adapter_config.json` and `adapter_model.safetensors` into a folder, in general that of a
/// [`StagedFolder`](crate::StagedFolder), for parameters by their Hugging Face names.
///
/// # Panics
///
/// If a tensor has another number of values than its shape says.
///
/// # Errors
///
/// If a file cannot be written.
pub fn write_adapter(
    folder: &Path,
    config: &AdapterConfig,
    tensors: BTreeMap<String, HostTensor>,
) -> Result<(), CheckpointError> {
    let prefixed = tensors.into_iter().map(|(name, tensor)| (format!("{PREFIX}{name}"), tensor));
    write_safetensors(&folder.join(WEIGHTS[0]), &prefixed.collect())?;
    crate::write::write_json(&folder.join(CONFIG), config)
}
