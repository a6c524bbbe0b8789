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

/// The cross-entropy of each row with a target for every class, which smoothed labels and class
/// weights give: `-Σ target · (1 - p)^gamma · log p` with `p = softmax(logits)`. With a `gamma`
/// above 0 it is the focal loss ([Lin et al., 2017](https://arxiv.org/abs/1708.02002)).
///
/// # Shapes
///
/// `logits, targets: [sequences, classes]` → `[sequences]`.
pub fn soft_cross_entropy<B: Backend>(
    logits: Tensor<B, 2>,
    targets: Tensor<B, 2>,
    gamma: f64,
) -> Tensor<B, 1> {
    /// Keeps the derivative of the power finite where a class is certain.
    const LEAST_DOUBT: f64 = 1e-7;
    let log_probabilities = log_softmax(logits, 1);
    let targets = if gamma > 0.0 {
        let doubt = (log_probabilities.clone().exp().neg() + 1.0).clamp_min(LEAST_DOUBT);
        targets * doubt.powf_scalar(gamma)
    } else {
        targets
    };
    (targets * log_probabilities).sum_dim(1).squeeze_dim::<1>(1).neg()
}
