//! What of a checkpoint is kept when it becomes a classifier for other labels.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;

use bertune_checkpoint::{Checkpoint, HostTensor, module_tensors, write_checkpoint};
use bertune_encoder::{BertConfig, Initializer};
use bertune_head::{
    Adaptation, BertForSequenceClassification, HeadError, LabelNames, ProblemType,
    SequenceClassificationConfig,
};
use burn_flex::Flex;

type Model = BertForSequenceClassification<Flex>;
type Tensors = BTreeMap<String, HostTensor>;

/// Writes a classifier of twelve layers and two numbered classes; gives its parameters.
fn write_model(folder: &Path) -> Tensors {
    let bert = BertConfig {
        vocab_size: 20,
        hidden_size: 8,
        num_hidden_layers: 12,
        num_attention_heads: 2,
        intermediate_size: 8,
        max_position_embeddings: 8,
        ..BertConfig::default()
    };
    let config = SequenceClassificationConfig::new(bert, LabelNames::numbered(2));
    let model = Model::new(&config, &Initializer::new(1, 0.3), &Default::default());
    let tensors = module_tensors::<Flex, _>(&model);
    write_checkpoint(folder, &tensors, &config.to_json(&serde_json::Map::new())).unwrap();
    tensors
}

fn adapt(folder: &Path, adaptation: Adaptation) -> Result<Tensors, HeadError> {
    let checkpoint = Checkpoint::open(folder).unwrap();
    let loaded = Model::from_pretrained(&checkpoint, adaptation, &Default::default())?;
    Ok(module_tensors::<Flex, _>(&loaded.model))
}

/// Biases and the scales of norms begin alike in every model: only drawn weights can differ.
fn is_drawn(name: &str) -> bool {
    name.ends_with("weight") && !name.contains("LayerNorm")
}

/// The drawn weights that are not the checkpoint's, and all others must be, bit for bit.
fn check(adaptation: Adaptation, is_new: impl Fn(&str) -> bool) {
    let folder = tempfile::tempdir().unwrap();
    let before = write_model(folder.path());
    let after = adapt(folder.path(), adaptation).unwrap();
    for (name, tensor) in &before {
        let differs = tensor.values != after[name].values;
        assert_eq!(differs, is_new(name) && is_drawn(name), "{name}");
    }
}

#[test]
fn only_the_top_layers_begin_anew() {
    for reinit_layers in [0, 1, 2, 12] {
        let adaptation =
            Adaptation { reinit_layers, ..Adaptation::new(LabelNames::numbered(2), 7) };
        let is_new = |name: &str| {
            let layer = name.strip_prefix("bert.encoder.layer.");
            let layer = layer.and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
            layer.is_some_and(|layer| layer >= 12 - reinit_layers)
        };
        check(adaptation, is_new);
    }
}

#[test]
fn a_classifier_for_the_same_labels_in_another_order_is_kept_in_that_order() {
    let folder = tempfile::tempdir().unwrap();
    let before = write_model(folder.path());
    let turned = LabelNames::new(vec!["LABEL_1".into(), "LABEL_0".into()]);
    let after = adapt(folder.path(), Adaptation::new(turned, 7)).unwrap();
    let rows = |tensors: &Tensors| -> Vec<Vec<f32>> {
        tensors["classifier.weight"].values.chunks(8).map(<[f32]>::to_vec).collect()
    };
    let (before, after) = (rows(&before), rows(&after));
    assert_eq!([&after[0], &after[1]], [&before[1], &before[0]]);
}

#[test]
fn a_classifier_for_other_labels_or_of_another_kind_begins_anew() {
    let others = LabelNames::new(vec!["no".into(), "yes".into()]);
    check(Adaptation::new(others, 7), |name| name.starts_with("classifier."));
    let problem_type = ProblemType::MultiLabelClassification;
    let sets = Adaptation { problem_type, ..Adaptation::new(LabelNames::numbered(2), 7) };
    check(sets, |name| name.starts_with("classifier."));
}

#[test]
fn more_new_layers_than_there_are_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path());
    let labels = LabelNames::numbered(2);
    let adaptation = Adaptation { reinit_layers: 13, ..Adaptation::new(labels, 7) };
    let error = adapt(folder.path(), adaptation).unwrap_err();
    assert!(matches!(error, HeadError::ReinitLayers { asked: 13, layers: 12 }), "{error}");
}

#[test]
fn a_model_from_scratch_has_nothing_of_the_checkpoint_but_its_architecture() {
    let folder = tempfile::tempdir().unwrap();
    let before = write_model(folder.path());
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let new = |seed| {
        let adaptation = Adaptation::new(LabelNames::numbered(3), seed);
        let loaded = Model::from_scratch(&checkpoint, adaptation, &Default::default()).unwrap();
        assert!(loaded.report.used.is_empty());
        module_tensors::<Flex, _>(&loaded.model)
    };
    let (after, other) = (new(7), new(8));
    assert_eq!(after, new(7));
    assert_eq!(after["classifier.weight"].shape, [3, 8]);
    for (name, tensor) in before.iter().filter(|(name, _)| name.starts_with("bert.")) {
        assert_eq!(tensor.shape, after[name].shape, "{name}");
        assert_eq!(tensor.values != after[name].values, is_drawn(name), "{name}");
        assert_eq!(other[name].values != after[name].values, is_drawn(name), "{name}");
    }
}
