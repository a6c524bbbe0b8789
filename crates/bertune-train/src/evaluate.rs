use bertune_data::{BatchPlan, Dataset, PackedBatch, Prefetch};
use bertune_encoder::PackedTokens;
use bertune_head::{BertForSequenceClassification, Decisions};
use bertune_kernels::BertOps;
use burn_core::tensor::Tensor;
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
    let forward = |tokens: &PackedTokens<B>| model.forward(tokens, None);
    vectors(forward, &model.device(), dataset, batch_size)
}

/// The mean of each example's last states, in their order, and its length: what an encoder makes of
/// texts before it learns a task. Of an example in windows, the mean of theirs.
pub fn features<B: BertOps>(
    model: &BertForSequenceClassification<B>,
    dataset: &Dataset,
    batch_size: usize,
) -> (Vec<f64>, usize) {
    let forward =
        |tokens: &PackedTokens<B>| tokens.mean_of_each(model.bert.last_hidden_state(tokens, None));
    vectors(forward, &model.device(), dataset, batch_size)
}

/// What `forward` makes of each example, and how long that is.
fn vectors<B: BertOps>(
    forward: impl Fn(&PackedTokens<B>) -> Tensor<B, 2>,
    device: &B::Device,
    dataset: &Dataset,
    batch_size: usize,
) -> (Vec<f64>, usize) {
    // Windows are computed as they come, not all of an example at once: memory has an end.
    let (windows, examples) = dataset.windows();
    let plan = BatchPlan::by_length(&windows, batch_size);
    let (mut vectors, mut width) = (Vec::new(), 1);
    for batch in Prefetch::new(&windows, plan.epoch(0)) {
        let rows = forward(&on_device(&batch, device));
        width = rows.dims()[1];
        vectors.resize(dataset.len() * width, 0.0);
        let rows: Vec<f64> = rows.into_data().iter::<f64>().collect();
        for (&window, row) in batch.example_ids.iter().zip(rows.chunks_exact(width)) {
            let example = examples[window];
            let share = 1.0 / dataset.sequences(example).len() as f64;
            let sums = &mut vectors[example * width..][..width];
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value * share);
        }
    }
    (vectors, width)
}

/// The tokens of a batch on their device.
pub(crate) fn on_device<B: Backend>(batch: &PackedBatch, device: &B::Device) -> PackedTokens<B> {
    let PackedBatch { input_ids, token_type_ids, position_ids, cu_seqlens, .. } = batch;
    PackedTokens::new(input_ids, token_type_ids, position_ids, cu_seqlens, device)
        .with_windows(&batch.cu_windows)
}
