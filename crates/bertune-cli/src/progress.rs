use std::io::IsTerminal;
use std::time::{Duration, Instant};

use bertune::train::{EpochRecord, Event, TrainingConfig};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// What a run shows of itself: each epoch on standard output, as a row of a table on a terminal and
/// else as a plain line; and between them, on a terminal, a bar on standard error.
pub(crate) struct Progress {
    bar: ProgressBar,
    epochs: usize,
    learning_rate: f64,
    smoothed_loss: SmoothedLoss,
    speed: Speed,
}

impl Progress {
    /// Nothing is shown between epochs if `quiet`, or off a terminal.
    pub(crate) fn new(config: &TrainingConfig, quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        Self {
            bar: if shown { new_bar() } else { ProgressBar::hidden() },
            epochs: config.epochs,
            learning_rate: config.learning_rate,
            smoothed_loss: SmoothedLoss::default(),
            speed: Speed::new(),
        }
    }

    /// Shows an event.
    pub(crate) fn tell(&mut self, event: &Event) {
        match event {
            Event::Begin { steps, .. } => {
                self.bar.set_length(*steps as u64);
                if std::io::stdout().is_terminal() {
                    self.bar.suspend(|| println!("\n{TABLE_HEAD}"));
                }
                self.speed = Speed::new();
            }
            Event::Step { step, epoch, loss, rate_factor, examples, .. } => {
                let loss = self.smoothed_loss.update(*loss);
                self.speed.add(*examples);
                let (rate, speed) = (self.learning_rate * rate_factor, self.speed.value());
                self.bar.set_prefix(format!("Epoch {epoch}/{}", self.epochs));
                self.bar
                    .set_message(format!("loss {loss:.4}  rate {rate:.1e}  {speed:.0} examples/s"));
                self.bar.set_position(*step as u64);
            }
            Event::Evaluating { .. } => {
                self.speed.stop();
                self.bar.set_message("measuring");
            }
            Event::Epoch(record) => {
                self.tell_epoch(record);
                self.bar.set_message("writing the model");
            }
            // Writing the model took time that is not learning's.
            Event::Kept { .. } => self.speed = Speed::new(),
            _ => {}
        }
    }

    /// What tells of something while the bar is shown, from any thread.
    pub(crate) fn notices(&self) -> Notices {
        Notices(self.bar.clone())
    }

    /// Takes the bar away.
    pub(crate) fn end(self) {
        self.bar.finish_and_clear();
    }

    fn tell_epoch(&mut self, record: &EpochRecord) {
        let line = if std::io::stdout().is_terminal() {
            row(record, self.epochs, self.speed.value())
        } else {
            plain_line(record, self.epochs, self.speed.value())
        };
        self.bar.suspend(|| println!("{line}"));
        self.speed = Speed::new();
    }
}

/// Lines on standard error, above the bar.
pub(crate) struct Notices(ProgressBar);

impl Notices {
    pub(crate) fn tell(&self, line: &str) {
        self.0.suspend(|| eprintln!("{line}"));
    }
}

const TABLE_HEAD: &str =
    "epoch      loss  validation loss  accuracy  macro F1      MCC  examples/s";

fn row(record: &EpochRecord, epochs: usize, speed: f64) -> String {
    let scores = record.validation;
    let epoch = format!("{}/{epochs}", record.epoch);
    format!(
        "{epoch:<7}  {:>6.4}  {:>15.4}  {:>8.4}  {:>8.4}  {:>7.4}  {speed:>10.1}",
        record.train_loss, record.validation_loss, scores.accuracy, scores.macro_f1, scores.mcc,
    )
}

fn plain_line(record: &EpochRecord, epochs: usize, speed: f64) -> String {
    let scores = record.validation;
    format!(
        "Epoch {}/{epochs}  loss {:.4}  validation loss {:.4}  accuracy {:.4}  macro F1 {:.4}  \
         MCC {:.4}  {speed:.1} examples/s",
        record.epoch,
        record.train_loss,
        record.validation_loss,
        scores.accuracy,
        scores.macro_f1,
        scores.mcc,
    )
}

/// The loss, averaged over the last twenty steps or so.
#[derive(Default)]
struct SmoothedLoss(Option<f64>);

impl SmoothedLoss {
    fn update(&mut self, loss: f64) -> f64 {
        let smoothed = self.0.map_or(loss, |old| 0.95 * old + 0.05 * loss);
        self.0 = Some(smoothed);
        smoothed
    }
}

/// How many examples a second are learned from, in one epoch.
struct Speed {
    began: Instant,
    time: Option<Duration>,
    examples: usize,
}

impl Speed {
    fn new() -> Self {
        Self { began: Instant::now(), time: None, examples: 0 }
    }

    fn add(&mut self, examples: usize) {
        self.examples += examples;
    }

    fn stop(&mut self) {
        self.time = Some(self.began.elapsed());
    }

    fn value(&self) -> f64 {
        let time = self.time.unwrap_or_else(|| self.began.elapsed());
        self.examples as f64 / time.as_secs_f64().max(1e-9)
    }
}

fn new_bar() -> ProgressBar {
    let template = "{prefix} {wide_bar} {pos}/{len}  {msg}  {eta} left";
    // The template is a constant; a bar of the default style is no loss.
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style).with_finish(ProgressFinish::AndClear);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use bertune::train::Metrics;

    use super::*;

    fn record() -> EpochRecord {
        let validation = Metrics { accuracy: 0.871, macro_f1: 0.8708, mcc: -0.7421 };
        EpochRecord { epoch: 1, train_loss: 0.488, validation_loss: 0.3001, validation }
    }

    #[test]
    fn an_epoch_is_one_plain_line() {
        assert_eq!(
            plain_line(&record(), 3, 57.84),
            "Epoch 1/3  loss 0.4880  validation loss 0.3001  accuracy 0.8710  macro F1 0.8708  \
             MCC -0.7421  57.8 examples/s"
        );
    }

    #[test]
    fn a_row_is_as_wide_as_the_head_of_the_table() {
        assert_eq!(row(&record(), 3, 57.84).len(), TABLE_HEAD.len());
    }

    #[test]
    fn a_single_loss_is_its_own_mean() {
        let mut loss = SmoothedLoss::default();
        assert_eq!(loss.update(2.0), 2.0);
        assert_eq!(loss.update(1.0), 1.95);
    }
}
