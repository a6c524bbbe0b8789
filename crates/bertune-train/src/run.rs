use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bertune_head::BertForSequenceClassification;
use burn_core::tensor::backend::Backend;

use crate::{EpochRecord, Evaluation, History, TrainError};

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
    },
    /// A step was taken.
    Step {
        /// The step, from 1.
        step: usize,
        /// The epoch, from 1.
        epoch: usize,
        /// The mean loss of its examples, in nats.
        loss: f64,
        /// The share of the peak learning rate.
        rate_factor: f64,
        /// The global norm of the gradient before clipping.
        gradient_norm: f64,
        /// The number of its examples.
        examples: usize,
    },
    /// The validation examples are being measured.
    Evaluating {
        /// The epoch, from 1.
        epoch: usize,
    },
    /// An epoch ended and was measured.
    Epoch(EpochRecord),
    /// The model just measured is the best so far, and was kept.
    Kept {
        /// The epoch, from 1.
        epoch: usize,
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
type Keeper<'a, B> = dyn FnMut(&BertForSequenceClassification<B>, &History, &Evaluation) -> Result<(), TrainError>
    + 'a;

/// The outside of a run: who is told, who may stop it, and who keeps its best model.
pub struct Run<'a, B: Backend> {
    tell: Box<dyn FnMut(&Event) + 'a>,
    keep: Box<Keeper<'a, B>>,
    stop: StopSignal,
}

impl<B: Backend> Default for Run<'_, B> {
    fn default() -> Self {
        Self {
            tell: Box::new(|_| ()),
            keep: Box::new(|_, _, _| Ok(())),
            stop: StopSignal::default(),
        }
    }
}

impl<'a, B: Backend> Run<'a, B> {
    /// The run, telling its events to `tell`.
    pub fn telling(self, tell: impl FnMut(&Event) + 'a) -> Self {
        Self { tell: Box::new(tell), ..self }
    }

    /// The run, giving each new best model to `keep`, which writes it down.
    pub fn keeping(
        self,
        keep: impl FnMut(
            &BertForSequenceClassification<B>,
            &History,
            &Evaluation,
        ) -> Result<(), TrainError>
        + 'a,
    ) -> Self {
        Self { keep: Box::new(keep), ..self }
    }

    /// The run, ending when `stop` asks.
    pub fn until(self, stop: StopSignal) -> Self {
        Self { stop, ..self }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        (self.tell)(&event);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    pub(crate) fn keep(
        &mut self,
        model: &BertForSequenceClassification<B>,
        history: &History,
        evaluation: &Evaluation,
    ) -> Result<(), TrainError> {
        (self.keep)(model, history, evaluation)
    }
}
