use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use bertune::BertOps;
use bertune::backend::Autodiff;
use bertune::checkpoint::{
    Checkpoint, Connection, HubOptions, Progress as Downloads, StagedFolder, find_checkpoint,
};
use bertune::data::{Dataset, LabelMap, Labels, Table, read_table, stratified_split};
use bertune::head::{BertForSequenceClassification, LabelNames, Pooling};
use bertune::tokenize::BertTokenizer;
use bertune::train::{
    Classifier, Evaluation, FineTuned, ModelCard, OptimizerKind, Preset, Run, ScheduleKind,
    TrainingData, evaluate, fine_tune, save_classifier,
};
use clap::Args;

use crate::args::{LimitArgs, TableArgs, named, set, set_some};
use crate::device::{Job, dispatch};
use crate::evaluate::print_evaluation;
use crate::progress::Progress;
use crate::run_config::RunConfig;
use crate::stop::{INTERRUPTED, on_ctrl_c};

/// Flags override the file of --config, which overrides --preset.
///
/// Progress goes to standard error; the line of each epoch and the results go to standard output.
#[derive(Args)]
pub(crate) struct TrainArgs {
    /// The pretrained model: a folder or an id of the Hugging Face hub.
    #[arg(long, value_name = "FOLDER|ID")]
    model: Option<String>,
    /// The file to learn from: csv, tsv or jsonl.
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// The file to measure on after each epoch; a tenth of --train where left out.
    #[arg(long, value_name = "FILE")]
    validation: Option<PathBuf>,
    /// The file to measure the best model on at the end.
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// The folder of the result.
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Replace the model that --output holds.
    #[arg(long)]
    overwrite: bool,
    /// A TOML file of settings, such as the bertune.toml beside a model.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ready-made training settings: article or bert-paper.
    #[arg(long, value_parser = named::<Preset>)]
    preset: Option<Preset>,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
    /// Which vector the classifier reads: pooler or mean.
    #[arg(long, value_parser = named::<Pooling>)]
    pooling: Option<Pooling>,
    /// The share of --train to measure on where there is no --validation.
    #[arg(long, value_name = "SHARE")]
    validation_fraction: Option<f64>,
    /// A branch, a tag or a commit of the hub's model.
    #[arg(long)]
    revision: Option<String>,
    /// Never ask the hub: use its cache.
    #[arg(long)]
    offline: bool,
    /// No progress, only the epochs and the result.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    training: TrainingArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    table: TableArgs,
}

#[derive(Args)]
#[command(next_help_heading = "Training")]
struct TrainingArgs {
    /// Passes over the training examples.
    #[arg(long)]
    epochs: Option<usize>,
    /// Examples of one step.
    #[arg(long)]
    batch_size: Option<usize>,
    /// The encoder's peak learning rate.
    #[arg(long)]
    learning_rate: Option<f64>,
    /// The classifier's peak learning rate; the encoder's where left out.
    #[arg(long)]
    head_learning_rate: Option<f64>,
    /// The weight decay of all but biases and layer norms.
    #[arg(long)]
    weight_decay: Option<f64>,
    /// adamw or adam.
    #[arg(long, value_parser = named::<OptimizerKind>)]
    optimizer: Option<OptimizerKind>,
    /// linear or constant.
    #[arg(long, value_parser = named::<ScheduleKind>)]
    schedule: Option<ScheduleKind>,
    /// The share of all steps over which the learning rates rise.
    #[arg(long)]
    warmup_ratio: Option<f64>,
    /// The largest global norm of a gradient; 0 is no limit.
    #[arg(long)]
    max_grad_norm: Option<f64>,
    /// What order, dropout and new weights are drawn from.
    #[arg(long)]
    seed: Option<u64>,
}

impl TrainArgs {
    fn resolve(&self) -> anyhow::Result<RunConfig> {
        let training = self.preset.map_or_else(Default::default, Preset::config);
        let mut config = match &self.config {
            Some(path) => RunConfig::read(path, training)?,
            None => RunConfig {
                training,
                ..RunConfig::default()
            },
        };
        set(&mut config.model, self.model.clone());
        set(&mut config.train, self.train.clone());
        set_some(&mut config.validation, self.validation.clone());
        set_some(&mut config.test, self.test.clone());
        set(&mut config.output, self.output.clone());
        set(&mut config.device, self.device.clone());
        set(&mut config.pooling, self.pooling);
        set(&mut config.validation_fraction, self.validation_fraction);
        set_some(&mut config.revision, self.revision.clone());
        self.limits.apply(&mut config.tokens);
        self.table.apply(&mut config.data);
        self.training.apply(&mut config.training);
        config.validate()?;
        Ok(config)
    }
}

impl TrainingArgs {
    fn apply(&self, training: &mut bertune::train::TrainingConfig) {
        set(&mut training.epochs, self.epochs);
        set(&mut training.batch_size, self.batch_size);
        set(&mut training.learning_rate, self.learning_rate);
        set_some(&mut training.head_learning_rate, self.head_learning_rate);
        set(&mut training.weight_decay, self.weight_decay);
        set(&mut training.optimizer, self.optimizer);
        set(&mut training.schedule, self.schedule);
        set(&mut training.warmup_ratio, self.warmup_ratio);
        set(&mut training.max_grad_norm, self.max_grad_norm);
        set(&mut training.seed, self.seed);
    }
}

/// Fine-tunes; everything that is cheap to check is checked before the model is loaded.
pub(crate) fn run(args: TrainArgs) -> anyhow::Result<ExitCode> {
    let config = args.resolve()?;
    check_output(&config.output, args.overwrite)?;
    let tables = Tables::read(&config)?;
    let mut hub = HubOptions::default();
    hub.revision = config.revision.clone();
    hub.progress = if args.quiet {
        Downloads::Hidden
    } else {
        Downloads::Bar
    };
    if args.offline {
        hub.connection = Connection::Offline;
    }
    let folder = find_checkpoint(&config.model, &hub)?;
    let checkpoint = Checkpoint::open(&folder)?;
    let tokenizer = BertTokenizer::from_folder(&folder)?;
    if !args.quiet {
        tables.tell();
    }
    let name = config.device.clone();
    let job = Training {
        config,
        tables,
        checkpoint,
        tokenizer,
        quiet: args.quiet,
    };
    dispatch(&name, job)
}

/// Refuses an output that cannot be written, or that would be lost.
fn check_output(output: &Path, overwrite: bool) -> anyhow::Result<()> {
    let holds_something =
        std::fs::read_dir(output).is_ok_and(|mut entries| entries.next().is_some());
    if holds_something && !overwrite {
        bail!(
            "{} holds files already; say --overwrite to replace the model in it, or name another \
             --output",
            output.display()
        );
    }
    StagedFolder::create(output)?;
    Ok(())
}

/// The labelled texts of a run.
struct Tables {
    train: Table,
    validation: Table,
    test: Option<Table>,
    labels: LabelMap,
}

impl Tables {
    fn read(config: &RunConfig) -> anyhow::Result<Self> {
        let read = |path: &Path| read_table(path, &config.data, Labels::Required);
        let all = read(&config.train)?;
        let labels = LabelMap::of(&all)?;
        let (train, validation) = match &config.validation {
            Some(path) => (all, read(path)?),
            None => {
                let (fraction, seed) = (config.validation_fraction, config.training.seed);
                let split = stratified_split(&labels.ids(&all)?, fraction, seed)?;
                (all.select(&split.train), all.select(&split.validation))
            }
        };
        let test = config.test.as_deref().map(read).transpose()?;
        for table in [Some(&validation), test.as_ref()].into_iter().flatten() {
            labels.ids(table)?;
        }
        Ok(Self {
            train,
            validation,
            test,
            labels,
        })
    }

    /// Tells what was read, on standard error.
    fn tell(&self) {
        let layout = &self.train.layout;
        let pair = layout
            .text_pair
            .as_ref()
            .map(|pair| format!(", pair {pair}"));
        let label = layout.label.as_deref().unwrap_or_default();
        eprintln!(
            "Data      {} (columns: text {}{}, label {label})",
            self.train.path.display(),
            layout.text,
            pair.unwrap_or_default(),
        );
        let test = self
            .test
            .as_ref()
            .map(|test| format!(", {} for test", test.examples.len()));
        eprintln!(
            "          {} rows to learn from, {} for validation{}",
            self.train.examples.len(),
            self.validation.examples.len(),
            test.unwrap_or_default(),
        );
        let counts = self.labels.counts(&self.train);
        let shown = self.labels.names().iter().zip(counts).take(12);
        let classes: Vec<_> = shown
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        let more = if self.labels.names().len() > 12 {
            ", …"
        } else {
            ""
        };
        eprintln!(
            "Classes   {}: {}{more}",
            self.labels.names().len(),
            classes.join(", ")
        );
    }
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
        let Self {
            config,
            tables,
            checkpoint,
            tokenizer,
            quiet,
        } = &self;
        let tokens = |table| Dataset::new(tokenizer, config.tokens, table, &tables.labels);
        let (train, validation) = (tokens(&tables.train)?, tokens(&tables.validation)?);
        let test = tables.test.as_ref().map(tokens).transpose()?;

        let names = LabelNames::new(tables.labels.names().to_vec());
        let mut loaded = BertForSequenceClassification::<Autodiff<B>>::from_pretrained(
            checkpoint,
            names.clone(),
            config.pooling,
            config.training.seed,
            device,
        )?;
        loaded.config.max_length = Some(config.tokens.max_length);
        if !quiet {
            eprintln!("Model     {}: {}", config.model, loaded.report);
            eprintln!("Device    {}", config.device);
        }

        let stop = on_ctrl_c()?;
        let mut progress = Progress::new(&config.training, *quiet);
        let record = config.to_toml()?;
        let keep =
            |model: &BertForSequenceClassification<B>, history: &_, evaluation: &Evaluation| {
                let card = ModelCard {
                    base_model: &config.model,
                    labels: &names,
                    pooling: config.pooling,
                    max_length: config.tokens.max_length,
                    history,
                    confusion: Some(&evaluation.confusion),
                };
                let classifier = Classifier {
                    config: &loaded.config,
                    original_config: checkpoint.config_json(),
                    tokenizer,
                    card,
                    extra_files: &[("bertune.toml", &record)],
                };
                save_classifier(&config.output, model, classifier)
            };
        let run = Run::default()
            .telling(|event| progress.tell(event))
            .keeping(keep)
            .until(stop.clone());
        let data = TrainingData {
            train: &train,
            validation: &validation,
        };
        let tuned = fine_tune(loaded.model, data, &config.training, run)?;
        self.conclude(&tuned, test.as_ref(), stop.is_stopped())
    }
}

impl Training {
    /// Tells the result.
    fn conclude<B: BertOps>(
        &self,
        tuned: &FineTuned<Autodiff<B>>,
        test: Option<&Dataset>,
        was_stopped: bool,
    ) -> anyhow::Result<ExitCode> {
        let best = tuned.history.best().context("no epoch was measured")?;
        let output = self.config.output.display();
        println!(
            "Best epoch {}: accuracy {:.4}",
            best.epoch, best.validation.accuracy
        );
        if let Some(test) = test.filter(|_| !was_stopped) {
            let batch_size = self.config.training.eval_batch_size;
            let evaluation = evaluate(&tuned.model, test, batch_size);
            println!("\nTest");
            print_evaluation(&evaluation, self.tables.labels.names());
        }
        println!("\nModel in {output}");
        if was_stopped {
            eprintln!("stopped before the end; the best model so far is in {output}");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        if !self.quiet {
            eprintln!("Try it:   bertune predict --model {output} \"some text\"");
        }
        Ok(ExitCode::SUCCESS)
    }
}
