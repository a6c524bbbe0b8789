//! What a step of `fine_tune` moves, in how many parts it may be computed, and how a run goes on
//! from a saved state.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;

use bertune_checkpoint::{HostTensor, module_tensors, read_safetensors, write_safetensors};
use bertune_data::{Dataset, Targets};
use bertune_encoder::{BertConfig, Initializer};
use bertune_head::{
    BertForSequenceClassification, Decisions, LabelNames, SequenceClassificationConfig,
};
use bertune_tokenize::Encoding;
use bertune_train::{
    ClassWeightRule, ClassWeights, Event, FineTuned, Interval, OptimizerKind, Run, SavedState,
    ScheduleKind, StopSignal, TrainError, TrainingConfig, TrainingData, evaluate, fine_tune,
};
use burn_autodiff::Autodiff;
use burn_flex::Flex;

type B = Autodiff<Flex>;
type Tensors = BTreeMap<String, HostTensor>;

const LAYERS: usize = 4;

fn model(dropout: f64) -> BertForSequenceClassification<B> {
    let bert = BertConfig {
        vocab_size: 50,
        hidden_size: 16,
        num_hidden_layers: LAYERS,
        num_attention_heads: 2,
        intermediate_size: 32,
        max_position_embeddings: 32,
        hidden_dropout_prob: dropout,
        attention_probs_dropout_prob: dropout,
        ..BertConfig::default()
    };
    let config = SequenceClassificationConfig::new(bert, LabelNames::numbered(3));
    BertForSequenceClassification::new(&config, &Initializer::new(3, 0.2), &Default::default())
}

/// Sequences of 3 to 12 tokens, with weights if asked for.
fn encodings(examples: usize) -> Vec<Encoding> {
    let encoding = |i: usize| {
        let tokens = 3 + i * 7 % 10;
        Encoding {
            input_ids: (0..tokens).map(|t| 1 + (i * 31 + t * 17) as u32 % 49).collect(),
            token_type_ids: (0..tokens).map(|t| u32::from(t > tokens / 2)).collect(),
            offsets: vec![(0, 0); tokens],
        }
    };
    (0..examples).map(encoding).collect()
}

fn dataset(examples: usize, weighted: bool) -> Dataset {
    let labels = (0..examples).map(|i| i * i % 3).collect();
    let dataset = Dataset::labelled(encodings(examples), labels);
    let weights = (0..examples).map(|i| 0.25 + (i % 4) as f32).collect();
    if weighted { dataset.weighted(weights) } else { dataset }
}

fn names() -> Vec<String> {
    LabelNames::numbered(3).names().to_vec()
}

fn train(
    dropout: f64,
    dataset: &Dataset,
    config: &TrainingConfig,
    run: Run<'_, B>,
) -> Result<FineTuned<B>, TrainError> {
    let label_names = &names();
    let data = TrainingData { train: dataset, validation: dataset, label_names, sources: None };
    fine_tune(model(dropout), data, config, run)
}

/// Plain gradient descent of so many steps, without clipping: each step moves a parameter by its
/// rate times its gradient.
fn descent(steps: usize) -> TrainingConfig {
    TrainingConfig {
        max_steps: Some(steps),
        optimizer: OptimizerKind::Sgd,
        momentum: 0.0,
        learning_rate: 0.1,
        weight_decay: 0.0,
        max_grad_norm: 0.0,
        schedule: ScheduleKind::Constant,
        warmup_ratio: 0.0,
        ..TrainingConfig::default()
    }
}

/// The parameters after each step, the first entry being those before.
fn parameters(dataset: &Dataset, config: &TrainingConfig) -> Vec<Tensors> {
    let mut states = vec![module_tensors::<B, _>(&model(0.0))];
    let folder = tempfile::tempdir().unwrap();
    let every = Some("1 step".parse::<Interval>().unwrap());
    let run = Run::default().saving(every, |state| {
        state.save(folder.path())?;
        states.push(read_safetensors(&folder.path().join("model.safetensors"))?);
        Ok(())
    });
    train(0.0, dataset, config, run).unwrap();
    states
}

fn moved(before: &Tensors, after: &Tensors, name: &str) -> bool {
    before[name].values != after[name].values
}

fn layer(i: usize) -> String {
    format!("bert.encoder.layer.{i}.output.dense.weight")
}

const EMBEDDING: &str = "bert.embeddings.word_embeddings.weight";

#[test]
fn what_is_frozen_stays_bit_for_bit_and_all_else_moves() {
    let config = TrainingConfig {
        freeze_embeddings: true,
        freeze_layers: 2,
        freeze: vec![r"layer\.3\.attention".into()],
        // Momentum, decay and clipping must not reach what is frozen.
        optimizer: OptimizerKind::AdamW,
        weight_decay: 0.1,
        max_grad_norm: 1.0,
        ..descent(2)
    };
    let states = parameters(&dataset(8, false), &config);
    let (before, after) = (&states[0], &states[2]);
    for name in before.keys() {
        let frozen = name.starts_with("bert.embeddings.")
            || name.contains("layer.0.")
            || name.contains("layer.1.")
            || name.contains("layer.3.attention");
        assert_eq!(moved(before, after, name), !frozen, "{name}");
    }
}

/// Without a decay the first step of plain descent moves each parameter by rate times gradient; with
/// one, by the same gradient times the layer's rate.
#[test]
fn a_layer_moves_in_proportion_to_its_rate() {
    let dataset = dataset(8, false);
    let whole = parameters(&dataset, &descent(1));
    let decayed = parameters(&dataset, &TrainingConfig { layer_decay: 0.5, ..descent(1) });
    let distance = |states: &[Tensors], name: &str| -> f64 {
        let pairs = states[0][name].values.iter().zip(&states[1][name].values);
        pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
    };
    let ratio = |name: &str| distance(&decayed, name) / distance(&whole, name);
    for (name, expected) in [
        ("classifier.weight".to_owned(), 1.0),
        ("bert.pooler.dense.weight".to_owned(), 1.0),
        (layer(3), 1.0),
        (layer(2), 0.5),
        (layer(1), 0.25),
        (layer(0), 0.125),
        (EMBEDDING.to_owned(), 0.0625),
    ] {
        assert!((ratio(&name) / expected - 1.0).abs() < 1e-3, "{name}: {}", ratio(&name));
    }
}

#[test]
fn layers_begin_to_move_one_after_another_from_the_top() {
    let dataset = dataset(8, false);
    for (interval, per_stage) in [("2 steps", 2), ("1 epoch", 2)] {
        let config = TrainingConfig {
            batch_size: 4,
            gradual_unfreezing: Some(interval.parse().unwrap()),
            ..descent(12)
        };
        let states = parameters(&dataset, &config);
        let mut places = vec!["classifier.weight".to_owned()];
        places.extend((0..LAYERS).rev().map(layer));
        places.push(EMBEDDING.to_owned());
        for (stage, name) in places.iter().enumerate() {
            for (step, pair) in states.windows(2).enumerate() {
                let learns = step >= stage * per_stage;
                assert_eq!(moved(&pair[0], &pair[1], name), learns, "{name} {step}");
            }
        }
    }
}

#[test]
fn what_unfreezing_does_not_reach_is_told() {
    let unreached_in = |steps: usize| {
        let every = "2 steps".parse().ok();
        let config = TrainingConfig { gradual_unfreezing: every, ..descent(steps) };
        let mut told = 0;
        let run = Run::default().telling(|event| {
            if let Event::Begin { unreached, .. } = event {
                told = *unreached;
            }
        });
        train(0.0, &dataset(8, false), &config, run).map(|_| told).unwrap()
    };
    assert_eq!([2, 12].map(unreached_in), [16 * LAYERS + 5, 0], "layers and embeddings");
}

#[test]
fn the_parts_of_a_step_change_nothing_but_rounding() {
    let weights = || ClassWeights::Rule(ClassWeightRule::Auto);
    for (weighted, class_weights, label_smoothing) in
        [(false, None, 0.0), (true, Some(weights()), 0.0), (true, Some(weights()), 0.1)]
    {
        let dataset = dataset(39, weighted);
        let result = |micro_batch_size| {
            let mut config = TrainingConfig {
                micro_batch_size: Some(micro_batch_size),
                label_smoothing,
                ..descent(4)
            };
            if let Some(class_weights) = &class_weights {
                config.class_weights = class_weights.clone();
            }
            parameters(&dataset, &config).pop().unwrap()
        };
        // Steps of 32 and 7 examples: the last window of an epoch is short.
        let whole = result(32);
        for micro_batch_size in [8, 1] {
            let parts = result(micro_batch_size);
            for (name, tensor) in &whole {
                let norm = tensor.values.iter().map(|x| x * x).sum::<f32>().sqrt();
                let pairs = tensor.values.iter().zip(&parts[name].values);
                let distance = pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
                let limit = 1e-6 * norm.max(1.0);
                assert!(distance <= limit, "{name} in {micro_batch_size}: {distance:e}");
            }
        }
    }
}

/// A run in which much depends on the state: dropout, parts, AdamW, warm-up, unfreezing.
fn eventful() -> TrainingConfig {
    TrainingConfig {
        epochs: 4,
        batch_size: 4,
        micro_batch_size: Some(3),
        learning_rate: 3e-3,
        gradual_unfreezing: Some("3 steps".parse().unwrap()),
        evaluate_every: "3 steps".parse().unwrap(),
        patience: Some(50),
        ..TrainingConfig::default()
    }
}

const STATE_FILES: [&str; 4] =
    ["model.safetensors", "optimizer.safetensors", "best.safetensors", "state.json"];

/// Goes on from `saved` up to step `end`, and saves the state there into `folder`.
fn run_to(config: &TrainingConfig, end: usize, saved: Option<SavedState>, folder: &Path) {
    let stop = StopSignal::default();
    let run = Run::default()
        .telling(|event| match event {
            Event::Step { record, .. } if record.step == end => stop.stop(),
            _ => {}
        })
        .saving(None, |state| state.save(folder))
        .resuming(saved)
        .until(stop.clone());
    train(0.3, &dataset(23, true), config, run).unwrap();
}

#[test]
fn a_run_goes_on_from_any_step_bit_for_bit() {
    let config = eventful();
    let folder = || tempfile::tempdir().unwrap();
    let steps = 24;
    let whole = folder();
    run_to(&config, steps, None, whole.path());
    // Every step but the last: within epochs, at their ends (6, 12, 18), at evaluations and after.
    for stop in 1..steps {
        let (half, resumed) = (folder(), folder());
        run_to(&config, stop, None, half.path());
        let saved = SavedState::read(half.path()).unwrap();
        assert_eq!(saved.steps(), stop);
        run_to(&config, steps, Some(saved), resumed.path());
        for file in STATE_FILES {
            let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
            assert!(read(whole.path()) == read(resumed.path()), "{file} after a stop at {stop}");
        }
    }
}

#[test]
fn a_state_of_other_settings_or_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    run_to(&eventful(), 3, None, folder.path());
    let error = |dataset: &Dataset, config: &TrainingConfig| {
        let run = Run::default().resuming(Some(SavedState::read(folder.path()).unwrap()));
        train(0.3, dataset, config, run).unwrap_err().to_string()
    };
    let config = TrainingConfig { learning_rate: 1e-3, ..eventful() };
    let message = error(&dataset(23, true), &config);
    assert!(message.contains("learning_rate is 0.001, but was 0.003"), "{message}");
    for other in [dataset(22, true), dataset(23, false)] {
        assert!(error(&other, &eventful()).contains("training examples are not those"));
    }
}

#[test]
fn a_damaged_state_is_an_error_that_names_its_file() {
    let folder = tempfile::tempdir().unwrap();
    run_to(&eventful(), 3, None, folder.path());
    for file in STATE_FILES {
        let path = folder.path().join(file);
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let message = SavedState::read(folder.path()).unwrap_err().to_string();
            assert!(message.contains(file), "{message}");
        }
        std::fs::write(&path, &whole).unwrap();
    }
    let path = folder.path().join("state.json");
    let state = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, state.replacen("\"version\": 1", "\"version\": 9", 1)).unwrap();
    let message = SavedState::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("layout 9"), "{message}");
}

#[test]
fn a_state_without_a_parameter_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    run_to(&eventful(), 3, None, folder.path());
    let path = folder.path().join("model.safetensors");
    let mut tensors = read_safetensors(&path).unwrap();
    tensors.remove("classifier.bias");
    write_safetensors(&path, &tensors).unwrap();
    let run = Run::default().resuming(Some(SavedState::read(folder.path()).unwrap()));
    let message = train(0.3, &dataset(23, true), &eventful(), run).unwrap_err().to_string();
    assert!(message.contains("classifier.bias"), "{message}");
}

#[test]
fn what_is_not_a_number_ends_the_run_before_the_model_is_updated() {
    let folder = tempfile::tempdir().unwrap();
    let evaluate_every = "9 epochs".parse().unwrap();
    let config = TrainingConfig { learning_rate: 1e30, evaluate_every, ..descent(8) };
    let every = Some("1 step".parse().unwrap());
    let run = Run::default().saving(every, |state| state.save(folder.path()));
    let error = train(0.0, &dataset(8, false), &config, run).unwrap_err();
    let TrainError::NotFinite { step, examples, .. } = error else { panic!("{error}") };
    assert!(step > 1 && examples.len() == 8);
    let saved = SavedState::read(folder.path()).unwrap();
    assert_eq!(saved.steps(), step - 1, "the last state is the one before");
}

#[test]
fn labels_that_do_not_fit_the_model_are_refused() {
    let good = dataset(8, false);
    let unlabelled = Dataset::unlabelled(encodings(8));
    let fourth_class = Dataset::labelled(encodings(8), vec![3; 8]);
    let numbers = Targets::Values { values: vec![0.0; 24], width: 3 };
    let numbers = Dataset::with_targets(encodings(8), numbers);
    for (train, validation) in
        [(&unlabelled, &good), (&good, &unlabelled), (&fourth_class, &good), (&good, &numbers)]
    {
        let label_names = &names();
        let data = TrainingData { train, validation, label_names, sources: None };
        let error = fine_tune(model(0.0), data, &descent(1), Run::default()).unwrap_err();
        assert!(matches!(error, TrainError::Targets { outputs: 3, .. }), "{error}");
    }
}

/// The first steps have examples of weight 0 only, whose order the seed decides.
#[test]
fn examples_that_do_not_count_move_nothing_and_hide_nothing() {
    let one_counts =
        |i: usize| dataset(8, false).weighted((0..8).map(|j| f32::from(j == i)).collect());
    let config =
        TrainingConfig { batch_size: 1, evaluate_every: "1 step".parse().unwrap(), ..descent(8) };
    for i in 0..8 {
        let states = parameters(&one_counts(i), &config);
        let steps = states.windows(2).filter(|pair| moved(&pair[0], &pair[1], "classifier.weight"));
        assert_eq!(steps.count(), 1, "only the step with example {i} moves anything");
    }
    let nothing = dataset(8, false).weighted(vec![0.0; 8]);
    let error = train(0.0, &nothing, &config, Run::default()).unwrap_err();
    assert!(matches!(error, TrainError::NothingCounts), "{error}");
}

#[test]
fn a_validation_loss_that_is_not_a_number_ends_the_run() {
    let config = TrainingConfig { learning_rate: 1e30, ..descent(8) };
    let error = train(0.0, &dataset(8, false), &config, Run::default()).unwrap_err();
    assert!(matches!(error, TrainError::ValidationNotFinite { step: 1, .. }), "{error}");
}

#[test]
fn a_run_without_gains_ends_when_its_patience_does() {
    let config = TrainingConfig {
        evaluate_every: "1 step".parse().unwrap(),
        patience: Some(3),
        learning_rate: 0.0,
        ..descent(50)
    };
    let mut stalled = None;
    let run = Run::default().telling(|event| {
        if let Event::Stalled { step } = event {
            stalled = Some(*step);
        }
    });
    let tuned = train(0.0, &dataset(8, false), &config, run).unwrap();
    assert_eq!((tuned.history.evaluations.len(), tuned.finished), (4, true));
    assert_eq!(stalled, Some(4));
}

#[test]
fn a_stop_is_no_end_of_the_patience() {
    let config = TrainingConfig {
        evaluate_every: "6 steps".parse().unwrap(),
        patience: Some(1),
        learning_rate: 0.0,
        ..descent(50)
    };
    let stopped_after = |end: usize| {
        let stop = StopSignal::default();
        let run = Run::default()
            .telling(|event| match event {
                Event::Step { record, .. } if record.step == end => stop.stop(),
                _ => {}
            })
            .until(stop.clone());
        let tuned = train(0.0, &dataset(8, false), &config, run).unwrap();
        (tuned.history.evaluations.len(), tuned.finished)
    };
    assert_eq!(stopped_after(7), (2, false));
    assert_eq!(stopped_after(12), (2, true));
}

#[test]
fn every_measured_model_is_shown_as_it_is_then_and_not_the_best_one() {
    let dataset = dataset(8, false);
    let config = TrainingConfig { evaluate_every: "2 steps".parse().unwrap(), ..descent(5) };
    let mut shown = Vec::new();
    let run = Run::default().watching(|model, record| {
        let evaluation = evaluate(model, &Decisions::default(), &dataset, 8);
        shown.push((record.step, record.validation_loss, evaluation.loss));
    });
    train(0.5, &dataset, &config, run).unwrap();
    let steps: Vec<_> = shown.iter().map(|(step, ..)| *step).collect();
    assert_eq!(steps, [2, 4, 5]);
    assert!(shown.iter().all(|(_, told, seen)| told == seen), "{shown:?}");
    assert_ne!(shown[0].2, shown[2].2);
}
