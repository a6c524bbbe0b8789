use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use bertune::BertOps;
use bertune::backend::Autodiff;
use bertune::checkpoint::{Checkpoint, LoadReport};
use bertune::data::{Corpus, Dataset, Masking};
use bertune::encoder::{BertConfig, Initializer};
use bertune::head::{BertForMaskedLM, LoadedMaskedLm};
use bertune::tokenize::{BertTokenizer, Limits, VocabSettings};
use bertune::train::{
    History, MaskedLm, Pooler, PretrainingData, Run, SavedState, TrainError, pretrain,
    save_masked_lm,
};
use serde::Serialize;

use crate::args::available;
use crate::count::count;
use crate::device::Job;
use crate::model::{files_of_model, find_model};
use crate::outside::Outside;
use crate::pretrain_config::PretrainConfig;
use crate::progress::Progress;
use crate::run_folder::{PRETRAINING, RunFolder};
use crate::run_record::{RUN_RECORD, hashes};
use crate::state_files::StateFiles;
use crate::stop::{INTERRUPTED, on_ctrl_c};

/// A run of pretraining, new or gone on with, before its backend is known.
pub(crate) struct Pretraining {
    pub(crate) config: PretrainConfig,
    checkpoint: Option<Checkpoint>,
    tokenizer: BertTokenizer,
    train: Dataset,
    validation: Dataset,
    run_folder: RunFolder,
    saved: Option<SavedState>,
    outside: Outside,
}

/// All of a pretraining run in one file, beside its model.
#[derive(Serialize)]
struct PretrainingRecord<'a> {
    bertune_version: &'a str,
    settings: &'a PretrainConfig,
    /// The SHA-256 of each file that was read.
    inputs: &'a BTreeMap<String, String>,
    history: &'a History,
}

impl Pretraining {
    /// A new run; what an earlier one left in its folder goes when this one begins.
    pub(crate) fn begin(
        config: PretrainConfig,
        run_folder: RunFolder,
        outside: Outside,
    ) -> anyhow::Result<Self> {
        check_text(&config)?;
        let checkpoint = checkpoint(&config, &outside)?;
        let tokenizer = match (&checkpoint, &config.tokenizer) {
            (Some(checkpoint), _) => BertTokenizer::from_folder(checkpoint.folder())?,
            (None, Some(folder)) => BertTokenizer::from_folder(folder)?,
            (None, None) => new_tokenizer(&config, outside.quiet)?,
        };
        Self::prepare(config, checkpoint, tokenizer, run_folder, None, outside)
    }

    /// A run that was stopped.
    pub(crate) fn resume(
        state: &Path,
        run_folder: RunFolder,
        outside: Outside,
    ) -> anyhow::Result<Self> {
        let outside = outside.of_state(state)?;
        let config = PretrainConfig::read(&state.join(PRETRAINING))?;
        let checkpoint = checkpoint(&config, &outside)?;
        let tokenizer = BertTokenizer::from_folder(&run_folder.tokenizer())?;
        let saved = SavedState::read(state)?;
        if !outside.quiet {
            errln!("Going on  after step {}", saved.steps());
        }
        Self::prepare(config, checkpoint, tokenizer, run_folder, Some(saved), outside)
    }

    fn prepare(
        config: PretrainConfig,
        checkpoint: Option<Checkpoint>,
        tokenizer: BertTokenizer,
        run_folder: RunFolder,
        saved: Option<SavedState>,
        outside: Outside,
    ) -> anyhow::Result<Self> {
        if let Some(checkpoint) = &checkpoint {
            check_length(config.max_length, checkpoint)?;
        }
        let seed = config.training.seed;
        let (train, validation) = corpora(&config);
        let packed = |corpus: &Corpus, seed| -> anyhow::Result<Dataset> {
            let masking = Masking::new(&tokenizer, config.masking, seed)?;
            Ok(corpus.packed(&tokenizer, config.max_length)?.masked(masking))
        };
        let train = packed(&train, seed)?;
        check_known(&train, &tokenizer, "learn from")?;
        // Measured with the same masks whatever the seed of the run.
        let validation = packed(&validation, 0);
        let (validation, origin) = match config.validation.is_empty() {
            true => {
                let advice = "no text is held out to measure on; name some with --validation";
                (validation.context(advice)?, "held out")
            }
            false => (validation?, "for validation"),
        };
        check_known(&validation, &tokenizer, "measure on")?;
        if !outside.quiet {
            let (sequences, measured) = (count(train.len(), "sequence"), validation.len());
            errln!("Text      {sequences} of {} tokens, {measured} {origin}", config.max_length);
        }
        Ok(Self { config, checkpoint, tokenizer, train, validation, run_folder, saved, outside })
    }

    fn load<B: BertOps>(&self, device: &B::Device) -> anyhow::Result<LoadedMaskedLm<B>> {
        let seed = self.config.training.seed;
        let Some(checkpoint) = &self.checkpoint else {
            let PretrainConfig { architecture, max_length, .. } = &self.config;
            let config = architecture.bert(self.tokenizer.vocab_size(), *max_length);
            config.validate()?;
            let init = Initializer::new(seed, config.initializer_range);
            let mut model = BertForMaskedLM::new(&config, &init, device);
            if self.config.architecture.look_at_neighbours {
                model.bert = model.bert.looking_at_neighbours(&config);
            }
            return Ok(LoadedMaskedLm { model, config, report: LoadReport::default() });
        };
        Ok(BertForMaskedLM::from_pretrained(checkpoint, seed, device)?)
    }

    fn input_hashes(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut files: Vec<_> =
            self.config.text.iter().chain(&self.config.validation).cloned().collect();
        if let Some(checkpoint) = &self.checkpoint {
            files.extend(files_of_model(checkpoint.folder())?);
        }
        hashes(files.iter().map(PathBuf::as_path))
    }

    /// Writes the model and its record to the output folder.
    fn save<B: BertOps>(
        &self,
        model: &BertForMaskedLM<B>,
        (config, pooler): (&BertConfig, Pooler),
        settings: &str,
        inputs: &BTreeMap<String, String>,
        history: &History,
    ) -> Result<(), TrainError> {
        let bertune_version = env!("CARGO_PKG_VERSION");
        let record = PretrainingRecord { bertune_version, settings: &self.config, inputs, history };
        let json = serde_json::to_string_pretty(&record).map_err(std::io::Error::other);
        let path = self.config.output.join(RUN_RECORD);
        let json = json.map_err(|source| TrainError::Write { path, source })? + "\n";
        let original = self.checkpoint.as_ref().map(Checkpoint::config_json).cloned();
        let files = MaskedLm {
            config,
            original_config: &original.unwrap_or_default(),
            tokenizer: &self.tokenizer,
            pooler,
            history,
            extra_files: &[(PRETRAINING, settings), (RUN_RECORD, &json)],
        };
        save_masked_lm(&self.config.output, model, files)
    }

    /// Tells what the model is, and what of one that is gone on with is new or left out.
    fn tell_model(&self, config: &BertConfig, report: &LoadReport) {
        let BertConfig { num_hidden_layers, hidden_size, vocab_size, .. } = config;
        let origin =
            self.config.model.as_ref().map(|model| format!("{model}: {report}\n          "));
        errln!(
            "Model     {}{}, {hidden_size} wide, {vocab_size} tokens\n\
             Device    {}",
            origin.unwrap_or_default(),
            count(*num_hidden_layers, "layer"),
            self.config.device
        );
    }

    /// Tells which model was the best, and what can be done with it: it takes texts of `positions`
    /// tokens.
    fn tell_end(&self, history: &History, positions: usize, finished: bool) {
        let output = self.config.output.display();
        if let Some(best) = history.best() {
            let (step, loss) = (best.step, best.validation_loss);
            let perplexity = loss.exp();
            outln!(
                "Best after step {step}: loss {loss:.4}, perplexity {perplexity:.2}, in {output}"
            );
        }
        if !finished {
            errln!("stopped before the end; go on with: bertune resume {output}");
        } else if !self.outside.quiet {
            let length = length_in_words(positions);
            errln!(
                "\nFine-tune it: bertune train --model {output} --train FILE --output FOLDER\
                 {length}"
            );
        }
    }
}

/// The flag of fine-tuning for a model that takes less than the usual lengths.
fn length_in_words(positions: usize) -> String {
    let is_short = positions < Limits::default().max_length;
    if is_short { format!(" --max-length {positions}") } else { String::new() }
}

impl Job for Pretraining {
    type Output = ExitCode;

    fn run<B: BertOps>(mut self, device: &B::Device) -> anyhow::Result<ExitCode> {
        self.config.training.precision = available::<B>(self.config.training.precision);
        let LoadedMaskedLm { model, config, report } = self.load::<Autodiff<B>>(device)?;
        let is_new = |name: &String| name.starts_with("bert.pooler.");
        let has_none = self.checkpoint.is_none() || report.initialised.iter().any(is_new);
        let pooler = match has_none && self.config.pooled_loss == 0.0 {
            true => Pooler::New,
            false => Pooler::Pretrained,
        };
        if !self.outside.quiet {
            self.tell_model(&config, &report);
        }
        let (inputs, settings) = (self.input_hashes()?, self.config.to_toml()?);
        self.outside.check_inputs(&inputs)?;
        let saved = self.saved.take();
        let mut progress =
            Progress::new(&self.config.training, self.outside.quiet).of_hidden_tokens();
        let mut events = self.outside.event_file(&self.config.training)?;
        let notices = progress.notices();
        let stop = on_ctrl_c(move || {
            notices.tell("stopping after this step; Ctrl-C once more ends at once");
        })?;
        let run = Run::default()
            .telling(|event| {
                progress.tell(event);
                events.as_mut().map(|events| events.tell(event));
            })
            .keeping(|model, history, _| {
                self.save(model, (&config, pooler), &settings, &inputs, history)
            })
            .beginning(|| {
                self.run_folder.begin()?;
                Ok(self.tokenizer.save(&self.run_folder.tokenizer())?)
            })
            .saving(self.config.save_every, |state| {
                let files = StateFiles { settings: (PRETRAINING, &settings), inputs: &inputs };
                self.run_folder.save(state, files, self.config.keep_states)
            })
            .resuming(saved)
            .until(stop)
            .within(self.outside.max_time);
        let data = PretrainingData {
            train: &self.train,
            validation: &self.validation,
            pooled_loss: self.config.pooled_loss,
        };
        let pretrained = pretrain(model, data, &self.config.training, run)?;
        progress.end();
        self.tell_end(&pretrained.history, config.max_position_embeddings, pretrained.finished);
        if !pretrained.finished {
            return Ok(ExitCode::from(INTERRUPTED));
        }
        self.run_folder.remove()?;
        Ok(ExitCode::SUCCESS)
    }
}

fn checkpoint(config: &PretrainConfig, outside: &Outside) -> anyhow::Result<Option<Checkpoint>> {
    let Some(model) = &config.model else { return Ok(None) };
    let folder = find_model(model, None, outside)?;
    Ok(Some(Checkpoint::open(&folder)?))
}

/// The text to learn from and the text to measure on.
fn corpora(config: &PretrainConfig) -> (Corpus, Corpus) {
    let text = Corpus::new(config.text.clone());
    match config.validation.is_empty() {
        true => text.holding_out_every(config.hold_out_every),
        false => (text, Corpus::new(config.validation.clone())),
    }
}

/// Refuses text without a word, and text of too few documents to hold one out, where there is no
/// other to measure on.
fn check_text(config: &PretrainConfig) -> anyhow::Result<()> {
    let files: Vec<_> = config.text.iter().map(|file| file.display().to_string()).collect();
    let files = files.join(", ");
    if !has_word(&Corpus::new(config.text.clone()))? {
        bail!("there is no word in {files}; give text to learn from");
    }
    let (_, held_out) = corpora(config);
    if config.validation.is_empty() && held_out.documents().next().is_none() {
        bail!(
            "there are fewer than {} documents in {files}, too few to hold one out to measure on; \
             name other text with --validation",
            config.hold_out_every
        );
    }
    Ok(())
}

/// Whether there is more than marks in a text.
fn has_word(text: &Corpus) -> anyhow::Result<bool> {
    for document in text.documents() {
        if document?.iter().any(|line| line.contains(char::is_alphanumeric)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses text of which the tokenizer knows no token: nothing of it could be hidden.
fn check_known(text: &Dataset, tokenizer: &BertTokenizer, purpose: &str) -> anyhow::Result<()> {
    let sequences = (0..text.len()).flat_map(|example| text.sequences(example));
    let mut ids = sequences.flat_map(|sequence| sequence.input_ids);
    if ids.all(|id| tokenizer.is_special(*id)) {
        bail!(
            "the tokenizer knows no word of the text to {purpose}: all its tokens are special ones, \
             such as [UNK]; give text in the language of the tokenizer"
        );
    }
    Ok(())
}

/// A tokenizer made of the text to learn from.
fn new_tokenizer(config: &PretrainConfig, quiet: bool) -> anyhow::Result<BertTokenizer> {
    if !quiet {
        errln!("Tokenizer made of the text");
    }
    let (text, _) = corpora(config);
    let settings =
        VocabSettings { do_lower_case: !config.architecture.cased, ..VocabSettings::default() };
    let mut error = None;
    let documents =
        text.documents().map_while(|document| document.map_err(|first| error = Some(first)).ok());
    let tokenizer =
        BertTokenizer::train(documents.flatten(), config.architecture.vocab_size, &settings);
    match error {
        Some(error) => Err(error.into()),
        None => Ok(tokenizer?),
    }
}

/// Refuses sequences that are too long for the model that learns on.
fn check_length(length: usize, checkpoint: &Checkpoint) -> anyhow::Result<()> {
    let longest = checkpoint.config::<BertConfig>()?.max_position_embeddings;
    if length > longest {
        bail!(
            "sequences of {length} tokens are longer than the {longest} that this model takes; say \
             --max-length {longest} or less"
        );
    }
    Ok(())
}
