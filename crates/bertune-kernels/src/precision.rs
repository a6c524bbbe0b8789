use serde::{Deserialize, Serialize};

/// What the factors of the large products are rounded to. Their sums are f32, and so is all else:
/// weights, layer norms, softmax, loss, gradients and the optimizer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// As they are.
    #[default]
    F32,
    /// The upper half of an f32, eight bits of significand, rounded to nearest.
    Bf16,
}
