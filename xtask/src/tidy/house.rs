//! What the rules look at: files, packages, and what predict stands on.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::{cargo, output_of};

/// Everything the rules look at.
#[derive(Default)]
pub(crate) struct House {
    /// The text files that git tracks, or would.
    pub(crate) files: Vec<TextFile>,
    /// Every path in the house, folders too, relative to its root and with `/`.
    pub(crate) paths: Vec<String>,
    /// The packages of the workspace.
    pub(crate) packages: Vec<Package>,
    /// The packages that bertune-predict stands on, however far down.
    pub(crate) below_predict: Vec<String>,
}

/// A file and what is in it.
pub(crate) struct TextFile {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// Its content.
    pub(crate) text: String,
}

/// A package of the workspace.
#[derive(Default)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Whether it lies in `crates/`.
    pub(crate) is_in_crates: bool,
    /// The keys among description, license and readme that its manifest lacks.
    pub(crate) lacks: Vec<&'static str>,
    /// What it depends on, dev-dependencies excepted.
    pub(crate) dependencies: Vec<String>,
}

impl House {
    /// Reads the house that stands in this folder.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let paths = paths(root)?;
        let text = |path: &String| {
            let text = fs::read_to_string(root.join(path)).ok()?;
            Some(TextFile { path: path.clone(), text })
        };
        Ok(Self {
            files: paths.iter().filter_map(text).collect(),
            paths: with_folders(paths),
            packages: packages(root)?,
            below_predict: below_predict()?,
        })
    }

    /// The files whose path has this ending.
    pub(crate) fn files_ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = &'a TextFile> {
        self.files.iter().filter(move |file| file.path.ends_with(end))
    }

    /// A house of these files, for tests of rules.
    #[cfg(test)]
    pub(crate) fn of_files(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| TextFile {
            path: path.to_string(),
            text: text.to_string(),
        };
        let paths = with_folders(files.iter().map(|(path, _)| path.to_string()).collect());
        Self { files: files.iter().map(file).collect(), paths, ..Self::default() }
    }

    /// A house of this package with these dependencies, for tests of rules.
    #[cfg(test)]
    pub(crate) fn of_package(name: &str, dependencies: &[&str]) -> Self {
        let dependencies = dependencies.iter().map(|name| name.to_string()).collect();
        let package =
            Package { name: name.into(), is_in_crates: true, dependencies, ..Package::default() };
        Self { packages: vec![package], ..Self::default() }
    }
}

/// What git tracks or would track; without git, what does not look built.
fn paths(root: &Path) -> Result<Vec<String>> {
    let mut paths = match paths_of_git(root) {
        Some(paths) => paths,
        None => {
            let mut paths = Vec::new();
            walk(root, root, &mut paths)?;
            paths
        }
    };
    paths.retain(|path| root.join(path).is_file());
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn paths_of_git(root: &Path) -> Option<Vec<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let paths = output_of(git.current_dir(root)).ok()?;
    Some(paths.split('\0').map(String::from).collect())
}

fn walk(root: &Path, folder: &Path, paths: &mut Vec<String>) -> Result<()> {
    const BUILT: [&str; 4] = [".git", "target", "runs", "book"];
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot list the folder {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if !BUILT.iter().any(|built| path.ends_with(built)) {
                walk(root, &path, paths)?;
            }
        } else if let Ok(path) = path.strip_prefix(root) {
            paths.push(path.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

fn with_folders(files: Vec<String>) -> Vec<String> {
    let above = |path: &String| -> Vec<String> {
        Path::new(path).ancestors().map(|path| path.to_string_lossy().replace('\\', "/")).collect()
    };
    let mut paths: Vec<String> = files.iter().flat_map(above).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn packages(root: &Path) -> Result<Vec<Package>> {
    let metadata = output_of(&mut cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    Ok(packages.iter().map(|package| package_from(package, root)).collect())
}

fn package_from(package: &Value, root: &Path) -> Package {
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap_or_default());
    Package {
        name: name(package),
        is_in_crates: manifest.starts_with(root.join("crates")),
        lacks: ["description", "license", "readme"]
            .into_iter()
            .filter(|key| package[key].as_str().is_none_or(str::is_empty))
            .collect(),
        dependencies: dependencies.filter(|of| of["kind"] != "dev").map(name).collect(),
    }
}

/// `cargo metadata` would mix in the features that other packages ask for; `cargo tree` does not.
fn below_predict() -> Result<Vec<String>> {
    let mut command = cargo(["tree", "--package", "bertune-predict", "--edges", "normal"]);
    let tree = output_of(command.args(["--prefix", "none", "--format", "{p}"]))?;
    let mut names: Vec<String> =
        tree.lines().filter_map(|line| line.split(' ').next()).map(String::from).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// The path with `.` and `..` taken out, or nothing if it leaves the root.
pub(crate) fn normalized(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => drop(parts.pop()?),
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_git_what_is_built_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        for file in ["a.rs", "b/c.rs", "target/d.rs", "runs/e.rs"] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(paths(root.path()).unwrap(), ["a.rs", "b/c.rs"]);
    }

    #[test]
    fn paths_that_leave_the_house_have_no_normal_form() {
        assert_eq!(normalized(Path::new("a/./b/../c")).as_deref(), Some("a/c"));
        assert_eq!(normalized(Path::new("a/../../c")), None);
        assert_eq!(normalized(Path::new("/a")), None);
    }
}
