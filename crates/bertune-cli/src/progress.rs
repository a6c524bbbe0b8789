use std::io::IsTerminal;
use std::time::{Duration, Instant};

use bertune::train::{
    EvaluationRecord, Event, FirstLoss, Interval, Scores, TaskScores, TasksScores, TrainingConfig,
};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use crate::beginning;

/// What a run shows of itself: each evaluation on standard output, as a row of a table on a terminal and
/// else as a plain line; and between them, on a terminal, a bar on standard error.
pub(crate) struct Progress {
    bar: ProgressBar,
    marks: Marks,
    learning_rate: f64,
    warmup_steps: Option<usize>,
    smoothed_loss: SmoothedLoss,
    speed: Speed,
    has_head: bool,
    /// Why a run may well begin beyond chance.
    good_reasons: &'static str,
}

impl Progress {
    /// Nothing is shown between evaluations if `quiet`, or off a terminal.
    pub(crate) fn new(config: &TrainingConfig, quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        Self {
            bar: if shown { new_bar() } else { ProgressBar::hidden() },
            marks: Marks { by_epoch: is_by_epoch(config), epochs: 0, steps: 0 },
            learning_rate: config.learning_rate,
            warmup_steps: config.warmup_steps,
            smoothed_loss: SmoothedLoss::default(),
            speed: Speed::new(),
            has_head: false,
            good_reasons: "A classifier that has learned other labels begins so, and numbers that are small \
                           beside its answers; else look at the labels",
        }
    }

    /// The same for a run that guesses hidden tokens.
    pub(crate) fn of_hidden_tokens(self) -> Self {
        let good_reasons = "A model that has learned other text begins so; else look whether its tokenizer \
                            is its own";
        Self { good_reasons, ..self }
    }

    /// Shows an event.
    pub(crate) fn tell(&mut self, event: &Event) {
        match event {
            Event::Begin { steps, epochs, taken, unreached } => {
                (self.marks.epochs, self.marks.steps) = (*epochs, *steps);
                self.bar.set_length(*steps as u64);
                self.bar.set_position(*taken as u64);
                self.bar.reset_eta();
                self.speed = Speed::new();
                for doubt in beginning::doubts(*steps, self.warmup_steps, *unreached) {
                    self.notices().tell(&doubt);
                }
            }
            Event::Checked(first) if first.is_suspicious() => {
                self.notices().tell(&doubts(first, self.good_reasons));
            }
            Event::Step { record, epoch, examples } => {
                let loss = self.smoothed_loss.update(record.loss);
                self.speed.add(*examples);
                let (rate, speed) = (self.learning_rate * record.rate_factor, self.speed.value());
                self.bar.set_prefix(format!("Epoch {epoch}/{}", self.marks.epochs));
                self.bar
                    .set_message(format!("loss {loss:.4}  rate {rate:.1e}  {speed:.0} examples/s"));
                self.bar.set_position(record.step as u64);
            }
            Event::Evaluating { .. } => {
                self.speed.stop();
                self.bar.set_message("measuring");
            }
            Event::Evaluated(record) => {
                self.tell_evaluation(record);
                self.bar.set_message("writing the model");
            }
            // Writing the model took time that is not learning's.
            Event::Kept { .. } => self.speed = Speed::new(),
            Event::Stalled { .. } => {
                self.notices().tell("no gain any more: the run ends here");
            }
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

    fn tell_evaluation(&mut self, record: &EvaluationRecord) {
        let (mark, speed) = (self.marks.of(record), self.speed.value());
        if std::io::stdout().is_terminal() {
            let head = (!self.has_head).then(|| head(record));
            let lines =
                head.into_iter().chain([row(&mark, record, speed)]).chain(task_lines(record));
            self.bar.suspend(|| lines.for_each(|line| outln!("{line}")));
            self.has_head = true;
        } else {
            let lines = [plain_line(&mark, record, speed)].into_iter().chain(task_lines(record));
            self.bar.suspend(|| lines.for_each(|line| outln!("{line}")));
        }
        self.speed = Speed::new();
    }
}

/// What a first loss beyond chance may mean.
fn doubts(first: &FirstLoss, good_reasons: &str) -> String {
    let task = first.task.as_ref().map_or_else(String::new, |task| format!(" of task '{task}'"));
    format!(
        "The loss{task} before the first step is {:.4}, but {:.4} where a model says nothing. {good_reasons}",
        first.loss,
        first.chance.unwrap_or_default(),
    )
}

/// What an evaluation is called: by its epoch, or by its step where epochs do not say it.
struct Marks {
    by_epoch: bool,
    epochs: usize,
    steps: usize,
}

impl Marks {
    fn of(&self, record: &EvaluationRecord) -> Mark {
        match self.by_epoch {
            true => Mark { unit: "Epoch", number: record.epoch, all: self.epochs },
            false => Mark { unit: "Step", number: record.step, all: self.steps },
        }
    }
}

fn is_by_epoch(config: &TrainingConfig) -> bool {
    matches!(config.evaluate_every, Interval::Epochs(_))
}

struct Mark {
    unit: &'static str,
    number: usize,
    all: usize,
}

/// Lines on standard error, above the bar.
pub(crate) struct Notices(ProgressBar);

impl Notices {
    pub(crate) fn tell(&self, line: &str) {
        self.0.suspend(|| errln!("{line}"));
    }
}

fn head(record: &EvaluationRecord) -> String {
    let shown = record.validation.shown().into_iter();
    let titles: Vec<_> = shown.map(|(title, _)| format!("  {title:>10}")).collect();
    format!("\n{:<11}    loss  validation loss{}  examples/s", "", titles.concat())
}

fn row(mark: &Mark, record: &EvaluationRecord, speed: f64) -> String {
    let mark = format!("{} {}/{}", mark.unit, mark.number, mark.all);
    let shown = record.validation.shown().into_iter();
    let scores = shown.map(|(title, score)| {
        let width = title.len().max(10);
        format!("  {:>width$}", in_digits(score))
    });
    let scores: Vec<_> = scores.collect();
    format!(
        "{mark:<11}  {:>6.4}  {:>15.4}{}  {speed:>10.1}",
        record.train_loss,
        record.validation_loss,
        scores.concat(),
    )
}

fn plain_line(mark: &Mark, record: &EvaluationRecord, speed: f64) -> String {
    format!(
        "{} {}/{}  loss {:.4}  validation loss {:.4}  {}  {speed:.1} examples/s",
        mark.unit,
        mark.number,
        mark.all,
        record.train_loss,
        record.validation_loss,
        shown(&record.validation),
    )
}

/// A line for each of several tasks.
fn task_lines(record: &EvaluationRecord) -> Vec<String> {
    let Scores::Tasks(TasksScores { tasks, .. }) = &record.validation else { return Vec::new() };
    let width = tasks.iter().map(|task| task.name.chars().count()).max().unwrap_or(0);
    let line = |TaskScores { name, loss, scores }: &TaskScores| {
        format!("  {name:<width$}  validation loss {loss:.4}  {}", shown(scores))
    };
    tasks.iter().map(line).collect()
}

fn shown(scores: &Scores) -> String {
    let scores = scores.shown().into_iter();
    let scores = scores.map(|(title, score)| format!("{title} {}", in_digits(score)));
    scores.collect::<Vec<_>>().join("  ")
}

/// A score as it is shown; a dash where it is undefined.
pub(crate) fn in_digits(score: Option<f64>) -> String {
    score.map_or("–".into(), |score| format!("{score:.4}"))
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
    use bertune::metrics::{ClassificationScores, Rows};

    use super::*;

    const MARK: Mark = Mark { unit: "Epoch", number: 1, all: 3 };

    fn record() -> EvaluationRecord {
        let probabilities = [0.9, 0.1, 0.2, 0.8, 0.7, 0.3, 0.4, 0.6];
        let scores = ClassificationScores::new(&[0, 1, 1, 1], Rows::new(&probabilities, 2));
        EvaluationRecord {
            step: 20,
            epoch: 1,
            train_loss: 0.488,
            validation_loss: 0.3001,
            validation: Scores::Classification(scores),
        }
    }

    #[test]
    fn an_evaluation_is_one_plain_line() {
        assert_eq!(
            plain_line(&MARK, &record(), 57.84),
            "Epoch 1/3  loss 0.4880  validation loss 0.3001  accuracy 0.7500  macro F1 0.7333  \
             MCC 0.5774  57.8 examples/s"
        );
    }

    #[test]
    fn a_row_is_as_wide_as_the_head_of_the_table() {
        assert_eq!(
            row(&MARK, &record(), 57.84).len(),
            head(&record()).trim_start_matches('\n').len()
        );
    }

    #[test]
    fn a_single_loss_is_its_own_mean() {
        let mut loss = SmoothedLoss::default();
        assert_eq!(loss.update(2.0), 2.0);
        assert_eq!(loss.update(1.0), 1.95);
    }
}
