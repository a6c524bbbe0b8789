use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use bertune::BertOps;
use bertune::checkpoint::Checkpoint;
use bertune::data::{Dataset, LabelledRows, TokenCache};
use bertune::head::{
    Adaptation, BertForSequenceClassification, DropoutOverrides, LabelNames, Loaded,
    SequenceClassificationConfig,
};
use bertune::kernels::Precision;
use bertune::tokenize::BertTokenizer;
use bertune::train::{
    LearningShare, SourceRule, Sources, TrainError, TrainingData, adapt, set_limits,
};

use crate::args::available;
use crate::count::count;
use crate::device;
use crate::model::{BOXED, files_of_model, find_model};
use crate::one_task::check_one_task;
use crate::outside::Outside;
use crate::run_config::RunConfig;
use crate::run_record::hashes;
use crate::table_checks::path;
use crate::tables::{Tables, Validation};

/// All that a run needs, before its backend is known.
pub(crate) struct Training {
    pub(crate) config: RunConfig,
    pub(crate) tables: Tables,
    pub(crate) checkpoint: Arc<Checkpoint>,
    pub(crate) tokenizer: BertTokenizer,
    pub(crate) quiet: bool,
}

/// What a model begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weights {
    /// The checkpoint's, but for the classifier.
    Pretrained,
    /// New ones in the checkpoint's architecture.
    New,
}

/// The examples of a run.
pub(crate) struct Examples {
    /// The target's, then those of each source.
    pub(crate) train: Dataset,
    pub(crate) sources: Option<Sources>,
    pub(crate) validation: Dataset,
    pub(crate) test: Option<Dataset>,
}

impl Training {
    /// Reads the files, and finds the model; everything that is cheap to check comes first.
    pub(crate) fn prepare(config: RunConfig, outside: &Outside) -> anyhow::Result<Self> {
        device::check(&config.device)?;
        let tables = Tables::read(&config)?;
        config.training.validate_for(tables.problem_type(), tables.labels.names())?;
        if !outside.quiet {
            errln!("{}", tables.summary());
        }
        let (checkpoint, tokenizer) = pretrained(&config.model, config.revision.clone(), outside)?;
        Ok(Self { config, tables, checkpoint, tokenizer, quiet: outside.quiet })
    }

    /// The hashes of all files that the run reads.
    pub(crate) fn input_hashes(&self) -> anyhow::Result<BTreeMap<String, String>> {
        hashes(self.input_files()?.iter().map(PathBuf::as_path))
    }

    /// All files that the run reads.
    pub(crate) fn input_files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = self.tables.paths().cloned().collect();
        files.extend(files_of_model(self.checkpoint.folder())?);
        Ok(files)
    }

    /// With the precision that this device has, where it lacks the one asked for: so the record
    /// says what was.
    pub(crate) fn on_device<B: BertOps>(mut self) -> Self {
        let precision = &mut self.config.training.precision;
        *precision = available::<B>(*precision);
        self
    }

    /// The pretrained encoder with a classifier for the labels of the data.
    pub(crate) fn load<B: BertOps>(&self, device: &B::Device) -> anyhow::Result<Loaded<B>> {
        self.load_with(Weights::Pretrained, device)
    }

    /// The encoder, pretrained or new, with a classifier for the labels of the data.
    pub(crate) fn load_with<B: BertOps>(
        &self,
        weights: Weights,
        device: &B::Device,
    ) -> anyhow::Result<Loaded<B>> {
        let load = match weights {
            Weights::Pretrained => BertForSequenceClassification::from_pretrained,
            Weights::New => BertForSequenceClassification::from_scratch,
        };
        let mut loaded = load(&self.checkpoint, self.adaptation(), device)?;
        loaded.model = adapt(loaded.model, &self.config.training)?;
        self.limit(&mut loaded.config, "--max-length, or max_length below [tokens]")?;
        if !self.quiet {
            errln!("Model     {}: {}", self.config.model, loaded.report);
            if self.config.model == BOXED {
                errln!("          it is small; --model names a larger one, for more accuracy");
            }
            if weights == Weights::Pretrained
                && let Some(origin) = self.head_in_words(&loaded)
            {
                errln!("Head      {origin}");
            }
            tell_device(&self.config.device, self.config.training.precision);
            if self.config.training.lora.is_some() {
                let share = LearningShare::new(&loaded.model, &self.config.training)?;
                errln!("LoRA      {share}");
            }
        }
        Ok(loaded)
    }

    /// How the encoder becomes a classifier.
    pub(crate) fn adaptation(&self) -> Adaptation {
        let RunConfig { hidden_dropout, attention_dropout, classifier_dropout, .. } = self.config;
        Adaptation {
            labels: self.labels(),
            problem_type: self.tables.problem_type(),
            pooling: self.config.pooling,
            seed: self.config.training.seed,
            reinit_layers: self.config.reinit_layers,
            dropout: DropoutOverrides {
                hidden: hidden_dropout,
                attention: attention_dropout,
                classifier: classifier_dropout,
            },
        }
    }

    /// Notes in an architecture how long inputs may be, if it can take them. `setting` is where that
    /// is said.
    pub(crate) fn limit(
        &self,
        config: &mut SequenceClassificationConfig,
        setting: &str,
    ) -> anyhow::Result<()> {
        check_fit(config, &self.tokenizer, (self.config.tokens.max_length, setting))?;
        set_limits(config, self.config.tokens);
        config.text_pair = self.has_pairs();
        Ok(())
    }

    /// Tells how the model in the output folder is asked.
    pub(crate) fn tell_prediction(&self) {
        let pair = if self.has_pairs() { " --pair \"its second\"" } else { "" };
        let output = self.config.output.display();
        errln!("\nTry it: bertune predict --model {output} \"some text\"{pair}");
    }

    fn has_pairs(&self) -> bool {
        self.tables.train.layout().text_pair.is_some()
    }

    /// What became of the checkpoint's own classifier, if it has one.
    fn head_in_words<B: BertOps>(&self, loaded: &Loaded<B>) -> Option<&'static str> {
        let has_one = self.checkpoint.names().any(|name| name.ends_with("classifier.weight"));
        has_one.then(|| match loaded.keeps_classifier() {
            true => "the model's own, for it has these very labels",
            false => "new, for the model's own is for other labels, or another kind or --pooling",
        })
    }

    /// The names of the classes, or of the numbers.
    pub(crate) fn labels(&self) -> LabelNames {
        LabelNames::new(self.tables.labels.names().to_vec())
    }

    /// All rows, tokenized; those of sources weighed by the model, which is as it was loaded.
    pub(crate) fn examples<B: BertOps>(
        &self,
        model: &BertForSequenceClassification<B>,
    ) -> anyhow::Result<Examples> {
        let examples = self.target_examples()?;
        if !self.quiet {
            self.tell_measured(&self.tables.train, &examples.train, &examples);
        }
        match self.tables.sources.is_empty() {
            true => Ok(examples),
            false => self.with_sources(examples, model),
        }
    }

    /// The rows of the target, tokenized.
    pub(crate) fn target_examples(&self) -> anyhow::Result<Examples> {
        let Tables { train, validation, test, .. } = &self.tables;
        let train = self.tokenized(train)?;
        let (train, validation) = match validation {
            Validation::HeldOut(split) => {
                (train.select(&split.train), train.select(&split.validation))
            }
            Validation::Own(rows) => (train, self.tokenized(rows)?),
        };
        let test = test.as_ref().map(|test| self.tokenized(test)).transpose()?;
        Ok(Examples { train, sources: None, validation, test })
    }

    /// The rows of sources behind the target's, and what they weigh at the beginning.
    fn with_sources<B: BertOps>(
        &self,
        target: Examples,
        model: &BertForSequenceClassification<B>,
    ) -> anyhow::Result<Examples> {
        let sources = self.tables.sources.iter().map(|source| self.tokenized(source));
        let sources: Vec<Dataset> = sources.collect::<anyhow::Result<_>>()?;
        let weighting = &self.config.source_weights;
        if !self.quiet {
            for (rows, source) in self.tables.sources.iter().zip(&sources) {
                self.tell_measured(rows, source, &target);
            }
            if weighting.rule == SourceRule::Domain {
                errln!("Weighing  the sources by how alike they are to the target");
            }
        }
        let rows: Vec<usize> = sources.iter().map(Dataset::len).collect();
        let parts: Vec<&Dataset> = std::iter::once(&target.train).chain(&sources).collect();
        let train = Dataset::joined(&parts);
        let sources = Sources::new(model, &train, &rows, weighting);
        let sources = Some(sources.map_err(|error| self.in_source(error))?);
        Ok(Examples { train, sources, ..target })
    }

    /// Names the file of a source that something is wrong with.
    fn in_source(&self, error: TrainError) -> anyhow::Error {
        let file = match error {
            TrainError::SourceCountsNothing { number } => self.tables.sources.get(number - 1),
            _ => None,
        };
        match file.map(path) {
            Some(path) => anyhow::Error::new(error).context(path),
            None => error.into(),
        }
    }

    /// Tells how many rows that are learned from are measured on too, if any are.
    fn tell_measured(&self, rows: &LabelledRows, learned: &Dataset, examples: &Examples) {
        let measured: Vec<&Dataset> =
            std::iter::once(&examples.validation).chain(&examples.test).collect();
        let seen = learned.count_in(&measured);
        if seen > 0 {
            errln!(
                "Seen      {} of {} learned from and measured on: the same tokens",
                count(seen, "row"),
                path(rows)
            );
        }
    }

    /// What the model learns from and is measured on.
    pub(crate) fn data<'a>(&'a self, examples: &'a Examples) -> TrainingData<'a> {
        let Examples { train, validation, sources, .. } = examples;
        let label_names = self.tables.labels.names();
        TrainingData { train, validation, label_names, sources: sources.as_ref() }
    }

    fn tokenized(&self, rows: &LabelledRows) -> anyhow::Result<Dataset> {
        let limits = self.config.tokens;
        Ok(match &self.config.token_cache {
            Some(folder) => TokenCache::new(folder).dataset(&self.tokenizer, limits, rows)?,
            None => Dataset::read(&self.tokenizer, limits, rows)?,
        })
    }
}

/// The model that a run begins with, which is a folder or of the hub, and its tokenizer.
pub(crate) fn pretrained(
    model: &str,
    revision: Option<String>,
    outside: &Outside,
) -> anyhow::Result<(Arc<Checkpoint>, BertTokenizer)> {
    check_one_task(Path::new(model))?;
    let folder = find_model(model, revision, outside)?;
    let checkpoint = Arc::new(Checkpoint::open(&folder)?);
    Ok((checkpoint, BertTokenizer::from_folder(&folder)?))
}

/// Tells what is computed on, and how.
pub(crate) fn tell_device(device: &str, precision: Precision) {
    let precision = match precision {
        Precision::F32 => "",
        Precision::Bf16 => ", products of bf16",
    };
    errln!("Device    {device}{precision}");
}

/// Checks that the model has an embedding for every token and every position.
fn check_fit(
    config: &SequenceClassificationConfig,
    tokenizer: &BertTokenizer,
    (max_length, setting): (usize, &str),
) -> anyhow::Result<()> {
    let positions = config.bert.max_position_embeddings;
    if max_length > positions {
        bail!(
            "inputs of {max_length} tokens are longer than the {positions} that this model takes; \
             say {positions} or less with {setting}"
        );
    }
    let (tokens, vocab_size) = (tokenizer.vocab_size(), config.bert.vocab_size);
    if tokens > vocab_size {
        bail!(
            "the tokenizer has {tokens} tokens, but the model has only {vocab_size} embeddings: \
             the tokenizer and the model do not belong together"
        );
    }
    Ok(())
}
