use burn_core::tensor::Tensor;
use burn_core::tensor::backend::Backend;
use burn_core::tensor::ops::FloatTensor;

use super::{flat, unwrap, wrap};

/// The sum of all rows. Burn's GPU kernels walk through the rows of a column one after another, and
/// here groups of rows do so at once: as many groups as there are rows in each.
pub(crate) fn sum_rows<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let x = wrap::<B, 2>(x);
    let [rows, columns] = x.dims();
    let groups = rows.isqrt().max(1);
    let each = rows / groups;
    let grouped = groups * each;
    if grouped == rows {
        return unwrap(sum_groups(x.reshape([groups, each, columns])));
    }
    let rest = x.clone().narrow(0, grouped, rows - grouped).sum_dim(0).reshape([columns]);
    unwrap(sum_groups(x.narrow(0, 0, grouped).reshape([groups, each, columns])) + rest)
}

fn sum_groups<B: Backend>(x: Tensor<B, 3>) -> Tensor<B, 1> {
    let [groups, _, columns] = x.dims();
    x.sum_dim(1).reshape([groups, columns]).sum_dim(0).reshape([columns])
}

/// The sum of the squares of all elements. In the same order each time, which Burn's sum of a whole
/// tensor on a GPU is not.
pub(crate) fn sum_of_squares<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let squares = flat::<B>(x).square();
    let [elements] = squares.dims();
    sum_rows::<B>(unwrap(squares.reshape([elements, 1])))
}
