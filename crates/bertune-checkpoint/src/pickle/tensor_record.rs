use std::ops::Range;

use super::Problem;
use crate::element_type::ElementType;

/// What a pickle says of a tensor.
#[derive(Clone, Debug)]
pub(super) struct TensorRecord {
    pub(super) storage: StorageRecord,
    /// The number in the storage at which the tensor begins.
    pub(super) offset: u64,
    pub(super) shape: Vec<usize>,
    /// The distance in numbers between neighbours of each dimension.
    pub(super) strides: Vec<usize>,
}

/// What a pickle says of a run of numbers, which tensors may share.
#[derive(Clone, Debug)]
pub(super) struct StorageRecord {
    /// Its name in the file.
    pub(super) key: String,
    pub(super) element_type: ElementType,
    /// Where in the stored run it begins: zero but for the views of old files.
    pub(super) start: u64,
    /// How many numbers it has.
    pub(super) elements: u64,
}

impl TensorRecord {
    /// The numbers that the tensor spans in the stored run.
    ///
    /// A tensor with more numbers than its storage (which strides of zero can say) is refused:
    /// a few bytes could ask for any amount of memory.
    pub(super) fn span(&self) -> Result<Range<u64>, Problem> {
        let storage = &self.storage;
        let out_of_bounds = || {
            Problem::broken(format!(
                "the shape {:?} with strides {:?} from {} does not fit a storage of {} numbers",
                self.shape, self.strides, self.offset, storage.elements
            ))
        };
        let span = self.length().ok_or_else(out_of_bounds)?;
        let start = self.offset.checked_add(storage.start).ok_or_else(out_of_bounds)?;
        let end = start.checked_add(span).ok_or_else(out_of_bounds)?;
        match self.offset.checked_add(span) {
            Some(last) if last <= storage.elements => Ok(start..end),
            _ => Err(out_of_bounds()),
        }
    }

    /// How far the last number is from the first, plus one; `None` if it cannot be.
    fn length(&self) -> Option<u64> {
        if self.shape.len() != self.strides.len() {
            return None;
        }
        let elements = self.shape.iter().try_fold(1_usize, |n, size| n.checked_mul(*size))?;
        if elements as u64 > self.storage.elements {
            return None;
        }
        if elements == 0 {
            return Some(0);
        }
        let steps = self.shape.iter().zip(&self.strides);
        let mut last = steps.map(|(size, stride)| (size - 1).checked_mul(*stride));
        let last = last.try_fold(0_usize, |sum, step| sum.checked_add(step?))?;
        (last as u64).checked_add(1)
    }

    /// The tensor's numbers in row-major order, from the numbers that it spans.
    pub(super) fn gather(&self, values: Vec<f32>) -> Vec<f32> {
        if self.is_contiguous() {
            return values;
        }
        let mut positions = vec![0];
        for (size, stride) in self.shape.iter().zip(&self.strides) {
            let step = |start: usize| (0..*size).map(move |index| start + index * stride);
            positions = positions.into_iter().flat_map(step).collect();
        }
        positions.into_iter().map(|position| values[position]).collect()
    }

    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        let dimensions = self.shape.iter().zip(&self.strides).rev();
        self.shape.contains(&0)
            || dimensions.into_iter().all(|(size, stride)| {
                let fits = *size == 1 || *stride == expected;
                expected *= size;
                fits
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: u64, shape: &[usize], strides: &[usize]) -> TensorRecord {
        let storage = StorageRecord {
            key: "0".to_owned(),
            element_type: ElementType::F32,
            start: 0,
            elements: 6,
        };
        TensorRecord { storage, offset, shape: shape.to_vec(), strides: strides.to_vec() }
    }

    fn check_span(offset: u64, shape: &[usize], strides: &[usize], expected: Option<Range<u64>>) {
        assert_eq!(record(offset, shape, strides).span().ok(), expected);
    }

    #[test]
    fn a_span_stays_inside_its_storage() {
        check_span(0, &[2, 3], &[3, 1], Some(0..6));
        check_span(0, &[3, 2], &[1, 3], Some(0..6));
        check_span(1, &[2], &[4], Some(1..6));
        check_span(0, &[], &[], Some(0..1));
        check_span(6, &[0], &[1], Some(6..6));
        check_span(1, &[2, 3], &[3, 1], None);
        check_span(0, &[7], &[1], None);
        check_span(0, &[7], &[0], None);
        check_span(0, &[2], &[6], None);
        check_span(0, &[2, 3], &[1], None);
        check_span(u64::MAX, &[1], &[1], None);
        check_span(0, &[2], &[usize::MAX], None);
        check_span(0, &[usize::MAX, 2], &[1, 1], None);
    }

    #[test]
    fn strides_are_followed() {
        let gathered = record(0, &[3, 2], &[1, 3]).gather(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(gathered, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    }
}
