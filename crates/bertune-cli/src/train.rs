use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use bertune::BertOps;
use bertune::backend::Autodiff;
use bertune::checkpoint::{
    Checkpoint, Connection, HubOptions, Progress as Downloads, StagedFolder, find_checkpoint,
};
use bertune::data::{Dataset, Table};
use bertune::head::{
    BertForSequenceClassification, LabelNames, Loaded, SequenceClassificationConfig,
};
use bertune::tokenize::BertTokenizer;
use bertune::train::{
    Classifier, Evaluation, FineTuned, History, ModelCard, Run, TrainError, TrainingData, evaluate,
    fine_tune, save_classifier,
};

use crate::device::{self, Job, dispatch};
use crate::evaluate::print_evaluation;
use crate::progress::Progress;
use crate::run_config::RunConfig;
use crate::stop::{INTERRUPTED, on_ctrl_c};
use crate::tables::Tables;
use crate::train_args::TrainArgs;

/// Fine-tunes; everything that is cheap to check is checked before the model is loaded.
pub(crate) fn run(args: TrainArgs) -> anyhow::Result<ExitCode> {
    let config = args.resolve()?;
    device::check(&config.device)?;
    check_output(&config, args.overwrite)?;
    let tables = Tables::read(&config)?;
    if !args.quiet {
        eprintln!("{}", tables.summary());
    }
    let folder = find_checkpoint(&config.model, &hub_options(&args, &config))?;
    let checkpoint = Checkpoint::open(&folder)?;
    let tokenizer = BertTokenizer::from_folder(&folder)?;
    let device = config.device.clone();
    let training = Training { config, tables, checkpoint, tokenizer, quiet: args.quiet };
    dispatch(&device, training)
}

/// Refuses an output that cannot be written, or in whose place something would be lost.
fn check_output(config: &RunConfig, overwrite: bool) -> anyhow::Result<()> {
    let output = &config.output;
    if let Some(file) = output.ancestors().find(|path| path.is_file()) {
        bail!(
            "--output {}: {} is a file; name a folder for the result",
            output.display(),
            file.display()
        );
    }
    let holds_files = std::fs::read_dir(output).is_ok_and(|mut entries| entries.next().is_some());
    if holds_files && !overwrite {
        bail!(
            "{} holds files already; say --overwrite to replace the model in it, or name another \
             --output",
            output.display()
        );
    }
    if let Some(input) = config.inputs().find(|input| is_within(input, output)) {
        bail!(
            "{} is read by this run and would be lost with what {} holds now; name another \
             --output",
            input.display(),
            output.display()
        );
    }
    StagedFolder::create(output)?;
    Ok(())
}

fn is_within(path: &Path, folder: &Path) -> bool {
    match (path.canonicalize(), folder.canonicalize()) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        _ => false,
    }
}

fn hub_options(args: &TrainArgs, config: &RunConfig) -> HubOptions {
    let mut hub = HubOptions::default();
    hub.revision = config.revision.clone();
    if !args.quiet {
        hub.progress = Downloads::Bar;
    }
    if args.offline {
        hub.connection = Connection::Offline;
    }
    hub
}

/// All that a run needs, before its backend is known.
struct Training {
    config: RunConfig,
    tables: Tables,
    checkpoint: Checkpoint,
    tokenizer: BertTokenizer,
    quiet: bool,
}

impl Job for Training {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let loaded = self.load::<Autodiff<B>>(device)?;
        let (train, validation) =
            (self.tokenized(&self.tables.train)?, self.tokenized(&self.tables.validation)?);
        let test = self.tables.test.as_ref();
        let test = test.map(|test| self.tokenized(test)).transpose()?;
        let data = TrainingData { train: &train, validation: &validation };

        let mut progress = Progress::new(&self.config.training, self.quiet);
        let notices = progress.notices();
        let stop = on_ctrl_c(move || {
            notices.tell("stopping after this step; Ctrl-C once more ends at once");
        })?;
        let record = self.config.to_toml()?;
        let run = Run::default()
            .telling(|event| progress.tell(event))
            .keeping(|model, history, evaluation| {
                self.save(model, &loaded.config, &record, history, evaluation)
            })
            .until(stop.clone());
        let tuned = fine_tune(loaded.model, data, &self.config.training, run)?;
        progress.end();
        self.tell_best(&tuned.history)?;
        if stop.is_stopped() {
            eprintln!("stopped before the end; what is kept is the best model so far");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        self.measure(&tuned, test.as_ref());
        self.tell_next();
        Ok(ExitCode::SUCCESS)
    }
}

impl Training {
    /// The pretrained encoder with a classifier for the classes of the data.
    fn load<B: BertOps>(&self, device: &B::Device) -> anyhow::Result<Loaded<B>> {
        let mut loaded = BertForSequenceClassification::from_pretrained(
            &self.checkpoint,
            self.labels(),
            self.config.pooling,
            self.config.training.seed,
            device,
        )?;
        let max_length = self.config.tokens.max_length;
        check_fit(&loaded.config, &self.tokenizer, max_length)?;
        loaded.config.max_length = Some(max_length);
        if !self.quiet {
            eprintln!("Model     {}: {}", self.config.model, loaded.report);
            eprintln!("Device    {}", self.config.device);
        }
        Ok(loaded)
    }

    fn labels(&self) -> LabelNames {
        LabelNames::new(self.tables.labels.names().to_vec())
    }

    fn tokenized(&self, table: &Table) -> anyhow::Result<Dataset> {
        let (limits, labels) = (self.config.tokens, &self.tables.labels);
        Ok(Dataset::new(&self.tokenizer, limits, table, labels)?)
    }

    /// Writes the model and its record to the output folder.
    fn save<B: BertOps>(
        &self,
        model: &BertForSequenceClassification<B>,
        config: &SequenceClassificationConfig,
        record: &str,
        history: &History,
        evaluation: &Evaluation,
    ) -> Result<(), TrainError> {
        let card = ModelCard {
            base_model: &self.config.model,
            labels: &self.labels(),
            pooling: self.config.pooling,
            max_length: self.config.tokens.max_length,
            history,
            confusion: Some(&evaluation.confusion),
        };
        let classifier = Classifier {
            config,
            original_config: self.checkpoint.config_json(),
            tokenizer: &self.tokenizer,
            card,
            extra_files: &[("bertune.toml", record)],
        };
        save_classifier(&self.config.output, model, classifier)
    }

    fn tell_best(&self, history: &History) -> anyhow::Result<()> {
        let best = history.best().context("no epoch was measured")?;
        println!(
            "Best epoch {} of {}: accuracy {:.4}, in {}",
            best.epoch,
            history.epochs.len(),
            best.validation.accuracy,
            self.config.output.display()
        );
        Ok(())
    }

    /// Prints the scores of the best model on the test file, if there is one.
    fn measure<B: BertOps>(&self, tuned: &FineTuned<Autodiff<B>>, test: Option<&Dataset>) {
        let Some(test) = test else { return };
        if !self.quiet {
            eprintln!("Measuring the best model on the {} rows of the test", test.len());
        }
        let evaluation = evaluate(&tuned.model, test, self.config.training.eval_batch_size);
        print!("\nTest  ");
        print_evaluation(&evaluation, self.tables.labels.names());
    }

    fn tell_next(&self) {
        if !self.quiet {
            let output = self.config.output.display();
            eprintln!("\nTry it: bertune predict --model {output} \"some text\"");
        }
    }
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
