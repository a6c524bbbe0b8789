use std::num::NonZeroUsize;
use std::process::ExitCode;

use bertune::BertOps;
use bertune::backend::Autodiff;
use bertune::burn::module::AutodiffModule;
use bertune::train::{LrCurve, TrainingConfig, lr_find};
use clap::Args;
use textplots::{Chart, Plot, Shape};

use crate::device::{Job, dispatch};
use crate::stop::on_ctrl_c;
use crate::train_args::TrainArgs;
use crate::training::Training;

const AFTER_HELP: &str = "\
Raises the learning rate from step to step and draws the loss. A good rate is where the loss falls
fastest, well below the rate where it is lowest. The other rates, such as the head's, rise in
proportion. No model is kept. It takes the flags of train, so that a command can be tried as it is;
--test, --seeds and those about output, length and schedule of the run have no effect.

Example:
  bertune lr-find --model bert-folder --train train.csv";

/// The flags of `lr-find`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct LrFindArgs {
    /// How many rates are tried, one a step.
    #[arg(long, value_name = "N", default_value = "100")]
    steps: NonZeroUsize,
    #[command(flatten)]
    train: TrainArgs,
}

/// Looks for a learning rate.
pub(crate) fn run(args: &LrFindArgs) -> anyhow::Result<ExitCode> {
    let config = args.train.resolve(&["--train"])?;
    let training = Training::prepare(config, &args.train.outside())?;
    let device = training.config.device.clone();
    dispatch(&device, Searching { training, steps: args.steps.get() })
}

struct Searching {
    training: Training,
    steps: usize,
}

impl Job for Searching {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let training = self.training.on_device::<B>();
        let model = training.load::<Autodiff<B>>(device)?.model;
        let examples = training.examples(&model.valid())?;
        let stop = on_ctrl_c(|| errln!("stopping after this step"))?;
        let (data, config) = (training.data(&examples), &training.config.training);
        let curve = lr_find(model, data, config, self.steps, &stop)?;
        draw(&curve);
        match curve.suggestion() {
            Some(rate) => outln!("Try {}", advice(rate, config)),
            None => outln!("The loss falls nowhere: look at the data, or take more --steps"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The flags that give the rate, and that of the head in the proportion of the search.
fn advice(rate: f64, config: &TrainingConfig) -> String {
    let of_head = config.head_learning_rate.map(|of_head| {
        let rate = rate * of_head / config.learning_rate.max(f64::MIN_POSITIVE);
        format!(" --head-learning-rate {rate:.1e}")
    });
    format!("--learning-rate {rate:.1e}{}", of_head.unwrap_or_default())
}

/// The loss over the logarithm of the rate.
fn draw(curve: &LrCurve) {
    let points: Vec<(f32, f32)> = curve
        .points
        .iter()
        .map(|point| (point.learning_rate.log10() as f32, point.loss as f32))
        .collect();
    if let (Some(first), Some(last)) = (points.first(), points.last())
        && points.len() > 1
    {
        outln!("loss over log10 of the learning rate");
        let shape = Shape::Lines(&points);
        let mut chart = Chart::new(120, 60, first.0, last.0);
        let chart = chart.lineplot(&shape);
        chart.axis();
        chart.figures();
        outln!("{chart}");
    }
}
