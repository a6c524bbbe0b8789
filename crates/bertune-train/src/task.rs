use bertune_data::{Dataset, PackedBatch};
use bertune_kernels::DropoutKey;
use burn_core::module::AutodiffModule;
use burn_core::tensor::Tensor;
use burn_core::tensor::backend::AutodiffBackend;

use crate::Evaluation;
use crate::learned::Inner;
use crate::plan::Draws;
use crate::timeline::{Timeline, Window};

/// What a run learns: a kind of model, the loss of its examples, and how it is measured.
pub(crate) trait Task<B: AutodiffBackend> {
    /// What learns.
    type Model: AutodiffModule<B>;

    /// What it learns from.
    fn examples(&self) -> &Dataset;

    /// What the losses of a step's examples are divided by.
    fn weight(&self, parts: &[PackedBatch]) -> f64;

    /// The part that these examples have in the mean loss of a step, whose examples weigh
    /// `step_weight` together; dropout is active if there is a key.
    ///
    /// # Shapes
    ///
    /// `[1]`.
    fn loss(
        &self,
        model: &Self::Model,
        batch: &PackedBatch,
        step_weight: f64,
        key: Option<DropoutKey>,
    ) -> Tensor<B, 1>;

    /// The loss of the same examples where a model says nothing: all its scores are zero. None if
    /// that is nothing to go by.
    fn chance(&self, _: &Self::Model, _: &PackedBatch, _step_weight: f64) -> Option<f64> {
        None
    }

    /// Whether the loss of these examples depends on the parameter of this Hugging Face name.
    fn reads(&self, model: &Self::Model, example_ids: &[usize], name: &str) -> bool;

    /// The examples that the checks before the first step look at, by what they are examples of if
    /// that is not all the same.
    fn checked(&self, first_step: &Window) -> Vec<(Option<&str>, Vec<usize>)> {
        vec![(None, first_step.example_ids())]
    }

    /// The table, by its Hugging Face name, of which a loss reads the rows that its input ids name
    /// and no others; `None` if there is no such table.
    fn row_table(&self) -> Option<&'static str> {
        None
    }

    /// Measures a model on the validation examples.
    fn evaluate(&self, model: &Inner<B, Self::Model>, batch_size: usize) -> Evaluation;

    /// What is drawn, where that is not each example once in an epoch.
    fn draws(&self) -> Option<Draws> {
        None
    }

    /// What each example weighs at the beginning, where that is not what the examples say.
    fn first_weights(&self) -> Option<Vec<f32>> {
        None
    }

    /// Whether the examples are weighed anew after so many steps.
    fn reweighs_after(&self, _steps: usize, _timeline: &Timeline) -> bool {
        false
    }

    /// What each example weighs from now on, where a whole model was trained with these weights.
    fn next_weights(&self, _: &Self::Model, weights: Vec<f32>, _: &Timeline) -> Vec<f32> {
        weights
    }
}
