//! Rows of a table that are updated when they are read, and not at every step.

use burn_core::tensor::TensorMetadata;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::adam::{Factors, update};
use super::shared::Shared;
use super::simd::multiversion;
use super::slices::{contiguous, dims, elements, owned};
use crate::{AdamState, AdamStep, WaitingRow};

/// Each row by itself, in place where nobody else holds the table.
pub(super) fn adam_catch_up(
    table: FlexTensor,
    state: Option<AdamState<FlexTensor>>,
    waiting: &[WaitingRow],
    steps: &[AdamStep],
) -> (FlexTensor, AdamState<FlexTensor>) {
    let [rows, width] = dims(&table);
    assert_different(waiting.iter().map(|waiting| waiting.row), rows);
    let mut table = owned(table);
    let zeros = || FlexTensor::zeros(table.shape(), table.dtype());
    let (mut first, mut second) = match state {
        Some(state) => {
            let shapes = [&state.first_moment, &state.second_moment].map(dims);
            assert_eq!(shapes, [[rows, width]; 2], "moments of each row");
            (owned(state.first_moment), owned(state.second_moment))
        }
        None => (zeros(), zeros()),
    };
    let earliest = waiting.iter().map(|waiting| waiting.since).min().unwrap_or(steps.len());
    let factors: Vec<Factors> = steps[earliest..].iter().map(Factors::from).collect();
    let starts = [&mut table, &mut first, &mut second].map(start_of);
    let none = vec![0.0; width];
    waiting.par_iter().for_each(|waiting| {
        // SAFETY: the row lies within the tables, which are ours alone, and is no other task's.
        let [table, first, second] =
            starts.map(|start| unsafe { row_of(start, waiting.row, width) });
        catch_up(table, first, second, &none, &factors[waiting.since - earliest..]);
    });
    (table, AdamState { first_moment: first, second_moment: second })
}

/// Steps of one row that had no gradient.
fn catch_up(
    row: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    none: &[f32],
    steps: &[Factors],
) {
    for (i, &step) in steps.iter().enumerate() {
        if step.coupled_decay == 0.0 && first.iter().all(|&mean| mean == 0.0) {
            return steps[i..].iter().for_each(|&step| rest(row, second, step));
        }
        update(row, none, first, second, step);
    }
}

multiversion! {
    /// A step of a row that no longer moves: it decays alone.
    fn rest(row: &mut [f32], second: &mut [f32], step: Factors) {
        row.iter_mut().for_each(|value| *value *= step.keep);
        second.iter_mut().for_each(|square| *square *= step.beta_2);
    }
}

pub(super) fn put_rows(table: FlexTensor, rows: &[usize], values: FlexTensor) -> FlexTensor {
    let [all, width] = dims(&table);
    assert_eq!(dims(&values), [rows.len(), width], "values for each row");
    let (mut table, values) = (owned(table), contiguous(values));
    let target = table.storage_mut::<f32>();
    for (&row, values) in rows.iter().zip(elements(&values).chunks_exact(width)) {
        assert!(row < all, "row {row} of {all}");
        target[row * width..][..width].copy_from_slice(values);
    }
    table
}

/// Makes sure that tasks on these rows touch different parts of a table.
fn assert_different(rows: impl Iterator<Item = usize>, all: usize) {
    let mut seen = vec![false; all];
    for row in rows {
        assert!(!std::mem::replace(&mut seen[row], true), "row {row} is named twice");
    }
}

fn start_of(table: &mut FlexTensor) -> Shared {
    Shared(table.storage_mut::<f32>().as_mut_ptr())
}

/// # Safety
///
/// The row lies within the table, and nobody else reads or writes it while the slice lives.
unsafe fn row_of<'a>(start: Shared, row: usize, width: usize) -> &'a mut [f32] {
    // SAFETY: by the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(start.at(row * width), width) }
}
