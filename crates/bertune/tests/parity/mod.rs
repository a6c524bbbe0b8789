//! What every backend has to compute as transformers and PyTorch do; the goldens say what that is.
#![allow(dead_code, reason = "each backend's test uses its part")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod lora;

pub(crate) use lora::adapters_equal_peft;

use bertune::BertOps;
use bertune::burn::module::AutodiffModule;
use bertune::burn::tensor::backend::{AutodiffBackend, Backend};
use bertune::burn::tensor::{Int, Tensor, TensorData};
use bertune::checkpoint::{Checkpoint, module_tensors, parameter_names};
use bertune::data::Dataset;
use bertune::encoder::PackedTokens;
use bertune::head::{BertForMaskedLM, BertForSequenceClassification, cross_entropy};
use bertune::kernels::{Precision, ops};
use bertune::tokenize::Encoding;
use bertune::train::{
    Event, Gradients, Optimizer, OptimizerKind, ParameterGroups, Run, Scales, Schedule,
    ScheduleKind, TrainingConfig, TrainingData, clipping_scale, fine_tune,
};
use bertune_testing::{Golden, goldens, masked_lm_goldens};

/// The largest difference, relative to the largest expected value where that is above one.
fn difference(ours: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(ours.len(), expected.len());
    let scale = expected.iter().fold(1f32, |scale, x| scale.max(x.abs()));
    let differences = ours.iter().zip(expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |worst, x| if x > worst || x.is_nan() { x } else { worst }) / scale
}

fn check<B: Backend, const D: usize>(
    golden: &Golden,
    name: &str,
    ours: Tensor<B, D>,
    tolerance: f32,
) {
    let ours: Vec<f32> = ours.into_data().iter().collect();
    let difference = difference(&ours, golden.values(name));
    assert!(difference <= tolerance, "{}: {name} is {difference:e} off", golden.folder.display());
}

fn model<B: Backend>(golden: &Golden) -> BertForSequenceClassification<B> {
    let checkpoint = Checkpoint::open(&golden.folder).expect("the golden's checkpoint");
    let loaded =
        BertForSequenceClassification::from_checkpoint(&checkpoint, &Default::default()).unwrap();
    loaded.model
}

fn tokens<B: Backend>(golden: &Golden) -> PackedTokens<B> {
    let input = &golden.input;
    let (types, positions) = (&input.token_type_ids, input.position_ids());
    PackedTokens::new(&input.input_ids, types, &positions, &input.cu_seqlens, &Default::default())
}

fn loss<B: BertOps>(model: &BertForSequenceClassification<B>, golden: &Golden) -> Tensor<B, 1> {
    let labels: Vec<i32> = golden.input.labels.iter().map(|&label| label as i32).collect();
    let data = TensorData::new(labels, [golden.input.labels.len()]);
    let labels = Tensor::<B, 1, Int>::from_data(data, &Default::default());
    cross_entropy(model.forward(&tokens(golden), None), labels).mean()
}

/// Logits at the hidden places, the loss and the gradient of every parameter, those of the tied word
/// embeddings among them.
pub(crate) fn masked_lm_equals_transformers<B: AutodiffBackend + BertOps>(tolerance: f32) {
    for golden in masked_lm_goldens() {
        let checkpoint = Checkpoint::open(&golden.folder).expect("the golden's checkpoint");
        let device = Default::default();
        let model = BertForMaskedLM::<B>::from_checkpoint(&checkpoint, &device).unwrap().model;
        let ids = |ids: Vec<i32>| {
            let data = TensorData::new(ids.clone(), [ids.len()]);
            Tensor::<B, 1, Int>::from_data(data, &device)
        };
        let places = ids(golden.input.masked_indices.iter().map(|&i| i as i32).collect());
        let labels = ids(golden.input.labels.iter().map(|&label| label as i32).collect());
        let logits = model.forward(&tokens(&golden), places, None);
        check(&golden, "logits", logits.clone(), tolerance);
        let loss = ops::cross_entropy(logits, labels).mean();
        check(&golden, "loss", loss.clone(), tolerance);
        check_gradients::<B, _>(&golden, model, loss.backward(), tolerance);
    }
}

/// Every hidden state, the pooled output, the logits and the loss of some of the models.
pub(crate) fn forward_equals_transformers<B: BertOps>(tolerance: f32, models: usize) {
    for golden in goldens().into_iter().take(models) {
        let (model, tokens) = (model::<B>(&golden), tokens::<B>(&golden));
        for (i, state) in model.bert.hidden_states(&tokens, None).into_iter().enumerate() {
            check(&golden, &format!("hidden_states.{i}"), state, tolerance);
        }
        let output = model.bert.forward(&tokens, None);
        check(&golden, "pooled_output", output.pooled_output, tolerance);
        check(&golden, "logits", model.forward(&tokens, None), tolerance);
        check(&golden, "loss", loss(&model, &golden), tolerance);
    }
}

/// A sequence's states do not depend on what it is packed with.
pub(crate) fn packed_sequences_equal_single_ones<B: BertOps>(tolerance: f32, models: usize) {
    for golden in goldens().into_iter().take(models) {
        let model = model::<B>(&golden);
        let input = &golden.input;
        let logits: Vec<f32> = input
            .cu_seqlens
            .windows(2)
            .flat_map(|pair| {
                let range = pair[0]..pair[1];
                let (ids, types) = (&input.input_ids[range.clone()], &input.token_type_ids[range]);
                let positions: Vec<u32> = (0..ids.len() as u32).collect();
                let cu_seqlens = [0, ids.len()];
                let device = Default::default();
                let tokens = PackedTokens::new(ids, types, &positions, &cu_seqlens, &device);
                model.forward(&tokens, None).into_data().iter::<f32>().collect::<Vec<_>>()
            })
            .collect();
        let difference = difference(&logits, golden.values("logits"));
        assert!(difference <= tolerance, "{}: {difference:e}", golden.folder.display());
    }
}

/// The gradient of every parameter, relative to the largest of its tensor.
pub(crate) fn gradients_equal_transformers<B: AutodiffBackend + BertOps>(tolerance: f32) {
    for golden in goldens() {
        let model = model::<B>(&golden);
        let gradients = loss(&model, &golden).backward();
        check_gradients::<B, _>(&golden, model, gradients, tolerance);
    }
}

fn check_gradients<B: AutodiffBackend + BertOps, M: AutodiffModule<B>>(
    golden: &Golden,
    model: M,
    gradients: B::Gradients,
    tolerance: f32,
) {
    let mut ours = module_tensors::<B, _>(&AsGradients::of(model, gradients));
    // A masked language model does not read its pooler.
    ours.retain(|name, _| golden.has(&format!("grad.{name}")) || !name.contains("pooler"));
    assert_eq!(ours.len(), golden.names("grad.").count(), "one gradient for each parameter");
    for name in golden.names("grad.") {
        let expected = golden.values(&format!("grad.{name}"));
        let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        let scale = |values: &[f32]| values.iter().map(|x| x / largest).collect::<Vec<_>>();
        if largest < 1e-6 {
            // The key's bias shifts all scores of a row alike: its gradient is zero but for
            // rounding.
            assert!(ours[name].values.iter().all(|x| x.abs() < 1e-6), "{name}");
            continue;
        }
        let difference = difference(&scale(&ours[name].values), &scale(expected));
        let folder = golden.folder.display();
        assert!(difference <= tolerance, "{folder}: grad.{name} is {difference:e} off");
    }
}

/// Turns a model into one whose parameters are their gradients, to read them by name.
struct AsGradients<B: AutodiffBackend>(B::Gradients);

impl<B: AutodiffBackend> AsGradients<B> {
    fn of<M: AutodiffModule<B>>(model: M, gradients: B::Gradients) -> M {
        model.map(&mut Self(gradients))
    }
}

impl<B: AutodiffBackend> bertune::burn::module::ModuleMapper<B> for AsGradients<B> {
    fn map_float<const D: usize>(
        &mut self,
        param: bertune::burn::module::Param<Tensor<B, D>>,
    ) -> bertune::burn::module::Param<Tensor<B, D>> {
        let (id, value, mapper) = param.consume();
        // One that is missing is no more right than zeros.
        let gradient = value.grad(&self.0).unwrap_or_else(|| value.clone().inner().zeros_like());
        let gradient = Tensor::from_inner(gradient);
        bertune::burn::module::Param::from_mapped_value(id, gradient, mapper)
    }
}

/// The recipe of `tools/bert_goldens.py`.
fn recipe(optimizer: OptimizerKind) -> TrainingConfig {
    TrainingConfig {
        optimizer,
        learning_rate: 1e-3,
        head_learning_rate: Some(1e-2),
        schedule: ScheduleKind::Linear,
        warmup_ratio: 0.25,
        ..TrainingConfig::default()
    }
}

/// All parameters after 1, 2 and 10 steps of AdamW, and of Adam where there are goldens of it, with
/// clipping and warm-up.
pub(crate) fn steps_equal_torch<B>(tolerance: f32)
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    let mut with_adam = 0;
    for golden in goldens() {
        check_steps::<B>(&golden, OptimizerKind::AdamW, "step", tolerance);
        if golden.names("adam_step10.").next().is_some() {
            with_adam += 1;
            check_steps::<B>(&golden, OptimizerKind::Adam, "adam_step", tolerance);
        }
    }
    assert!(with_adam > 0, "goldens of Adam are missing");
}

/// Trains ten steps on the golden's batch and compares wherever there is a golden `{name}{step}.`.
fn check_steps<B>(golden: &Golden, optimizer: OptimizerKind, name: &str, tolerance: f32)
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    let mut model = model::<B>(golden);
    let config = recipe(optimizer);
    let schedule = Schedule::new(&config, 12);
    let groups = ParameterGroups::new(&model, &config, 10).unwrap();
    let mut optimizer = Optimizer::new(groups, &config);
    let mut compared = 0;
    for step in 1..=10 {
        let gradients = Gradients::new::<B, _>(&model, loss(&model, golden).backward());
        let scale = clipping_scale(gradients.global_norm(), config.max_grad_norm);
        let scales = Scales { rate: schedule.factor(step - 1), gradient: scale };
        model = optimizer.step(model, gradients, scales);
        let tensors = module_tensors::<B, _>(&model);
        let prefix = format!("{name}{step}.");
        for name in golden.names(&prefix) {
            compared += 1;
            // The gradient of the key's bias is zero but for rounding, which Adam blows up to
            // whole steps: its values mean nothing, and change nothing in what is computed.
            if name.ends_with("key.bias") {
                continue;
            }
            let expected = golden.values(&format!("{prefix}{name}"));
            let difference = difference(&tensors[name].values, expected);
            let folder = golden.folder.display();
            assert!(difference <= tolerance, "{folder}: {prefix}{name} is {difference:e} off");
        }
    }
    assert_eq!(compared, 3 * parameter_names::<B, _>(&model).len(), "goldens of three steps");
}

/// The losses of twenty steps of `fine_tune`, dropout on, as Flex gave them: every backend draws
/// the same masks and the same order, and so gives the same losses but for rounding.
const LOSSES: [f64; 20] = [
    1.216882, 0.559503, 0.866007, 0.915038, 0.814116, 0.863555, 0.699945, 1.124538, 0.590610,
    0.881512, 0.821925, 0.897876, 1.185451, 1.060011, 0.594201, 0.692190, 0.942779, 0.955866,
    0.673028, 0.622266,
];

/// Twenty steps of `fine_tune` on 80 random sequences give [`LOSSES`].
pub(crate) fn twenty_steps_give_the_recorded_losses<B>(tolerance: f64)
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    let losses = losses_of_twenty_steps::<B>(Precision::F32);
    let worst = distance_to_the_recorded(&losses);
    assert!(worst <= tolerance, "{worst:e} off: {losses:.6?}");
}

/// How far losses are from [`LOSSES`] at the worst.
pub(crate) fn distance_to_the_recorded(losses: &[f64]) -> f64 {
    assert_eq!(losses.len(), LOSSES.len());
    let distances = losses.iter().zip(LOSSES).map(|(a, b)| (a - b).abs());
    distances.max_by(f64::total_cmp).unwrap_or(0.0)
}

/// The losses of twenty steps of `fine_tune` on 80 random sequences.
pub(crate) fn losses_of_twenty_steps<B>(precision: Precision) -> Vec<f64>
where
    B: AutodiffBackend<InnerBackend: BertOps> + BertOps,
{
    let golden = &goldens()[0];
    let model = model::<B>(golden);
    let data = random_sequences();
    let config = TrainingConfig {
        epochs: 2,
        batch_size: 8,
        learning_rate: 1e-3,
        precision,
        ..TrainingConfig::default()
    };
    let mut losses = Vec::new();
    let run = Run::default().telling(|event| {
        if let Event::Step { record, .. } = event {
            losses.push(record.loss);
        }
    });
    let label_names = &["even".to_owned(), "odd".to_owned()];
    let data = TrainingData { train: &data, validation: &data, label_names, sources: None };
    fine_tune(model, data, &config, run).unwrap();
    losses
}

/// Sequences of 3 to 22 tokens of the first golden's vocabulary, labelled by whether their second
/// token is odd.
fn random_sequences() -> Dataset {
    let mut state = 7u64;
    let mut below = |n: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let (mut encodings, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..80 {
        let tokens = 3 + below(20) as usize;
        let input_ids: Vec<u32> = (0..tokens).map(|_| 1 + below(98) as u32).collect();
        labels.push(input_ids[1] as usize % 2);
        let token_type_ids = (0..tokens).map(|i| u32::from(i > tokens / 2)).collect();
        encodings.push(Encoding { input_ids, token_type_ids, offsets: vec![(0, 0); tokens] });
    }
    Dataset::labelled(encodings, labels)
}
