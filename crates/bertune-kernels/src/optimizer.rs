/// How weight decay enters an Adam step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WeightDecay {
    /// Added to the gradient, as in Adam with L2 regularisation.
    Coupled(f64),
    /// Taken off the parameter itself, as in AdamW ([Loshchilov and Hutter, 2019](https://arxiv.org/abs/1711.05101)).
    Decoupled(f64),
}

/// The numbers of one update ([Kingma and Ba, 2015](https://arxiv.org/abs/1412.6980)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// The decay rate of the first moment.
    pub beta_1: f64,
    /// The decay rate of the second moment.
    pub beta_2: f64,
    /// What keeps the division finite.
    pub epsilon: f64,
    /// The weight decay.
    pub weight_decay: WeightDecay,
    /// What the gradient is multiplied with first: 1, or less to clip it.
    pub gradient_scale: f64,
    /// The number of this update of the parameter, from 1.
    pub step: u64,
}

impl AdamStep {
    /// `1 - beta_1^step` and `1 - beta_2^step`.
    pub(crate) fn bias_corrections(&self) -> (f64, f64) {
        let correction = |beta: f64| 1.0 - beta.powf(self.step as f64);
        (correction(self.beta_1), correction(self.beta_2))
    }
}

/// A row of a table that has missed updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingRow {
    /// Its number.
    pub row: usize,
    /// The first of the steps that it has missed; it has missed all that follow too.
    pub since: usize,
}

/// The moments of one parameter, of its shape.
#[derive(Clone, Debug)]
pub struct AdamState<T> {
    /// The running mean of the gradient.
    pub first_moment: T,
    /// The running mean of the squared gradient.
    pub second_moment: T,
}

/// The numbers of one update of gradient descent with momentum, as PyTorch's `SGD` defines it
/// ([Sutskever et al., 2013](https://proceedings.mlr.press/v28/sutskever13.html)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdStep {
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// How much of the last step's direction is kept, `0.0..1.0`.
    pub momentum: f64,
    /// The weight decay, added to the gradient.
    pub weight_decay: f64,
    /// What the gradient is multiplied with first: 1, or less to clip it.
    pub gradient_scale: f64,
}

/// The numbers of one update of Lion ([Chen et al., 2023](https://arxiv.org/abs/2302.06675)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LionStep {
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// How much of the momentum goes into the direction, `0.0..1.0`.
    pub beta_1: f64,
    /// The decay rate of the momentum.
    pub beta_2: f64,
    /// The weight decay, taken off the parameter itself.
    pub weight_decay: f64,
    /// What the gradient is multiplied with first: 1, or less to clip it.
    pub gradient_scale: f64,
}
