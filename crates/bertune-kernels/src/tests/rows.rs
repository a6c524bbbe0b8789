//! Rows of a table that take their updates later.

use super::*;
use crate::WaitingRow;

/// A table after 40 steps of which each gives a gradient to some rows: all rows updated at every step,
/// or those alone, the others when they are needed.
fn table_after<B: BertOps>(decay: WeightDecay, wait: bool) -> Vec<TensorData> {
    const ROWS: usize = 7;
    let device = Default::default();
    let tensor = |data: TensorData| unwrap(Tensor::<B, 2>::from_data(data, &device));
    let mut table = tensor(random(&[ROWS, 12], 3));
    let (mut state, mut steps, mut since) = (None, Vec::<AdamStep>::new(), [0; ROWS]);
    let due = |rows: &[usize], since: &[usize; ROWS]| -> Vec<_> {
        rows.iter().map(|&row| WaitingRow { row, since: since[row] }).collect()
    };
    for number in 0..40 {
        let step = AdamStep {
            learning_rate: 0.01 * (number as f64 + 1.0),
            weight_decay: decay,
            step: number as u64 + 1,
            ..adam_step()
        };
        // The last row never has a gradient.
        let rows = [number * 5 % 6, (number * 5 + 1 + number % 4) % 6];
        let gradient = tensor(random(&[2, 12], 50 + number as u64));
        if wait {
            let (caught_up, moments) =
                B::adam_catch_up(table, state.take(), &due(&rows, &since), &steps);
            let ids = Tensor::<B, 1, Int>::from_data(rows.map(|row| row as i32), &device);
            let take = |of: &_| B::float_select(Clone::clone(of), 0, ids.clone().into_primitive());
            let few = AdamState {
                first_moment: take(&moments.first_moment),
                second_moment: take(&moments.second_moment),
            };
            let (values, few) = B::adam(take(&caught_up), gradient, Some(few), &step);
            table = B::put_rows(caught_up, &rows, values);
            state = Some(AdamState {
                first_moment: B::put_rows(moments.first_moment, &rows, few.first_moment),
                second_moment: B::put_rows(moments.second_moment, &rows, few.second_moment),
            });
            steps.push(step);
            rows.iter().for_each(|&row| since[row] = steps.len());
        } else {
            let zeros = tensor(TensorData::zeros::<f32, _>([ROWS, 12]));
            let gradient = B::put_rows(zeros, &rows, gradient);
            let (updated, moments) = B::adam(table, gradient, state.take(), &step);
            (table, state) = (updated, Some(moments));
        }
    }
    let all: Vec<usize> = (0..ROWS).collect();
    let (table, state) = B::adam_catch_up(table, state, &due(&all, &since), &steps);
    let moments = [table, state.first_moment, state.second_moment];
    moments.map(|x| wrap::<B, 2>(x).into_data()).into()
}

fn adam_step() -> AdamStep {
    AdamStep {
        learning_rate: 0.01,
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-8,
        weight_decay: WeightDecay::Decoupled(0.1),
        gradient_scale: 0.5,
        step: 1,
    }
}

#[test]
fn rows_that_waited_equal_rows_that_did_not_bit_for_bit() {
    for decay in
        [WeightDecay::Decoupled(0.1), WeightDecay::Decoupled(0.0), WeightDecay::Coupled(0.1)]
    {
        let on_flex = table_after::<Flex>(decay, false);
        assert_eq!(table_after::<Flex>(decay, true), on_flex, "{decay:?} on Flex");
        let on_ndarray = table_after::<NdArray>(decay, false);
        assert_eq!(table_after::<NdArray>(decay, true), on_ndarray, "{decay:?} on ndarray");
    }
}

#[test]
fn a_row_that_waits_for_a_thousand_steps_is_the_row_that_did_not() {
    let tensor =
        |data: &TensorData| unwrap(Tensor::<Flex, 2>::from_data(data.clone(), &Default::default()));
    let (table, gradient) = (random(&[1, 37], 1), random(&[1, 37], 2));
    let (begun, state) = Flex::adam(tensor(&table), tensor(&gradient), None, &adam_step());
    let steps: Vec<_> = (2..=1200).map(|step| AdamStep { step, ..adam_step() }).collect();
    let none = tensor(&TensorData::zeros::<f32, _>([1, 37]));
    let always = steps.iter().fold((begun.clone(), state.clone()), |(table, state), step| {
        Flex::adam(table, none.clone(), Some(state), step)
    });
    let waiting = [WaitingRow { row: 0, since: 0 }];
    let waited = Flex::adam_catch_up(begun, Some(state), &waiting, &steps);
    let bits = |(table, state): (_, AdamState<_>)| {
        let tensors = [table, state.first_moment, state.second_moment];
        tensors.map(|x| wrap::<Flex, 2>(x).into_data())
    };
    let (always, waited) = (bits(always), bits(waited));
    assert_eq!(waited, always);
    assert!(waited[1].iter::<f32>().all(|mean| mean == 0.0), "the first moment has faded away");
}
