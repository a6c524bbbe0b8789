use std::io::IsTerminal;
use std::time::Instant;

use bertune::train::{EpochRecord, Event, TrainingConfig};
use indicatif::{ProgressBar, ProgressStyle};

/// What a run shows of itself: the line of each epoch on standard output, and between them, on a
/// terminal, a bar on standard error.
pub(crate) struct Progress {
    bar: ProgressBar,
    epochs: usize,
    learning_rate: f64,
    /// The loss, averaged over the last steps or so.
    smoothed_loss: Option<f64>,
    epoch_began: Instant,
    examples: usize,
}

impl Progress {
    /// Nothing is shown between epochs if `quiet`, or off a terminal.
    pub(crate) fn new(config: &TrainingConfig, quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        Self {
            bar: if shown {
                new_bar()
            } else {
                ProgressBar::hidden()
            },
            epochs: config.epochs,
            learning_rate: config.learning_rate,
            smoothed_loss: None,
            epoch_began: Instant::now(),
            examples: 0,
        }
    }

    /// Shows an event.
    pub(crate) fn tell(&mut self, event: &Event) {
        match event {
            Event::Begin { steps, .. } => {
                self.bar.set_length(*steps as u64);
                self.epoch_began = Instant::now();
            }
            Event::Step {
                step,
                epoch,
                loss,
                rate_factor,
                examples,
                ..
            } => {
                self.examples += examples;
                let old = self.smoothed_loss.unwrap_or(*loss);
                let smoothed = 0.95 * old + 0.05 * loss;
                self.smoothed_loss = Some(smoothed);
                let rate = self.learning_rate * rate_factor;
                self.bar
                    .set_prefix(format!("Epoch {epoch}/{}", self.epochs));
                let speed = self.examples_per_second();
                self.bar.set_message(format!(
                    "loss {smoothed:.4}  rate {rate:.1e}  {speed:.0} examples/s"
                ));
                self.bar.set_position(*step as u64);
            }
            Event::Evaluating { .. } => {
                self.bar.set_message("measuring on the validation examples")
            }
            Event::Epoch(record) => self.tell_epoch(record),
            Event::Kept { .. } => {
                self.epoch_began = Instant::now();
                self.examples = 0;
            }
            _ => {}
        }
    }

    fn tell_epoch(&mut self, record: &EpochRecord) {
        let EpochRecord {
            epoch,
            train_loss,
            validation_loss,
            validation,
        } = record;
        let line = format!(
            "Epoch {epoch}/{}  loss {train_loss:.4}  validation loss {validation_loss:.4}  \
             accuracy {:.4}  macro F1 {:.4}  MCC {:.4}",
            self.epochs, validation.accuracy, validation.macro_f1, validation.mcc,
        );
        self.bar.suspend(|| println!("{line}"));
        if *epoch == self.epochs {
            self.bar.finish_and_clear();
        }
    }

    fn examples_per_second(&self) -> f64 {
        self.examples as f64 / self.epoch_began.elapsed().as_secs_f64().max(1e-9)
    }
}

fn new_bar() -> ProgressBar {
    let template = "{prefix} {wide_bar} {pos}/{len}  {msg}  {eta} left";
    // The template is a constant; a bar of the default style is no loss.
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}
