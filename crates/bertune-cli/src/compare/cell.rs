use std::time::Instant;

use anyhow::Context;
use bertune::BertOps;
use bertune::backend::Autodiff;
use bertune::burn::module::AutodiffModule;
use bertune::data::{Dataset, TargetKind, stratified_order};
use bertune::head::{BertForSequenceClassification, Decisions};
use bertune::metrics::MetricName;
use bertune::report::{Cell, CurvePoint};
use bertune::train::{
    Evaluation, Event, FineTuned, ParameterGroups, Run, StopSignal, TrainingData, evaluate,
    fine_tune, fit_decisions,
};

use super::grid::{Grid, Planned};
use crate::beginning::doubts;
use crate::training::{Examples, Training};

/// The most training rows that the score on them is measured on.
pub(super) const TRAIN_SAMPLE: usize = 512;

/// What all runs of a comparison take rows from and are measured on, and the order in which each seed
/// takes rows.
pub(super) struct CellData {
    train: Dataset,
    validation: Dataset,
    test: Option<Dataset>,
    orders: Vec<(u64, Vec<usize>)>,
}

impl CellData {
    pub(super) fn new(training: &Training, grid: &Grid) -> anyhow::Result<Self> {
        let Examples { validation, test, train, .. } = training.target_examples()?;
        let strata = match training.tables.train.layout().targets {
            TargetKind::Class => train.labels().to_vec(),
            TargetKind::Set | TargetKind::Values => vec![0; train.len()],
        };
        let orders = grid.seeds.iter().map(|&seed| (seed, stratified_order(&strata, seed)));
        let orders = orders.collect();
        Ok(Self { train, validation, test, orders })
    }

    fn first_seed(&self) -> u64 {
        self.orders.first().map_or(0, |(seed, _)| *seed)
    }

    /// The rows that a run learns from, and the first of them, which stand for all where the score
    /// on them is measured.
    fn rows(&self, planned: &Planned) -> (Dataset, Dataset) {
        let mut orders = self.orders.iter();
        let order =
            orders.find(|(seed, _)| *seed == planned.seed).map(|(_, order)| order.as_slice());
        let rows = &order.unwrap_or_default()[..planned.size.examples];
        (self.train.select(rows), self.train.select(&rows[..rows.len().min(TRAIN_SAMPLE)]))
    }
}

/// Refuses settings of a run that its model cannot have.
pub(super) fn check<B: BertOps>(
    training: &mut Training,
    planned: &Planned,
    device: &B::Device,
) -> anyhow::Result<()> {
    let describe = || format!("the method {}", planned.method.name);
    training.config = planned.settings.clone();
    let loaded = training.load_with::<B>(planned.method.weights, device).with_context(describe)?;
    // By which steps layers are unfrozen is of no interest here.
    let settings = &training.config.training;
    ParameterGroups::new::<B, _>(&loaded.model, settings, 1).with_context(describe)?;
    Ok(())
}

/// Trains one run and measures it on its way and at its end; `None` if it was stopped before.
pub(super) fn compute<B: BertOps>(
    training: &mut Training,
    planned: &Planned,
    data: &CellData,
    (stop, end): (&StopSignal, Option<Instant>),
    device: &B::Device,
) -> anyhow::Result<Option<Cell>> {
    training.config = planned.settings.clone();
    let (train, sample) = data.rows(planned);
    let config = &training.config.training;
    let model = training.load_with::<Autodiff<B>>(planned.method.weights, device)?.model;
    let measure = Measure { data, sample: &sample, batch_size: config.eval_batch_size };
    let mut curve = Vec::new();
    let begin = model.valid().with_precision(config.precision);
    let mut decisions = Decisions::default();
    let label_names = training.tables.labels.names();
    let validation = &data.validation;
    let examples = TrainingData { train: &train, validation, label_names, sources: None };
    let first = evaluate(&begin, &Decisions::default(), &data.validation, config.eval_batch_size);
    let metric = config.metric.unwrap_or_else(|| first.scores.main_metric());
    curve.push(measure.point(&begin, 0, (first.loss, score(&first, metric)), metric));
    drop(begin);
    let run = Run::default()
        .telling(|event| {
            // Once for each method and size is enough.
            if let Event::Begin { steps, unreached, .. } = event
                && planned.seed == data.first_seed()
            {
                for doubt in doubts(*steps, config.warmup_steps, *unreached) {
                    errln!("{}: {doubt}", planned.title());
                }
            }
        })
        .watching(|model, record| {
            let validation = (record.validation_loss, record.score(metric));
            curve.push(measure.point(model, record.step, validation, metric));
        })
        .keeping(|_, history, evaluation| {
            decisions = fit_decisions(&history.config, evaluation, data.validation.targets());
            Ok(())
        })
        .until(stop.clone())
        .within(end.map(|end| end.saturating_duration_since(Instant::now())));
    let tuned = fine_tune(model, examples, config, run)?;
    Ok(tuned.finished.then(|| Cell {
        method: planned.method.name.into(),
        examples: planned.size.examples,
        seed: planned.seed,
        best_step: tuned.history.best().map_or(0, |best| best.step),
        score: measure.score(&tuned, &decisions, metric),
        curve,
    }))
}

/// How a run is measured.
struct Measure<'a> {
    data: &'a CellData,
    sample: &'a Dataset,
    batch_size: usize,
}

impl Measure<'_> {
    /// Measures the training rows beside the validation rows, which are measured already.
    fn point<B: BertOps>(
        &self,
        model: &BertForSequenceClassification<B>,
        step: usize,
        (validation_loss, validation_score): (f64, Option<f64>),
        metric: MetricName,
    ) -> CurvePoint {
        let train = evaluate(model, &Decisions::default(), self.sample, self.batch_size);
        let (train_loss, train_score) = (train.loss, score(&train, metric));
        CurvePoint { step, train_loss, train_score, validation_loss, validation_score }
    }

    /// The best model's score on the test rows, or else on the validation rows.
    fn score<B: BertOps>(
        &self,
        tuned: &FineTuned<Autodiff<B>>,
        decisions: &Decisions,
        metric: MetricName,
    ) -> Option<f64> {
        match &self.data.test {
            Some(test) => score(&evaluate(&tuned.model, decisions, test, self.batch_size), metric),
            None => tuned.history.best()?.score(metric),
        }
    }
}

fn score(evaluation: &Evaluation, metric: MetricName) -> Option<f64> {
    match metric {
        MetricName::Loss => Some(evaluation.loss),
        metric => evaluation.scores.get(metric),
    }
}
