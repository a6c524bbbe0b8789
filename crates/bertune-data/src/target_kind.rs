use serde::{Deserialize, Serialize};

/// What a row is to be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// One class.
    #[default]
    Class,
    /// Any number of classes, none among them: one column holds a list, or each of several holds
    /// 0 or 1.
    Set,
    /// A number, or one from each of several columns.
    Values,
}
