use std::slice::ChunksExact;

/// A table `[rows, width]` whose values lie row by row in one slice.
///
/// # Examples
///
/// ```
/// use bertune_metrics::Rows;
///
/// let probabilities = Rows::new(&[0.9, 0.1, 0.2, 0.8], 2);
/// assert_eq!(probabilities.row(1), [0.2, 0.8]);
/// assert_eq!(probabilities.column(0), [0.9, 0.2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rows<'a, T> {
    values: &'a [T],
    width: usize,
}

impl<'a, T: Copy> Rows<'a, T> {
    /// Sees the slice as rows of `width` values.
    ///
    /// # Panics
    ///
    /// If `width` is 0 or does not divide the number of values.
    pub fn new(values: &'a [T], width: usize) -> Self {
        assert!(width > 0, "a row needs at least one value");
        assert!(
            values.len().is_multiple_of(width),
            "{} values are not rows of {width}",
            values.len()
        );
        Self { values, width }
    }

    /// All values, row by row.
    pub fn values(self) -> &'a [T] {
        self.values
    }

    /// How many values a row has.
    pub fn width(self) -> usize {
        self.width
    }

    /// How many rows there are.
    pub fn len(self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are no rows.
    pub fn is_empty(self) -> bool {
        self.values.is_empty()
    }

    /// One row.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row(self, row: usize) -> &'a [T] {
        &self.values[row * self.width..][..self.width]
    }

    /// The rows one after another.
    pub fn iter(self) -> ChunksExact<'a, T> {
        self.values.chunks_exact(self.width)
    }

    /// One value of each row.
    ///
    /// # Panics
    ///
    /// If `column` is not below the width.
    pub fn column(self, column: usize) -> Vec<T> {
        assert!(column < self.width, "column {column} of {}", self.width);
        self.iter().map(|row| row[column]).collect()
    }

    /// The values of these rows, in this order, as a bootstrap's metric needs them.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn gather(self, rows: &[usize]) -> Vec<T> {
        rows.iter().flat_map(|&row| self.row(row)).copied().collect()
    }

    /// Requires as many values of another kind for the same rows.
    pub(crate) fn assert_shape_of<U: Copy>(self, other: Rows<'_, U>) {
        assert_eq!(self.width, other.width, "both tables need the same width");
        assert_eq!(self.len(), other.len(), "both tables need the same rows");
    }

    /// Requires one label for each row, each naming a column.
    pub(crate) fn assert_labels(self, labels: &[usize]) {
        assert_eq!(labels.len(), self.len(), "one label for each row");
        let unknown = labels.iter().find(|&&label| label >= self.width);
        assert_eq!(unknown, None, "a label is not below {}", self.width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_gathered_in_the_order_asked_for() {
        let rows = Rows::new(&[1, 2, 3, 4, 5, 6], 2);
        assert_eq!((rows.len(), rows.width()), (3, 2));
        assert_eq!(rows.gather(&[2, 0, 2]), [5, 6, 1, 2, 5, 6]);
    }

    #[test]
    #[should_panic(expected = "3 values are not rows of 2")]
    fn half_a_row_is_refused() {
        Rows::new(&[1, 2, 3], 2);
    }
}
