use burn_core::tensor::ops::FloatTensor;
use burn_core::tensor::{Tensor, TensorMetadata};

use super::{unwrap, wrap};
use crate::{AdamState, AdamStep, BertOps, WaitingRow};

/// Row by row, with gradients of zeros.
pub(crate) fn adam_catch_up<B: BertOps>(
    table: FloatTensor<B>,
    state: Option<AdamState<FloatTensor<B>>>,
    waiting: &[WaitingRow],
    steps: &[AdamStep],
) -> (FloatTensor<B>, AdamState<FloatTensor<B>>) {
    let mut table = wrap::<B, 2>(table);
    let (mut first, mut second) = match state {
        Some(state) => (wrap::<B, 2>(state.first_moment), wrap::<B, 2>(state.second_moment)),
        None => (table.zeros_like(), table.zeros_like()),
    };
    for &WaitingRow { row, since } in waiting {
        let of = |tensor: &Tensor<B, 2>| unwrap(tensor.clone().slice([row..row + 1]));
        let mut value = of(&table);
        let mut state = AdamState { first_moment: of(&first), second_moment: of(&second) };
        for step in &steps[since..] {
            let none = unwrap(wrap::<B, 2>(value.clone()).zeros_like());
            (value, state) = B::adam(value, none, Some(state), step);
        }
        let AdamState { first_moment, second_moment } = state;
        let put = |tensor: Tensor<B, 2>, value| tensor.slice_assign([row..row + 1], wrap(value));
        table = put(table, value);
        (first, second) = (put(first, first_moment), put(second, second_moment));
    }
    let [table, first_moment, second_moment] = [table, first, second].map(unwrap);
    (table, AdamState { first_moment, second_moment })
}

pub(crate) fn put_rows<B: BertOps>(
    table: FloatTensor<B>,
    rows: &[usize],
    values: FloatTensor<B>,
) -> FloatTensor<B> {
    assert_eq!(rows.len(), values.shape()[0], "values for each row");
    let (table, values) = (wrap::<B, 2>(table), wrap::<B, 2>(values));
    let put = |table: Tensor<B, 2>, (i, &row): (usize, &usize)| {
        table.slice_assign([row..row + 1], values.clone().slice([i..i + 1]))
    };
    unwrap(rows.iter().enumerate().fold(table, put))
}
