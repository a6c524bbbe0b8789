use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bertune::BertOps;
use bertune::checkpoint::{Adapter, HubOptions};
use bertune::head::Loaded;
use bertune::predict::find_base;
use bertune::train::{AdapterBase, base_tensors};
use clap::Args;

use crate::model::{BOXED, find_model};
use crate::outside::Outside;
use crate::training::Training;

/// Which model an adapter belongs to.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct BaseArgs {
    /// The base of an adapter, in place of the one that it names: a folder, an id of the Hugging
    /// Face hub, or boxed.
    #[arg(long, value_name = "FOLDER|ID")]
    base: Option<String>,
}

/// The folder of the base of an adapter: the one that is given, or the one that it names.
pub(crate) fn find(adapter: &Path, flags: &BaseArgs) -> anyhow::Result<PathBuf> {
    let outside = Outside { quiet: true, ..Outside::default() };
    match &flags.base {
        Some(base) => find_model(base, None, &outside),
        None if is_of_boxed(adapter)? => find_model(BOXED, None, &outside),
        None => Ok(find_base(adapter, &HubOptions::default())?),
    }
}

/// What the base of an adapter is called: by the flag, or by the adapter.
pub(crate) fn name(adapter: &Path, flags: &BaseArgs) -> anyhow::Result<String> {
    match &flags.base {
        Some(base) => Ok(base.clone()),
        None => {
            let adapter = Adapter::open(adapter)?;
            Ok(adapter.config().base_model_name_or_path.clone().unwrap_or_default())
        }
    }
}

/// Whether an adapter names the model inside the program as its base.
fn is_of_boxed(adapter: &Path) -> anyhow::Result<bool> {
    let adapter = Adapter::open(adapter)?;
    Ok(adapter.config().base_model_name_or_path.as_deref() == Some(BOXED))
}

/// The folder of a model's base, if the model is an adapter.
pub(crate) fn find_if_adapter(model: &Path, flags: &BaseArgs) -> anyhow::Result<Option<PathBuf>> {
    if Adapter::is_at(model) {
        return find(model, flags).map(Some);
    }
    if flags.base.is_some() {
        bail!("{} is no adapter, so it has no --base", model.display());
    }
    Ok(None)
}

/// The base of an adapter that is being trained.
pub(crate) struct Base {
    name_or_path: String,
    revision: Option<String>,
    sha256: String,
}

impl Base {
    /// As the adapter's folder tells it.
    pub(crate) fn named(&self) -> AdapterBase<'_> {
        let Self { name_or_path, revision, sha256 } = self;
        AdapterBase { name_or_path, revision: revision.as_deref(), sha256 }
    }
}

impl Training {
    /// The base of the adapter that this run trains, if it trains one: a folder by its whole path,
    /// so that it is found from everywhere. The boxed model is called by its name, for where it is
    /// unpacked differs between machines and versions.
    pub(crate) fn adapter_base<B: BertOps>(
        &self,
        loaded: &Loaded<B>,
    ) -> anyhow::Result<Option<Base>> {
        if self.config.training.lora.is_none() {
            return Ok(None);
        }
        let model = &self.config.model;
        let name_or_path = if model != BOXED && Path::new(model).is_dir() {
            let path = std::path::absolute(self.checkpoint.folder())
                .with_context(|| format!("cannot tell where {model} is"))?;
            path.display().to_string()
        } else {
            model.clone()
        };
        let tensors = base_tensors(&loaded.model, &loaded.report.used);
        let sha256 = self.checkpoint.sha256_of(tensors.into_iter())?;
        Ok(Some(Base { name_or_path, revision: self.config.revision.clone(), sha256 }))
    }
}
