//! From gradients to parameters.

use bertune::backend::Flex;
use bertune::burn::tensor::ops::FloatTensorOps;
use bertune::kernels::{AdamState, AdamStep, OptimizerOps, WaitingRow, WeightDecay};

use super::{F, Part, matrix, numbers, vector, words};
use crate::{BATCHES, Case, VOCABULARY};

/// Numbers of each parameter that every step updates: of all but the words' rows.
fn dense(case: &Case) -> Vec<usize> {
    let [hidden, layers, _, inner] = case.shape;
    let linear = |from: usize, to: usize| [from * to, to];
    let norm = [hidden; 2];
    let embeddings = [[512 * hidden, 2 * hidden], norm].concat();
    let attention = [linear(hidden, hidden); 4].concat();
    let rest = [norm, linear(hidden, inner), linear(inner, hidden), norm].concat();
    let layer = [attention, rest].concat();
    let head = [linear(hidden, hidden), linear(hidden, 2)].concat();
    [embeddings, layer.repeat(layers), head].concat()
}

pub(super) fn gradient_norm(case: &Case) -> Part {
    let lengths = [dense(case), vec![case.words() * case.shape[0]]].concat();
    let gradients: Vec<F> = lengths.iter().map(|&length| vector(length)).collect();
    let moved = lengths.iter().sum::<usize>() as f64;
    Part::new("norm of the gradients", 1, 0.0, moved, || {
        gradients.iter().for_each(|gradient| drop(Flex::sum_of_squares(gradient.clone())));
    })
}

fn adam_step() -> AdamStep {
    AdamStep {
        learning_rate: 1e-5,
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-8,
        weight_decay: WeightDecay::Decoupled(0.01),
        gradient_scale: 1.0,
        step: 10,
    }
}

pub(super) fn dense_adam(case: &Case) -> Part {
    let lengths = dense(case);
    let gradients: Vec<F> = lengths.iter().map(|&length| vector(length)).collect();
    let mut present: Vec<(F, Option<AdamState<F>>)> =
        lengths.iter().map(|&length| (vector(length), None)).collect();
    let moved = 7.0 * lengths.iter().sum::<usize>() as f64;
    Part::new("AdamW", 1, 0.0, moved, || {
        let before = std::mem::take(&mut present).into_iter().zip(&gradients);
        let update = before.map(|((parameter, state), gradient)| {
            let (parameter, state) = Flex::adam(parameter, gradient.clone(), state, &adam_step());
            (parameter, Some(state))
        });
        present = update.collect();
    })
}

/// The rows of words that occur: they take the updates that they have missed, are taken out of their
/// tables, updated and put back.
pub(super) fn waiting_rows(case: &Case) -> Part {
    let hidden = case.shape[0];
    let missed = BATCHES - 1;
    let mut since = vec![0; VOCABULARY];
    for batch in 0..missed {
        words(case, batch).iter().for_each(|&word| since[word] = batch + 1);
    }
    let rows = words(case, missed);
    let waiting = rows.iter().map(|&row| WaitingRow { row, since: since[row] });
    let waiting: Vec<WaitingRow> = waiting.filter(|row| row.since < missed).collect();
    let ids = numbers(&rows.iter().map(|&row| row as i32).collect::<Vec<_>>());
    let gradient = matrix([rows.len(), hidden]);
    let table = || matrix([VOCABULARY, hidden]);
    let moments = AdamState { first_moment: table(), second_moment: Flex::float_abs(table()) };
    let mut present = Some((table(), moments));
    let steps = vec![adam_step(); missed];
    // Caught up, taken, updated and put back.
    let moved = (6 + 6 + 7 + 6) as f64 * (rows.len() * hidden) as f64;
    Part::new("AdamW of the words' rows", 1, 0.0, moved, || {
        present = present.take().map(|(table, moments)| {
            let (table, all) = Flex::adam_catch_up(table, Some(moments), &waiting, &steps);
            let take = |of: &F| Flex::float_select(of.clone(), 0, ids.clone());
            let state = AdamState {
                first_moment: take(&all.first_moment),
                second_moment: take(&all.second_moment),
            };
            let few = take(&table);
            let (few, state) = Flex::adam(few, gradient.clone(), Some(state), &adam_step());
            let put = |all, few| Flex::put_rows(all, &rows, few);
            let moments = AdamState {
                first_moment: put(all.first_moment, state.first_moment),
                second_moment: put(all.second_moment, state.second_moment),
            };
            (put(table, few), moments)
        });
    })
}

#[cfg(test)]
mod tests {
    use bertune::kernels::Precision;

    use super::*;
    use crate::SHAPES;

    #[test]
    fn all_parameters_but_the_words_are_updated_by_every_step() {
        for (_, shape) in SHAPES {
            let case = Case { shape, lengths: vec![1], precision: Precision::F32 };
            let words = VOCABULARY * case.shape[0];
            assert_eq!(dense(&case).iter().sum::<usize>() + words, case.parameters());
        }
    }
}
