use std::ops::Range;

/// A matrix inside a slice: element `(row, column)` is
/// `values[row · row_stride + column · column_stride]`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `columns` elements, `row_stride` apart.
    pub(super) fn new(values: &'a [f32], [rows, columns]: [usize; 2], row_stride: usize) -> Self {
        let end = rows.saturating_sub(1) * row_stride + columns;
        assert!(rows == 0 || end <= values.len(), "the matrix lies within the slice");
        Self { values, rows, columns, row_stride, column_stride: 1 }
    }

    /// A whole slice as a matrix.
    pub(super) fn whole(values: &'a [f32], shape: [usize; 2]) -> Self {
        Self::new(values, shape, shape[1])
    }

    pub(super) fn rows(self) -> usize {
        self.rows
    }

    pub(super) fn columns(self) -> usize {
        self.columns
    }

    /// The distances from a row, and from a column, to the next.
    pub(super) fn strides(self) -> (usize, usize) {
        (self.row_stride, self.column_stride)
    }

    /// Where an element of this matrix lies, or would lie.
    pub(super) fn place(self, row: usize, column: usize) -> *const f32 {
        self.values.as_ptr().wrapping_add(row * self.row_stride + column * self.column_stride)
    }

    /// The elements of a row, which lie in one piece.
    pub(super) fn row(self, row: usize) -> &'a [f32] {
        assert!(row < self.rows && self.column_stride == 1, "a row in one piece");
        &self.values[row * self.row_stride..][..self.columns]
    }

    /// Some of the rows and columns.
    pub(super) fn part(self, rows: Range<usize>, columns: Range<usize>) -> Self {
        assert!(rows.end <= self.rows && columns.end <= self.columns, "a part lies within");
        let (rows_len, columns_len) = (rows.len(), columns.len());
        let values = match (rows_len, columns_len) {
            (0, _) | (_, 0) => &[],
            _ => &self.values[rows.start * self.row_stride + columns.start * self.column_stride..],
        };
        Self { values, rows: rows_len, columns: columns_len, ..self }
    }

    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// What becomes of the values that are in the destination already.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Destination {
    Overwrite,
    AddTo,
}
