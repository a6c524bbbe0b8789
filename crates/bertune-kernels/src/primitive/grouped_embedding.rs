use burn_core::tensor::backend::Backend;
use burn_core::tensor::ops::{FloatTensor, IntTensor};
use burn_core::tensor::{IndexingUpdateOp, Int, Tensor};

use super::{unwrap, wrap};

/// [`embedding_gradient`](super::embedding_gradient) for a device that is wide: Burn's GPU kernels walk
/// through the ids of a selection one after another, and here groups of ids do so at once, each for a
/// table of its own. Whatever the device, sums are added up in the same order each time.
pub(crate) fn embedding_gradient_in_groups<B: Backend>(
    grad: FloatTensor<B>,
    ids: IntTensor<B>,
    rows: usize,
) -> FloatTensor<B> {
    let (grad, ids) = (wrap::<B, 2>(grad), Tensor::<B, 1, Int>::from_primitive(ids));
    let [tokens, hidden] = grad.dims();
    let groups = groups_of(tokens, rows * hidden);
    let each = tokens / groups;
    let grouped = groups * each;

    let values = grad.clone().narrow(0, 0, grouped).reshape([groups, each, hidden]);
    let places = ids.clone().narrow(0, 0, grouped).reshape([groups, each, 1]);
    let tables = Tensor::<B, 3>::zeros([groups, rows, hidden], &grad.device());
    let places = places.expand([groups, each, hidden]);
    let tables = tables.scatter(1, places, values, IndexingUpdateOp::Add);
    let sum = tables.sum_dim(0).reshape([rows, hidden]);
    if grouped == tokens {
        return unwrap(sum);
    }
    let rest = tokens - grouped;
    let (ids, grad) = (ids.narrow(0, grouped, rest), grad.narrow(0, grouped, rest));
    unwrap(sum.select_assign(0, ids, grad, IndexingUpdateOp::Add))
}

/// In how many groups so many tokens are: as many as there are tokens in each, for what is left over is
/// walked through in the end, but so that the tables of all groups fit into memory.
fn groups_of(tokens: usize, table: usize) -> usize {
    const MOST_NUMBERS: usize = 1 << 26; // 256 MB
    tokens.isqrt().min(MOST_NUMBERS / table.max(1)).max(1)
}
