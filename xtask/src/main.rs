//! The project's own tasks: `cargo xtask --help` lists them.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod boxed_scores;
mod cache;
mod check;
mod fetch;
mod goldens;
mod gpu;
mod linear_cost;
mod machine;
mod page;
mod parity;
mod peers;
mod pip;
mod process;
mod profile;
mod python;
mod quickstart;
mod sources;
mod tasks;
mod test;
mod text_bench;
mod tidy;
mod unpack;
mod vulkan;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own tasks", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Bring a real BERT, fine-tune it on data/support, evaluate and predict
    Quickstart,
    /// Pass all tests, bringing the checkpoints that they read
    Test(test::Requirements),
    /// Everything that CI checks, cheapest first
    Check(check::Selection),
    /// The rules of the house that a program can check
    Tidy,
    /// Bring the checkpoints into the cache, and say where they lie
    Fetch,
    /// Compare with Python's transformers: both ways between folders, and the goldens
    Parity,
    /// Time training steps here and with PyTorch, in turn
    Bench(bench::Selection),
    /// Where the time and memory of a training step go, part by part, beside what is possible
    Profile(profile::Selection),
    /// Time fine-tuning and predicting on real text, here and with PyTorch and ONNX Runtime, in turn
    TextBench(text_bench::Selection),
    /// Time steps of 1k to 64k tokens, for a table and a picture
    LinearCost(linear_cost::Selection),
    /// Fine-tune on seven tasks here and with PyTorch, three seeds each, and compare the scores
    Tasks(tasks::Selection),
    /// Compare the boxed model with its architecture from scratch, on five sets
    BoxedScores(boxed_scores::Selection),
    /// Measure on real texts whether related ones help, by each way to weigh them
    Sources(sources::Selection),
    /// On a machine with an NVIDIA GPU: the CUDA tests, a short training, and steps beside PyTorch's
    Gpu(gpu::Selection),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Quickstart => quickstart::run(),
        Task::Test(arguments) => test::run(&arguments),
        Task::Check(arguments) => check::run(&arguments),
        Task::Tidy => tidy::run(),
        Task::Fetch => fetch::run(),
        Task::Parity => parity::run(),
        Task::Bench(selection) => bench::run(&selection),
        Task::Profile(selection) => profile::run(&selection),
        Task::TextBench(selection) => text_bench::run(&selection),
        Task::LinearCost(selection) => linear_cost::run(&selection),
        Task::Tasks(selection) => tasks::run(&selection),
        Task::BoxedScores(selection) => boxed_scores::run(&selection),
        Task::Sources(selection) => sources::run(&selection),
        Task::Gpu(selection) => gpu::run(&selection),
    }
}
