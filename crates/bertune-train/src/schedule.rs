use crate::{ScheduleKind, TrainingConfig};

/// Learning rates over the steps of a run, as a factor of the peak rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    kind: ScheduleKind,
    warmup_steps: usize,
    steps: usize,
}

impl Schedule {
    /// The schedule of a run of `steps` updates.
    pub fn new(config: &TrainingConfig, steps: usize) -> Self {
        let warmup_steps = (config.warmup_ratio * steps as f64).floor() as usize;
        Self { kind: config.schedule, warmup_steps, steps }
    }

    /// The factor of the update `step`, from 0: what transformers'
    /// `get_linear_schedule_with_warmup` and `get_constant_schedule_with_warmup` give.
    pub fn factor(&self, step: usize) -> f64 {
        if step < self.warmup_steps {
            return step as f64 / self.warmup_steps as f64;
        }
        match self.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Linear => {
                let left = self.steps.saturating_sub(step) as f64;
                left / self.steps.saturating_sub(self.warmup_steps).max(1) as f64
            }
        }
    }
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
    fn warm_up_over_the_whole_run_stays_finite() {
        assert!(factors(ScheduleKind::Linear, 1.0, 4).iter().all(|factor| factor.is_finite()));
    }
}
