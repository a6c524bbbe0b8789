use std::time::Instant;

use anyhow::Result;
use bertune::train::{Event, Run, TrainingConfig, TrainingData, fine_tune};

use crate::{Case, classifier, dataset};

/// Steps before the first that counts: they make the optimizer's state and warm the caches.
const WARM_UP: usize = 2;

/// Milliseconds of each step of the training loop itself, every one on all sequences of the case.
///
/// # Errors
///
/// If the loop fails.
pub fn times_of_steps(case: &Case, steps: usize) -> Result<Vec<f64>> {
    let (train, validation) = (dataset(&case.lengths), dataset(&case.lengths[..1]));
    let names = ["0".to_owned(), "1".to_owned()];
    let data =
        TrainingData { train: &train, validation: &validation, label_names: &names, sources: None };
    let config = TrainingConfig {
        precision: case.precision,
        batch_size: case.lengths.len(),
        // One more: time is taken from the end of one step to the end of the next.
        max_steps: Some(WARM_UP + steps + 1),
        evaluate_every: "1000000 epochs".parse()?,
        ..TrainingConfig::default()
    };
    let (mut times, mut before) = (Vec::new(), None::<Instant>);
    let run = Run::default().telling(|event| {
        if let Event::Step { .. } = event {
            times.extend(before.map(|before| before.elapsed().as_secs_f64() * 1000.0));
            before = Some(Instant::now());
        }
    });
    fine_tune(classifier(case.shape), data, &config, run)?;
    Ok(times.split_off(WARM_UP))
}
