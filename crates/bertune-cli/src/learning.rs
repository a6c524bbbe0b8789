use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use bertune::BertOps;
use bertune::backend::Autodiff;
use bertune::burn::module::AutodiffModule;
use bertune::checkpoint::StagedFolder;
use bertune::data::Dataset;
use bertune::head::{BertForSequenceClassification, Decisions, SequenceClassificationConfig};
use bertune::train::{
    Classifier, Evaluation, FineTuned, History, ModelCard, Run, SavedState, TrainError, evaluate,
    fine_tune, fit_decisions, save_adapter, save_classifier,
};

use crate::base::Base;
use crate::device::{Job, dispatch};
use crate::measured::Measured;
use crate::outside::Outside;
use crate::progress::{Progress, in_digits};
use crate::run_config::RunConfig;
use crate::run_folder::{RECORD, RunFolder};
use crate::run_record::{RUN_RECORD, RunRecord};
use crate::state_files::StateFiles;
use crate::stop::{INTERRUPTED, on_ctrl_c};
use crate::training::Training;
use crate::whole_file::write_whole;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It did all that it was to do.
    Finished,
    /// It was stopped before.
    Stopped,
    /// It did all but the comparison with the target alone, which was stopped.
    Unchecked,
}

impl End {
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Finished => ExitCode::SUCCESS,
            Self::Stopped | Self::Unchecked => ExitCode::from(INTERRUPTED),
        }
    }
}

/// Begins a run and takes it to its end.
pub(crate) fn begin(config: RunConfig, outside: &Outside) -> anyhow::Result<End> {
    crate::device::check(&config.device)?;
    RunFolder::refuse_states(&config.output, outside.overwrite)?;
    check_output(&config.output, config.inputs(), outside.overwrite)?;
    let run_folder = RunFolder::claim(&config.output)?;
    let training = Training::prepare(config, outside)?;
    let device = training.config.device.clone();
    dispatch(&device, Learning { training, run_folder, saved: None, outside })
}

/// Refuses an output that cannot be written, or in whose place something would be lost.
pub(crate) fn check_output<'a>(
    output: &Path,
    inputs: impl Iterator<Item = &'a Path>,
    overwrite: bool,
) -> anyhow::Result<()> {
    check_free(output, inputs, overwrite)?;
    StagedFolder::create(output)?;
    Ok(())
}

/// Refuses an output that is a file, that holds what is read, or that holds anything if it is not to
/// be overwritten.
pub(crate) fn check_free<'a>(
    output: &Path,
    mut inputs: impl Iterator<Item = &'a Path>,
    overwrite: bool,
) -> anyhow::Result<()> {
    refuse_file(output)?;
    let holds_files = std::fs::read_dir(output).is_ok_and(|mut entries| entries.next().is_some());
    if holds_files && !overwrite {
        bail!(
            "{} holds files already; say --overwrite to replace the model in it, or name another \
             --output",
            output.display()
        );
    }
    if let Some(input) = inputs.find(|input| is_within(input, output)) {
        bail!(
            "{} is read by this run and would be lost with what {} holds now; name another \
             --output",
            input.display(),
            output.display()
        );
    }
    Ok(())
}

/// Refuses an output that is a file, or lies below one.
pub(crate) fn refuse_file(output: &Path) -> anyhow::Result<()> {
    if let Some(file) = output.ancestors().find(|path| path.is_file()) {
        bail!(
            "--output {}: {} is a file; name a folder for the result",
            output.display(),
            file.display()
        );
    }
    Ok(())
}

/// Whether a path is a folder, or lies in it; both must be there.
pub(crate) fn is_within(path: &Path, folder: &Path) -> bool {
    match (path.canonicalize(), folder.canonicalize()) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        _ => false,
    }
}

/// A run, new or gone on with.
pub(crate) struct Learning<'a> {
    pub(crate) training: Training,
    pub(crate) run_folder: RunFolder,
    pub(crate) saved: Option<SavedState>,
    pub(crate) outside: &'a Outside,
}

impl Job for Learning<'_> {
    type Output = End;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<End> {
        let Self { training, run_folder, saved, outside } = self;
        let training = training.on_device::<B>();
        let loaded = training.load::<Autodiff<B>>(device)?;
        let examples = training.examples(&loaded.model.valid())?;
        let inputs = training.input_hashes()?;
        outside.check_inputs(&inputs)?;
        let base = training.adapter_base(&loaded)?;
        let settings = training.config.to_toml()?;
        let RunConfig { save_every, keep_states, .. } = training.config;
        let mut progress = Progress::new(&training.config.training, training.quiet);
        let mut events = outside.event_file(&training.config.training)?;
        let notices = progress.notices();
        let stop = on_ctrl_c(move || {
            notices.tell("stopping after this step; Ctrl-C once more ends at once");
        })?;
        let alone = training.target_only(&loaded.model, &stop, outside.max_time);
        let (mut decisions, mut best) = (Decisions::default(), None);
        let run = Run::default()
            .telling(|event| {
                progress.tell(event);
                // A curve that cannot be written is no reason to lose the run.
                events.as_mut().map(|events| events.tell(event));
            })
            .keeping(|model, history, evaluation| {
                let record = RunRecord::new(&training.config, &inputs, history);
                let targets = examples.validation.targets();
                best = Some(evaluation.clone());
                decisions = fit_decisions(&history.config, evaluation, targets);
                let mut config = loaded.config.clone();
                config.decisions = decisions.clone();
                let files = Files { settings: &settings, record: &record, base: base.as_ref() };
                training.save(model, &config, files, evaluation)
            })
            .beginning(|| run_folder.begin())
            .saving(save_every, |state| {
                let files = StateFiles { settings: (RECORD, &settings), inputs: &inputs };
                run_folder.save(state, files, keep_states)
            })
            .resuming(saved)
            .until(stop)
            .within(outside.max_time);
        let data = training.data(&examples);
        let tuned = fine_tune(loaded.model, data, &training.config.training, run)?;
        progress.end();
        tell_best(&tuned.history, &training.config.output)?;
        if !tuned.finished {
            tell_stopped(&training.config.output);
            return Ok(End::Stopped);
        }
        let test = training.measure(&tuned, &decisions, examples.test.as_ref());
        let sources = training.source_report(&examples, &tuned);
        let record = RunRecord::new(&training.config, &inputs, &tuned.history);
        let record = record.finished(test.as_ref(), sources);
        let write = |record: &RunRecord| {
            write_whole(&training.config.output.join(RUN_RECORD), &record.to_json()?)
        };
        write(&record)?;
        run_folder.clear()?;
        let mut end = End::Finished;
        if let (Some(best), Some(alone)) = (&best, alone) {
            let check;
            (check, end) = training.source_check(&examples, &tuned, best, alone);
            if let Some(check) = check {
                write(&record.checked(check))?;
            }
        }
        training.tell_next();
        Ok(end)
    }
}

/// What is written beside the weights of a model.
struct Files<'a> {
    settings: &'a str,
    record: &'a RunRecord,
    base: Option<&'a Base>,
}

impl Training {
    /// Writes the model and its record to the output folder.
    fn save<B: BertOps>(
        &self,
        model: &BertForSequenceClassification<B>,
        config: &SequenceClassificationConfig,
        Files { settings, record, base }: Files<'_>,
        evaluation: &Evaluation,
    ) -> Result<(), TrainError> {
        let card = ModelCard {
            base_model: &self.config.model,
            history: &record.history,
            beside: &[],
            confusion: evaluation.confusion.as_ref(),
        };
        let path = self.config.output.join(RUN_RECORD);
        let json = record.to_json().map_err(std::io::Error::other);
        let json = json.map_err(|source| TrainError::Write { path, source })?;
        let classifier = Classifier {
            config,
            original_config: self.checkpoint.config_json(),
            tokenizer: &self.tokenizer,
            card,
            extra_files: &[(RECORD, settings), (RUN_RECORD, &json)],
        };
        match (&self.config.training.lora, base) {
            (Some(lora), Some(base)) => {
                save_adapter(&self.config.output, model, classifier, lora, base.named())
            }
            _ => save_classifier(&self.config.output, model, classifier),
        }
    }

    /// The scores of the best model on the test files, by the decisions that it was kept with;
    /// printed, if there are any.
    fn measure<B: BertOps>(
        &self,
        tuned: &FineTuned<Autodiff<B>>,
        decisions: &Decisions,
        test: Option<&Dataset>,
    ) -> Option<Measured> {
        let test = test?;
        if !self.quiet {
            errln!("Measuring the best model on the {} rows of the test", test.len());
        }
        let config = &self.config.training;
        let evaluation = evaluate(&tuned.model, decisions, test, config.eval_batch_size);
        let measured = Measured::new(evaluation, config.metric, test.targets(), decisions);
        out!("\nTest  ");
        measured.print(self.tables.labels.names());
        Some(measured)
    }

    fn tell_next(&self) {
        if !self.quiet {
            self.tell_prediction();
        }
    }
}

/// Tells which model was the best.
pub(crate) fn tell_best(history: &History, output: &Path) -> anyhow::Result<()> {
    let best = history.best().context("the model was not measured")?;
    let metric = history.metric();
    if best.score(metric).is_none() {
        errln!(
            "{metric} is undefined on these validation rows: the model with the lowest loss is \
             kept in its place"
        );
    }
    outln!(
        "Best after step {} (epoch {}): {metric} {}, in {}",
        best.step,
        best.epoch,
        in_digits(best.score(metric)),
        output.display()
    );
    Ok(())
}

/// Tells that a run was stopped, and what can be done.
pub(crate) fn tell_stopped(output: &Path) {
    let output = output.display();
    errln!(
        "stopped before the end; what is kept is the best model so far.\n\
         Go on with: bertune resume {output}"
    );
}
