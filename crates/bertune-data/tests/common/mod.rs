//! What the tests of reading share.

use bertune_data::{Labels, Table, TableFormat, read_table};

/// Reads a file of this name and content; an error as its message, without the folder.
pub(crate) fn read(
    name: &str,
    content: &[u8],
    format: &TableFormat,
    labels: Labels,
) -> Result<Table, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    let shown = format!("{}/", folder.path().display());
    read_table(&path, format, labels).map_err(|error| error.to_string().replace(&shown, ""))
}

pub(crate) fn auto() -> TableFormat {
    TableFormat::default()
}

/// With these columns, each a name or a number.
pub(crate) fn named(text: &str, label: &str) -> TableFormat {
    let column = |name: &str| Some(name.parse().unwrap());
    TableFormat { text: column(text), label: column(label), ..auto() }
}
