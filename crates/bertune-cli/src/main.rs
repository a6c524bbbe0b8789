//! The `bertune` program: fine-tune a BERT into a text classifier, evaluate it, predict with it.

#[macro_use]
mod output;

mod args;
mod base;
mod beginning;
mod command_line;
mod compare;
mod compare_runs;
mod convert;
mod count;
mod demo;
mod device;
mod devices;
mod difference;
mod evaluate;
mod fill_mask;
mod inputs;
mod learning;
mod lock;
mod lora_args;
mod lr_find;
mod measured;
mod merge;
mod model;
mod one_or_several;
mod one_task;
mod outside;
mod predict;
mod prediction_writer;
mod pretrain;
mod pretrain_config;
mod pretraining;
mod progress;
mod replay;
mod report;
mod resume;
mod run_config;
mod run_folder;
mod run_record;
mod seeds;
mod source_args;
mod source_check;
mod source_files;
mod source_report;
mod source_rows;
mod state_files;
mod stop;
mod table_checks;
mod tables;
mod tasks_config;
mod tasks_data;
mod tasks_record;
mod tasks_result;
mod tasks_run;
mod tensorboard;
mod text_table;
mod train;
mod train_args;
mod train_tasks;
mod training;
mod training_args;
mod verify_resume;
mod whole_file;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Fine-tune a pretrained BERT into a text classifier, evaluate it, predict with it.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// See it work: fine-tune the model that is inside this program, without a network.
    Demo(demo::DemoArgs),
    /// Fine-tune a pretrained BERT on a file of labelled texts.
    Train(Box<train_args::TrainArgs>),
    /// Fine-tune one BERT for several tasks at once, each with its own files and labels.
    TrainTasks(train_tasks::TrainTasksArgs),
    /// Pretrain a BERT on raw text, or go on with one on text of a trade.
    Pretrain(Box<pretrain::PretrainArgs>),
    /// Go on with a run that was stopped, exactly as if it had not been.
    Resume(resume::ResumeArgs),
    /// Show that a resumed run equals an uninterrupted one, bit for bit.
    VerifyResume(Box<verify_resume::VerifyResumeArgs>),
    /// Repeat a run from its record, and compare.
    Replay(replay::ReplayArgs),
    /// Look for a good learning rate.
    LrFind(Box<lr_find::LrFindArgs>),
    /// Compare ways to train, from scratch too, over training sizes and seeds: what does transfer buy?
    Compare(Box<compare::CompareArgs>),
    /// Say whether two models differ on the same rows.
    CompareRuns(compare_runs::CompareRunsArgs),
    /// Measure a fine-tuned model on a file of labelled texts.
    Evaluate(evaluate::EvaluateArgs),
    /// Classify texts.
    Predict(predict::PredictArgs),
    /// Make a whole model of a LoRA adapter and its base.
    Merge(merge::MergeArgs),
    /// Write a model with its numbers in another format.
    Convert(convert::ConvertArgs),
    /// Guess hidden tokens with a masked language model.
    FillMask(fill_mask::FillMaskArgs),
    /// List the devices that this program can compute on.
    Devices,
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        errln!("error: this is a fault of bertune, not yours: {panic}");
    }));
    bertune::checkpoint::explain_cut_off_files();
    #[cfg(feature = "flex")]
    bertune::backend::keep_freed_memory();
    match Program::parse().command.run() {
        Ok(code) => output::end(code),
        Err(error) => {
            errln!("error: {}", report::in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}

impl Command {
    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Demo(args) => demo::run(&args),
            Self::Train(args) => train::run(&args),
            Self::TrainTasks(args) => train_tasks::run(&args),
            Self::Pretrain(args) => pretrain::run(&args),
            Self::Resume(args) => resume::run(&args),
            Self::VerifyResume(args) => verify_resume::run(&args),
            Self::Replay(args) => replay::run(&args),
            Self::LrFind(args) => lr_find::run(&args),
            Self::Compare(args) => compare::run(&args),
            Self::CompareRuns(args) => compare_runs::run(&args),
            Self::Evaluate(args) => evaluate::run(&args),
            Self::Predict(args) => predict::run(&args),
            Self::Merge(args) => merge::run(&args),
            Self::Convert(args) => convert::run(&args),
            Self::FillMask(args) => fill_mask::run(&args),
            Self::Devices => devices::run(),
        }
    }
}
