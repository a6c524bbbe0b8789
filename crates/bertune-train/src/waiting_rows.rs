//! A table of which each step reads and updates a few rows.

use bertune_data::PackedBatch;
use bertune_kernels::{AdamState, AdamStep, BertOps, WaitingRow};
use burn_core::module::{AutodiffModule, ModuleMapper, Param, ParamId};
use burn_core::tensor::backend::AutodiffBackend;
use burn_core::tensor::ops::FloatTensor;
use burn_core::tensor::{Int, Tensor, TensorData, TensorMetadata, TensorPrimitive};

use crate::Optimizer;
use crate::timeline::Window;

/// The word embeddings of a run, while the model holds the rows alone that its present step reads.
///
/// Under Adam a row moves also in steps that give it no gradient. Here it waits until it is read
/// again, or until the whole table is wanted, and then takes the steps that it has missed, with the
/// same arithmetic in the same order: every bit is that of a table which is updated at every step.
#[derive(Debug)]
pub(crate) struct WaitingRows<B: BertOps> {
    id: ParamId,
    table: FloatTensor<B>,
    moments: Option<AdamState<FloatTensor<B>>>,
    /// The steps since the model last held the whole table.
    steps: Vec<AdamStep>,
    /// For each row, the first of `steps` that it has not taken.
    since: Vec<usize>,
    /// The rows that the model holds, in rising order.
    present: Vec<usize>,
}

impl<B: BertOps> WaitingRows<B> {
    /// Takes the table out of the model, and its moments out of the optimizer.
    pub(crate) fn take<A, M>(model: M, optimizer: &mut Optimizer<B>, id: ParamId) -> (M, Self)
    where
        A: AutodiffBackend<InnerBackend = B>,
        M: AutodiffModule<A>,
    {
        let device = model.devices().into_iter().next().unwrap_or_default();
        let nothing = Tensor::<A, 2>::empty([0, 0], &device).inner();
        let (model, table) = exchange::<A, M>(model, id, nothing.into_primitive().tensor());
        let since = vec![0; table.shape()[0]];
        let moments = optimizer.take_moments(id);
        (model, Self { id, table, moments, steps: Vec::new(), since, present: Vec::new() })
    }

    /// The table's parameter.
    pub(crate) fn id(&self) -> ParamId {
        self.id
    }

    /// The model with the rows that this window reads, and the window with the numbers of these rows
    /// for ids.
    pub(crate) fn gather<A, M>(
        &mut self,
        model: M,
        optimizer: &mut Optimizer<B>,
        window: &Window,
    ) -> (M, Window)
    where
        A: AutodiffBackend<InnerBackend = B>,
        M: AutodiffModule<A>,
    {
        self.present = distinct_ids(window);
        self.catch_up(&self.present.clone());
        let rows = self.select(&self.table);
        let moments = self.moments.as_ref().map(|AdamState { first_moment, second_moment }| {
            let [first_moment, second_moment] =
                [first_moment, second_moment].map(|x| self.select(x));
            AdamState { first_moment, second_moment }
        });
        optimizer.put_moments(self.id, moments);
        let (model, _) = exchange::<A, M>(model, self.id, rows);
        (model, self.renumbered(window))
    }

    /// Takes back the rows that the model holds, which `step` has updated.
    pub(crate) fn put_back<A, M>(
        &mut self,
        model: M,
        optimizer: &mut Optimizer<B>,
        step: AdamStep,
    ) -> M
    where
        A: AutodiffBackend<InnerBackend = B>,
        M: AutodiffModule<A>,
    {
        let device = B::float_device(&self.table);
        let (model, rows) = exchange::<A, M>(model, self.id, nothing::<B>(&device));
        let put = |table, rows| B::put_rows(table, &self.present, rows);
        replace_with::<B>(&mut self.table, &device, |table| put(table, rows));
        if let (Some(all), Some(few)) = (&mut self.moments, optimizer.take_moments(self.id)) {
            replace_with::<B>(&mut all.first_moment, &device, |all| put(all, few.first_moment));
            replace_with::<B>(&mut all.second_moment, &device, |all| put(all, few.second_moment));
        }
        self.steps.push(step);
        self.present.iter().for_each(|&row| self.since[row] = self.steps.len());
        model
    }

    /// The model with the whole table, up to date, and the optimizer with its moments.
    pub(crate) fn give_back<A, M>(mut self, model: M, optimizer: &mut Optimizer<B>) -> M
    where
        A: AutodiffBackend<InnerBackend = B>,
        M: AutodiffModule<A>,
    {
        self.catch_up(&(0..self.since.len()).collect::<Vec<_>>());
        optimizer.put_moments(self.id, self.moments);
        exchange::<A, M>(model, self.id, self.table).0
    }

    /// Lets rows take the steps that they have missed.
    fn catch_up(&mut self, rows: &[usize]) {
        let waiting = |&row: &usize| WaitingRow { row, since: self.since[row] };
        let late: Vec<_> =
            rows.iter().map(waiting).filter(|row| row.since < self.steps.len()).collect();
        let device = B::float_device(&self.table);
        let table = std::mem::replace(&mut self.table, nothing::<B>(&device));
        let (table, moments) = B::adam_catch_up(table, self.moments.take(), &late, &self.steps);
        (self.table, self.moments) = (table, Some(moments));
        rows.iter().for_each(|&row| self.since[row] = self.steps.len());
    }

    /// The present rows of a table.
    fn select(&self, table: &FloatTensor<B>) -> FloatTensor<B> {
        let rows: Vec<i32> = self.present.iter().map(|&row| row as i32).collect();
        let rows = TensorData::new(rows, [self.present.len()]);
        let rows = Tensor::<B, 1, Int>::from_data(rows, &B::float_device(table));
        B::float_select(table.clone(), 0, rows.into_primitive())
    }

    /// The window with the numbers of the present rows for ids.
    fn renumbered(&self, window: &Window) -> Window {
        let mut numbers = vec![0; self.since.len()];
        self.present.iter().zip(0..).for_each(|(&row, number)| numbers[row] = number);
        let of = |part: &PackedBatch| PackedBatch {
            input_ids: part.input_ids.iter().map(|&id| numbers[id as usize]).collect(),
            ..part.clone()
        };
        Window { epoch: window.epoch, parts: window.parts.iter().map(of).collect() }
    }
}

/// The ids of a window's tokens, each once, in rising order.
fn distinct_ids(window: &Window) -> Vec<usize> {
    let ids = window.parts.iter().flat_map(|part| &part.input_ids);
    let mut ids: Vec<usize> = ids.map(|&id| id as usize).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What stands in the place of a table while its rows are elsewhere.
fn nothing<B: BertOps>(device: &B::Device) -> FloatTensor<B> {
    Tensor::<B, 2>::empty([0, 0], device).into_primitive().tensor()
}

/// Changes a tensor that nobody else is to hold meanwhile, so that it is changed in place.
fn replace_with<B: BertOps>(
    place: &mut FloatTensor<B>,
    device: &B::Device,
    change: impl FnOnce(FloatTensor<B>) -> FloatTensor<B>,
) {
    *place = change(std::mem::replace(place, nothing::<B>(device)));
}

/// The model with another tensor for a parameter, and the one that it had.
fn exchange<A, M>(
    model: M,
    id: ParamId,
    tensor: FloatTensor<A::InnerBackend>,
) -> (M, FloatTensor<A::InnerBackend>)
where
    A: AutodiffBackend<InnerBackend: BertOps>,
    M: AutodiffModule<A>,
{
    let mut exchange = Exchange::<A> { id, tensor };
    (model.map(&mut exchange), exchange.tensor)
}

struct Exchange<A: AutodiffBackend<InnerBackend: BertOps>> {
    id: ParamId,
    tensor: FloatTensor<A::InnerBackend>,
}

impl<A: AutodiffBackend<InnerBackend: BertOps>> ModuleMapper<A> for Exchange<A> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<A, D>>) -> Param<Tensor<A, D>> {
        if param.id != self.id {
            return param;
        }
        let (id, tensor, mapper) = param.consume();
        let old = tensor.inner().into_primitive().tensor();
        let new = std::mem::replace(&mut self.tensor, old);
        let new = Tensor::from_inner(Tensor::from_primitive(TensorPrimitive::Float(new)));
        Param::from_mapped_value(id, new.require_grad(), mapper)
    }
}

#[cfg(test)]
mod tests {
    use bertune_encoder::{Embedding, Initializer};
    use burn_autodiff::Autodiff;
    use burn_flex::Flex;

    use super::*;
    use crate::{Gradients, OptimizerKind, ParameterGroups, Scales, TrainingConfig};

    type A = Autodiff<Flex>;

    const WORDS: usize = 40;
    const WIDTH: usize = 12;

    fn window(ids: &[u32]) -> Window {
        let halves = ids.chunks(ids.len().div_ceil(2));
        let part = |ids: &[u32]| PackedBatch { input_ids: ids.to_vec(), ..Default::default() };
        Window { epoch: 1, parts: halves.map(part).collect() }
    }

    /// Made-up ids of a step; the words from 30 on occur in none.
    fn ids(step: usize) -> Vec<u32> {
        (0..7).map(|i| ((step * step * 3 + i * 11) % 30) as u32).collect()
    }

    fn table(values: Vec<f32>) -> FloatTensor<Flex> {
        let shape = [values.len() / WIDTH, WIDTH];
        let tensor =
            Tensor::<Flex, 2>::from_data(TensorData::new(values, shape), &Default::default());
        tensor.into_primitive().tensor()
    }

    /// The gradients of the ids of a step, and none of the other rows.
    fn gradient(step: usize, rows: impl Iterator<Item = usize>) -> FloatTensor<Flex> {
        let ids = ids(step);
        let of = |row: usize, i: usize| match ids.contains(&(row as u32)) {
            true => ((row * 7 + i * 3 + step) % 13) as f32 - 6.0,
            false => 0.0,
        };
        table(rows.flat_map(|row| (0..WIDTH).map(move |i| of(row, i))).collect())
    }

    fn bits(model: &Embedding<A>, optimizer: &Optimizer<Flex>) -> Vec<Vec<f32>> {
        let mut found = vec![model.weight.val().into_data().iter::<f32>().collect()];
        found.extend(optimizer.state().tensors.into_values().map(|tensor| tensor.values));
        found
    }

    /// The table and its moments after some steps, made whole again after every `whole` of them; 0
    /// is a table that is never taken apart.
    fn after(steps: usize, whole: usize, optimizer: OptimizerKind) -> Vec<Vec<f32>> {
        let config = TrainingConfig { optimizer, weight_decay: 0.1, ..Default::default() };
        let init = Initializer::new(3, 0.2);
        let mut model = Embedding::<A>::new(WORDS, WIDTH, &init, &Default::default());
        let id = model.weight.id;
        let mut optimizer =
            Optimizer::new(ParameterGroups::new(&model, &config, 1).unwrap(), &config);
        let mut rows = None::<WaitingRows<Flex>>;
        for step in 0..steps {
            let scales = Scales { rate: 10.0 / (1.0 + step as f64), gradient: 0.5 };
            if whole == 0 {
                let gradients = Gradients::of_one(id, gradient(step, 0..WORDS));
                model = optimizer.step(model, gradients, scales);
                continue;
            }
            let mut waiting = rows.take().unwrap_or_else(|| {
                let (empty, waiting) = WaitingRows::take(model.clone(), &mut optimizer, id);
                model = empty;
                waiting
            });
            let (present, read) = waiting.gather(model, &mut optimizer, &window(&ids(step)));
            let named: Vec<u32> = read
                .parts
                .iter()
                .flat_map(|part| part.input_ids.clone())
                .map(|number| waiting.present[number as usize] as u32)
                .collect();
            assert_eq!(named, ids(step), "the window still reads the same words");
            let next = optimizer.next_adam_step(id, scales).unwrap();
            let gradients = Gradients::of_one(id, gradient(step, waiting.present.iter().copied()));
            model = optimizer.step(present, gradients, scales);
            model = waiting.put_back(model, &mut optimizer, next);
            match (step + 1).is_multiple_of(whole) || step + 1 == steps {
                true => model = waiting.give_back(model, &mut optimizer),
                false => rows = Some(waiting),
            }
        }
        bits(&model, &optimizer)
    }

    #[test]
    fn a_table_of_waiting_rows_is_that_of_steps_on_all_rows_bit_for_bit() {
        for kind in [OptimizerKind::AdamW, OptimizerKind::Adam] {
            for steps in [1, 2, 30] {
                let always = after(steps, 0, kind);
                for whole in [1, 7, 100] {
                    assert_eq!(after(steps, whole, kind), always, "{kind:?} {steps} {whole}");
                }
            }
        }
    }
}
