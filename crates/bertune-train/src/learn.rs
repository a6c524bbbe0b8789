use bertune_kernels::{BertOps, DropoutKey};
use burn_core::module::AutodiffModule;
use burn_core::tensor::backend::AutodiffBackend;

use crate::plan::Draws;
use crate::self_check::self_check;
use crate::state::Inputs;
use crate::task::Task;
use crate::timeline::{Timeline, Window};
use crate::{
    EvaluationRecord, Event, FirstLoss, Gradients, History, Learned, ParameterGroups, Run,
    SavedState, Scales, Schedule, StepRecord, TrainError, TrainingState, clipping_scale,
};

/// Trains a model and returns its best state, measured at the intervals of the configuration, at
/// the end, and where the run was stopped, which is no end of the patience.
///
/// # Errors
///
/// If the configuration does not fit the model, if the loss or a gradient is not finite, or if the
/// best model or the state could not be kept.
pub(crate) fn learn<B, T>(
    task: &T,
    model: T::Model,
    (history, inputs): (History, Inputs),
    mut run: Run<'_, B, T::Model>,
) -> Result<Learned<B, T::Model>, TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
    T: Task<B>,
{
    let config = &history.config.clone();
    let saved = run.take_saved_state();
    let (timeline, mut state) = begin(task, model, (history, inputs), saved.as_ref())?;
    if let Some(saved) = saved {
        state = state.resumed(saved)?;
        keep_best(task, &state, &mut run)?;
    }
    let (steps, taken) = (timeline.steps, state.steps());
    let unreached = state.optimizer.groups().unreached_in(steps);
    run.tell(Event::Begin { steps, epochs: timeline.epochs(), taken, unreached });

    let mut stalled = false;
    for window in timeline.windows(task.examples(), taken) {
        stalled = state.history.is_stalled();
        if stalled {
            run.tell(Event::Stalled { step: state.steps() });
            break;
        }
        let window = window.weighed(state.weights.as_deref());
        let rate_factor = Schedule::new(config, timeline.steps).factor(state.steps());
        let step = state.steps() + 1;
        if step == 1 {
            check_first(task, &state, &window, &mut run).and_then(|()| run.begin())?;
        }
        let read;
        (state, read) = state.gather_rows(&window);
        let (loss, gradients) = gradients(task, &state.model, &read, config.seed, step);
        let gradient_norm = gradients.global_norm();
        check_finite(step, loss, gradient_norm, &window)?;
        let gradient = clipping_scale(gradient_norm, config.max_grad_norm);
        state = state.update(gradients, Scales { rate: rate_factor, gradient });
        state.progress.add_loss(loss, task.weight(&window.parts));
        let record = StepRecord { step, loss, rate_factor, gradient_norm };
        state.history.add_step(record, timeline.steps);
        run.tell(Event::Step { record, epoch: window.epoch, examples: window.examples() });
        state = reweigh(task, state, &timeline);
        let measured = timeline.evaluates_after(step);
        if measured {
            state = measure(task, state, window.epoch, &mut run)?;
        }
        // Asked after measuring, which may take long: whoever asks meanwhile need not wait for
        // another step.
        let stopped = run.is_stopped();
        if stopped || run.saves_after(step, &timeline) {
            state = state.gather_whole();
            run.save(&state)?;
        }
        if stopped {
            stalled = state.history.is_stalled();
            if !measured {
                state = measure(task, state, window.epoch, &mut run)?;
            }
            break;
        }
    }
    let finished = stalled || state.steps() == timeline.steps;
    Ok(state.finish(finished))
}

/// The steps of a run, of examples that are drawn as a saved one drew them, and the state before the
/// first step.
fn begin<B, T>(
    task: &T,
    model: T::Model,
    (history, inputs): (History, Inputs),
    saved: Option<&SavedState>,
) -> Result<(Timeline, TrainingState<B, T::Model>), TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
    T: Task<B>,
{
    let draws = match saved {
        Some(saved) => Draws::as_before(task.draws(), saved.draws(), task.examples().len()),
        None => task.draws(),
    };
    let drawn = draws.as_ref().and_then(Draws::of_examples).map(<[_]>::to_vec);
    let timeline = Timeline::new(&history.config, task.examples(), draws);
    let groups = ParameterGroups::new(&model, &history.config, timeline.steps_per_epoch())?;
    let state = TrainingState::new(model, groups, history, inputs)
        .reading_rows_of(task.row_table())
        .weighing(task.first_weights())
        .drawing(drawn);
    Ok((timeline, state))
}

/// Checks what the first step will do.
fn check_first<B, T>(
    task: &T,
    state: &TrainingState<B, T::Model>,
    window: &Window,
    run: &mut Run<'_, B, T::Model>,
) -> Result<(), TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
    T: Task<B>,
{
    for (name, example_ids) in task.checked(window) {
        let first = self_check(task, state, &example_ids)?;
        run.tell(Event::Checked(FirstLoss { task: name.map(str::to_owned), ..first }));
    }
    Ok(())
}

/// The mean loss of a step's examples and its gradients.
pub(crate) fn gradients<B, T>(
    task: &T,
    model: &T::Model,
    window: &Window,
    seed: u64,
    step: usize,
) -> (f64, Gradients<B::InnerBackend>)
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
    T: Task<B>,
{
    let weight = task.weight(&window.parts);
    let (mut loss_sum, mut sum) = (0.0, None::<Gradients<B::InnerBackend>>);
    for (part, batch) in window.parts.iter().enumerate() {
        let key = DropoutKey::new(seed, step as u64).part(part as u32);
        let loss = task.loss(model, batch, weight, Some(key));
        let gradients = Gradients::new::<B, _>(model, loss.backward());
        loss_sum += loss.into_data().iter::<f64>().sum::<f64>();
        match &mut sum {
            Some(sum) => sum.add(gradients),
            None => sum = Some(gradients),
        }
    }
    (loss_sum, sum.unwrap_or_default())
}

/// Lets the examples weigh what the task says from now on, where it is time.
fn reweigh<B, T>(
    task: &T,
    state: TrainingState<B, T::Model>,
    timeline: &Timeline,
) -> TrainingState<B, T::Model>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
    T: Task<B>,
{
    if !task.reweighs_after(state.steps(), timeline) {
        return state;
    }
    let mut state = state.gather_whole();
    let weights = state.weights.take();
    state.weights = weights.map(|weights| task.next_weights(&state.model, weights, timeline));
    state
}

/// Measures the model and keeps it if it is the best so far.
fn measure<B, T>(
    task: &T,
    state: TrainingState<B, T::Model>,
    epoch: usize,
    run: &mut Run<'_, B, T::Model>,
) -> Result<TrainingState<B, T::Model>, TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
    T: Task<B>,
{
    let mut state = state.gather_whole();
    let step = state.steps();
    run.tell(Event::Evaluating { step });
    let model = state.model.valid();
    let evaluation = task.evaluate(&model, state.history.config.eval_batch_size);
    if !evaluation.loss.is_finite() {
        return Err(TrainError::ValidationNotFinite { step, value: evaluation.loss });
    }
    let record = EvaluationRecord {
        step,
        epoch,
        train_loss: state.progress.take_mean_loss(),
        validation_loss: evaluation.loss,
        validation: evaluation.scores.clone(),
    };
    state.history.evaluations.push(record.clone());
    run.watch(&model, &record);
    run.tell(Event::Evaluated(record));
    if state.history.ends_with_best() {
        run.keep(&model, &state.history, &evaluation)?;
        run.tell(Event::Kept { step });
        state.best = Some(model);
    }
    Ok(state)
}

/// Keeps the best model of a run that is gone on with: since its state was saved, a later one may
/// have been kept in its place.
fn keep_best<B, T>(
    task: &T,
    state: &TrainingState<B, T::Model>,
    run: &mut Run<'_, B, T::Model>,
) -> Result<(), TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
    T: Task<B>,
{
    let Some(best) = &state.best else { return Ok(()) };
    let evaluation = task.evaluate(best, state.history.config.eval_batch_size);
    run.keep(best, &state.history.up_to_best(), &evaluation)
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
