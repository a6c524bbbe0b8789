use bertune_head::BertForSequenceClassification;
use bertune_kernels::BertOps;
use burn_core::tensor::backend::AutodiffBackend;

use crate::fine_tune::Classification;
use crate::learn::gradients;
use crate::task::Task;
use crate::timeline::Timeline;
use crate::{
    Optimizer, ParameterGroups, Scales, StopSignal, TrainError, TrainingConfig, TrainingData,
    adapt, clipping_scale,
};

/// The loss at each of a range of learning rates.
#[derive(Clone, Debug, PartialEq)]
pub struct LrCurve {
    /// In the order of the rates.
    pub points: Vec<LrPoint>,
}

/// One step of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrPoint {
    /// The learning rate.
    pub learning_rate: f64,
    /// The loss before the step, averaged over the last ones.
    pub loss: f64,
}

/// The rates that are tried.
const RATES: std::ops::RangeInclusive<f64> = 1e-7..=1e-1;

/// The search ends when the loss is so many times its lowest.
const DIVERGED: f64 = 3.0;

/// How much of the average loss is the last ones'.
const SMOOTHING: f64 = 0.9;

/// Raises the learning rate from step to step, from 1e-7 to 1e-1, and watches the loss
/// ([Smith, 2017](https://arxiv.org/abs/1506.01186)): where it falls fastest, the rate is good.
///
/// All parameters learn with the rate in proportion to their own in `config`, whose
/// `learning_rate` itself does not matter, and what would thaw later learns from the beginning. The
/// model is used up.
///
/// # Errors
///
/// If the configuration or the data does not fit.
pub fn lr_find<B>(
    mut model: BertForSequenceClassification<B>,
    data: TrainingData<'_>,
    config: &TrainingConfig,
    steps: usize,
    stop: &StopSignal,
) -> Result<LrCurve, TrainError>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    let config =
        &TrainingConfig { max_steps: Some(steps), gradual_unfreezing: None, ..config.clone() };
    config.validate()?;
    data.validate(&model)?;
    let task = Classification::new(data, config)?;
    model = adapt(model, config)?;
    let timeline = Timeline::new(config, data.train, Task::<B>::draws(&task));
    let groups = ParameterGroups::new(&model, config, timeline.steps_per_epoch())?;
    model = groups.freeze(model.with_precision(config.precision), 0);
    let mut optimizer = Optimizer::new(groups, config);
    let mut curve = LrCurve { points: Vec::new() };
    let mut average = Average::default();
    let weights = Task::<B>::first_weights(&task);

    for (step, window) in timeline.windows(data.train, 0).enumerate() {
        let learning_rate = rate(step, steps);
        let window = window.weighed(weights.as_deref());
        let (loss, gradients) = gradients(&task, &model, &window, config.seed, step + 1);
        let loss = average.update(loss);
        let lowest = curve.points.iter().map(|point| point.loss).fold(loss, f64::min);
        if !loss.is_finite() || loss > DIVERGED * lowest || stop.is_stopped() {
            break;
        }
        curve.points.push(LrPoint { learning_rate, loss });
        let gradient = clipping_scale(gradients.global_norm(), config.max_grad_norm);
        let rate = learning_rate / config.learning_rate.max(f64::MIN_POSITIVE);
        model = optimizer.step(model, gradients, Scales { rate, gradient });
    }
    Ok(curve)
}

/// The rate of a step, from 0: equal factors from one to the next.
fn rate(step: usize, steps: usize) -> f64 {
    let progress = step as f64 / (steps.max(2) - 1) as f64;
    RATES.start() * (RATES.end() / RATES.start()).powf(progress)
}

impl LrCurve {
    /// The rate at which the loss falls fastest over its logarithm, but no more than a tenth of the
    /// rate where it is lowest; `None` if it never falls.
    ///
    /// The first tenth of the points is left out, where the average is of few losses yet, and a fall
    /// is looked for over a tenth of them, for single steps hold more noise than signal.
    pub fn suggestion(&self) -> Option<f64> {
        let tenth = self.points.len() / 10;
        let points = &self.points[tenth..];
        let end = (0..points.len()).min_by(|&a, &b| points[a].loss.total_cmp(&points[b].loss))?;
        let fall = |of: &[LrPoint]| of[of.len() - 1].loss - of[0].loss;
        let falls = points[..=end].windows(tenth.max(1) + 1);
        let steepest = falls.min_by(|a, b| fall(a).total_cmp(&fall(b)))?;
        let rate = steepest.last()?.learning_rate.min(points[end].learning_rate / 10.0);
        (fall(steepest) < 0.0).then_some(rate)
    }
}

/// An average that forgets, corrected for its beginning.
#[derive(Default)]
struct Average {
    sum: f64,
    weight: f64,
}

impl Average {
    fn update(&mut self, value: f64) -> f64 {
        self.sum = SMOOTHING * self.sum + (1.0 - SMOOTHING) * value;
        self.weight = SMOOTHING * self.weight + (1.0 - SMOOTHING);
        self.sum / self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(losses: &[f64]) -> LrCurve {
        let point = |(i, &loss): (usize, &f64)| LrPoint { learning_rate: rate(i, 7), loss };
        LrCurve { points: losses.iter().enumerate().map(point).collect() }
    }

    #[test]
    fn the_steepest_fall_is_suggested_well_below_the_lowest_loss() {
        let check = |losses: &[f64], expected: f64| {
            let suggestion = curve(losses).suggestion().unwrap();
            assert!((suggestion / expected - 1.0).abs() < 1e-9, "{suggestion}");
        };
        check(&[1.0, 0.99, 0.9, 0.5, 0.45, 0.6, 2.0], 1e-4);
        check(&[1.0, 0.99, 0.9, 0.8, 0.3, 0.6, 2.0], 1e-4);
        check(&[1.0, 0.5, 0.4, 0.3, 0.2, 0.6, 2.0], 1e-6);
    }

    /// The beginning of a curve is of few losses, and falls steeper by chance than it ever learns.
    #[test]
    fn what_falls_at_the_beginning_alone_is_not_suggested() {
        let point = |i: usize| {
            let learned = (i as f64 - 40.0).clamp(0.0, 30.0) * 0.02;
            let chance = if i == 0 { 1.0 } else { 0.1 * (i % 2) as f64 };
            let loss = if i < 75 { 3.0 - learned + chance } else { 9.0 };
            LrPoint { learning_rate: rate(i, 100), loss }
        };
        let curve = LrCurve { points: (0..100).map(point).collect() };
        let suggestion = curve.suggestion().unwrap();
        assert!((1e-4..1e-2).contains(&suggestion), "{suggestion}");
    }

    #[test]
    fn a_loss_that_never_falls_suggests_nothing() {
        assert_eq!(curve(&[1.0, 1.1, 1.2]).suggestion(), None);
        assert_eq!(curve(&[1.0]).suggestion(), None);
        assert_eq!(curve(&[]).suggestion(), None);
    }

    #[test]
    fn an_average_of_equal_values_is_that_value() {
        let mut average = Average::default();
        for _ in 0..5 {
            assert!((average.update(2.0) - 2.0).abs() < 1e-12);
        }
    }
}
