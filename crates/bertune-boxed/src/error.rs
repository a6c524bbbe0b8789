use std::io;
use std::path::PathBuf;

use bertune_checkpoint::CheckpointError;

/// Why the model cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoxedError {
    /// The system names no folder for caches, and the user neither.
    #[error(
        "there is no folder to unpack the boxed model into; set BERTUNE_CACHE to one, or give \
         another model"
    )]
    NoCache,
    /// A file or folder cannot be written.
    #[error(
        "{}: cannot be written: {source}; set BERTUNE_CACHE to a folder that can, for the boxed \
         model to be unpacked into",
        path.display()
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The folder cannot be put in its place.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}
