//! Rows of tables for tokens, and their gradients.

use burn_core::tensor::DType;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::ROWS;
use super::slices::{Unwritten, contiguous, dims, elements, tensor};

/// Rows of a table whose gradients are one task.
const TABLE_ROWS: usize = 512;

pub(super) fn sum(tables: [FlexTensor; 3], ids: [FlexTensor; 3]) -> FlexTensor {
    let [_, width] = dims(&tables[0]);
    let tables = tables.map(contiguous);
    let [words, positions, types] = tables.each_ref().map(elements);
    let [word_ids, position_ids, type_ids] = ids.map(indices);
    let tokens = word_ids.len();
    assert!(position_ids.len() == tokens && type_ids.len() == tokens, "three ids for each token");
    let row = |table, id| &<[f32]>::as_ref(table)[id * width..][..width];
    let mut out = Unwritten::new(tokens * width);
    out.par_zeroed_chunks(ROWS * width).enumerate().for_each(|(chunk, rows)| {
        for (token, sum) in (chunk * ROWS..).zip(rows.chunks_exact_mut(width)) {
            let word = row(words, word_ids[token]);
            let position = row(positions, position_ids[token]);
            let kind = row(types, type_ids[token]);
            for i in 0..width {
                sum[i] = word[i] + position[i] + kind[i];
            }
        }
    });
    // SAFETY: the chunks are all elements.
    tensor(unsafe { out.written() }, [tokens, width])
}

/// Each task owns some rows of the table, and adds up those tokens' gradients in their order.
pub(super) fn gradient(grad: FlexTensor, ids: FlexTensor, rows: usize) -> FlexTensor {
    let [tokens, width] = dims(&grad);
    let (grad, ids) = (contiguous(grad), indices(ids));
    assert!(ids.len() == tokens && ids.iter().all(|&id| id < rows), "an id for each token");
    let grad = elements(&grad);
    let mut out = Unwritten::new(rows * width);
    out.par_zeroed_chunks(TABLE_ROWS * width).enumerate().for_each(|(chunk, sums)| {
        let owned = chunk * TABLE_ROWS..chunk * TABLE_ROWS + sums.len() / width;
        for (grad, id) in grad.chunks_exact(width).zip(&ids) {
            if owned.contains(id) {
                let sum = &mut sums[(id - owned.start) * width..][..width];
                sum.iter_mut().zip(grad).for_each(|(sum, grad)| *sum += grad);
            }
        }
    });
    // SAFETY: the chunks are all elements.
    tensor(unsafe { out.written() }, [rows, width])
}

/// The ids as numbers.
pub(super) fn indices(ids: FlexTensor) -> Vec<usize> {
    let ids = if ids.is_contiguous() { ids } else { ids.to_contiguous() };
    match ids.dtype() {
        DType::I32 => ids.as_slice::<i32>().into_iter().flatten().map(|&id| id as usize).collect(),
        DType::I64 => ids.as_slice::<i64>().into_iter().flatten().map(|&id| id as usize).collect(),
        other => unreachable!("ids are integers, not {other:?}"),
    }
}
