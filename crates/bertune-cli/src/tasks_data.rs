use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, bail};
use bertune::BertOps;
use bertune::data::LabelledRows;
use bertune::head::{BertForTasks, LoadedTasks};
use bertune::train::LabelledTask;

use crate::outside::Outside;
use crate::run_record::hashes;
use crate::tables::Tables;
use crate::tasks_config::{TaskConfig, TasksConfig};
use crate::training::{Examples, Training, pretrained, tell_device};

/// What the tasks of a run read, before its backend is known.
pub(crate) struct TasksData {
    pub(crate) config: TasksConfig,
    /// Each task as if it were learned by itself.
    pub(crate) tasks: Vec<Training>,
    pub(crate) quiet: bool,
}

impl TasksData {
    /// Reads the files of all tasks, and finds the model that they share.
    pub(crate) fn prepare(config: TasksConfig, outside: &Outside) -> anyhow::Result<Self> {
        let tables = config.tasks.iter().map(|task| read(&config, task, outside.quiet));
        let tables: Vec<Tables> = tables.collect::<anyhow::Result<_>>()?;
        check_files(&config, &tables)?;
        let (checkpoint, tokenizer) = pretrained(&config.model, config.revision.clone(), outside)?;
        let training = |(task, tables)| Training {
            config: config.run_config(task),
            tables,
            checkpoint: checkpoint.clone(),
            tokenizer: tokenizer.clone(),
            quiet: outside.quiet,
        };
        let tasks = config.tasks.iter().zip(tables).map(training).collect();
        Ok(Self { config, tasks, quiet: outside.quiet })
    }

    /// The names of the tasks, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.config.tasks.iter().map(|task| task.name.as_str())
    }

    /// The pretrained encoder with a classifier for each task.
    pub(crate) fn load<B: BertOps>(&self, device: &B::Device) -> anyhow::Result<LoadedTasks<B>> {
        let adaptations = self.tasks.iter().map(Training::adaptation).collect();
        let checkpoint = &self.tasks[0].checkpoint;
        let mut loaded = BertForTasks::from_pretrained(checkpoint, adaptations, device)?;
        for (task, config) in self.tasks.iter().zip(&mut loaded.configs) {
            task.limit(config, "max_length below [tokens]")?;
        }
        if !self.quiet {
            errln!("Model     {}: {}", self.config.model, loaded.report);
            let kept = self.names().zip(&loaded.keeps_classifier).filter(|(_, keeps)| **keeps);
            for (name, _) in kept {
                errln!("Head      {name}: the model's own, for it has these very labels");
            }
            tell_device(&self.config.device, self.config.training.precision);
        }
        Ok(loaded)
    }

    /// The rows of each task, tokenized.
    pub(crate) fn examples(&self) -> anyhow::Result<Vec<Examples>> {
        let examples = |(task, name): (&Training, &str)| {
            task.target_examples().with_context(|| format!("task '{name}'"))
        };
        self.tasks.iter().zip(self.names()).map(examples).collect()
    }

    /// What the model learns from and is measured on.
    pub(crate) fn labelled<'a>(&'a self, examples: &'a [Examples]) -> Vec<LabelledTask<'a>> {
        let tasks = self.config.tasks.iter().zip(&self.tasks).zip(examples);
        let labelled = |((config, task), examples): ((&'a TaskConfig, &'a Training), _)| {
            LabelledTask { name: &config.name, data: task.data(examples), weight: config.weight }
        };
        tasks.map(labelled).collect()
    }

    /// Tells how often each task is drawn.
    pub(crate) fn tell_sampling(&self, tasks: &[LabelledTask<'_>]) {
        if self.quiet {
            return;
        }
        let rows = tasks.iter().map(|task| (task.data.train.len(), task.weight));
        let shares = self.config.sampling.probabilities(rows).into_iter();
        let shares = shares.zip(tasks).map(|(p, task)| format!("{} {p:.3}", task.name));
        errln!("Drawn     {}", shares.collect::<Vec<_>>().join(", "));
    }

    /// The hashes of all files that the run reads.
    pub(crate) fn input_hashes(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut files = BTreeSet::new();
        for task in &self.tasks {
            files.extend(task.input_files()?);
        }
        hashes(files.iter().map(PathBuf::as_path))
    }
}

/// Refuses a file that one task learns from and another is measured on, in whole or in the rows that
/// it holds out, for they share the encoder.
fn check_files(config: &TasksConfig, tables: &[Tables]) -> anyhow::Result<()> {
    let tasks = || config.tasks.iter().map(|task| &task.name).zip(tables);
    for (measured, tables) in tasks() {
        let own = tables.validation.own();
        let files = real_paths(own.into_iter().chain(&tables.test));
        let held_out_of = real_paths(own.is_none().then_some(&tables.train).into_iter());
        for (learned, tables) in tasks().filter(|(name, _)| *name != measured) {
            if let Some(path) = first_among(&tables.train, &files) {
                bail!(
                    "{} is learned from by task '{learned}', and task '{measured}' is measured on \
                     it: nothing may be both, for the tasks share the encoder; leave one out",
                    path.display()
                );
            }
            if let Some(path) = first_among(&tables.train, &held_out_of) {
                bail!(
                    "{} is learned from by the tasks '{measured}' and '{learned}', and \
                     '{measured}' is measured on rows that it holds out of it: the other would learn \
                     them, for the tasks share the encoder; give '{measured}' a validation file",
                    path.display()
                );
            }
        }
    }
    Ok(())
}

/// The files of rows, as the system knows them.
fn real_paths<'a>(rows: impl Iterator<Item = &'a LabelledRows>) -> Vec<PathBuf> {
    rows.flat_map(LabelledRows::paths).filter_map(|path| path.canonicalize().ok()).collect()
}

/// The first file of rows that is among these.
fn first_among<'a>(rows: &'a LabelledRows, files: &[PathBuf]) -> Option<&'a PathBuf> {
    let is_among = |path: &&PathBuf| path.canonicalize().is_ok_and(|path| files.contains(&path));
    rows.paths().iter().find(is_among)
}

/// Reads the tables of a task, and tells what they are.
fn read(config: &TasksConfig, task: &TaskConfig, quiet: bool) -> anyhow::Result<Tables> {
    let tables = Tables::read(&config.run_config(task));
    let tables = tables.with_context(|| format!("task '{}'", task.name))?;
    if !quiet {
        errln!("Task      {}\n{}", task.name, tables.summary());
    }
    Ok(tables)
}
