use burn_core::tensor::{Tensor, activation::log_sigmoid, backend::Backend};

/// The binary cross-entropy of each class, in nats:
/// `-target · log σ(logit) - (1 - target) · log (1 - σ(logit))`.
///
/// # Shapes
///
/// `logits, targets: [sequences, classes]` → the same.
pub fn binary_cross_entropy<B: Backend>(
    logits: Tensor<B, 2>,
    targets: Tensor<B, 2>,
) -> Tensor<B, 2> {
    let absent = targets.clone().neg() + 1.0;
    (targets * log_sigmoid(logits.clone()) + absent * log_sigmoid(logits.neg())).neg()
}
