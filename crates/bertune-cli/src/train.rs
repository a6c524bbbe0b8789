use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use bertune::BertOps;
use bertune::backend::Autodiff;
use bertune::checkpoint::StagedFolder;
use bertune::data::Dataset;
use bertune::head::{BertForSequenceClassification, SequenceClassificationConfig};
use bertune::train::{
    Classifier, Evaluation, FineTuned, History, ModelCard, Run, SavedState, TrainError, evaluate,
    fine_tune, save_classifier,
};

use crate::device::{Job, dispatch};
use crate::evaluate::print_evaluation;
use crate::progress::{Progress, in_digits};
use crate::run_config::RunConfig;
use crate::run_folder::RunFolder;
use crate::stop::{INTERRUPTED, on_ctrl_c};
use crate::train_args::TrainArgs;
use crate::training::{Manner, Training};

/// Fine-tunes.
pub(crate) fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let config = args.resolve()?;
    crate::device::check(&config.device)?;
    if !args.overwrite && RunFolder::has_states(&config.output) {
        let output = config.output.display();
        bail!(
            "a run to {output} was stopped and can go on: bertune resume {output}; or say \
             --overwrite to begin anew"
        );
    }
    check_output(&config, args.overwrite)?;
    let run_folder = RunFolder::claim(&config.output)?;
    run_folder.clear()?;
    let manner = Manner { quiet: args.quiet, offline: args.offline };
    let training = Training::prepare(config, manner)?;
    let device = training.config.device.clone();
    dispatch(&device, Learning { training, run_folder, saved: None, max_time: args.max_time })
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

/// A run, new or gone on with.
pub(crate) struct Learning {
    pub(crate) training: Training,
    pub(crate) run_folder: RunFolder,
    pub(crate) saved: Option<SavedState>,
    pub(crate) max_time: Option<Duration>,
}

impl Job for Learning {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let Self { training, run_folder, saved, max_time } = self;
        let loaded = training.load::<Autodiff<B>>(device)?;
        let examples = training.examples()?;
        let mut progress = Progress::new(&training.config.training, training.quiet);
        let notices = progress.notices();
        let stop = on_ctrl_c(move || {
            notices.tell("stopping after this step; Ctrl-C once more ends at once");
        })?;
        let record = training.config.to_toml()?;
        let RunConfig { save_every, keep_states, .. } = training.config;
        let run = Run::default()
            .telling(|event| progress.tell(event))
            .keeping(|model, history, evaluation| {
                training.save(model, &loaded.config, &record, history, evaluation)
            })
            .saving(save_every, |state| run_folder.save(state, &record, keep_states))
            .resuming(saved)
            .until(stop)
            .within(max_time);
        let data = training.data(&examples);
        let tuned = fine_tune(loaded.model, data, &training.config.training, run)?;
        progress.end();
        training.tell_best(&tuned.history)?;
        if !tuned.finished {
            let output = training.config.output.display();
            eprintln!(
                "stopped before the end; what is kept is the best model so far.\n\
                 Go on with: bertune resume {output}"
            );
            return Ok(ExitCode::from(INTERRUPTED));
        }
        run_folder.remove()?;
        training.measure(&tuned, examples.test.as_ref());
        training.tell_next();
        Ok(ExitCode::SUCCESS)
    }
}

impl Training {
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
            confusion: evaluation.confusion.as_ref(),
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
        let best = history.best().context("the model was not measured")?;
        let metric = history.metric();
        println!(
            "Best after step {} (epoch {}): {metric} {}, in {}",
            best.step,
            best.epoch,
            in_digits(best.score(metric)),
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
