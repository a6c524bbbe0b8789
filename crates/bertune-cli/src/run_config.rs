use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bertune::data::TableFormat;
use bertune::head::Pooling;
use bertune::tokenize::Limits;
use bertune::train::{Interval, SourceRule, SourceWeighting, TrainingConfig};
use serde::{Deserialize, Serialize};

use crate::device;
use crate::model::BOXED;
use crate::one_or_several::one_or_several;
use crate::source_files::SourceFiles;

/// All of a training run: the TOML file of `--config`, and the record beside the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RunConfig {
    /// The pretrained model: a folder, an id of the Hugging Face hub, or boxed.
    pub(crate) model: String,
    /// A branch, a tag or a commit of the hub's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<String>,
    /// The files to learn from, or the folder of a data set.
    #[serde(deserialize_with = "one_or_several")]
    pub(crate) train: Vec<PathBuf>,
    /// The files to measure on.
    #[serde(deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub(crate) validation: Vec<PathBuf>,
    /// The share of `train` to measure on where there is no validation file.
    pub(crate) validation_fraction: f64,
    /// What the held-out share is drawn by; the training's seed if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) split_seed: Option<u64>,
    /// The files to measure the best model on at the end.
    #[serde(deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub(crate) test: Vec<PathBuf>,
    /// The folder of the result.
    pub(crate) output: PathBuf,
    /// What to compute on.
    pub(crate) device: String,
    /// Which vector the classifier reads, in place of what the model says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pooling: Option<Pooling>,
    /// Layers, counted from the top, that begin anew.
    pub(crate) reinit_layers: usize,
    /// Dropout after the embeddings and each block, in place of the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hidden_dropout: Option<f64>,
    /// Dropout of the attention probabilities, in place of the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attention_dropout: Option<f64>,
    /// Dropout before the classifier, in place of the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) classifier_dropout: Option<f64>,
    /// How often the state of the run is saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) save_every: Option<Interval>,
    /// How many saved states are kept, the last ones.
    pub(crate) keep_states: usize,
    /// Where tokenized files are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_cache: Option<PathBuf>,
    /// How the files are to be read.
    pub(crate) data: TableFormat,
    /// How long inputs may be.
    pub(crate) tokens: Limits,
    /// What is learned from beside the target's files.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) source: SourceFiles,
    /// What that counts.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) source_weights: SourceWeighting,
    /// How to train.
    pub(crate) training: TrainingConfig,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            model: BOXED.into(),
            revision: None,
            train: Vec::new(),
            validation: Vec::new(),
            validation_fraction: 0.1,
            split_seed: None,
            test: Vec::new(),
            output: PathBuf::new(),
            device: device::default_name(),
            pooling: None,
            reinit_layers: 0,
            hidden_dropout: None,
            attention_dropout: None,
            classifier_dropout: None,
            save_every: None,
            keep_states: 2,
            token_cache: None,
            data: TableFormat::default(),
            tokens: Limits::default(),
            source: SourceFiles::default(),
            source_weights: SourceWeighting::default(),
            training: TrainingConfig::default(),
        }
    }
}

impl RunConfig {
    /// The file's settings; `training` keys that it leaves out are those of `training`, which is told
    /// the file's model.
    pub(crate) fn read(
        path: &Path,
        training: impl FnOnce(&str) -> TrainingConfig,
    ) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let describe = || format!("{} is no configuration of bertune", path.display());
        let config: Self = toml::from_str(&text).with_context(describe)?;
        let file: toml::Table = toml::from_str(&text).with_context(describe)?;
        let training = over(training(&config.model), &file).with_context(describe)?;
        Ok(Self { training, ..config })
    }

    /// The settings as a file that [`read`](Self::read) takes back.
    pub(crate) fn to_toml(&self) -> anyhow::Result<String> {
        let head =
            "# The resolved configuration of this run: `bertune train --config` repeats it.\n";
        Ok(format!("{head}{}", toml::to_string(self)?))
    }

    /// What the run reads: the model, if it is a folder, and the files of texts.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.train, &self.validation, &self.test, &self.source.files];
        let files = files.into_iter().flatten().map(PathBuf::as_path);
        [Path::new(&self.model)].into_iter().chain(files)
    }

    /// Checks what can be checked before anything is read.
    pub(crate) fn validate(&self, required: &[&str]) -> anyhow::Result<()> {
        let is_empty =
            [("--train", self.train.is_empty()), ("--output", self.output.as_os_str().is_empty())];
        let missing = is_empty.iter().filter(|(flag, empty)| *empty && required.contains(flag));
        let missing: Vec<_> = missing.map(|(flag, _)| *flag).collect();
        if !missing.is_empty() {
            bail!("missing: {}; give them as flags or in the file of --config", missing.join(", "));
        }
        if self.tokens.max_length < 3 {
            bail!(
                "--max-length {} leaves no room for text between [CLS] and [SEP]; say 3 or more",
                self.tokens.max_length
            );
        }
        if self.training.seed > i64::MAX as u64 {
            bail!("--seed {} is too large; say {} or less", self.training.seed, i64::MAX);
        }
        if self.keep_states == 0 {
            bail!("--keep-states 0 would keep nothing to resume; say 1 or more");
        }
        self.source_weights.validate()?;
        self.check_sources()?;
        if self.training.lora.is_some() && self.reinit_layers > 0 {
            bail!("reinit_layers does not go with lora: layers that begin anew would never learn");
        }
        Ok(self.training.validate()?)
    }
}

impl RunConfig {
    /// Refuses settings of sources that would have no effect.
    fn check_sources(&self) -> anyhow::Result<()> {
        let SourceFiles { files, weight, .. } = &self.source;
        let (weights, usual) = (&self.source_weights, SourceWeighting::default());
        if files.is_empty() && (!is_default(&self.source) || *weights != usual) {
            bail!("there is a setting of sources, but no --source to weigh");
        }
        let checks = [
            ("--source-weight-column", weight.is_some(), SourceRule::Column),
            ("--source-clip", weights.clip != usual.clip, SourceRule::Domain),
            ("--source-flattening", weights.flattening != usual.flattening, SourceRule::Domain),
            ("--source-every", weights.every != usual.every, SourceRule::TrAdaBoost),
        ];
        match checks.iter().find(|(_, is_set, rule)| *is_set && *rule != weights.rule) {
            Some((flag, _, rule)) => {
                bail!("{flag} has no effect without --source-weights {}", rule.name())
            }
            None => Ok(()),
        }
    }
}

/// The table `training` of a file over the settings that hold where it says nothing.
pub(crate) fn over(settings: TrainingConfig, file: &toml::Table) -> anyhow::Result<TrainingConfig> {
    let mut merged = toml::Table::try_from(settings)?;
    if let Some(toml::Value::Table(given)) = file.get("training") {
        merged.extend(given.clone());
    }
    Ok(merged.try_into()?)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_a_run_reads_back() {
        let mut config = RunConfig { model: "m".into(), ..RunConfig::default() };
        config.training.head_learning_rate = Some(1e-3);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config.to_toml().unwrap()).unwrap();
        assert_eq!(RunConfig::read(file.path(), |_| TrainingConfig::default()).unwrap(), config);
    }

    #[test]
    fn a_preset_gives_what_the_file_leaves_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[training]\nepochs = 7\n").unwrap();
        let preset = TrainingConfig { learning_rate: 1e-5, epochs: 2, ..Default::default() };
        let config = RunConfig::read(file.path(), |_| preset).unwrap();
        assert_eq!((config.training.epochs, config.training.learning_rate), (7, 1e-5));
    }
}
