use std::path::PathBuf;

/// The folder of a real checkpoint, if `cargo xtask test` brought it: `BERTUNE_MODELS` names the
/// folder that holds them.
///
/// Where the variable is absent the test that asks has nothing to test, and says so.
///
/// # Panics
///
/// If the variable is there but the checkpoint is not.
pub fn real_model(name: &str) -> Option<PathBuf> {
    let Some(models) = std::env::var_os("BERTUNE_MODELS") else {
        eprintln!("skipped: BERTUNE_MODELS is not set; `cargo xtask test` brings real weights");
        return None;
    };
    let folder = PathBuf::from(models).join(name);
    assert!(folder.is_dir(), "{} is not there", folder.display());
    Some(folder)
}
