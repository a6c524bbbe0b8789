use burn_core::tensor::{Int, Tensor, activation::log_softmax, backend::Backend};

/// The cross-entropy of each row, in nats: `-log softmax(logits)[label]`.
///
/// # Shapes
///
/// `logits: [sequences, classes]`, `labels: [sequences]` → `[sequences]`.
pub fn cross_entropy<B: Backend>(logits: Tensor<B, 2>, labels: Tensor<B, 1, Int>) -> Tensor<B, 1> {
    let [sequences, _] = logits.dims();
    let log_probabilities = log_softmax(logits, 1);
    log_probabilities.gather(1, labels.reshape([sequences, 1])).reshape([sequences]).neg()
}
