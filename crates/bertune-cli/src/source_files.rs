use std::path::PathBuf;

use bertune::data::Column;
use serde::{Deserialize, Serialize};

use crate::one_or_several::one_or_several;

/// Labelled texts of other tasks or domains to learn from beside the target's: the `[source]` table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SourceFiles {
    /// The files, or folders of data sets, each a source of its own.
    #[serde(deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<PathBuf>,
    /// Their column of the text, where it is not the target's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Column>,
    /// Their column of the label, where it is not the target's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<Column>,
    /// Their column of how much each row counts, for the weights `column`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<Column>,
    /// Whether the target alone is learned from as well, to compare.
    pub(crate) check: SourceCheck,
}

/// What a run with sources is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SourceCheck {
    /// A second training of as many steps on the target alone.
    #[default]
    TargetOnly,
    /// Nothing.
    None,
}
