use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use bertune::BertOps;
use bertune::checkpoint::{
    Checkpoint, Connection, HubOptions, Progress as Downloads, find_checkpoint,
};
use bertune::data::{Dataset, Table, TokenCache};
use bertune::head::{
    Adaptation, BertForSequenceClassification, DropoutOverrides, LabelNames, Loaded,
    SequenceClassificationConfig,
};
use bertune::kernels::Precision;
use bertune::tokenize::BertTokenizer;
use bertune::train::{SourceRule, Sources, TrainingData, set_limits};

use crate::args::available;
use crate::device;
use crate::outside::Outside;
use crate::run_config::RunConfig;
use crate::run_record::hashes;
use crate::source_files::joined;
use crate::tables::Tables;

/// All that a run needs, before its backend is known.
pub(crate) struct Training {
    pub(crate) config: RunConfig,
    pub(crate) tables: Tables,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) tokenizer: BertTokenizer,
    pub(crate) quiet: bool,
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
        if !outside.quiet {
            eprintln!("{}", tables.summary());
        }
        let folder =
            find_checkpoint(&config.model, &hub_options(config.revision.clone(), outside))?;
        let checkpoint = Checkpoint::open(&folder)?;
        let tokenizer = BertTokenizer::from_folder(&folder)?;
        Ok(Self { config, tables, checkpoint, tokenizer, quiet: outside.quiet })
    }

    /// The hashes of all files that the run reads.
    pub(crate) fn input_hashes(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let tables = [Some(&self.tables.train), Some(&self.tables.validation)];
        let tables = tables.into_iter().flatten().chain(&self.tables.test);
        let tables = tables.chain(&self.tables.sources);
        let mut files: Vec<PathBuf> = tables.flat_map(|table| table.files.clone()).collect();
        let folder = self.checkpoint.folder();
        let describe = || format!("cannot read {}", folder.display());
        for entry in folder.read_dir().with_context(describe)? {
            let path = entry.with_context(describe)?.path();
            let is_read = path.extension().is_some_and(|extension| {
                ["json", "safetensors", "bin", "txt"].iter().any(|read| extension == *read)
            });
            if is_read && path.is_file() {
                files.push(path);
            }
        }
        hashes(files.iter().map(PathBuf::as_path))
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
        let RunConfig { hidden_dropout, attention_dropout, classifier_dropout, .. } = self.config;
        let adaptation = Adaptation {
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
        };
        let mut loaded =
            BertForSequenceClassification::from_pretrained(&self.checkpoint, adaptation, device)?;
        let max_length = self.config.tokens.max_length;
        check_fit(&loaded.config, &self.tokenizer, max_length)?;
        set_limits(&mut loaded.config, self.config.tokens);
        if !self.quiet {
            eprintln!("Model     {}: {}", self.config.model, loaded.report);
            let precision = match self.config.training.precision {
                Precision::F32 => "",
                Precision::Bf16 => ", products of bf16",
            };
            eprintln!("Device    {}{precision}", self.config.device);
        }
        Ok(loaded)
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
        let Tables { train, sources, validation, test, .. } = &self.tables;
        let train = match sources.as_slice() {
            [] => self.tokenized(train)?,
            sources => self.tokenized(&joined(train, sources))?,
        };
        Ok(Examples {
            sources: self.sources(model, &train)?,
            train,
            validation: self.tokenized(validation)?,
            test: test.as_ref().map(|test| self.tokenized(test)).transpose()?,
        })
    }

    /// What the rows of sources weigh at the beginning, if there are any.
    fn sources<B: BertOps>(
        &self,
        model: &BertForSequenceClassification<B>,
        train: &Dataset,
    ) -> anyhow::Result<Option<Sources>> {
        let (sources, weighting) = (&self.tables.sources, &self.config.source_weights);
        if sources.is_empty() {
            return Ok(None);
        }
        if weighting.rule == SourceRule::Domain && !self.quiet {
            eprintln!("Weighing  the sources by how alike they are to the target");
        }
        let rows: Vec<usize> = sources.iter().map(|source| source.examples.len()).collect();
        Ok(Some(Sources::new(model, train, &rows, weighting)?))
    }

    /// What the model learns from and is measured on.
    pub(crate) fn data<'a>(&'a self, examples: &'a Examples) -> TrainingData<'a> {
        let Examples { train, validation, sources, .. } = examples;
        let label_names = self.tables.labels.names();
        TrainingData { train, validation, label_names, sources: sources.as_ref() }
    }

    pub(crate) fn tokenized(&self, table: &Table) -> anyhow::Result<Dataset> {
        let (limits, labels) = (self.config.tokens, &self.tables.labels);
        Ok(match &self.config.token_cache {
            Some(folder) => {
                TokenCache::new(folder).dataset(&self.tokenizer, limits, table, labels)?
            }
            None => Dataset::new(&self.tokenizer, limits, table, labels)?,
        })
    }
}

pub(crate) fn hub_options(revision: Option<String>, outside: &Outside) -> HubOptions {
    let mut hub = HubOptions::default();
    hub.revision = revision;
    if !outside.quiet {
        hub.progress = Downloads::Bar;
    }
    if outside.offline {
        hub.connection = Connection::Offline;
    }
    hub
}

/// Checks that the model has an embedding for every token and every position.
fn check_fit(
    config: &SequenceClassificationConfig,
    tokenizer: &BertTokenizer,
    max_length: usize,
) -> anyhow::Result<()> {
    let positions = config.bert.max_position_embeddings;
    if max_length > positions {
        bail!(
            "inputs of {max_length} tokens are longer than the {positions} that this model takes; \
             say --max-length {positions} or less"
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
