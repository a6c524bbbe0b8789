use std::time::Instant;

use anyhow::Result;
use bertune::data::{BatchPlan, Dataset};
use bertune::tokenize::Encoding;
use bertune::train::{Event, Run, TrainingConfig, TrainingData, fine_tune};

use crate::{BATCHES, Case, classifier, ids};

/// Times before the first that counts: their steps, and the one before them, read all words once, so
/// that each row has moments, and warm the caches.
const WARM_UP: usize = BATCHES - 1;

/// Milliseconds of each step of the training loop itself.
///
/// Every batch has sequences of the case's lengths, but, as far as there are any, other words than the
/// three before it, so that the rows of words wait for three updates, as in a run, and then catch up
/// with them. All steps are one epoch, whose order the loop's plan tells beforehand: shuffling does not
/// mix the lengths.
///
/// # Errors
///
/// If the loop fails.
pub fn times_of_steps(case: &Case, steps: usize) -> Result<Vec<f64>> {
    let config = TrainingConfig {
        epochs: 1,
        precision: case.precision,
        batch_size: case.lengths.len(),
        ..TrainingConfig::default()
    };
    // One more: time is taken from the end of one step to the end of the next.
    let examples = (WARM_UP + steps + 1) * config.batch_size;
    let batches = BatchPlan::new(examples, config.batch_size, config.seed).epoch(0);
    let train = dataset(&case.lengths, &batches);
    let validation = dataset(&case.lengths[..1], &[vec![0]]);
    let names = ["0".to_owned(), "1".to_owned()];
    let data =
        TrainingData { train: &train, validation: &validation, label_names: &names, sources: None };
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

/// Examples of which batches with these numbers have sequences of these lengths.
fn dataset(lengths: &[usize], batches: &[Vec<usize>]) -> Dataset {
    let tokens = lengths.iter().sum();
    let mut encodings = vec![Encoding::default(); batches.len() * lengths.len()];
    for (batch, examples) in batches.iter().enumerate() {
        let mut words = ids(tokens, batch % BATCHES).into_iter();
        for (&example, &length) in examples.iter().zip(lengths) {
            let input_ids = words.by_ref().take(length).collect();
            let (token_type_ids, offsets) = (vec![0; length], vec![(0, 0); length]);
            encodings[example] = Encoding { input_ids, token_type_ids, offsets };
        }
    }
    let labels = (0..encodings.len()).map(|i| i % 2).collect();
    Dataset::labelled(encodings, labels)
}

#[cfg(test)]
mod tests {
    use bertune::data::PackedBatch;

    use super::*;

    #[test]
    fn batches_have_the_same_lengths_and_after_four_the_same_words() {
        let lengths = [5, 3, 4];
        let batches = BatchPlan::new(15, 3, 1).epoch(0);
        let dataset = dataset(&lengths, &batches);
        let packed = batches.iter().map(|batch| PackedBatch::pack(&dataset, batch));
        let packed: Vec<PackedBatch> = packed.collect();
        assert!(packed.iter().all(|batch| batch.cu_seqlens == [0, 5, 8, 12]));
        let mut words: Vec<u32> =
            packed[..4].iter().flat_map(|batch| batch.input_ids.clone()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 4 * 12);
        assert_eq!(packed[4].input_ids, packed[0].input_ids);
    }
}
