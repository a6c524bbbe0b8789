use proptest::prelude::*;

use super::*;

/// The bf16 nearest to a number, ties to even.
fn rounded(x: f32) -> f64 {
    let bits = x.to_bits();
    let up = 0x7fff + (bits >> 16 & 1);
    f64::from(f32::from_bits(bits.wrapping_add(up) & 0xffff_0000))
}

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let hash =
        |i: u32| (i ^ seed).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b);
    (0..count as u32).map(|i| (hash(i) >> 8) as f32 / 8_388_608.0 - 1.0).collect()
}

/// A matrix of this shape, or its transpose's transpose.
fn matrix(values: &[f32], [rows, columns]: [usize; 2], transposed: bool) -> Matrix<'_> {
    match transposed {
        false => Matrix::new(values, [rows, columns], columns),
        true => Matrix::new(values, [columns, rows], rows).transposed(),
    }
}

fn check(kernel: Kernel, [rows, inner, columns]: [usize; 3], transposed: [bool; 2], add: bool) {
    let (a, b) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
    let a = matrix(&a, [rows, inner], transposed[0]);
    let b = matrix(&b, [inner, columns], transposed[1]);
    let stride = columns + 3;
    let before = numbers(rows * stride, 3);
    let mut out = before.clone();
    let destination = if add { Destination::AddTo } else { Destination::Overwrite };
    // SAFETY: `out` is ours alone and large enough; the kernel is one that the processor has.
    unsafe { multiply_with(kernel, out.as_mut_ptr(), stride, a, b, destination) };
    let at = |x: Matrix<'_>, row, column| {
        // SAFETY: the indices lie within the matrix.
        rounded(unsafe { *x.place(row, column) })
    };
    for row in 0..rows {
        for column in 0..stride {
            let (found, before) = (out[row * stride + column], before[row * stride + column]);
            if column >= columns {
                assert_eq!(found, before, "beside the results");
                continue;
            }
            let exact: f64 = (0..inner).map(|i| at(a, row, i) * at(b, i, column)).sum();
            let exact = if add { exact + f64::from(before) } else { exact };
            let error = (f64::from(found) - exact).abs();
            assert!(error < 1e-6 * (inner as f64 + 1.0), "{row}, {column}: {found}, not {exact}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn products_are_those_of_rounded_factors(
        shape in [1..150usize, 1..1200usize, 1..150usize],
        transposed in any::<[bool; 2]>(),
        add in any::<bool>(),
    ) {
        KERNELS.iter().for_each(|&kernel| check(kernel, shape, transposed, add));
    }
}

#[test]
fn whole_and_broken_blocks_and_tasks_are_right() {
    for shape in [[1, 1, 1], [32, 32, 32], [129, 513, 1057], [128, 512, 1024], [33, 31, 2]] {
        for &kernel in KERNELS.iter() {
            check(kernel, shape, [false, true], false);
            check(kernel, shape, [true, false], true);
        }
    }
}

/// NaN and infinity are not rounded away.
#[test]
fn numbers_that_are_not_finite_show() {
    for &kernel in KERNELS.iter() {
        let (a, b) = ([1.0, f32::NAN, 0.0, f32::INFINITY], [1.0f32, 1.0]);
        let mut out = [0.0f32; 2];
        let (a, b) = (Matrix::new(&a, [2, 2], 2), Matrix::new(&b, [2, 1], 1));
        // SAFETY: as in `check`.
        unsafe { multiply_with(kernel, out.as_mut_ptr(), 1, a, b, Destination::Overwrite) };
        assert!(out[0].is_nan() && out[1] == f32::INFINITY, "{kernel:?}: {out:?}");
    }
}
