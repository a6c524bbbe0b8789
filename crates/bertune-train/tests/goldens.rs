//! Schedules and optimizers against transformers, PyTorch and the papers.
#![expect(clippy::unwrap_used, reason = "tests")]

use bertune_train::{
    Gradients, Optimizer, OptimizerKind, ParameterGroups, Scales, Schedule, TrainingConfig,
    clipping_scale,
};
use burn_autodiff::Autodiff;
use burn_core as burn;
use burn_core::module::{Module, Param};
use burn_core::tensor::{Tensor, TensorData, backend::Backend};
use burn_flex::Flex;
use serde_json::Value;

type B = Autodiff<Flex>;

/// What `tools/training_goldens.py` wrote.
fn goldens() -> Value {
    serde_json::from_str(include_str!("goldens/training.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn schedules_equal_transformers_and_pytorch() {
    let goldens = goldens();
    let cases = goldens["schedules"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    for case in cases {
        let mut settings = case["settings"].clone();
        settings["schedule"] = case["schedule"].clone();
        let config: TrainingConfig = serde_json::from_value(settings.clone()).unwrap();
        let expected = numbers(&case["factors"]);
        let schedule = Schedule::new(&config, expected.len());
        for (step, expected) in expected.into_iter().enumerate() {
            let factor = schedule.factor(step);
            assert!((factor - expected).abs() < 1e-12, "{settings} {step}: {factor} {expected}");
        }
    }
}

/// A model of one parameter.
#[derive(Module, Debug)]
struct Tiny<B: Backend> {
    weight: Param<Tensor<B, 1>>,
}

impl Tiny<B> {
    fn new(values: &[f64]) -> Self {
        Self { weight: Param::from_tensor(tensor(values)) }
    }

    /// What has this gradient.
    fn loss(&self, gradient: &[f64]) -> Tensor<B, 1> {
        (self.weight.val() * tensor(gradient)).sum()
    }

    fn values(&self) -> Vec<f64> {
        self.weight.val().into_data().iter::<f64>().collect()
    }
}

fn tensor(values: &[f64]) -> Tensor<B, 1> {
    let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    Tensor::from_data(TensorData::new(values.clone(), [values.len()]), &Default::default())
}

#[test]
fn optimizers_equal_pytorch_over_a_hundred_steps() {
    let goldens = goldens();
    let gradients: Vec<Vec<f64>> = serde_json::from_value(goldens["gradients"].clone()).unwrap();
    let cases = goldens["optimizers"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let kind: OptimizerKind = serde_json::from_value(case["optimizer"].clone()).unwrap();
        let config = TrainingConfig {
            optimizer: kind,
            learning_rate: case["learning_rate"].as_f64().unwrap(),
            weight_decay: case["weight_decay"].as_f64().unwrap(),
            beta_2: case["beta_2"].as_f64().unwrap(),
            warmup_steps: Some(10),
            max_grad_norm: 5.0,
            ..TrainingConfig::default()
        };
        let schedule = Schedule::new(&config, 120);
        let mut model = Tiny::new(&numbers(&goldens["start"]));
        let groups = ParameterGroups::new(&model, &config, 1).unwrap();
        let mut optimizer = Optimizer::new(groups, &config);
        for (step, gradient) in gradients.iter().enumerate() {
            let gradients = Gradients::new::<B, _>(&model, model.loss(gradient).backward());
            let gradient = clipping_scale(gradients.global_norm(), config.max_grad_norm);
            let scales = Scales { rate: schedule.factor(step), gradient };
            model = optimizer.step(model, gradients, scales);
            let Some(expected) = case["steps"].get((step + 1).to_string()) else { continue };
            for (ours, expected) in model.values().into_iter().zip(numbers(expected)) {
                let difference = (ours - expected).abs();
                assert!(difference < 1e-5, "{kind:?} {step}: {ours} {expected}");
            }
        }
    }
}
