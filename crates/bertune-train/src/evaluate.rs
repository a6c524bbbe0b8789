use bertune_data::{BatchPlan, Dataset, PackedBatch, Prefetch};
use bertune_encoder::PackedTokens;
use bertune_head::{BertForSequenceClassification, cross_entropy};
use bertune_kernels::BertOps;
use burn_core::tensor::{Int, Tensor, TensorData, backend::Backend};

use crate::{ConfusionMatrix, Metrics};

/// How a model does on labelled examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean cross-entropy, in nats.
    pub loss: f64,
    /// The scores.
    pub metrics: Metrics,
    /// Which classes were taken for which.
    pub confusion: ConfusionMatrix,
}

/// Measures a model, without dropout and without a graph.
///
/// # Panics
///
/// If the data set is empty or has no labels.
pub fn evaluate<B: BertOps>(
    model: &BertForSequenceClassification<B>,
    dataset: &Dataset,
    batch_size: usize,
) -> Evaluation {
    let device = &model.device();
    let plan = BatchPlan::in_order(dataset.len(), batch_size);
    let (mut loss, mut predictions, mut classes) = (0.0, Vec::with_capacity(dataset.len()), 0);
    for batch in Prefetch::new(dataset, plan.epoch(0)) {
        let (tokens, labels) = on_device::<B>(&batch, device);
        let logits = model.forward(&tokens, None);
        classes = logits.dims()[1];
        predictions
            .extend(logits.clone().argmax(1).into_data().iter::<i64>().map(|id| id as usize));
        loss += cross_entropy(logits, labels).into_data().iter::<f64>().sum::<f64>();
    }
    let confusion = ConfusionMatrix::new(dataset.labels(), &predictions, classes);
    Evaluation { loss: loss / dataset.len() as f64, metrics: confusion.metrics(), confusion }
}

/// A labelled batch on its device.
pub(crate) fn on_device<B: Backend>(
    batch: &PackedBatch,
    device: &B::Device,
) -> (PackedTokens<B>, Tensor<B, 1, Int>) {
    let PackedBatch { input_ids, token_type_ids, position_ids, cu_seqlens, labels, .. } = batch;
    let tokens = PackedTokens::new(input_ids, token_type_ids, position_ids, cu_seqlens, device);
    let labels: Vec<i32> = labels.iter().map(|&label| label as i32).collect();
    let data = TensorData::new(labels, [batch.labels.len()]);
    (tokens, Tensor::from_data(data, device))
}
