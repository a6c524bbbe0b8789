use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use bertune::BertOps;
use bertune::backend::Autodiff;
use bertune::train::{Event, Interval, Run, SavedState, StopSignal, fine_tune};
use clap::Args;

use crate::device::{Job, dispatch};
use crate::train_args::TrainArgs;
use crate::training::{Examples, Training};

const AFTER_HELP: &str = "\
Takes 2 N steps at once; takes N steps, saves, reads the state again, takes N more; and compares all
parameters, the state of the optimizer and the record, bit for bit. Nothing is kept.

Example:
  bertune verify-resume --model bert-folder --train train.csv --steps 5";

/// The flags of `verify-resume`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct VerifyResumeArgs {
    /// How many steps are taken before the stop, and as many after it.
    #[arg(long, value_name = "N", default_value = "5")]
    steps: NonZeroUsize,
    #[command(flatten)]
    train: TrainArgs,
}

/// Shows that a resumed run equals an uninterrupted one.
pub(crate) fn run(args: &VerifyResumeArgs) -> anyhow::Result<ExitCode> {
    let mut config = args.train.resolve(&["--train"])?;
    config.training.max_steps = Some(2 * args.steps.get());
    let training = Training::prepare(config, &args.train.outside())?;
    let device = training.config.device.clone();
    dispatch(&device, Verifying { training, steps: args.steps.get() })
}

struct Verifying {
    training: Training,
    steps: usize,
}

impl Job for Verifying {
    type Output = ExitCode;

    fn run<B: BertOps>(mut self, device: &B::Device) -> anyhow::Result<ExitCode> {
        self.training = self.training.on_device::<B>();
        let places = tempfile::tempdir().context("cannot make a temporary folder")?;
        let [whole, half, resumed] =
            ["whole", "half", "resumed"].map(|name| places.path().join(name));
        for folder in [&whole, &half, &resumed] {
            fs::create_dir(folder).context("cannot make a temporary folder")?;
        }
        let model = self.training.load::<B>(device)?.model;
        let examples = self.training.examples(&model)?;
        drop(model);
        self.steps_to::<B>(device, &examples, None, 2 * self.steps, &whole)?;
        self.steps_to::<B>(device, &examples, None, self.steps, &half)?;
        if fs::read_dir(&half).context("cannot read a state")?.next().is_none() {
            bail!(
                "the run ends by itself before step {}, so that there is nothing to stop; give more \
                 --patience, or fewer --steps",
                self.steps + 1
            );
        }
        let saved = Some(SavedState::read(&half)?);
        self.steps_to::<B>(device, &examples, saved, 2 * self.steps, &resumed)?;
        for file in fs::read_dir(&whole).context("cannot read a state")? {
            let file = file.context("cannot read a state")?.file_name();
            let read = |folder: &Path| fs::read(folder.join(&file)).context("cannot read a state");
            if read(&whole)? != read(&resumed)? {
                let (file, steps) = (file.display(), self.steps);
                bail!(
                    "{file} differs between {} steps at once and {steps} steps, a stop and {steps} \
                     more: on this device a resumed run does not equal an uninterrupted one",
                    2 * steps
                );
            }
        }
        outln!(
            "{} steps at once and {} steps, a stop and {1} more give the same parameters, optimizer \
             state and record, bit for bit",
            2 * self.steps,
            self.steps
        );
        Ok(ExitCode::SUCCESS)
    }
}

impl Verifying {
    /// Takes steps up to `end` and saves the state into `folder`.
    fn steps_to<B: BertOps>(
        &self,
        device: &B::Device,
        examples: &Examples,
        saved: Option<SavedState>,
        end: usize,
        folder: &Path,
    ) -> anyhow::Result<()> {
        let stop = StopSignal::default();
        let run = Run::default()
            .telling(|event| match event {
                Event::Step { record, .. } if record.step == end => stop.stop(),
                _ => {}
            })
            .saving(None::<Interval>, |state| state.save(folder))
            .resuming(saved)
            .until(stop.clone());
        let model = self.training.load::<Autodiff<B>>(device)?.model;
        fine_tune(model, self.training.data(examples), &self.training.config.training, run)?;
        Ok(())
    }
}
