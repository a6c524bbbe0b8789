use std::io;
use std::path::PathBuf;

/// Why a checkpoint cannot be found, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// There is no such folder.
    #[error(
        "{}: there is no such folder; give a checkpoint's folder or a hub id such as \
         google-bert/bert-base-uncased",
        path.display()
    )]
    NoFolder {
        /// What was given.
        path: PathBuf,
    },
    /// A file stands where a folder is needed.
    #[error("{}: this is a file; give the folder that holds it", path.display())]
    NotAFolder {
        /// What was given.
        path: PathBuf,
    },
    /// The operating system did not let a file be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file whose numbers are read where it lies was written to.
    #[error(
        "{}: this file was changed while it was in use, so results may be wrong; files of weights \
         are replaced by renaming another into their place, not by writing to them",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The operating system did not let a file be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A folder that is to be replaced holds something other than a checkpoint.
    #[error(
        "{}: this folder holds other files and no model, so it is not replaced; give an empty or a \
         new folder",
        folder.display()
    )]
    ForeignFolder {
        /// The folder.
        folder: PathBuf,
    },

    /// The folder has no configuration.
    #[error(
        "{}: there is no config.json, so this is not a Hugging Face checkpoint; it holds {found}",
        folder.display()
    )]
    NoConfig {
        /// The folder.
        folder: PathBuf,
        /// The first few names in it.
        found: String,
    },
    /// A JSON file is no JSON, or says something that it cannot say.
    #[error("{}{}: {source}", file.display(), at_key(key))]
    Json {
        /// The file.
        file: PathBuf,
        /// The keys that lead to the place, joined by dots; empty for the file as a whole.
        key: String,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The folder has no weights.
    #[error(
        "{}: there are no weights; looked for {}",
        folder.display(),
        crate::weights::WEIGHT_FILES.join(", ")
    )]
    NoWeights {
        /// The folder.
        folder: PathBuf,
    },
    /// An index of shards names a file that is not there.
    #[error(
        "{}: names the shard `{shard}`, which is not in the folder; bring all shards",
        index.display()
    )]
    NoShard {
        /// The index.
        index: PathBuf,
        /// The file.
        shard: String,
    },
    /// An index of shards is JSON but no index.
    #[error("{}: {problem}", index.display())]
    Index {
        /// The index.
        index: PathBuf,
        /// What is wrong.
        problem: String,
    },

    /// The folder is an adapter's where a whole model is needed.
    #[error(
        "{}: this is an adapter, which is nothing without its base; make a whole model of both: \
         bertune merge --model {} --output FOLDER",
        folder.display(), folder.display()
    )]
    IsAdapter {
        /// The folder.
        folder: PathBuf,
    },
    /// An adapter's folder has no weights.
    #[error("{}: there is no adapter_model.safetensors or adapter_model.bin", folder.display())]
    NoAdapterWeights {
        /// The folder.
        folder: PathBuf,
    },
    /// An adapter of another method, or of a variant of LoRA that computes something else.
    #[error("{}: {key} is {found}, but bertune supports only {supported}", file.display())]
    AdapterVariant {
        /// `adapter_config.json`.
        file: PathBuf,
        /// The key.
        key: String,
        /// The value found.
        found: String,
        /// What is supported.
        supported: &'static str,
    },
    /// An adapter has one factor of a low-rank change, and not the other.
    #[error("{}: the adapter is not whole: `{name}` is missing", folder.display())]
    MissingFactor {
        /// The adapter's folder.
        folder: PathBuf,
        /// The factor.
        name: String,
    },
    /// The rank of a change is another one than the adapter's configuration says.
    #[error(
        "{}: the adapter's change of `{map}` has the rank {found}, but adapter_config.json says r = \
         {expected}: they do not belong together; bring both files of one adapter",
        folder.display()
    )]
    AdapterRank {
        /// The adapter's folder.
        folder: PathBuf,
        /// The canonical name of the linear map.
        map: String,
        /// What the configuration says.
        expected: usize,
        /// What the factors have.
        found: usize,
    },
    /// An adapter changes something that the model does not have.
    #[error(
        "{}: the adapter gives `{name}`, which a classifier on this base does not have; is it for \
         another base?",
        folder.display()
    )]
    ForeignParameter {
        /// The adapter's folder.
        folder: PathBuf,
        /// The parameter.
        name: String,
    },
    /// A tensor of an adapter has another shape than the model's.
    #[error(
        "{}: the adapter's `{name}` has the shape {found:?}, but the model has {expected}; is it \
         for another base?",
        folder.display()
    )]
    AdapterShape {
        /// The adapter's folder.
        folder: PathBuf,
        /// The parameter.
        name: String,
        /// The model's shape.
        expected: String,
        /// The adapter's.
        found: Vec<usize>,
    },

    /// A safetensors file is damaged.
    #[error("{}: not a whole safetensors file: {problem}; fetch it again", file.display())]
    Safetensors {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file of PyTorch is damaged, or is of no kind that is known.
    #[error("{}: not a readable PyTorch file: {problem}", file.display())]
    Pickle {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A pickle wants more than to describe tensors.
    #[error(
        "{}: the pickle asks for `{asks_for}`; a pickle may run code, and bertune only reads \
         tensors; use a model.safetensors, or convert the file with a program that you trust",
        file.display()
    )]
    PickleRefused {
        /// The file.
        file: PathBuf,
        /// The global or the instruction.
        asks_for: String,
    },

    /// A file of git's large file storage was copied without its contents.
    #[error("{}: this is only a pointer of Git LFS; fetch the contents with `git lfs pull`", file.display())]
    LfsPointer {
        /// The file.
        file: PathBuf,
    },

    /// There is no tensor of that name.
    #[error("{}: there is no tensor `{name}`", folder.display())]
    NoTensor {
        /// The checkpoint's folder.
        folder: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor's numbers are not floating-point numbers.
    #[error(
        "{}: the tensor `{name}` holds {element_type} numbers; parameters are F64, F32, F16 or BF16",
        file.display()
    )]
    ElementType {
        /// The file.
        file: PathBuf,
        /// The tensor.
        name: String,
        /// What it holds.
        element_type: String,
    },
    /// A number has no counterpart in the format that is to be written.
    #[error(
        "{}: the tensor `{name}` holds {value}, and f16 ends at 65504; bf16 has the range of f32",
        folder.display()
    )]
    OutOfRange {
        /// The folder.
        folder: PathBuf,
        /// The tensor.
        name: String,
        /// The number.
        value: f32,
    },
    /// Tensors that the model needs are not in the checkpoint.
    #[error(
        "{}: {} of the model's tensors are missing: {}; is this the checkpoint of another \
         architecture?",
        folder.display(), names.len(), first_few(names)
    )]
    MissingTensors {
        /// The checkpoint's folder.
        folder: PathBuf,
        /// All of them.
        names: Vec<String>,
    },
    /// A tensor has another shape than the model's.
    #[error(
        "{}: the tensor `{name}` has the shape {found:?}, but the model has {expected:?}; \
         config.json and the weights do not belong together",
        folder.display()
    )]
    WrongShape {
        /// The checkpoint's folder.
        folder: PathBuf,
        /// The tensor, as the checkpoint names it.
        name: String,
        /// The model's shape.
        expected: Vec<usize>,
        /// The checkpoint's shape.
        found: Vec<usize>,
    },

    /// Saved parameters are not those of the model.
    #[error("the saved state does not fit the model: {name} should have the shape {expected:?}{}",
        found.as_ref().map_or(", but is missing".to_owned(), |shape| format!(", but has {shape:?}")))]
    Parameter {
        /// The parameter.
        name: String,
        /// The model's shape.
        expected: Vec<usize>,
        /// The saved shape, if it is there at all.
        found: Option<Vec<usize>>,
    },

    /// The hub has no such model, or does not show it.
    #[error(
        "`{id}` is no folder, and {endpoint} has no model of that name at revision {revision}; \
         check the name, and if the model is private, set HF_TOKEN"
    )]
    NotOnHub {
        /// The hub id.
        id: String,
        /// The revision.
        revision: String,
        /// The hub.
        endpoint: String,
    },
    /// The model is gated or private.
    #[error(
        "{endpoint} refuses `{id}` (HTTP {status}); accept the model's terms on its page, and set \
         HF_TOKEN to a token that may read it"
    )]
    Gated {
        /// The hub id.
        id: String,
        /// The hub.
        endpoint: String,
        /// The HTTP status: 401 or 403.
        status: u16,
    },
    /// The hub's model has no weights that bertune reads.
    #[error("`{id}` at {endpoint} lacks {lacks}, which a checkpoint needs")]
    NoCheckpointOnHub {
        /// The hub id.
        id: String,
        /// The hub.
        endpoint: String,
        /// The absent file.
        lacks: String,
    },
    /// The hub could not be reached or broke off.
    #[error(
        "`{id}` is no folder, is not in the cache {}, and cannot be fetched from {endpoint}: \
         {problem}; check the network, or give a folder",
        cache.display()
    )]
    HubUnreachable {
        /// The hub id.
        id: String,
        /// The hub.
        endpoint: String,
        /// The cache.
        cache: PathBuf,
        /// What the network said.
        problem: String,
    },
    /// The model is not in the cache, and the network may not be used.
    #[error(
        "`{id}` (revision {revision}) is no folder and is not in the cache {}; {reason}",
        cache.display()
    )]
    NotInCache {
        /// The hub id.
        id: String,
        /// The revision.
        revision: String,
        /// The cache.
        cache: PathBuf,
        /// Why the hub is not asked, and what to do.
        reason: &'static str,
    },
    /// A revision or a commit that cannot be one.
    #[error("`{revision}` is no revision of a model; give a branch, a tag or a commit")]
    Revision {
        /// What was given.
        revision: String,
    },
    /// There is no folder to keep a cache in.
    #[error("there is no home folder for the hub's cache; set HF_HOME, or give a folder")]
    NoCache,
}

fn at_key(key: &str) -> String {
    match key {
        "" | "." => String::new(),
        key => format!(": `{key}`"),
    }
}

fn first_few(names: &[String]) -> String {
    let mut text = names.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 5 {
        text.push_str(", …");
    }
    text
}
