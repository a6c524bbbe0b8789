use burn_core::tensor::{Tensor, backend::Backend};

/// The squared distance of each number from its target.
///
/// # Shapes
///
/// `predictions, targets: [sequences, width]` → the same.
pub fn squared_error<B: Backend>(predictions: Tensor<B, 2>, targets: Tensor<B, 2>) -> Tensor<B, 2> {
    let distance = predictions - targets;
    distance.clone() * distance
}
