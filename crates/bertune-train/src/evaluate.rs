use bertune_data::{BatchPlan, Dataset, PackedBatch, Prefetch};
use bertune_encoder::PackedTokens;
use bertune_head::{BertForSequenceClassification, Decisions};
use bertune_kernels::BertOps;
use burn_core::tensor::backend::Backend;

use crate::Evaluation;

/// Measures a model, without dropout and without a graph.
///
/// # Panics
///
/// If the data set is empty or has no labels.
pub fn evaluate<B: BertOps>(
    model: &BertForSequenceClassification<B>,
    decisions: &Decisions,
    dataset: &Dataset,
    batch_size: usize,
) -> Evaluation {
    let (logits, width) = logits(model, dataset, batch_size);
    Evaluation::new(logits, width, dataset.targets(), decisions)
}

/// What a model gives each class of each example, in their order, and the number of classes; of
/// an example in windows, the mean of what it gives them.
pub fn logits<B: BertOps>(
    model: &BertForSequenceClassification<B>,
    dataset: &Dataset,
    batch_size: usize,
) -> (Vec<f64>, usize) {
    let device = &model.device();
    // Windows are computed as they come, not all of an example at once: memory has an end.
    let (windows, examples) = dataset.windows();
    let plan = BatchPlan::by_length(&windows, batch_size);
    let (mut logits, mut width) = (Vec::new(), 1);
    for batch in Prefetch::new(&windows, plan.epoch(0)) {
        let rows = model.forward(&on_device(&batch, device), None);
        width = rows.dims()[1];
        logits.resize(dataset.len() * width, 0.0);
        let rows: Vec<f64> = rows.into_data().iter::<f64>().collect();
        for (&window, row) in batch.example_ids.iter().zip(rows.chunks_exact(width)) {
            let example = examples[window];
            let share = 1.0 / dataset.sequences(example).len() as f64;
            let sums = &mut logits[example * width..][..width];
            sums.iter_mut().zip(row).for_each(|(sum, logit)| *sum += logit * share);
        }
    }
    (logits, width)
}

/// The tokens of a batch on their device.
pub(crate) fn on_device<B: Backend>(batch: &PackedBatch, device: &B::Device) -> PackedTokens<B> {
    let PackedBatch { input_ids, token_type_ids, position_ids, cu_seqlens, .. } = batch;
    PackedTokens::new(input_ids, token_type_ids, position_ids, cu_seqlens, device)
        .with_windows(&batch.cu_windows)
}
