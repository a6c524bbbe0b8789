use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bertune_head::BertForSequenceClassification;
use bertune_kernels::BertOps;
use burn_core::module::AutodiffModule;
use burn_core::tensor::backend::AutodiffBackend;

use crate::learned::Inner;
use crate::timeline::Timeline;
use crate::{
    Evaluation, EvaluationRecord, FirstLoss, History, Interval, SavedState, StepRecord, TrainError,
    TrainingState,
};

/// What happens during a run, as it happens.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The run begins.
    Begin {
        /// All steps of the run.
        steps: usize,
        /// All epochs of the run.
        epochs: usize,
        /// The steps that were taken before: more than 0 in a run that is resumed.
        taken: usize,
        /// How many tensors of the model gradual unfreezing does not reach in these steps.
        unreached: usize,
    },
    /// The checks before the first step of a new run found no fault.
    Checked(FirstLoss),
    /// A step was taken.
    Step {
        /// What it did.
        record: StepRecord,
        /// The epoch, from 1.
        epoch: usize,
        /// The number of its examples.
        examples: usize,
    },
    /// The validation examples are being measured.
    Evaluating {
        /// The steps taken.
        step: usize,
    },
    /// The model was measured.
    Evaluated(EvaluationRecord),
    /// The model just measured is the best so far, and was kept.
    Kept {
        /// The steps taken.
        step: usize,
    },
    /// The state of the run was saved.
    Saved {
        /// The steps taken.
        step: usize,
    },
    /// The run ends here, for it no longer gains.
    Stalled {
        /// The steps taken.
        step: usize,
    },
}

/// Asks a run to end after the step it is in, from any thread.
#[derive(Clone, Debug, Default)]
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    /// Asks.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What keeps the best model: called with each new best, the history that ends with it and
/// its evaluation.
type Keeper<'a, B, M> =
    dyn FnMut(&Inner<B, M>, &History, &Evaluation) -> Result<(), TrainError> + 'a;

/// What looks at the model whenever it was measured.
type Watcher<'a, B, M> = dyn FnMut(&Inner<B, M>, &EvaluationRecord) + 'a;

/// What makes way for a new run.
type Beginner<'a> = dyn FnOnce() -> Result<(), TrainError> + 'a;

/// What saves the state of the run.
type Saver<'a, B, M> = dyn FnMut(&TrainingState<B, M>) -> Result<(), TrainError> + 'a;

/// The outside of a run: who is told, who may stop it, who keeps its best model, who saves its
/// state, and where it goes on from. `M` is the model that learns.
pub struct Run<'a, B, M = BertForSequenceClassification<B>>
where
    B: AutodiffBackend<InnerBackend: BertOps>,
    M: AutodiffModule<B>,
{
    tell: Box<dyn FnMut(&Event) + 'a>,
    begin: Option<Box<Beginner<'a>>>,
    watch: Box<Watcher<'a, B, M>>,
    keep: Box<Keeper<'a, B, M>>,
    save: Option<Box<Saver<'a, B, M>>>,
    save_every: Option<Interval>,
    resume: Option<SavedState>,
    stop: StopSignal,
    end: Option<Instant>,
}

impl<B, M> Default for Run<'_, B, M>
where
    B: AutodiffBackend<InnerBackend: BertOps>,
    M: AutodiffModule<B>,
{
    fn default() -> Self {
        Self {
            tell: Box::new(|_| ()),
            begin: None,
            watch: Box::new(|_, _| ()),
            keep: Box::new(|_, _, _| Ok(())),
            save: None,
            save_every: None,
            resume: None,
            stop: StopSignal::default(),
            end: None,
        }
    }
}

impl<'a, B, M> Run<'a, B, M>
where
    B: AutodiffBackend<InnerBackend: BertOps>,
    M: AutodiffModule<B>,
{
    /// The run, telling its events to `tell`.
    pub fn telling(self, tell: impl FnMut(&Event) + 'a) -> Self {
        Self { tell: Box::new(tell), ..self }
    }

    /// The run, calling `begin` before the first step of a new one, when the checks found no fault:
    /// what a run that cannot begin must not cost may go then.
    pub fn beginning(self, begin: impl FnOnce() -> Result<(), TrainError> + 'a) -> Self {
        Self { begin: Some(Box::new(begin)), ..self }
    }

    /// The run, showing `watch` the model whenever it was measured, the best so far or not, with
    /// what came of it: for measuring more than the run needs.
    pub fn watching(self, watch: impl FnMut(&Inner<B, M>, &EvaluationRecord) + 'a) -> Self {
        Self { watch: Box::new(watch), ..self }
    }

    /// The run, giving each new best model to `keep`, which writes it down.
    pub fn keeping(
        self,
        keep: impl FnMut(&Inner<B, M>, &History, &Evaluation) -> Result<(), TrainError> + 'a,
    ) -> Self {
        Self { keep: Box::new(keep), ..self }
    }

    /// The run, giving its state to `save` when it is stopped, and at intervals if one is given.
    pub fn saving(
        self,
        every: Option<Interval>,
        save: impl FnMut(&TrainingState<B, M>) -> Result<(), TrainError> + 'a,
    ) -> Self {
        Self { save: Some(Box::new(save)), save_every: every, ..self }
    }

    /// The run, going on from a saved state, if there is one.
    pub fn resuming(self, state: Option<SavedState>) -> Self {
        Self { resume: state, ..self }
    }

    /// The run, ending when `stop` asks.
    pub fn until(self, stop: StopSignal) -> Self {
        Self { stop, ..self }
    }

    /// The run, ending after the step it is in when so much time has gone by from now on.
    pub fn within(self, time: Option<Duration>) -> Self {
        Self { end: time.and_then(|time| Instant::now().checked_add(time)), ..self }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        (self.tell)(&event);
    }

    pub(crate) fn begin(&mut self) -> Result<(), TrainError> {
        self.begin.take().map_or(Ok(()), |begin| begin())
    }

    pub(crate) fn watch(&mut self, model: &Inner<B, M>, record: &EvaluationRecord) {
        (self.watch)(model, record);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_stopped() || self.end.is_some_and(|end| Instant::now() >= end)
    }

    pub(crate) fn keep(
        &mut self,
        model: &Inner<B, M>,
        history: &History,
        evaluation: &Evaluation,
    ) -> Result<(), TrainError> {
        (self.keep)(model, history, evaluation)
    }

    pub(crate) fn take_saved_state(&mut self) -> Option<SavedState> {
        self.resume.take()
    }

    /// Whether the state is to be saved when so many steps were taken.
    pub(crate) fn saves_after(&self, steps: usize, timeline: &Timeline) -> bool {
        self.save_every.is_some_and(|every| timeline.is_due(every, steps))
    }

    /// Saves the state.
    pub(crate) fn save(&mut self, state: &TrainingState<B, M>) -> Result<(), TrainError> {
        if let Some(save) = &mut self.save {
            save(state)?;
            self.tell(Event::Saved { step: state.steps() });
        }
        Ok(())
    }
}
