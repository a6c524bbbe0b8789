use gemm::Parallelism;

use super::matrix::{Destination, Matrix};

/// `out = a · b`, or `out += a · b`, on the threads of `parallelism`.
///
/// # Safety
///
/// `out` must be valid for writes (and initialised, to add to it) of `a.rows` rows of `b.columns`
/// elements, `row_stride` apart, that nobody else reads or writes during the call.
pub(super) unsafe fn multiply(
    out: *mut f32,
    row_stride: usize,
    a: Matrix<'_>,
    b: Matrix<'_>,
    destination: Destination,
    parallelism: Parallelism,
) {
    assert_eq!(a.columns(), b.rows(), "inner dimensions of a product");
    let add = destination == Destination::AddTo;
    let ([a_rows, a_columns], [b_rows, b_columns]) = (strides(a), strides(b));
    // SAFETY: `Matrix` checked that both inputs lie within their slices; the caller vouches for
    // `out`.
    unsafe {
        gemm::gemm(
            a.rows(),
            b.columns(),
            a.columns(),
            out,
            1,
            row_stride as isize,
            add,
            a.place(0, 0),
            a_columns,
            a_rows,
            b.place(0, 0),
            b_columns,
            b_rows,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// The distances from a row, and from a column, to the next.
fn strides(matrix: Matrix<'_>) -> [isize; 2] {
    let (row, column) = matrix.strides();
    [row as isize, column as isize]
}
