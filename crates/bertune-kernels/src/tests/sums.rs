//! Sums of whole numbers, which must be exact.

use burn_core::tensor::{ElementConversion, Int, Tensor, TensorData};
use burn_flex::Flex;
use burn_ndarray::NdArray;

use crate::BertOps;
use crate::primitive::{unwrap, wrap};

#[test]
fn sums_of_rows_are_exact_for_whole_numbers() {
    fn check<B: BertOps>(rows: usize) {
        let x = Tensor::<B, 1, Int>::arange(0..2 * rows as i64, &Default::default()).float();
        let sums = wrap::<B, 1>(B::sum_rows(unwrap(x.reshape([rows, 2])))).into_data();
        let even = (rows * (rows - 1)) as f32;
        sums.assert_eq(&TensorData::from([even, even + rows as f32]), true);
    }
    for rows in [1, 2, 3, 4, 5, 15, 16, 17, 24, 1000] {
        check::<Flex>(rows);
        check::<NdArray>(rows);
    }
}

#[test]
fn the_sum_of_squares_is_exact_for_whole_numbers() {
    fn sum<B: BertOps>() -> f32 {
        let x = Tensor::<B, 1>::from_floats([1.0, -2.0, 3.0, 4.0], &Default::default());
        wrap::<B, 1>(B::sum_of_squares(unwrap(x))).into_scalar().elem()
    }
    assert_eq!((sum::<Flex>(), sum::<NdArray>()), (30.0, 30.0));
}
