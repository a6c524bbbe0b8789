use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bertune::data::MaskingConfig;
use bertune::encoder::BertConfig;
use bertune::train::{Interval, TrainingConfig};
use serde::{Deserialize, Serialize};

use crate::device;
use crate::one_or_several::one_or_several;
use crate::run_config::over;

/// All of a pretraining run: the TOML file of `--config`, and the record beside the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PretrainConfig {
    /// The files of text to learn from.
    #[serde(deserialize_with = "one_or_several")]
    pub(crate) text: Vec<PathBuf>,
    /// The files of text to measure on.
    #[serde(deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub(crate) validation: Vec<PathBuf>,
    /// Every so manyth document is held out to measure on where there is no such file.
    pub(crate) hold_out_every: usize,
    /// The model that is to learn further: a folder or an id of the hub; a new one if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// The folder of the new model's tokenizer; one is made of the text if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// The folder of the result.
    pub(crate) output: PathBuf,
    /// What to compute on.
    pub(crate) device: String,
    /// The tokens of one sequence.
    pub(crate) max_length: usize,
    /// How much it counts that each sequence's pooled output guesses its hidden tokens too; at 0
    /// the pooler learns nothing.
    pub(crate) pooled_loss: f64,
    /// How often the state of the run is saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) save_every: Option<Interval>,
    /// How many saved states are kept, the last ones.
    pub(crate) keep_states: usize,
    /// What a new model is.
    pub(crate) architecture: Architecture,
    /// What is hidden.
    pub(crate) masking: MaskingConfig,
    /// How to train.
    pub(crate) training: TrainingConfig,
}

/// A new model and its tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Architecture {
    /// The most tokens of a new vocabulary.
    pub(crate) vocab_size: usize,
    /// Whether a new vocabulary tells upper from lower case.
    pub(crate) cased: bool,
    /// The number of layers.
    pub(crate) layers: usize,
    /// The width of the states.
    pub(crate) hidden_size: usize,
    /// The number of attention heads.
    pub(crate) heads: usize,
    /// The width inside the feed-forward block; four times the states' if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) intermediate_size: Option<usize>,
    /// The longest sequence that the model can take, in tokens; as long as those that it learns
    /// from if absent, for no other position is taught.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_positions: Option<usize>,
    /// The dropout probability.
    pub(crate) dropout: f64,
    /// The standard deviation of new weights.
    pub(crate) initializer_range: f64,
    /// Whether the heads of the first layer look at neighbours at first.
    pub(crate) look_at_neighbours: bool,
}

impl Default for PretrainConfig {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            validation: Vec::new(),
            hold_out_every: 50,
            model: None,
            tokenizer: None,
            output: PathBuf::new(),
            device: device::default_name(),
            max_length: 128,
            pooled_loss: 0.0,
            save_every: None,
            keep_states: 2,
            architecture: Architecture::default(),
            masking: MaskingConfig::default(),
            training: TrainingConfig::pretraining(),
        }
    }
}

impl Default for Architecture {
    fn default() -> Self {
        Self {
            vocab_size: 8000,
            cased: false,
            layers: 4,
            hidden_size: 256,
            heads: 4,
            intermediate_size: None,
            max_positions: None,
            dropout: 0.1,
            initializer_range: 0.02,
            look_at_neighbours: false,
        }
    }
}

impl Architecture {
    /// The longest sequence that a model can take that learns from sequences of so many tokens.
    pub(crate) fn positions(self, max_length: usize) -> usize {
        self.max_positions.unwrap_or(max_length)
    }

    /// The model's configuration, for a vocabulary of so many tokens and sequences of so many.
    pub(crate) fn bert(self, vocab_size: usize, max_length: usize) -> BertConfig {
        BertConfig {
            vocab_size,
            hidden_size: self.hidden_size,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            intermediate_size: self.intermediate_size.unwrap_or(4 * self.hidden_size),
            max_position_embeddings: self.positions(max_length),
            hidden_dropout_prob: self.dropout,
            attention_probs_dropout_prob: self.dropout,
            initializer_range: self.initializer_range,
            ..BertConfig::default()
        }
    }

    /// Checks every value, by the flag that it has.
    fn validate(self, max_length: usize) -> anyhow::Result<()> {
        let Self { hidden_size, heads, dropout, initializer_range, .. } = self;
        let sizes = [
            ("--vocab-size", Some(self.vocab_size)),
            ("--layers", Some(self.layers)),
            ("--hidden-size", Some(hidden_size)),
            ("--heads", Some(heads)),
            ("--intermediate-size", self.intermediate_size),
            ("--max-positions", self.max_positions),
        ];
        if let Some((flag, _)) = sizes.iter().find(|(_, size)| *size == Some(0)) {
            bail!("{flag} is 0, but must be at least 1");
        }
        if !hidden_size.is_multiple_of(heads) {
            bail!(
                "--hidden-size {hidden_size} is not a multiple of --heads {heads}: each head has an \
                 equal part of the width"
            );
        }
        if !(0.0..1.0).contains(&dropout) {
            bail!("--dropout is {dropout}, but must be at least 0 and below 1");
        }
        if !(initializer_range > 0.0 && initializer_range.is_finite()) {
            bail!("--initializer-range is {initializer_range}, but must be above 0");
        }
        let positions = self.positions(max_length);
        if max_length > positions {
            bail!("--max-length {max_length} is more than --max-positions {positions}");
        }
        Ok(())
    }
}

impl PretrainConfig {
    /// The settings of a file; `training` keys that it leaves out are pretraining's own.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let describe = || format!("{} is no configuration of bertune pretrain", path.display());
        let config: Self = toml::from_str(&text).with_context(describe)?;
        let file: toml::Table = toml::from_str(&text).with_context(describe)?;
        let training = over(TrainingConfig::pretraining(), &file).with_context(describe)?;
        Ok(Self { training, ..config })
    }

    /// The settings as a file that [`read`](Self::read) takes back.
    pub(crate) fn to_toml(&self) -> anyhow::Result<String> {
        let head =
            "# The resolved configuration of this run: `bertune pretrain --config` repeats it.\n";
        Ok(format!("{head}{}", toml::to_string(self)?))
    }

    /// What the run reads.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Path> {
        let folders = self.model.iter().map(Path::new).chain(self.tokenizer.as_deref());
        folders.chain(self.text.iter().chain(&self.validation).map(PathBuf::as_path))
    }

    /// Checks what can be checked before anything is read.
    pub(crate) fn validate(&self) -> anyhow::Result<()> {
        let is_empty =
            [("--text", self.text.is_empty()), ("--output", self.output.as_os_str().is_empty())];
        let missing = is_empty.iter().filter(|(_, empty)| *empty).map(|(flag, _)| *flag);
        let missing: Vec<_> = missing.collect();
        if !missing.is_empty() {
            bail!("missing: {}; give them as flags or in the file of --config", missing.join(", "));
        }
        if self.model.is_some() && self.tokenizer.is_some() {
            bail!("--model brings its own tokenizer; leave out --tokenizer");
        }
        if self.validation.is_empty() && self.hold_out_every < 2 {
            bail!("hold_out_every is {}, but must be at least 2", self.hold_out_every);
        }
        if !(self.pooled_loss >= 0.0 && self.pooled_loss.is_finite()) {
            bail!("--pooled-loss is {}, but must be at least 0", self.pooled_loss);
        }
        if self.model.is_none() {
            self.architecture.validate(self.max_length)?;
        }
        Ok(self.training.validate()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<PretrainConfig> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        let config = PretrainConfig::read(file.path())?;
        config.validate()?;
        Ok(config)
    }

    #[test]
    fn the_record_of_a_run_reads_back() {
        let config = read("text = \"a.txt\"\noutput = \"o\"\n").unwrap();
        assert_eq!(config.text, [PathBuf::from("a.txt")]);
        assert_eq!(read(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn a_new_model_takes_what_it_learns_from_unless_more_is_said() {
        let positions = |architecture: &str| {
            let head = "text = [\"a.txt\"]\noutput = \"o\"\nmax_length = 96\n[architecture]\n";
            let config = read(&format!("{head}{architecture}")).unwrap();
            config.architecture.bert(100, config.max_length).max_position_embeddings
        };
        assert_eq!((positions(""), positions("max_positions = 512")), (96, 512));
    }

    #[test]
    fn what_cannot_be_built_is_refused_by_its_flag() {
        for (key, told) in [
            ("layers = 0", "--layers is 0"),
            ("heads = 3", "--hidden-size 256 is not a multiple of --heads 3"),
            ("dropout = 1.5", "--dropout is 1.5"),
            ("initializer_range = 0.0", "--initializer-range is 0"),
            ("max_positions = 64", "--max-length 128 is more than --max-positions 64"),
        ] {
            let error = read(&format!("text = \"a\"\noutput = \"o\"\n[architecture]\n{key}\n"));
            let error = error.unwrap_err().to_string();
            assert!(error.contains(told), "{key}: {error}");
        }
    }
}
