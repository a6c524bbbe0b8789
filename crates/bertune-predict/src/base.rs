use std::path::{Path, PathBuf};

use bertune_checkpoint::{Adapter, HubOptions, find_checkpoint};

use crate::PredictError;

/// The folder of the base that an adapter belongs to, by its `base_model_name_or_path`: a folder, or
/// a name on the hub.
///
/// # Errors
///
/// If the adapter is damaged or names none, or if there is none of that name.
pub fn find_base(adapter: &Path, hub: &HubOptions) -> Result<PathBuf, PredictError> {
    let config = Adapter::open(adapter)?;
    let config = config.config();
    let name = config.base_model_name_or_path.as_deref();
    let adapter = || adapter.to_path_buf();
    let name = name.ok_or_else(|| PredictError::NoBase { adapter: adapter() })?;
    let mut hub = hub.clone();
    hub.revision = config.revision.clone().or(hub.revision);
    find_checkpoint(name, &hub).map_err(|source| PredictError::BaseNotFound {
        adapter: adapter(),
        source: Box::new(source),
    })
}
