use std::f64::consts::{PI, TAU};

use serde::{Deserialize, Serialize};

use crate::TrainingConfig;

/// How learning rates move after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// They stay.
    Constant,
    /// They fall in a straight line to zero at the last step.
    Linear,
    /// They fall along a cosine, `cycles` times (0.5: once down), [Loshchilov and Hutter,
    /// 2017](https://arxiv.org/abs/1608.03983).
    Cosine,
    /// They fall along half a cosine `cycles` times, jumping back to the peak in between.
    CosineWithRestarts,
    /// They fall as `(1 - progress)^power`.
    Polynomial,
    /// They fall as one over the square root of the step ([Vaswani et al.,
    /// 2017](https://arxiv.org/abs/1706.03762)).
    InverseSqrt,
    /// They rise along a cosine from a 25th of the peak during the warm-up, and fall along one to
    /// a 250,000th ([Smith and Topin, 2018](https://arxiv.org/abs/1708.07120)).
    OneCycle,
}

/// The learning rate of each step, as a share of its peak.
///
/// The values are those of transformers' schedules of the same names, and of PyTorch's
/// `OneCycleLR` with cosine annealing, but that the polynomial ends at zero and not at a rate of 1e-7. A
/// warm-up that is given as a ratio has so many whole steps, where transformers' `Trainer` rounds up.
#[derive(Clone, Debug)]
pub struct Schedule {
    kind: ScheduleKind,
    warmup_steps: usize,
    steps: usize,
    cycles: f64,
    power: f64,
    floor: f64,
}

impl Schedule {
    /// The schedule of a run of so many steps.
    pub fn new(config: &TrainingConfig, steps: usize) -> Self {
        let cycles = if config.schedule == ScheduleKind::Cosine { 0.5 } else { 1.0 };
        Self {
            kind: config.schedule,
            warmup_steps: config.warmup_steps.unwrap_or(share(config.warmup_ratio, steps)),
            steps,
            cycles: config.cycles.unwrap_or(cycles),
            power: config.power,
            floor: config.floor,
        }
    }

    /// The factor of the update `step`, from 0.
    pub fn factor(&self, step: usize) -> f64 {
        if self.kind == ScheduleKind::OneCycle {
            return self.one_cycle(step);
        }
        if step < self.warmup_steps {
            return step as f64 / self.warmup_steps as f64;
        }
        self.floor + (1.0 - self.floor) * self.decay(step)
    }

    /// The factor after the warm-up, where there is no floor.
    fn decay(&self, step: usize) -> f64 {
        let after = self.steps.saturating_sub(self.warmup_steps).max(1) as f64;
        let progress = (step - self.warmup_steps) as f64 / after;
        let left = (1.0 - progress).max(0.0);
        match self.kind {
            ScheduleKind::Constant | ScheduleKind::OneCycle => 1.0,
            ScheduleKind::Linear => left,
            ScheduleKind::Cosine => 0.5 * (1.0 + (TAU * self.cycles * progress).cos()),
            ScheduleKind::CosineWithRestarts if progress >= 1.0 => 0.0,
            ScheduleKind::CosineWithRestarts => {
                0.5 * (1.0 + (PI * ((self.cycles * progress) % 1.0)).cos())
            }
            ScheduleKind::Polynomial => left.powf(self.power),
            ScheduleKind::InverseSqrt => {
                let timescale = if self.warmup_steps > 0 { self.warmup_steps } else { 10_000 };
                let shift = timescale - self.warmup_steps;
                ((step + shift) as f64 / timescale as f64).sqrt().recip()
            }
        }
    }

    fn one_cycle(&self, step: usize) -> f64 {
        const START: f64 = 1.0 / 25.0;
        const END: f64 = START / 1e4;
        let anneal = |from: f64, to: f64, progress: f64| {
            to + (from - to) / 2.0 * (1.0 + (PI * progress.clamp(0.0, 1.0)).cos())
        };
        let (step, last) = (step as f64, self.steps.saturating_sub(1) as f64);
        let peak = self.warmup_steps.saturating_sub(1) as f64;
        let factor = if step < peak {
            anneal(START, 1.0, step / peak)
        } else {
            anneal(1.0, END, (step - peak) / (last - peak).max(1.0))
        };
        factor.max(if step > peak { self.floor } else { 0.0 })
    }
}

/// The whole steps in a share of all. `0.29 * 100.0` is a little less than 29: what lies so near below
/// a whole number is that number.
fn share(ratio: f64, steps: usize) -> usize {
    (ratio * steps as f64 * (1.0 + 4.0 * f64::EPSILON)).floor() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(kind: ScheduleKind, warmup_ratio: f64, steps: usize) -> Vec<f64> {
        let config = TrainingConfig { schedule: kind, warmup_ratio, ..Default::default() };
        let schedule = Schedule::new(&config, steps);
        (0..=steps).map(|step| schedule.factor(step)).collect()
    }

    #[test]
    fn a_warm_up_that_is_longer_than_the_run_is_not_shortened() {
        let config = TrainingConfig { warmup_steps: Some(1000), ..Default::default() };
        let schedule = Schedule::new(&config, 5);
        assert_eq!([0, 1, 4].map(|step| schedule.factor(step)), [0.0, 0.001, 0.004]);
    }

    #[test]
    fn a_warm_up_by_ratio_has_as_many_whole_steps_as_the_exact_share() {
        for (ratio, steps, expected) in [
            (0.1, 30, 3),
            (0.07, 100, 7),
            (0.29, 100, 29),
            (0.57, 100, 57),
            (0.1, 29, 2),
            (0.333_333, 3, 0),
            (1.0, 7, 7),
        ] {
            let config = TrainingConfig { warmup_ratio: ratio, ..Default::default() };
            assert_eq!(Schedule::new(&config, steps).warmup_steps, expected, "{ratio} of {steps}");
        }
    }

    #[test]
    fn linear_rises_and_falls_to_zero() {
        let expected = [0.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.0];
        assert_eq!(factors(ScheduleKind::Linear, 0.34, 6), expected);
    }

    #[test]
    fn constant_stays_after_the_warm_up() {
        assert_eq!(factors(ScheduleKind::Constant, 0.25, 4), [0.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(factors(ScheduleKind::Constant, 0.0, 2), [1.0, 1.0, 1.0]);
    }

    #[test]
    fn no_schedule_leaves_its_range_however_short_the_run() {
        let kinds = [
            ScheduleKind::Constant,
            ScheduleKind::Linear,
            ScheduleKind::Cosine,
            ScheduleKind::CosineWithRestarts,
            ScheduleKind::Polynomial,
            ScheduleKind::InverseSqrt,
            ScheduleKind::OneCycle,
        ];
        for kind in kinds {
            for (steps, warmup_ratio) in [(1, 0.0), (1, 1.0), (2, 0.5), (4, 1.0), (3, 0.1)] {
                let factors = factors(kind, warmup_ratio, steps);
                let within = factors.iter().all(|factor| (0.0..=1.0).contains(factor));
                assert!(within, "{kind:?} {steps} {warmup_ratio}: {factors:?}");
            }
        }
    }
}
