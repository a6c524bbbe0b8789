use std::sync::mpsc::{IntoIter, sync_channel};
use std::thread::{self, JoinHandle};

use crate::{Dataset, PackedBatch};

/// Batches that are packed ahead on a background thread, in the order of the plan.
///
/// Dropping it early ends the thread.
#[derive(Debug)]
pub struct Prefetch {
    batches: IntoIter<PackedBatch>,
    worker: Option<JoinHandle<()>>,
}

/// Batches that wait to be taken.
const DEPTH: usize = 3;

impl Prefetch {
    /// Packs the batches of one epoch of a [`BatchPlan`](crate::BatchPlan).
    pub fn new(dataset: &Dataset, epoch: Vec<Vec<usize>>) -> Self {
        let (sender, receiver) = sync_channel(DEPTH);
        let dataset = dataset.clone();
        let worker = thread::spawn(move || {
            for example_ids in epoch {
                // The receiver is gone when the consumer stopped early.
                if sender.send(PackedBatch::pack(&dataset, &example_ids)).is_err() {
                    break;
                }
            }
        });
        Self { batches: receiver.into_iter(), worker: Some(worker) }
    }
}

impl Iterator for Prefetch {
    type Item = PackedBatch;

    fn next(&mut self) -> Option<PackedBatch> {
        let batch = self.batches.next();
        if batch.is_none()
            && let Some(worker) = self.worker.take()
            && let Err(panic) = worker.join()
        {
            // A batch that could not be packed must not look like the end of the epoch.
            std::panic::resume_unwind(panic);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use bertune_tokenize::Encoding;

    use super::*;
    use crate::BatchPlan;

    fn dataset(examples: u32) -> Dataset {
        let encoding = |i| Encoding {
            input_ids: (0..=i % 5).collect(),
            token_type_ids: vec![0; i as usize % 5 + 1],
            offsets: vec![(0, 0); i as usize % 5 + 1],
        };
        Dataset::labelled((0..examples).map(encoding).collect(), vec![0; examples as usize])
    }

    #[test]
    fn batches_come_as_if_packed_directly() {
        let dataset = dataset(103);
        let plan = BatchPlan::new(103, 8, 5);
        let ahead: Vec<_> = Prefetch::new(&dataset, plan.epoch(2)).collect();
        let direct: Vec<_> =
            plan.epoch(2).iter().map(|ids| PackedBatch::pack(&dataset, ids)).collect();
        assert_eq!(ahead, direct);
    }

    #[test]
    fn stopping_early_ends_the_worker() {
        let mut prefetch = Prefetch::new(&dataset(1000), BatchPlan::in_order(1000, 1).epoch(0));
        prefetch.next();
        let worker = prefetch.worker.take().unwrap();
        drop(prefetch);
        worker.join().unwrap();
    }

    #[test]
    #[should_panic(expected = "index out of bounds")]
    fn a_failure_is_not_taken_for_the_end() {
        Prefetch::new(&dataset(2), vec![vec![0], vec![7]]).count();
    }
}
