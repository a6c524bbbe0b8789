use anyhow::bail;
use bertune::data::TargetKind;

use crate::tables::Tables;

/// A training size as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// So many rows.
    Rows(usize),
    /// All that there are.
    All,
}

/// The sizes where none are named.
const USUAL: [usize; 3] = [64, 256, 1024];

pub(super) fn size(text: &str) -> Result<Size, String> {
    match text.parse() {
        Ok(rows) if rows > 0 => Ok(Size::Rows(rows)),
        _ if text == "all" => Ok(Size::All),
        _ => Err("give numbers of rows from 1 on, or all, such as 64,256,all".into()),
    }
}

/// The sizes in rows, smallest first, each once.
pub(super) fn rows_of(sizes: &[Size], tables: &Tables) -> anyhow::Result<Vec<usize>> {
    let all = tables.learned().len();
    let classes = classes(tables);
    let usual = || USUAL.into_iter().filter(|size| (classes..all).contains(size)).chain([all]);
    let mut rows: Vec<usize> = match sizes {
        [] => usual().collect(),
        sizes => {
            sizes.iter().map(|size| if let Size::Rows(rows) = size { *rows } else { all }).collect()
        }
    };
    rows.sort_unstable();
    rows.dedup();
    if let Some(many) = rows.iter().find(|rows| **rows > all) {
        bail!("--sizes {many}: there are {all} rows to learn from; say {all} at most, or all");
    }
    if let Some(few) = rows.iter().find(|rows| **rows < classes) {
        bail!(
            "--sizes {few}: there are {classes} classes, and something must be learned of each; \
             say {classes} at least"
        );
    }
    Ok(rows)
}

/// How many classes have rows to learn from, where each row has one; else 1.
fn classes(tables: &Tables) -> usize {
    match tables.train.layout().targets {
        TargetKind::Class => {
            let counts = tables.learned().class_counts(tables.labels.names().len());
            counts.into_iter().filter(|count| *count > 0).count()
        }
        TargetKind::Set | TargetKind::Values => 1,
    }
}
