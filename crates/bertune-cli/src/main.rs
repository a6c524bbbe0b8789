//! The `bertune` program: fine-tune a BERT into a text classifier, evaluate it, predict with it.

mod args;
mod device;
mod devices;
mod evaluate;
mod inputs;
mod predict;
mod prediction_writer;
mod progress;
mod report;
mod resume;
mod run_config;
mod run_folder;
mod stop;
mod tables;
mod text_table;
mod train;
mod train_args;
mod training;
mod training_args;
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
    /// Fine-tune a pretrained BERT on a file of labelled texts.
    Train(Box<train_args::TrainArgs>),
    /// Go on with a run that was stopped, exactly as if it had not been.
    Resume(resume::ResumeArgs),
    /// Measure a fine-tuned model on a file of labelled texts.
    Evaluate(evaluate::EvaluateArgs),
    /// Classify texts.
    Predict(predict::PredictArgs),
    /// List the devices that this program can compute on.
    Devices,
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("error: this is a fault of bertune, not yours: {panic}");
    }));
    #[cfg(feature = "flex")]
    bertune::backend::keep_freed_memory();
    let result = match Program::parse().command {
        Command::Train(args) => train::run(&args),
        Command::Resume(args) => resume::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Devices => devices::run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", report::in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}
