//! Products whose factors are rounded to bf16 and whose sums are f32.
//!
//! Both factors are packed into [`Tile`]s, the right one by all threads, the left one by the task
//! that multiplies its rows; a block of 32 × 32 results is then one call of a kernel, for AMX or
//! for AVX-512. Each result is summed over the inner dimension in an order that depends on the
//! shape alone.

#[cfg(target_os = "linux")]
mod amx;
mod avx512;
mod pack;

use std::ops::Range;
use std::sync::LazyLock;

use rayon::prelude::*;

use self::pack::{LINES, Layout, NUMBERS, Tile, pack};
use super::matrix::{Destination, Matrix};
use super::shared::Shared;

/// Rows of results, and columns, of one call of a kernel.
const BLOCK: usize = 2 * LINES;

/// Tiles of the inner dimension that are multiplied in one go: a panel of them stays in the
/// first-level cache.
const DEPTH: usize = 16;

/// Rows of one task, in blocks.
const TASK: usize = 4;

/// Columns, in blocks, whose packed factors stay in the second-level cache.
const WIDTH: usize = 32;

/// What multiplies tiles.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kernel {
    #[cfg(target_os = "linux")]
    Amx,
    Avx512,
}

/// The kernels that this processor has, the fastest first.
static KERNELS: LazyLock<Vec<Kernel>> = LazyLock::new(|| {
    let mut kernels = Vec::new();
    if avx512::is_available() {
        #[cfg(target_os = "linux")]
        if amx::is_available() {
            kernels.push(Kernel::Amx);
        }
        kernels.push(Kernel::Avx512);
    }
    kernels
});

/// Whether this processor multiplies bf16.
pub(super) fn is_available() -> bool {
    !KERNELS.is_empty()
}

/// `out = a · b`, or `out += a · b`, on all threads.
///
/// # Panics
///
/// If bf16 is not [available](is_available).
///
/// # Safety
///
/// As [`multiply`](super::multiply::multiply)'s.
pub(super) unsafe fn multiply(
    out: *mut f32,
    row_stride: usize,
    a: Matrix<'_>,
    b: Matrix<'_>,
    destination: Destination,
) {
    // SAFETY: the caller vouches for `out`.
    unsafe { multiply_with(KERNELS[0], out, row_stride, a, b, destination) }
}

/// [`multiply`] by one of the [`KERNELS`].
///
/// # Safety
///
/// As [`multiply`]'s, and the processor has the kernel.
unsafe fn multiply_with(
    kernel: Kernel,
    out: *mut f32,
    row_stride: usize,
    a: Matrix<'_>,
    b: Matrix<'_>,
    destination: Destination,
) {
    assert_eq!(a.columns(), b.rows(), "inner dimensions of a product");
    let (rows, columns, inner) = (a.rows(), b.columns(), a.columns());
    let results = Results { kernel, out: Shared(out), row_stride, columns };
    let b = b.transposed();
    let blocks = columns.div_ceil(BLOCK);
    let mut b_tiles = vec![Tile::ZERO; blocks * 2 * DEPTH.min(inner.div_ceil(NUMBERS))];
    for first in (0..inner).step_by(NUMBERS * DEPTH) {
        let numbers = first..inner.min(first + NUMBERS * DEPTH);
        let panel = 2 * numbers.len().div_ceil(NUMBERS);
        let b_tiles = &mut b_tiles[..blocks * panel];
        b_tiles.par_chunks_mut(panel).enumerate().for_each(|(block, tiles)| {
            // SAFETY: the processor has a kernel.
            unsafe { pack(b, block * BLOCK, numbers.clone(), Layout::ByPair, tiles) };
        });
        let b_tiles = &*b_tiles;
        let add = first > 0 || destination == Destination::AddTo;
        let tasks = (0..rows.div_ceil(TASK * BLOCK)).into_par_iter();
        tasks.for_each_init(Vec::new, |a_tiles, task| {
            let rows = task * TASK * BLOCK..rows.min((task + 1) * TASK * BLOCK);
            a_tiles.resize(TASK * panel, Tile::ZERO); // zeros once a thread, then overwritten
            for (row, tiles) in rows.clone().step_by(BLOCK).zip(a_tiles.chunks_mut(panel)) {
                // SAFETY: as above.
                unsafe { pack(a, row, numbers.clone(), Layout::ByLine, tiles) };
            }
            // SAFETY: no other task writes these rows, and the caller vouches for `out`.
            unsafe { results.write(rows, a_tiles, b_tiles, panel, add) };
        });
    }
}

/// Where the results of a product go, and what computes them.
#[derive(Clone, Copy)]
struct Results {
    kernel: Kernel,
    out: Shared,
    row_stride: usize,
    columns: usize,
}

impl Results {
    /// Writes `rows` of the product of packed factors, of which a block's are `panel` tiles.
    ///
    /// # Safety
    ///
    /// Nobody else touches these rows, `out` is valid for them, and initialised to `add` to them;
    /// the processor has the kernel.
    unsafe fn write(self, rows: Range<usize>, a: &[Tile], b: &[Tile], panel: usize, add: bool) {
        #[cfg(target_os = "linux")]
        // SAFETY: the processor has the kernel.
        let _tiles = (self.kernel == Kernel::Amx).then(|| unsafe { amx::Configured::new() });
        for (group, b) in b.chunks(WIDTH * panel).enumerate() {
            for (row, a) in rows.clone().step_by(BLOCK).zip(a.chunks(panel)) {
                for (block, b) in b.chunks(panel).enumerate() {
                    let column = (group * WIDTH + block) * BLOCK;
                    let size = [BLOCK.min(rows.end - row), BLOCK.min(self.columns - column)];
                    // SAFETY: the block lies within the rows.
                    unsafe {
                        let place = self.out.at(row * self.row_stride + column);
                        self.block(place, size, a, b, add);
                    }
                }
            }
        }
    }

    /// One block of results of this size; one that is not whole by way of a whole one.
    ///
    /// # Safety
    ///
    /// As [`write`](Self::write)'s, for the block at `place`.
    unsafe fn block(self, place: *mut f32, size: [usize; 2], a: &[Tile], b: &[Tile], add: bool) {
        let run = match self.kernel {
            #[cfg(target_os = "linux")]
            Kernel::Amx => amx::block,
            Kernel::Avx512 => avx512::block,
        };
        if size == [BLOCK; 2] {
            // SAFETY: a whole block lies at `place`.
            return unsafe { run(place, self.row_stride, a, b, add) };
        }
        let [height, width] = size;
        let mut whole = [0.0f32; BLOCK * BLOCK];
        // SAFETY: `height` rows of `width` elements lie at `place`.
        unsafe {
            run(whole.as_mut_ptr(), BLOCK, a, b, false);
            for (row, sums) in whole.chunks_exact(BLOCK).enumerate().take(height) {
                let place = place.add(row * self.row_stride);
                for (column, &sum) in sums.iter().enumerate().take(width) {
                    let place = place.add(column);
                    place.write(if add { *place + sum } else { sum });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
