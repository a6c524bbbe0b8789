use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bertune::data::TableFormat;
use bertune::head::Pooling;
use bertune::tokenize::Limits;
use bertune::train::{Interval, Preset, TaskSampling, TrainingConfig};
use serde::{Deserialize, Serialize};

use crate::model::BOXED;
use crate::one_or_several::one_or_several;
use crate::run_config::{RunConfig, over};

/// The longest name of a task, in bytes: names of folders that are being written have more to them, and
/// 255 at most.
const LONGEST_NAME: usize = 200;

/// All of a run of several tasks: the TOML file of `train-tasks`, and the record beside its models.
/// What is not of tasks means what it means in [`RunConfig`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TasksConfig {
    pub(crate) model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<String>,
    /// The folder of the results, one folder for each task.
    pub(crate) output: PathBuf,
    pub(crate) device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pooling: Option<Pooling>,
    pub(crate) reinit_layers: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hidden_dropout: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attention_dropout: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) classifier_dropout: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) save_every: Option<Interval>,
    pub(crate) keep_states: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_cache: Option<PathBuf>,
    /// How often each task is drawn.
    pub(crate) sampling: TaskSampling,
    pub(crate) tokens: Limits,
    pub(crate) training: TrainingConfig,
    /// What is to be learned.
    pub(crate) tasks: Vec<TaskConfig>,
}

/// One of several tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TaskConfig {
    /// Its name, and that of its folder.
    pub(crate) name: String,
    /// How often it is drawn, in proportion to what the sampling rule says.
    pub(crate) weight: f64,
    #[serde(deserialize_with = "one_or_several")]
    pub(crate) train: Vec<PathBuf>,
    #[serde(deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub(crate) validation: Vec<PathBuf>,
    /// The share of `train` to measure on where there is no validation file; that of [`RunConfig`] if
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validation_fraction: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) split_seed: Option<u64>,
    #[serde(deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub(crate) test: Vec<PathBuf>,
    /// How its files are to be read.
    pub(crate) data: TableFormat,
}

impl Default for TasksConfig {
    fn default() -> Self {
        let single = RunConfig::default();
        Self {
            model: single.model,
            revision: single.revision,
            output: single.output,
            device: single.device,
            pooling: single.pooling,
            reinit_layers: single.reinit_layers,
            hidden_dropout: single.hidden_dropout,
            attention_dropout: single.attention_dropout,
            classifier_dropout: single.classifier_dropout,
            save_every: single.save_every,
            keep_states: single.keep_states,
            token_cache: single.token_cache,
            sampling: TaskSampling::default(),
            tokens: single.tokens,
            training: single.training,
            tasks: Vec::new(),
        }
    }
}

impl Default for TaskConfig {
    fn default() -> Self {
        let single = RunConfig::default();
        Self {
            name: String::new(),
            weight: 1.0,
            train: single.train,
            validation: single.validation,
            validation_fraction: None,
            split_seed: single.split_seed,
            test: single.test,
            data: single.data,
        }
    }
}

impl TasksConfig {
    /// The settings of a file; the boxed model has a small one's where `training` says nothing.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let describe = || format!("{} is no configuration of bertune train-tasks", path.display());
        let config: Self = toml::from_str(&text).with_context(describe)?;
        if config.model != BOXED {
            return Ok(config);
        }
        let file: toml::Table = toml::from_str(&text).with_context(describe)?;
        let training = over(Preset::Small.config(), &file).with_context(describe)?;
        Ok(Self { training, ..config })
    }

    /// The settings as a file that [`read`](Self::read) takes back.
    pub(crate) fn to_toml(&self) -> anyhow::Result<String> {
        let head = "# The resolved configuration of this run: `bertune train-tasks` repeats it.\n";
        Ok(format!("{head}{}", toml::to_string(self)?))
    }

    /// A task's settings, as if it were learned by itself.
    pub(crate) fn run_config(&self, task: &TaskConfig) -> RunConfig {
        let usual = RunConfig::default();
        RunConfig {
            model: self.model.clone(),
            revision: self.revision.clone(),
            train: task.train.clone(),
            validation: task.validation.clone(),
            validation_fraction: task.validation_fraction.unwrap_or(usual.validation_fraction),
            split_seed: task.split_seed,
            test: task.test.clone(),
            output: self.output.join(&task.name),
            device: self.device.clone(),
            pooling: self.pooling,
            reinit_layers: self.reinit_layers,
            hidden_dropout: self.hidden_dropout,
            attention_dropout: self.attention_dropout,
            classifier_dropout: self.classifier_dropout,
            token_cache: self.token_cache.clone(),
            data: task.data.clone(),
            tokens: self.tokens,
            training: self.training.clone(),
            ..usual
        }
    }

    /// What the run reads: the model, if it is a folder, and the files of texts.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Path> {
        let files = self.tasks.iter().flat_map(|task| [&task.train, &task.validation, &task.test]);
        [Path::new(&self.model)].into_iter().chain(files.flatten().map(PathBuf::as_path))
    }

    /// Checks what can be checked before anything is read.
    pub(crate) fn validate(&self, path: &Path) -> anyhow::Result<()> {
        let is_empty =
            [("model", self.model.is_empty()), ("output", self.output.as_os_str().is_empty())];
        if let Some((key, _)) = is_empty.iter().find(|(_, is_empty)| *is_empty) {
            bail!("{} does not say {key} = \"…\"; write it before the first table", path.display());
        }
        if self.tasks.is_empty() {
            bail!(
                "{} has no task; each begins with a line [[tasks]] and has a name and files to \
                 train on",
                path.display()
            );
        }
        self.tasks.iter().try_for_each(TaskConfig::validate)?;
        self.check_names()?;
        self.sampling.validate()?;
        Ok(self.training.validate()?)
    }

    /// Refuses two tasks whose folders are one, on some systems at least.
    fn check_names(&self) -> anyhow::Result<()> {
        let mut names = BTreeMap::new();
        for TaskConfig { name, .. } in &self.tasks {
            match names.insert(name.to_lowercase(), name) {
                Some(other) if other == name => {
                    bail!("two tasks are called '{name}'; give each a name of its own")
                }
                Some(other) => bail!(
                    "the tasks '{other}' and '{name}' differ in upper and lower case alone, which some \
                     systems do not tell apart in names of folders; give one another name"
                ),
                None => {}
            }
        }
        Ok(())
    }
}

impl TaskConfig {
    fn validate(&self) -> anyhow::Result<()> {
        let name = &self.name;
        if name.is_empty() {
            bail!("a task has no name; say name = \"…\" below [[tasks]]");
        }
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        if !name.chars().all(is_plain) {
            bail!(
                "a task cannot be called '{name}', for its folder has that name; use letters, digits, \
                 '-' and '_'"
            );
        }
        if name.len() > LONGEST_NAME {
            bail!(
                "a task cannot be called '{name}': that is {} bytes long, and its folder's name may have \
                 {LONGEST_NAME}",
                name.len()
            );
        }
        if self.train.is_empty() {
            bail!("task '{name}' has nothing to learn from; say train = \"FILE\"");
        }
        if self.validation_fraction.is_some() && !self.validation.is_empty() {
            bail!(
                "task '{name}': validation_fraction has no effect beside validation; leave one out"
            );
        }
        if !(self.weight.is_finite() && self.weight > 0.0) {
            bail!("task '{name}': weight is {}, but must be above 0", self.weight);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "model = \"m\"\noutput = \"o\"\nsampling = { temperature = 4.0 }\n\
                        [training]\nepochs = 7\n\
                        [[tasks]]\nname = \"a\"\ntrain = \"a.csv\"\ndata = { text = \"body\" }\n\
                        [[tasks]]\nname = \"b\"\ntrain = [\"b.csv\"]\nweight = 2.0\n";

    fn read(text: &str) -> anyhow::Result<TasksConfig> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let config = TasksConfig::read(file.path())?;
        config.validate(Path::new("tasks.toml"))?;
        Ok(config)
    }

    #[test]
    fn the_record_of_a_run_reads_back() {
        let config = read(FILE).unwrap();
        assert_eq!(config.sampling, TaskSampling::Temperature(4.0));
        assert_eq!((config.training.epochs, config.tasks[1].weight), (7, 2.0));
        assert_eq!(read(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn the_model_is_the_boxed_one_where_none_is_named() {
        let config = read(&FILE.replace("model = \"m\"\n", "")).unwrap();
        assert_eq!((config.model.as_str(), config.training.epochs), (BOXED, 7));
    }

    #[test]
    fn a_name_that_is_no_folders_is_refused() {
        let long = "a".repeat(LONGEST_NAME + 1);
        for name in ["run.json", "a/b", "..", "a b", "c:d", &long] {
            let error = read(&FILE.replace("\"a\"", &format!("\"{name}\""))).unwrap_err();
            assert!(error.to_string().contains("cannot be called"), "{name}: {error}");
        }
        for name in ["größe_2-x", &long[1..]] {
            assert!(read(&FILE.replace("\"a\"", &format!("\"{name}\""))).is_ok(), "{name}");
        }
    }

    #[test]
    fn two_names_of_one_folder_are_refused() {
        for (name, told) in [("b", "two tasks are called 'b'"), ("B", "the tasks 'B' and 'b'")] {
            let error = read(&FILE.replace("\"a\"", &format!("\"{name}\""))).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn a_share_is_held_out_where_no_file_is_measured_on() {
        let with = |keys: &str| read(&FILE.replace("weight = 2.0", keys));
        let config = with("validation_fraction = 0.25").unwrap();
        let fractions = [0, 1].map(|i| config.run_config(&config.tasks[i]).validation_fraction);
        assert_eq!(fractions, [0.1, 0.25]);
        let error = with("validation = \"v.csv\"\nvalidation_fraction = 0.1").unwrap_err();
        assert!(error.to_string().contains("task 'b': validation_fraction has no"), "{error}");
    }
}
