use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use bertune::BertOps;
use bertune::backend::Autodiff;
use bertune::checkpoint::StagedFolder;
use bertune::head::{BertForTasks, Decisions, SequenceClassificationConfig};
use bertune::train::{
    Classifier, Evaluation, History, LabelledTask, ModelCard, Run, SavedState, TrainError,
    TunedTasks, evaluate, fine_tune_tasks, fit_decisions, save_classifier,
};

use crate::args::available;
use crate::device::Job;
use crate::learning::{tell_best, tell_stopped};
use crate::measured::Measured;
use crate::outside::Outside;
use crate::progress::Progress;
use crate::run_folder::{RunFolder, TASKS};
use crate::run_record::RUN_RECORD;
use crate::state_files::StateFiles;
use crate::stop::{INTERRUPTED, on_ctrl_c};
use crate::tasks_config::TasksConfig;
use crate::tasks_data::TasksData;
use crate::tasks_record::TasksRecord;
use crate::tasks_result::{print_results, single_metric};
use crate::training::Examples;
use crate::whole_file::write_whole;

/// A run of several tasks, new or gone on with, before its backend is known.
pub(crate) struct TasksRun {
    data: TasksData,
    run_folder: RunFolder,
    saved: Option<SavedState>,
    outside: Outside,
}

impl TasksRun {
    /// A new run; what an earlier one left in its folder goes when this one begins.
    pub(crate) fn begin(
        config: TasksConfig,
        run_folder: RunFolder,
        outside: Outside,
    ) -> anyhow::Result<Self> {
        let data = TasksData::prepare(config, &outside)?;
        Ok(Self { data, run_folder, saved: None, outside })
    }

    /// A run that was stopped.
    pub(crate) fn resume(
        state: &Path,
        run_folder: RunFolder,
        outside: Outside,
    ) -> anyhow::Result<Self> {
        let outside = outside.of_state(state)?;
        let config = TasksConfig::read(&state.join(TASKS))?;
        let saved = SavedState::read(state)?;
        if !outside.quiet {
            errln!("Going on  after step {}", saved.steps());
        }
        let data = TasksData::prepare(config, &outside)?;
        Ok(Self { data, run_folder, saved: Some(saved), outside })
    }

    /// The name of the device that it computes on.
    pub(crate) fn device(&self) -> String {
        self.data.config.device.clone()
    }
}

impl Job for TasksRun {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let Self { mut data, run_folder, saved, outside } = self;
        data.config.training.precision = available::<B>(data.config.training.precision);
        let loaded = data.load::<Autodiff<B>>(device)?;
        let examples = data.examples()?;
        let tasks = data.labelled(&examples);
        data.tell_sampling(&tasks);
        let (inputs, settings) = (data.input_hashes()?, data.config.to_toml()?);
        outside.check_inputs(&inputs)?;
        let config = &data.config;
        let mut progress = Progress::new(&config.training, outside.quiet);
        let mut events = outside.event_file(&config.training)?;
        let notices = progress.notices();
        let stop = on_ctrl_c(move || {
            notices.tell("stopping after this step; Ctrl-C once more ends at once");
        })?;
        let mut decisions = Vec::new();
        let run = Run::default()
            .telling(|event| {
                progress.tell(event);
                // A curve that cannot be written is no reason to lose the run.
                events.as_mut().map(|events| events.tell(event));
            })
            .keeping(|model, history, evaluation| {
                let evaluations = LabelledTask::evaluations(&tasks, evaluation);
                decisions = fitting(&tasks, &evaluations, history);
                let record = TasksRecord::new(config, &inputs, history);
                let parts = parts(&tasks, &loaded.configs, &evaluations, &decisions);
                data.save(model, history, &parts, (&settings, &record))
            })
            .beginning(|| run_folder.begin())
            .saving(config.save_every, |state| {
                let files = StateFiles { settings: (TASKS, &settings), inputs: &inputs };
                run_folder.save(state, files, config.keep_states)
            })
            .resuming(saved)
            .until(stop)
            .within(outside.max_time);
        let tuned = fine_tune_tasks(loaded.model, &tasks, config.sampling, &config.training, run)?;
        progress.end();
        tell_best(&tuned.history, &config.output)?;
        if !tuned.finished {
            tell_stopped(&config.output);
            return Ok(ExitCode::from(INTERRUPTED));
        }
        let tests = data.measure(&tuned, &decisions, &examples);
        print_results(&tuned.history, &tests);
        let record = TasksRecord::new(config, &inputs, &tuned.history).finished(&tests);
        write_whole(&config.output.join(RUN_RECORD), &record.to_json()?)?;
        run_folder.remove()?;
        data.tell_next();
        Ok(ExitCode::SUCCESS)
    }
}

/// The decisions that fit each task's validation examples.
fn fitting(
    tasks: &[LabelledTask<'_>],
    evaluations: &[Evaluation],
    history: &History,
) -> Vec<Decisions> {
    let fit = |(task, evaluation): (&LabelledTask<'_>, &Evaluation)| {
        fit_decisions(&history.config, evaluation, task.data.validation.targets())
    };
    tasks.iter().zip(evaluations).map(fit).collect()
}

/// What is written of one task beside its weights.
struct Part<'a> {
    task: LabelledTask<'a>,
    config: SequenceClassificationConfig,
    evaluation: &'a Evaluation,
}

fn parts<'a>(
    tasks: &[LabelledTask<'a>],
    configs: &[SequenceClassificationConfig],
    evaluations: &'a [Evaluation],
    decisions: &[Decisions],
) -> Vec<Part<'a>> {
    let tasks = tasks.iter().zip(configs).zip(evaluations).zip(decisions);
    let part = |(((task, config), evaluation), decisions): (((&LabelledTask<'a>, _), _), _)| {
        let mut config = SequenceClassificationConfig::clone(config);
        config.decisions = Decisions::clone(decisions);
        Part { task: *task, config, evaluation }
    };
    tasks.map(part).collect()
}

impl TasksData {
    /// Writes a folder for each task into the output folder, which appears whole or not at all.
    fn save<B: BertOps>(
        &self,
        model: &BertForTasks<B>,
        history: &History,
        parts: &[Part<'_>],
        (settings, record): (&str, &TasksRecord),
    ) -> Result<(), TrainError> {
        let staged = StagedFolder::create_over(&self.config.output, TasksRecord::is_at)?;
        for (number, Part { task, config, evaluation }) in parts.iter().enumerate() {
            let training = &self.tasks[number];
            let beside: Vec<&str> = self.names().filter(|name| *name != task.name).collect();
            let classifier = Classifier {
                config,
                original_config: training.checkpoint.config_json(),
                tokenizer: &training.tokenizer,
                card: ModelCard {
                    base_model: &self.config.model,
                    history: &task.history(history),
                    beside: &beside,
                    confusion: evaluation.confusion.as_ref(),
                },
                extra_files: &[(TASKS, settings)],
            };
            save_classifier(&staged.path().join(task.name), &model.task(number), classifier)?;
        }
        let write = |name: &str, text: &str| {
            let path = staged.path().join(name);
            std::fs::write(&path, text).map_err(|source| TrainError::Write { path, source })
        };
        write(TASKS, settings)?;
        let json = record.to_json().map_err(std::io::Error::other);
        let path = self.config.output.join(RUN_RECORD);
        write(RUN_RECORD, &json.map_err(|source| TrainError::Write { path, source })?)?;
        Ok(staged.commit()?)
    }

    /// The scores of the best model on the test files of each task that has some, by the decisions
    /// that it was kept with; printed as they come.
    fn measure<B: BertOps>(
        &self,
        tuned: &TunedTasks<Autodiff<B>>,
        decisions: &[Decisions],
        examples: &[Examples],
    ) -> BTreeMap<String, Measured> {
        let config = &self.config.training;
        let metric = single_metric(&tuned.history);
        let mut tests = BTreeMap::new();
        for (number, name) in self.names().enumerate() {
            let Some(test) = &examples[number].test else { continue };
            let (model, decisions) = (tuned.model.task(number), &decisions[number]);
            let evaluation = evaluate(&model, decisions, test, config.eval_batch_size);
            let measured = Measured::new(evaluation, metric, test.targets(), decisions);
            out!("\nTest of {name}  ");
            measured.print(self.tasks[number].tables.labels.names());
            tests.insert(name.to_owned(), measured);
        }
        tests
    }

    fn tell_next(&self) {
        if let (false, Some(task)) = (self.quiet, self.tasks.first()) {
            task.tell_prediction();
        }
    }
}
