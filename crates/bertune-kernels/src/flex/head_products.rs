//! The small products of one head of one sequence, on one thread: by [`tile`](super::tile) where the
//! processor has its instructions, by the `gemm` crate elsewhere.

use gemm::Parallelism;

use super::matrix::{Destination, Matrix};
use super::multiply::multiply;
#[cfg(target_arch = "x86_64")]
use super::{
    panel::lay_out,
    tile::{self, HALF, WIDTH},
};

/// Rows of scores are filled up to a multiple of so many, for whole vectors.
const MULTIPLE: usize = 32;

/// Tiles write all of their columns, or half of them, which must lie in the row.
#[cfg(target_arch = "x86_64")]
const _: () = assert!(MULTIPLE == WIDTH && MULTIPLE == 2 * HALF);

/// How long a row of scores is. What is beyond the last token's means nothing.
pub(super) fn row_len(tokens: usize) -> usize {
    let half = MULTIPLE / 2;
    if tokens <= half { half } else { tokens.next_multiple_of(MULTIPLE) }
}

/// What the products of a thread use one after another.
#[derive(Default)]
pub(super) struct HeadProducts {
    #[cfg(target_arch = "x86_64")]
    panel: Vec<f32>,
}

impl HeadProducts {
    /// `scores = a · bᵀ`, in rows of [`row_len`].
    ///
    /// # Shapes
    ///
    /// `a: [rows, dim]`, `b: [tokens, dim]` → `[rows, row_len(tokens)]`.
    pub(super) fn score(&mut self, a: Matrix<'_>, b: Matrix<'_>, scores: &mut [f32]) {
        let stride = row_len(b.rows());
        assert_eq!(scores.len(), a.rows() * stride, "a row of scores for each row");
        #[cfg(target_arch = "x86_64")]
        if tile::is_available() {
            return self.score_in_tiles(a, b, scores);
        }
        let (out, b) = (scores.as_mut_ptr(), b.transposed());
        // SAFETY: `scores` is borrowed for this call and has these rows.
        unsafe { multiply(out, stride, a, b, Destination::Overwrite, Parallelism::None) };
    }

    /// `out = weights · rows`.
    ///
    /// # Shapes
    ///
    /// `weights: [n, tokens]`, `rows: [tokens, dim]` → `[n, dim]`.
    ///
    /// # Safety
    ///
    /// `out` must be valid for writes of `n` rows of `dim` elements, `stride` apart, that nobody else
    /// reads or writes during the call.
    pub(super) unsafe fn mix(
        &mut self,
        weights: Matrix<'_>,
        rows: Matrix<'_>,
        out: *mut f32,
        stride: usize,
    ) {
        #[cfg(target_arch = "x86_64")]
        if tile::is_available() {
            // SAFETY: the caller's promise.
            return unsafe { self.mix_in_tiles(weights, rows, out, stride) };
        }
        let (destination, parallelism) = (Destination::Overwrite, Parallelism::None);
        // SAFETY: the caller's promise.
        unsafe { multiply(out, stride, weights, rows, destination, parallelism) };
    }
}

#[cfg(target_arch = "x86_64")]
impl HeadProducts {
    fn score_in_tiles(&mut self, a: Matrix<'_>, b: Matrix<'_>, scores: &mut [f32]) {
        let [tokens, dim] = [b.rows(), b.columns()];
        let stride = row_len(tokens);
        self.panel.resize(dim * WIDTH, 0.0);
        for first in (0..tokens).step_by(WIDTH) {
            lay_out(b.part(first..tokens.min(first + WIDTH), 0..dim), &mut self.panel);
            let panel = Matrix::new(&self.panel, [dim, WIDTH], WIDTH);
            let place = scores[first..].as_mut_ptr();
            // SAFETY: `scores` is borrowed, and has a row of `stride` elements for each row of `a`.
            unsafe { tile::multiply(a, panel, &[0.0; WIDTH], place, stride, WIDTH.min(stride)) };
        }
    }

    /// # Safety
    ///
    /// As [`mix`](Self::mix)'s.
    unsafe fn mix_in_tiles(
        &mut self,
        weights: Matrix<'_>,
        rows: Matrix<'_>,
        out: *mut f32,
        stride: usize,
    ) {
        let [tokens, dim] = [rows.rows(), rows.columns()];
        if dim < WIDTH {
            self.panel.resize(tokens * WIDTH, 0.0);
            for (token, values) in self.panel.chunks_exact_mut(WIDTH).take(tokens).enumerate() {
                values[..dim].copy_from_slice(rows.row(token));
            }
            let panel = Matrix::new(&self.panel, [tokens, WIDTH], WIDTH);
            // SAFETY: the caller's promise.
            return unsafe { tile::multiply(weights, panel, &[0.0; WIDTH], out, stride, dim) };
        }
        for first in (0..dim).step_by(WIDTH) {
            // What the last panel shares with the one before it comes out the same again.
            let first = first.min(dim - WIDTH);
            let panel = rows.part(0..tokens, first..first + WIDTH);
            // SAFETY: the caller's promise: the place lies within the first row.
            unsafe {
                tile::multiply(weights, panel, &[0.0; WIDTH], out.add(first), stride, WIDTH);
            }
        }
    }
}
