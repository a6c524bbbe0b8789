use burn_core::tensor::backend::Backend;
use burn_core::tensor::ops::FloatTensor;

use crate::{AdamState, AdamStep, LionStep, SgdStep, WaitingRow, primitive};

/// The updates of an optimizer that are worth fusing: one pass over a parameter, its gradient and its
/// moments.
///
/// As in [`BertOps`](crate::BertOps), default bodies use Burn primitives.
pub trait OptimizerOps: Backend {
    /// The sum of the squares of all elements, of shape `[1]`, for the global norm.
    fn sum_of_squares(x: FloatTensor<Self>) -> FloatTensor<Self> {
        primitive::sum_of_squares::<Self>(x)
    }

    /// One Adam or AdamW update of one parameter: the new parameter and the new moments.
    ///
    /// `state` is `None` at the first step of this parameter.
    fn adam(
        parameter: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        state: Option<AdamState<FloatTensor<Self>>>,
        step: &AdamStep,
    ) -> (FloatTensor<Self>, AdamState<FloatTensor<Self>>) {
        primitive::adam::<Self>(parameter, grad, state, step)
    }

    /// Whether rows of a table that have no gradient are better left waiting than updated at every
    /// step: whether [`adam_catch_up`](Self::adam_catch_up) and [`put_rows`](Self::put_rows) cost as
    /// little as the rows that they touch.
    fn rows_may_wait() -> bool {
        false
    }

    /// Updates rows of a table by the [`adam`](Self::adam) steps that each has missed, in which it had
    /// no gradient, bit for bit as if it had not waited.
    ///
    /// `state` is `None` where the table has not been updated at all.
    ///
    /// # Shapes
    ///
    /// `table: [rows, width]`, and the moments too; `waiting` names different rows.
    fn adam_catch_up(
        table: FloatTensor<Self>,
        state: Option<AdamState<FloatTensor<Self>>>,
        waiting: &[WaitingRow],
        steps: &[AdamStep],
    ) -> (FloatTensor<Self>, AdamState<FloatTensor<Self>>) {
        primitive::adam_catch_up::<Self>(table, state, waiting, steps)
    }

    /// The table with other values in some rows.
    ///
    /// # Shapes
    ///
    /// `table: [rows, width]`, `values: [n, width]` for `n` different rows → `[rows, width]`.
    fn put_rows(
        table: FloatTensor<Self>,
        rows: &[usize],
        values: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        primitive::put_rows::<Self>(table, rows, values)
    }

    /// One update of gradient descent with momentum: the new parameter and the new momentum.
    ///
    /// `momentum` is `None` at the first step of this parameter.
    fn sgd(
        parameter: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        momentum: Option<FloatTensor<Self>>,
        step: &SgdStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        primitive::sgd::<Self>(parameter, grad, momentum, step)
    }

    /// One Lion update: the new parameter and the new momentum.
    ///
    /// `momentum` is `None` at the first step of this parameter.
    fn lion(
        parameter: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        momentum: Option<FloatTensor<Self>>,
        step: &LionStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        primitive::lion::<Self>(parameter, grad, momentum, step)
    }
}
