use std::collections::BTreeMap;
use std::ops::Range;

use super::{Problem, TensorRecord};

/// Where in the file the bytes of each storage lie.
#[derive(Debug, Default)]
pub(super) struct Container {
    pub(super) storages: BTreeMap<String, Range<u64>>,
}

impl Container {
    /// The bytes of a tensor: from its first number to its last.
    pub(super) fn locate(&self, record: &TensorRecord) -> Result<Range<u64>, Problem> {
        let key = &record.storage.key;
        let Some(storage) = self.storages.get(key) else {
            return Err(Problem::broken(format!("the storage `{key}` is not in the file")));
        };
        let elements = record.span()?;
        let size = record.storage.element_type.size() as u64;
        let at = |element: u64| element.checked_mul(size)?.checked_add(storage.start);
        match (at(elements.start), at(elements.end)) {
            (Some(start), Some(end)) if end <= storage.end => Ok(start..end),
            _ => Err(Problem::broken(format!(
                "it ends at number {}, but its storage has {} bytes",
                elements.end,
                storage.end - storage.start
            ))),
        }
    }
}
