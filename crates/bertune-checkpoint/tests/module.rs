//! Tensors into Burn modules and out again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bertune_checkpoint::{
    Checkpoint, CheckpointError, HostTensor, LoadReport, LoadRules, load_module, module_tensors,
    parameter_names, write_checkpoint,
};
use burn_autodiff::Autodiff;
use burn_core as burn;
use burn_core::module::{Module, Param, ParamId};
use burn_core::tensor::{Shape, Tensor, backend::Backend};
use burn_flex::Flex;
use serde_json::Map;

type B = Autodiff<Flex>;

#[derive(Module, Debug)]
struct Dense<B: Backend> {
    weight: Param<Tensor<B, 2>>,
    bias: Option<Param<Tensor<B, 1>>>,
    size: usize,
}

#[derive(Module, Debug)]
struct Norm<B: Backend> {
    weight: Param<Tensor<B, 1>>,
}

#[derive(Module, Debug)]
struct Layer<B: Backend> {
    self_attention: Dense<B>,
    layer_norm: Norm<B>,
}

#[derive(Module, Debug)]
struct Bert<B: Backend> {
    layer: Vec<Layer<B>>,
    pooler: Dense<B>,
}

#[derive(Module, Debug)]
struct Model<B: Backend> {
    bert: Bert<B>,
    classifier: Dense<B>,
}

/// A parameter that is not made before it is used, as those of the encoder are.
fn lazy<const D: usize>(shape: [usize; D]) -> Param<Tensor<B, D>> {
    let init =
        move |device: &_, require_grad| Tensor::zeros(shape, device).set_require_grad(require_grad);
    Param::uninitialized(ParamId::new(), init, Default::default(), true, Shape::from(shape))
}

fn dense(output: usize) -> Dense<B> {
    Dense { weight: lazy([output, 3]), bias: Some(lazy([output])), size: 0 }
}

fn bert() -> Bert<B> {
    let layer = || Layer { self_attention: dense(2), layer_norm: Norm { weight: lazy([2]) } };
    Bert { layer: vec![layer(), layer()], pooler: dense(3) }
}

fn model(classes: usize) -> Model<B> {
    Model { bert: bert(), classifier: dense(classes) }
}

const NAMES: [&str; 10] = [
    "bert.layer.0.self.weight",
    "bert.layer.0.self.bias",
    "bert.layer.0.LayerNorm.weight",
    "bert.layer.1.self.weight",
    "bert.layer.1.self.bias",
    "bert.layer.1.LayerNorm.weight",
    "bert.pooler.weight",
    "bert.pooler.bias",
    "classifier.weight",
    "classifier.bias",
];

/// The model's tensors, with values that differ everywhere.
fn tensors(classes: usize) -> BTreeMap<String, HostTensor> {
    let mut tensors = module_tensors::<B, _>(&model(classes));
    for (number, tensor) in tensors.values_mut().enumerate() {
        for (place, value) in tensor.values.iter_mut().enumerate() {
            *value = (number * 100 + place) as f32 / 7.0;
        }
    }
    tensors
}

fn renamed(
    tensors: BTreeMap<String, HostTensor>,
    rename: impl Fn(String) -> String,
) -> BTreeMap<String, HostTensor> {
    tensors.into_iter().map(|(name, tensor)| (rename(name), tensor)).collect()
}

fn without_prefix(name: String) -> String {
    name.strip_prefix("bert.").map(str::to_owned).unwrap_or(name)
}

type Loaded<M> = Result<(M, LoadReport), CheckpointError>;

fn load<M: Module<B>>(
    module: M,
    tensors: &BTreeMap<String, HostTensor>,
    rules: &LoadRules,
) -> Loaded<M> {
    let home = tempfile::tempdir().unwrap();
    write_checkpoint(home.path(), tensors, &Map::new()).unwrap();
    let checkpoint = Checkpoint::open(home.path()).unwrap();
    load_module::<B, M>(module, &checkpoint, rules, &Default::default())
}

fn message<M: Module<B>>(loaded: Loaded<M>) -> String {
    loaded.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn parameters_are_named_as_on_the_hub() {
    let names = parameter_names::<B, _>(&model(2));
    assert_eq!(names.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), NAMES);
}

#[test]
fn a_loaded_module_gives_back_the_same_bits() {
    let tensors = tensors(2);
    let (loaded, report) = load(model(2), &tensors, &LoadRules::all()).unwrap();
    assert_eq!(module_tensors::<B, _>(&loaded), tensors);
    assert_eq!(report.used.len(), NAMES.len());
    assert!(report.ignored.is_empty() && report.initialised.is_empty());
}

#[test]
fn names_meet_with_and_without_the_prefix() {
    let with = tensors(2);
    let without = renamed(with.clone(), without_prefix);
    let (loaded, _) = load(model(2), &without, &LoadRules::all()).unwrap();
    assert_eq!(module_tensors::<B, _>(&loaded), with);
    for tensors in [with, without.clone()] {
        let (loaded, report) = load(bert(), &tensors, &LoadRules::all()).unwrap();
        let found = module_tensors::<B, _>(&loaded);
        assert!(found.iter().all(|(name, tensor)| &without[name] == tensor));
        assert_eq!(report.ignored, ["classifier.bias", "classifier.weight"]);
    }
}

#[test]
fn old_names_are_understood_and_the_rest_is_reported() {
    let mut old = renamed(tensors(2), |name| name.replace("LayerNorm.weight", "LayerNorm.gamma"));
    let extra = HostTensor { shape: vec![1], values: vec![0.0] };
    old.insert("cls.predictions.bias".to_owned(), extra.clone());
    old.insert("bert.embeddings.position_ids".to_owned(), extra);
    let (loaded, report) = load(model(2), &old, &LoadRules::all()).unwrap();
    assert_eq!(module_tensors::<B, _>(&loaded), tensors(2));
    assert_eq!(report.ignored, ["bert.embeddings.position_ids", "cls.predictions.bias"]);
}

#[test]
fn missing_tensors_are_named_all_at_once() {
    let mut some = tensors(2);
    some.retain(|name, _| !name.contains("layer.1") && !name.contains("pooler"));
    let message = message(load(model(2), &some, &LoadRules::initialising(&["pooler"])));
    assert!(message.contains("3 of the model's tensors are missing"), "{message}");
    assert!(message.contains("bert.layer.1.self.weight"), "{message}");
    assert!(!message.contains("pooler"), "{message}");
}

#[test]
fn what_may_be_missing_stays_new_and_is_reported() {
    let mut some = tensors(2);
    some.retain(|name, _| !name.contains("classifier"));
    let rules = LoadRules::initialising(&["bert.pooler", "classifier"]);
    let (_, report) = load(model(2), &some, &rules).unwrap();
    assert_eq!(report.initialised, ["classifier.weight", "classifier.bias"]);
    let (_, report) = load(model(2), &tensors(2), &rules).unwrap();
    assert!(report.initialised.is_empty());
}

#[test]
fn a_wrong_shape_is_told_with_both_shapes() {
    let rules = LoadRules::initialising(&["classifier"]);
    let message = message(load(model(5), &tensors(2), &rules));
    assert!(
        message.contains("`classifier.weight` has the shape [2, 3], but the model has [5, 3]"),
        "{message}"
    );
}

#[test]
fn a_replaced_classifier_stays_new_whatever_its_shape() {
    let rules = LoadRules::all().replacing(&["classifier"]);
    for classes in [2, 5] {
        let (loaded, report) = load(model(classes), &tensors(2), &rules).unwrap();
        assert_eq!(report.initialised, ["classifier.weight", "classifier.bias"]);
        assert_eq!(report.ignored, ["classifier.bias", "classifier.weight"]);
        let classifier = loaded.classifier.weight.val().into_data();
        assert_eq!(classifier.iter::<f32>().sum::<f32>(), 0.0);
    }
}

#[test]
fn ids_and_freezing_survive() {
    let mut new = model(2);
    new.bert.pooler = new.bert.pooler.no_grad();
    let ids = |model: &Model<B>| parameter_names::<B, _>(model);
    let before = ids(&new);
    let (loaded, _) = load(new, &tensors(2), &LoadRules::all()).unwrap();
    assert_eq!(ids(&loaded), before);
    assert!(!loaded.bert.pooler.weight.is_require_grad());
    assert!(loaded.classifier.weight.is_require_grad());
}

#[test]
fn a_file_that_breaks_between_opening_and_loading_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    write_checkpoint(home.path(), &tensors(2), &Map::new()).unwrap();
    let checkpoint = Checkpoint::open(home.path()).unwrap();
    cut(&home.path().join("model.safetensors"));
    let loaded = load_module::<B, _>(model(2), &checkpoint, &LoadRules::all(), &Default::default());
    assert!(matches!(loaded, Err(CheckpointError::Read { .. })));
}

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
}
