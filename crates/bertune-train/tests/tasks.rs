//! What a step of `fine_tune_tasks` moves, and how its model is taken apart.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use bertune_checkpoint::{HostTensor, module_tensors};
use bertune_data::{Dataset, PackedBatch, Targets};
use bertune_encoder::{BertConfig, Initializer, PackedTokens};
use bertune_head::{BertForTasks, LabelNames, Pooling, ProblemType, SequenceClassificationConfig};
use bertune_kernels::DropoutKey;
use bertune_tokenize::Encoding;
use bertune_train::{
    ClassWeightRule, ClassWeights, Event, History, LabelledTask, LoraConfig, Run, Sampling, Scores,
    TaskSampling, TrainError, TrainingConfig, TrainingData, fine_tune_tasks,
};
use burn_autodiff::Autodiff;
use burn_flex::Flex;

type B = Autodiff<Flex>;

/// Three tasks: of classes, of sets and of numbers.
struct Tasks {
    data: [Dataset; 3],
    names: [Vec<String>; 3],
}

impl Tasks {
    fn new() -> Self {
        let encodings = |task: usize, examples: usize| -> Vec<Encoding> {
            let encoding = |i: usize| {
                let tokens = 3 + i * 7 % 6;
                let id = |t| 1 + ((i * 31 + t * 17 + task * 5) % 49) as u32;
                let input_ids = (0..tokens).map(id).collect();
                Encoding { input_ids, token_type_ids: vec![0; tokens], ..Encoding::default() }
            };
            (0..examples).map(encoding).collect()
        };
        let classes = Targets::Classes((0..21).map(|i| i * i % 3).collect());
        let values = (0..26).map(|i| f32::from(u8::from(i % 3 == 0))).collect();
        let sets = Targets::Sets { values, classes: 2 };
        let numbers =
            Targets::Values { values: (0..9).map(|i| i as f32 / 4.0).collect(), width: 1 };
        let names = [&["a", "b", "c"][..], &["x", "y"], &["n"]];
        Self {
            data: [
                Dataset::with_targets(encodings(0, 21), classes),
                Dataset::with_targets(encodings(1, 13), sets)
                    .weighted((0..13).map(|i| 0.5 + (i % 2) as f32).collect()),
                Dataset::with_targets(encodings(2, 9), numbers),
            ],
            names: names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        }
    }

    fn labelled(&self) -> Vec<LabelledTask<'_>> {
        let task = |(i, name): (usize, &'static str)| {
            let (train, label_names) = (&self.data[i], &self.names[i][..]);
            let data = TrainingData { train, validation: train, label_names, sources: None };
            LabelledTask { name, data, weight: 1.0 }
        };
        ["classes", "sets", "numbers"].into_iter().enumerate().map(task).collect()
    }

    fn model(&self, pooling: Pooling) -> BertForTasks<B> {
        let bert = BertConfig {
            vocab_size: 50,
            hidden_size: 16,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 32,
            max_position_embeddings: 32,
            ..BertConfig::default()
        };
        let types = [
            ProblemType::SingleLabelClassification,
            ProblemType::MultiLabelClassification,
            ProblemType::Regression,
        ];
        let config = |(names, problem_type): (&Vec<String>, _)| SequenceClassificationConfig {
            problem_type: Some(problem_type),
            pooling,
            ..SequenceClassificationConfig::new(bert.clone(), LabelNames::new(names.clone()))
        };
        let configs: Vec<_> = self.names.iter().zip(types).map(config).collect();
        BertForTasks::new(&configs, &Initializer::new(3, 0.2), &Default::default())
    }

    fn tune(&self, config: &TrainingConfig, run: Run<'_, B, BertForTasks<B>>) -> History {
        let model = self.model(Pooling::Pooler);
        let sampling = TaskSampling::SquareRoot;
        fine_tune_tasks(model, &self.labelled(), sampling, config, run).unwrap().history
    }
}

fn config() -> TrainingConfig {
    TrainingConfig {
        batch_size: 4,
        learning_rate: 1e-3,
        epochs: 2,
        evaluate_every: "1 step".parse().unwrap(),
        ..TrainingConfig::default()
    }
}

#[test]
fn a_step_moves_the_encoder_and_the_classifier_of_one_task() {
    let tasks = Tasks::new();
    let mut states: Vec<BTreeMap<String, HostTensor>> = Vec::new();
    let run = Run::default().watching(|model, _| states.push(module_tensors::<Flex, _>(model)));
    let history = tasks.tune(&config(), run);
    // 21, 13 and 9 examples in batches of 4.
    assert_eq!(states.len(), 2 * (6 + 4 + 3));
    let mut seen = [0; 3];
    // The last step's rate is 0.
    for pair in states[..states.len() - 1].windows(2) {
        let moved = |name: &str| pair[0][name] != pair[1][name];
        assert!(moved("bert.pooler.dense.weight"));
        let of_task: Vec<bool> =
            (0..3).map(|task| moved(&format!("classifier.{task}.weight"))).collect();
        assert_eq!(of_task.iter().filter(|moved| **moved).count(), 1, "{of_task:?}");
        seen[of_task.iter().position(|moved| *moved).unwrap()] += 1;
    }
    assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
    assert_eq!(history.metric().name(), "mean_score");
}

#[test]
fn each_task_is_checked_before_the_first_step() {
    let mut told = Vec::new();
    let run = Run::default().telling(|event| {
        if let Event::Checked(first) = event {
            told.push((first.task.clone().unwrap(), first.chance.unwrap()));
        }
    });
    Tasks::new().tune(&TrainingConfig { max_steps: Some(1), ..config() }, run);
    let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["classes", "sets", "numbers"]);
    assert!((told[0].1 - 3f64.ln()).abs() < 1e-5 && (told[1].1 - 2f64.ln()).abs() < 1e-5);
}

#[test]
fn the_best_model_has_the_highest_mean_of_the_main_scores() {
    let tasks = Tasks::new();
    let mut kept = Vec::new();
    let run = Run::default().keeping(|_, history, evaluation| {
        let parts = LabelledTask::evaluations(&tasks.labelled(), evaluation);
        let mean = parts.iter().map(|part| part.loss).sum::<f64>() / 3.0;
        assert!((mean - evaluation.loss).abs() < 1e-12);
        let Scores::Tasks(scores) = &evaluation.scores else { panic!("{:?}", evaluation.scores) };
        for (part, task) in parts.iter().zip(&scores.tasks) {
            assert_eq!((part.loss, &part.scores), (task.loss, &task.scores));
        }
        let alone = tasks.labelled()[1].history(history);
        assert_eq!(alone.best().unwrap().validation, parts[1].scores);
        assert_eq!(alone.metric().name(), "micro_f1");
        kept.push(history.best().unwrap().step);
        Ok(())
    });
    let history = tasks.tune(&config(), run);
    let means = history.evaluations.iter().filter_map(|record| {
        let Scores::Tasks(scores) = &record.validation else { panic!("{record:?}") };
        scores.mean_score
    });
    let highest = means.fold(f64::NEG_INFINITY, f64::max);
    let best = history.best().unwrap();
    assert_eq!(best.score(history.metric()), Some(highest));
    assert_eq!(kept.last(), Some(&best.step));
}

#[test]
fn a_task_by_itself_gives_what_it_gives_in_the_joint_model() {
    let tasks = Tasks::new();
    for pooling in [Pooling::Pooler, Pooling::Mean] {
        let model = tasks.model(pooling);
        for (task, dataset) in tasks.data.iter().enumerate() {
            let PackedBatch { input_ids, token_type_ids, position_ids, cu_seqlens, .. } =
                &PackedBatch::pack(dataset, &[2, 0, 5]);
            let device = Default::default();
            let tokens =
                PackedTokens::new(input_ids, token_type_ids, position_ids, cu_seqlens, &device);
            for key in [None, Some(DropoutKey::new(1, 1))] {
                let joint = model.forward(task, &tokens, key).into_data();
                let alone = model.task(task).forward(&tokens, key).into_data();
                assert_eq!(joint, alone);
            }
        }
    }
}

#[test]
fn parts_of_steps_and_budgets_of_tokens_never_mix_tasks() {
    let tasks = Tasks::new();
    let whole = tasks.tune(&config(), Run::default());
    let parts = TrainingConfig { micro_batch_size: Some(3), ..config() };
    let parts = tasks.tune(&parts, Run::default());
    for (whole, parts) in whole.steps.iter().zip(&parts.steps).take(3) {
        // Dropout is another in each part.
        assert!((whole.loss - parts.loss).abs() < 0.5 * whole.loss, "{whole:?} {parts:?}");
    }
    let mut examples = 0;
    let run = Run::default().telling(|event| {
        if let Event::Step { examples: count, .. } = event {
            examples += count;
        }
    });
    tasks.tune(&TrainingConfig { tokens_per_batch: Some(16), ..config() }, run);
    assert!(examples > 43, "{examples}");
}

#[test]
fn what_means_nothing_for_several_tasks_is_refused() {
    let tasks = Tasks::new();
    let refused = |config: TrainingConfig, sampling| {
        let model = tasks.model(Pooling::Pooler);
        let tuned = fine_tune_tasks(model, &tasks.labelled(), sampling, &config, Run::default());
        tuned.unwrap_err()
    };
    let proportional = TaskSampling::Proportional;
    let lora = TrainingConfig { lora: Some(LoraConfig::default()), ..config() };
    let key = |error| match error {
        TrainError::SettingOfOneTask { key, .. } => key,
        error => panic!("{error}"),
    };
    assert_eq!(key(refused(lora, proportional)), "lora");
    let class_weights = ClassWeights::Explicit([("a".to_owned(), 2.0)].into());
    let by_name = TrainingConfig { class_weights, ..config() };
    assert_eq!(key(refused(by_name, proportional)), "class_weights");
    let class_weights = ClassWeights::Rule(ClassWeightRule::Auto);
    let by_rule = TrainingConfig { class_weights, ..config() };
    let message = refused(by_rule, proportional).to_string();
    assert!(message.starts_with("task 'sets': "), "{message}");
    let balanced = TrainingConfig { sampling: Sampling::Balanced, ..config() };
    assert!(refused(balanced, proportional).to_string().starts_with("task 'sets': "));
    let metric = TrainingConfig { metric: "accuracy".parse().ok(), ..config() };
    assert!(refused(metric, proportional).to_string().starts_with("task 'sets': "));
    let message = refused(config(), TaskSampling::Temperature(0.9)).to_string();
    assert!(message.contains("temperature is 0.9"), "{message}");
}
