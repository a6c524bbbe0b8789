use burn_core::module::AutodiffModule;
use burn_core::tensor::backend::AutodiffBackend;

use crate::History;

/// A model without a graph.
pub(crate) type Inner<B, M> = <M as AutodiffModule<B>>::InnerModule;

/// A finished run.
#[derive(Debug)]
pub struct Learned<B: AutodiffBackend, M: AutodiffModule<B>> {
    /// The best model, for inference.
    pub model: Inner<B, M>,
    /// What happened.
    pub history: History,
    /// Whether the run came to its end, and was not stopped.
    pub finished: bool,
    /// What each training example weighed at the end, where there are sources.
    pub weights: Option<Vec<f32>>,
}
