//! LoRA: what learns, what stays, and what a run leaves.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;

use bertune_checkpoint::{HostTensor, module_tensors, read_safetensors};
use bertune_data::Dataset;
use bertune_encoder::{BertConfig, Initializer, PackedTokens};
use bertune_head::{
    BertForSequenceClassification, LabelNames, Pooling, SequenceClassificationConfig,
};
use bertune_tokenize::Encoding;
use bertune_train::{
    Event, FineTuned, Interval, LearningShare, LoraConfig, Run, SavedState, StopSignal, TrainError,
    TrainingConfig, TrainingData, adapt, fine_tune,
};
use burn_autodiff::Autodiff;
use burn_core::tensor::TensorData;
use burn_flex::Flex;

type B = Autodiff<Flex>;
type Tensors = BTreeMap<String, HostTensor>;

fn model(pooling: Pooling) -> BertForSequenceClassification<B> {
    let bert = BertConfig {
        vocab_size: 50,
        hidden_size: 16,
        num_hidden_layers: 3,
        num_attention_heads: 2,
        intermediate_size: 32,
        max_position_embeddings: 32,
        ..BertConfig::default()
    };
    let config = SequenceClassificationConfig {
        pooling,
        ..SequenceClassificationConfig::new(bert, LabelNames::numbered(3))
    };
    BertForSequenceClassification::new(&config, &Initializer::new(3, 0.2), &Default::default())
}

fn dataset() -> Dataset {
    let encoding = |i: usize| {
        let tokens = 3 + i * 7 % 10;
        Encoding {
            input_ids: (0..tokens).map(|t| 1 + (i * 31 + t * 17) as u32 % 49).collect(),
            token_type_ids: vec![0; tokens],
            offsets: vec![(0, 0); tokens],
        }
    };
    Dataset::labelled((0..16).map(encoding).collect(), (0..16).map(|i| i * i % 3).collect())
}

fn lora(targets: &[&str]) -> LoraConfig {
    let targets = targets.iter().map(|target| (*target).to_owned()).collect();
    LoraConfig { rank: 4, targets, ..LoraConfig::default() }
}

fn config(lora: LoraConfig) -> TrainingConfig {
    TrainingConfig {
        max_steps: Some(4),
        batch_size: 8,
        micro_batch_size: Some(4),
        learning_rate: 1e-2,
        weight_decay: 0.1,
        warmup_ratio: 0.0,
        lora: Some(lora),
        ..TrainingConfig::default()
    }
}

fn train(
    model: BertForSequenceClassification<B>,
    config: &TrainingConfig,
    run: Run<'_, B>,
) -> Result<FineTuned<B>, TrainError> {
    let (dataset, names) = (dataset(), LabelNames::numbered(3));
    let label_names = names.names();
    let data = TrainingData { train: &dataset, validation: &dataset, label_names, sources: None };
    fine_tune(model, data, config, run)
}

/// The parameters after so many steps.
fn after(steps: usize, pooling: Pooling, config: &TrainingConfig) -> Tensors {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainingConfig { max_steps: Some(steps), ..config.clone() };
    let every = Some("1 step".parse::<Interval>().unwrap());
    let run = Run::default().saving(every, |state| state.save(folder.path()));
    train(model(pooling), &config, run).unwrap();
    read_safetensors(&folder.path().join("model.safetensors")).unwrap()
}

fn logits(model: &BertForSequenceClassification<B>) -> TensorData {
    let (ids, types) = ([1, 7, 9, 3, 5], [0; 5]);
    let tokens = PackedTokens::new(&ids, &types, &[0, 1, 2, 0, 1], &[0, 3, 5], &model.device());
    model.forward(&tokens, None).into_data()
}

#[test]
fn a_new_adapter_changes_no_score() {
    let base = model(Pooling::Pooler);
    let adapted = adapt(base.clone(), &config(lora(&["."]))).unwrap();
    assert_eq!(logits(&adapted), logits(&base));
    assert_eq!(logits(&adapted.merged()), logits(&base));
}

#[test]
fn the_base_stays_bit_for_bit_and_factors_and_head_move() {
    let targets = ["layer.1.attention.self.query", "intermediate"];
    let before = module_tensors::<B, _>(&model(Pooling::Pooler));
    let settings = config(lora(&targets));
    let (first, second) =
        (after(1, Pooling::Pooler, &settings), after(2, Pooling::Pooler, &settings));
    let mut factors = 0;
    for (name, tensor) in &second {
        if name.contains(".lora_") {
            factors += 1;
            // B is zero at first, so that A has its first gradient in the second step.
            assert_ne!(tensor, &first[name], "{name}");
            assert!(tensor.values.iter().any(|x| *x != 0.0), "{name}");
        } else {
            let learns = name.starts_with("classifier.") || name.starts_with("bert.pooler.");
            assert_eq!(tensor != &before[name], learns, "{name}");
        }
    }
    assert_eq!(factors, 2 * 4, "a query and three feed-forward blocks");
}

#[test]
fn a_pooler_with_a_change_is_not_trained_in_full() {
    let before = module_tensors::<B, _>(&model(Pooling::Pooler));
    let after = after(2, Pooling::Pooler, &config(lora(&["pooler"])));
    assert_eq!(after["bert.pooler.dense.weight"], before["bert.pooler.dense.weight"]);
    assert!(after["bert.pooler.dense.lora_B.weight"].values.iter().any(|x| *x != 0.0));
}

#[test]
fn a_pooler_that_is_not_read_is_no_target() {
    let error = adapt(model(Pooling::Mean), &config(lora(&["pooler"]))).unwrap_err();
    assert!(error.to_string().contains("no linear map has such a name"), "{error}");
    after(2, Pooling::Mean, &config(lora(&["value"])));
}

#[test]
fn freezing_goes_with_lora() {
    let settings = TrainingConfig {
        freeze_layers: 2,
        freeze: vec!["pooler".into()],
        ..config(lora(&["query", "value"]))
    };
    let (first, second) =
        (after(1, Pooling::Pooler, &settings), after(2, Pooling::Pooler, &settings));
    for (name, tensor) in &second {
        let learns = name.contains("layer.2.attention.self.query.lora_")
            || name.contains("layer.2.attention.self.value.lora_")
            || name.starts_with("classifier.");
        assert_eq!(tensor != &first[name], learns, "{name}");
    }
}

#[test]
fn the_share_that_learns_is_told() {
    let config = config(lora(&["query", "value"]));
    let model = adapt(model(Pooling::Pooler), &config).unwrap();
    let share = LearningShare::new(&model, &config).unwrap();
    let head = (16 * 16 + 16) + (3 * 16 + 3);
    assert_eq!(share.learning, 3 * 2 * (4 * 16 + 16 * 4) + head);
    let numbers = module_tensors::<B, _>(&model).values().map(|t| t.values.len()).sum::<usize>();
    assert_eq!(share.all, numbers);
}

#[test]
fn a_merged_model_computes_the_same() {
    let config = config(lora(&["query", "value", "dense"]));
    let adapted = train(model(Pooling::Pooler), &config, Run::default()).unwrap().model;
    let (ids, types) = ([1, 7, 9, 3, 5], [0; 5]);
    let device = Default::default();
    let tokens = PackedTokens::new(&ids, &types, &[0, 1, 2, 0, 1], &[0, 3, 5], &device);
    let ours: Vec<f32> = adapted.forward(&tokens, None).into_data().iter().collect();
    let merged = adapted.merged();
    assert!(module_tensors::<Flex, _>(&merged).keys().all(|name| !name.contains("lora")));
    let merged: Vec<f32> = merged.forward(&tokens, None).into_data().iter().collect();
    let worst =
        ours.iter().zip(&merged).map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap();
    assert!(worst < 1e-5, "{worst:e}");
}

/// Takes steps up to `end` of six and saves the state into `folder`.
fn run_to(config: &TrainingConfig, end: usize, saved: Option<SavedState>, folder: &Path) {
    let stop = StopSignal::default();
    let run = Run::default()
        .telling(|event| match event {
            Event::Step { record, .. } if record.step == end => stop.stop(),
            _ => {}
        })
        .saving(None::<Interval>, |state| state.save(folder))
        .resuming(saved)
        .until(stop.clone());
    train(model(Pooling::Pooler), config, run).unwrap();
}

#[test]
fn an_adapters_run_goes_on_from_a_state_bit_for_bit() {
    let config = TrainingConfig { max_steps: Some(6), ..config(lora(&["query", "output.dense"])) };
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [whole, half, resumed] = folders.each_ref().map(|folder| folder.path());
    run_to(&config, 5, None, whole);
    run_to(&config, 3, None, half);
    run_to(&config, 5, Some(SavedState::read(half).unwrap()), resumed);
    for file in ["model.safetensors", "optimizer.safetensors", "state.json"] {
        let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert!(read(whole) == read(resumed), "{file}");
    }
    let optimizer = read_safetensors(&whole.join("optimizer.safetensors")).unwrap();
    let frozen = |name: &&String| !name.contains(".lora_") && name.contains(".layer.");
    assert!(!optimizer.is_empty() && optimizer.keys().find(frozen).is_none());
}

#[test]
fn a_change_that_does_not_fit_is_refused() {
    let message = |lora: LoraConfig| {
        let config = config(lora);
        let checked = config.validate().and_then(|()| adapt(model(Pooling::Pooler), &config));
        checked.unwrap_err().to_string()
    };
    let check = |lora: LoraConfig, expected: &str| {
        let message = message(lora);
        assert!(message.contains(expected), "{message}");
    };
    check(LoraConfig { rank: 0, ..lora(&["query"]) }, "lora.rank is 0, but must be at least 1");
    check(LoraConfig { rank: 17, ..lora(&["query"]) }, "self.query is a matrix of 16 by 16");
    check(LoraConfig { dropout: 1.0, ..lora(&["query"]) }, "lora.dropout is 1");
    check(LoraConfig { alpha: 0.0, ..lora(&["query"]) }, "lora.alpha is 0, but must be above 0");
    check(lora(&[]), "lora.targets is empty");
    check(lora(&["query", "gate"]), "the target 'gate' of lora: no linear map has such a name");
}
