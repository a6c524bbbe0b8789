use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::bail;
use bertune::data::{LabelledRows, TableFiles, TargetKind};

/// Refuses a file that is named twice, whose rows would count twice.
pub(crate) fn check_distinct<'a>(files: impl Iterator<Item = &'a PathBuf>) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    let mut real = files.filter_map(|path| Some((path, path.canonicalize().ok()?)));
    match real.find(|(_, real)| !seen.insert(real.clone())) {
        Some((path, _)) => {
            bail!("{} is named twice: its rows would count twice; leave one out", path.display())
        }
        None => Ok(()),
    }
}

/// Refuses files whose rows are not of the kind that is learned from.
pub(crate) fn check_kind(files: &TableFiles, train: &LabelledRows) -> anyhow::Result<()> {
    let (path, train_path) = (first_path(files.paths()), path(train));
    let (files, train) = (files.layout(), train.layout());
    match (files.text_pair.is_some(), train.text_pair.is_some()) {
        (true, false) => bail!(
            "{path} has pairs of texts, but {train_path} has single ones; give it single ones too, or see \
             --text-pair"
        ),
        (false, true) => {
            bail!("{path} has single texts, but {train_path} has pairs; see --text-pair")
        }
        _ => {}
    }
    if files.targets != train.targets {
        let [of_files, of_train] = [files.targets, train.targets].map(targets_in_words);
        bail!("each row of {path} has {of_files}, but each of {train_path} has {of_train}");
    }
    Ok(())
}

fn targets_in_words(targets: TargetKind) -> &'static str {
    match targets {
        TargetKind::Class => "one label",
        TargetKind::Set => "a set of labels",
        TargetKind::Values => "numbers",
    }
}

/// The first file, which stands for all.
pub(crate) fn path(rows: &LabelledRows) -> String {
    first_path(rows.paths())
}

fn first_path(paths: &[PathBuf]) -> String {
    paths.first().map_or_else(String::new, |path| path.display().to_string())
}
