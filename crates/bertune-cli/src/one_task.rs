use std::path::Path;

use anyhow::bail;

use crate::tasks_record::TasksRecord;

/// Refuses the result of several tasks where the model of one is wanted, and names those that it holds.
pub(crate) fn check_one_task(folder: &Path) -> anyhow::Result<()> {
    if !TasksRecord::is_at(folder) || folder.join("config.json").exists() {
        return Ok(());
    }
    let entries = folder.read_dir()?.filter_map(Result::ok).map(|entry| entry.path());
    let mut models: Vec<_> = entries
        .filter(|path| path.join("config.json").exists())
        .map(|path| path.display().to_string())
        .collect();
    models.sort();
    bail!(
        "{} is of several tasks, each of which has a model of its own; name one: {}",
        folder.display(),
        models.join(", ")
    )
}
