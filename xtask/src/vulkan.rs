//! Whether WGPU finds something to run on.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// An error that says what is missing, unless WGPU has something to run on.
///
/// On Linux it needs the Vulkan loader and a driver. macOS and Windows bring their own.
pub(crate) fn adapter() -> Result<()> {
    if cfg!(target_os = "linux") {
        if !has_loader(&library_folders()) {
            bail!("the Vulkan loader is not there (Debian: apt-get install libvulkan1)");
        }
        if !has_driver(&driver_folders()) {
            bail!("there is no Vulkan driver (Debian: apt-get install mesa-vulkan-drivers)");
        }
    }
    Ok(())
}

fn has_loader(folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| folder.join("libvulkan.so.1").exists())
}

fn library_folders() -> Vec<PathBuf> {
    let set = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&set).collect();
    for folder in ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"] {
        folders.push(folder.into());
        folders.push(Path::new(folder).join(format!("{}-linux-gnu", env::consts::ARCH)));
    }
    folders
}

/// Whether a folder holds a driver's manifest.
fn has_driver(folders: &[PathBuf]) -> bool {
    let named =
        ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].iter().any(|name| env::var_os(name).is_some());
    named
        || folders
            .iter()
            .any(|folder| fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()))
}

fn driver_folders() -> Vec<PathBuf> {
    let system = ["/usr/share", "/usr/local/share", "/etc"].map(PathBuf::from);
    let own = env::home_dir().map(|home| home.join(".local/share"));
    system.into_iter().chain(own).map(|folder| folder.join("vulkan/icd.d")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_a_manifest_in_one_of_the_folders() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().join("absent"), folder.path().to_path_buf()];
        let set = env::var_os("VK_DRIVER_FILES").or(env::var_os("VK_ICD_FILENAMES")).is_some();
        assert_eq!(has_driver(&folders), set);
        fs::write(folder.path().join("lvp_icd.json"), "{}").unwrap();
        assert!(has_driver(&folders));
    }

    #[test]
    fn the_loader_is_a_library_in_one_of_the_folders() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_loader(&[folder.path().to_path_buf()]));
        fs::write(folder.path().join("libvulkan.so.1"), "").unwrap();
        assert!(has_loader(&[folder.path().to_path_buf()]));
    }
}
