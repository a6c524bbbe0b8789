use bertune_head::{BertForSequenceClassification, Decisions};
use bertune_kernels::{BertOps, DropoutKey};
use burn_core::module::AutodiffModule;
use burn_core::tensor::backend::AutodiffBackend;

use crate::evaluate::{evaluate, on_device};
use crate::objective::Objective;
use crate::self_check::self_check;
use crate::timeline::{Timeline, Window};
use crate::{
    Evaluation, EvaluationRecord, Event, Gradients, History, ParameterGroups, Run, Scales,
    Schedule, StepRecord, TrainError, TrainingConfig, TrainingData, TrainingState, clipping_scale,
};

/// A finished run.
#[derive(Debug)]
pub struct FineTuned<B: AutodiffBackend> {
    /// The best model, for inference.
    pub model: BertForSequenceClassification<B::InnerBackend>,
    /// What happened.
    pub history: History,
    /// Whether the run came to its end, and was not stopped.
    pub finished: bool,
}

/// Fine-tunes a classifier and returns its best state, measured at the intervals of the
/// configuration, at the end, and where the run was stopped.
///
/// # Errors
///
/// If the configuration or the data does not fit, if the loss or a gradient is not finite, or
/// if the best model or the state could not be kept.
pub fn fine_tune<B>(
    model: BertForSequenceClassification<B>,
    data: TrainingData<'_>,
    config: &TrainingConfig,
    mut run: Run<'_, B>,
) -> Result<FineTuned<B>, TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    config.validate()?;
    data.validate(&model)?;
    let objective = Objective::new(config, data.train, data.label_names)?;
    let timeline = Timeline::new(config, data.train);
    let schedule = Schedule::new(config, timeline.steps);
    let model = model.with_precision(config.precision);
    let groups = ParameterGroups::new(&model, config, timeline.steps_per_epoch())?;
    let history = data.history(config)?;
    let mut state = TrainingState::new(model, groups, history, data.inputs());
    if let Some(saved) = run.take_saved_state() {
        state = state.resumed(saved)?;
        keep_best(&state, data, &mut run)?;
    }
    let (steps, epochs, taken) = (timeline.steps, timeline.epochs(), state.steps());
    run.tell(Event::Begin { steps, epochs, taken });

    for window in timeline.windows(data.train, taken) {
        if state.history.is_stalled() {
            run.tell(Event::Stalled { step: state.steps() });
            break;
        }
        let rate_factor = schedule.factor(state.steps());
        let step = state.steps() + 1;
        if step == 1 {
            let (groups, examples) = (state.optimizer.groups(), window.example_ids());
            let precision = config.precision;
            self_check(&state.model, groups, &objective, data.train, &examples, precision)?;
        }
        let (loss, gradients) = gradients(&state.model, &window, &objective, config.seed, step);
        let gradient_norm = gradients.global_norm();
        check_finite(step, loss, gradient_norm, &window)?;
        let gradient = clipping_scale(gradient_norm, config.max_grad_norm);
        state = state.update(gradients, Scales { rate: rate_factor, gradient });
        state.progress.add_loss(loss, objective.weight(&window.parts));
        let record = StepRecord { step, loss, rate_factor, gradient_norm };
        state.history.add_step(record, timeline.steps);
        let (epoch, examples) = (window.epoch, window.examples());
        run.tell(Event::Step { record, epoch, examples });

        let stopped = run.is_stopped();
        let measured = timeline.evaluates_after(step);
        if measured {
            measure(&mut state, epoch, data, &mut run)?;
        }
        run.save(&state, &timeline, stopped)?;
        if stopped {
            if !measured {
                measure(&mut state, epoch, data, &mut run)?;
            }
            break;
        }
    }
    let finished = state.steps() == timeline.steps || state.history.is_stalled();
    Ok(state.finish(finished))
}

/// The mean loss of a step's examples and its gradients.
pub(crate) fn gradients<B>(
    model: &BertForSequenceClassification<B>,
    window: &Window,
    objective: &Objective,
    seed: u64,
    step: usize,
) -> (f64, Gradients<B::InnerBackend>)
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    let weight = objective.weight(&window.parts);
    let (mut loss_sum, mut sum) = (0.0, None::<Gradients<B::InnerBackend>>);
    for (part, batch) in window.parts.iter().enumerate() {
        let key = DropoutKey::new(seed, step as u64).part(part as u32);
        let tokens = on_device(batch, &model.device());
        let loss = objective.loss(model.forward(&tokens, Some(key)), batch, weight);
        let gradients = Gradients::new::<B, _>(model, loss.backward());
        loss_sum += loss.into_data().iter::<f64>().sum::<f64>();
        match &mut sum {
            Some(sum) => sum.add(gradients),
            None => sum = Some(gradients),
        }
    }
    (loss_sum, sum.unwrap_or_default())
}

/// Measures the model and keeps it if it is the best so far.
fn measure<B>(
    state: &mut TrainingState<B>,
    epoch: usize,
    data: TrainingData<'_>,
    run: &mut Run<'_, B>,
) -> Result<(), TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    let step = state.steps();
    run.tell(Event::Evaluating { step });
    let model = state.model.valid();
    let evaluation = evaluate_validation(&model, data, state);
    if !evaluation.loss.is_finite() {
        return Err(TrainError::ValidationNotFinite { step, value: evaluation.loss });
    }
    let record = EvaluationRecord {
        step,
        epoch,
        train_loss: state.progress.take_mean_loss(),
        validation_loss: evaluation.loss,
        validation: evaluation.scores,
    };
    state.history.evaluations.push(record.clone());
    run.tell(Event::Evaluated(record));
    if state.history.ends_with_best() {
        run.keep(&model, &state.history, &evaluation)?;
        run.tell(Event::Kept { step });
        state.best = Some(model);
    }
    Ok(())
}

/// Keeps the best model of a run that is gone on with: since its state was saved, a later one may
/// have been kept in its place.
fn keep_best<B>(
    state: &TrainingState<B>,
    data: TrainingData<'_>,
    run: &mut Run<'_, B>,
) -> Result<(), TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    let Some(best) = &state.best else { return Ok(()) };
    let evaluation = evaluate_validation(best, data, state);
    run.keep(best, &state.history.up_to_best(), &evaluation)
}

/// The scores by the usual decisions: those that fit are not known before the end.
fn evaluate_validation<B>(
    model: &BertForSequenceClassification<B::InnerBackend>,
    data: TrainingData<'_>,
    state: &TrainingState<B>,
) -> Evaluation
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    let batch_size = state.history.config.eval_batch_size;
    evaluate(model, &Decisions::default(), data.validation, batch_size)
}

fn check_finite(
    step: usize,
    loss: f64,
    gradient_norm: f64,
    window: &Window,
) -> Result<(), TrainError> {
    let numbers = [("loss", loss), ("gradient norm", gradient_norm)];
    match numbers.into_iter().find(|(_, value)| !value.is_finite()) {
        Some((what, value)) => {
            let examples = window.example_ids();
            Err(TrainError::NotFinite { step, what, value, examples })
        }
        None => Ok(()),
    }
}
