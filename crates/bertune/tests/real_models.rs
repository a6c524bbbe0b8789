//! Real checkpoints against transformers; `cargo xtask test` brings their weights.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use bertune::backend::Flex;
use bertune::burn::tensor::{Int, Tensor};
use bertune::checkpoint::{Checkpoint, LoadRules, load_module};
use bertune::encoder::{BertConfig, BertModel, Initializer, PackedTokens};
use bertune::head::{BertForMaskedLM, BertForSequenceClassification};
use bertune_testing::real_model;
use serde_json::Value;

/// What `tools/real_goldens.py` recorded.
fn golden(name: &str) -> Value {
    let root = Path::new("../bertune-testing/goldens");
    serde_json::from_slice(&std::fs::read(root.join(name)).unwrap()).unwrap()
}

fn numbers<T>(values: &Value, convert: impl Fn(&Value) -> T) -> Vec<T> {
    values.as_array().unwrap().iter().map(convert).collect()
}

fn floats(values: &Value) -> Vec<f32> {
    numbers(values, |value| value.as_f64().unwrap() as f32)
}

fn tokens(golden: &Value) -> PackedTokens<Flex> {
    let ids = |key: &str| numbers(&golden[key], |id| id.as_u64().unwrap() as u32);
    let cu_seqlens = numbers(&golden["cu_seqlens"], |length| length.as_u64().unwrap() as usize);
    let lengths = cu_seqlens.windows(2).map(|pair| (pair[1] - pair[0]) as u32);
    let positions: Vec<u32> = lengths.flat_map(|length| 0..length).collect();
    let (ids, types) = (ids("input_ids"), ids("token_type_ids"));
    PackedTokens::new(&ids, &types, &positions, &cu_seqlens, &Default::default())
}

fn bert(folder: &Path) -> BertModel<Flex> {
    let checkpoint = Checkpoint::open(folder).unwrap();
    let config: BertConfig = checkpoint.config().unwrap();
    let device = Default::default();
    let bert = BertModel::new(&config, &Initializer::new(0, 0.02), &device);
    load_module::<Flex, _>(bert, &checkpoint, &LoadRules::all(), &device).unwrap().0
}

fn check<const D: usize>(what: &str, ours: Tensor<Flex, D>, expected: &[f32], tolerance: f32) {
    let ours: Vec<f32> = ours.into_data().iter().collect();
    assert_eq!(ours.len(), expected.len(), "{what}");
    let differences = ours.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let worst = differences.fold(0.0, |worst, x| if x > worst || x.is_nan() { x } else { worst });
    assert!(worst <= tolerance, "{what} is {worst:e} off");
}

#[test]
fn minilms_hidden_states_equal_transformers() {
    let Some(folder) = real_model("all-MiniLM-L6-v2") else { return };
    let golden = golden("minilm.json");
    let indices = numbers(&golden["indices"], |index| index.as_u64().unwrap() as usize);
    let states = bert(&folder).hidden_states(&tokens(&golden), None);
    let layers = golden["layers"].as_array().unwrap();
    assert_eq!(states.len(), layers.len());
    for (layer, (state, expected)) in states.into_iter().zip(layers).enumerate() {
        let state: Vec<f32> = state.into_data().iter().collect();
        let sample: Vec<f32> = indices.iter().map(|&index| state[index]).collect();
        let sample = Tensor::<Flex, 1>::from_floats(sample.as_slice(), &Default::default());
        check(&format!("hidden state {layer}"), sample, &floats(expected), 2e-5);
    }
}

#[test]
fn rxnfps_poolers_and_classifier_equal_transformers() {
    let Some(folder) = real_model("rxnfp") else { return };
    let golden = golden("rxnfp.json");
    let tokens = tokens(&golden);
    let pretrained = bert(&folder.join("bert_pretrained")).forward(&tokens, None).pooled_output;
    check("pretrained pooler", pretrained, &floats(&golden["pretrained_pooled"]), 2e-5);
    let model = classifier(&folder);
    let pooled = model.bert.forward(&tokens, None).pooled_output;
    check("classifier's pooler", pooled, &floats(&golden["classifier_pooled"]), 2e-5);
    check("logits", model.forward(&tokens, None), &floats(&golden["logits"]), 1e-4);
}

#[test]
fn rxnfps_masked_lm_equals_transformers() {
    let Some(folder) = real_model("rxnfp") else { return };
    let golden = golden("rxnfp.json");
    let thirds = numbers(&golden["cu_seqlens"], |start| start.as_u64().unwrap() as i32 + 2);
    let thirds = &thirds[..thirds.len() - 1];
    let thirds = Tensor::<Flex, 1, Int>::from_ints(thirds, &Default::default());
    let logits = masked_lm(&folder).forward(&tokens(&golden), thirds, None);
    check("logits", logits, &floats(&golden["masked_lm_logits"]), 1e-4);
}

fn masked_lm(rxnfp: &Path) -> BertForMaskedLM<Flex> {
    let checkpoint = Checkpoint::open(&rxnfp.join("bert_pretrained")).unwrap();
    BertForMaskedLM::from_checkpoint(&checkpoint, &Default::default()).unwrap().model
}

fn classifier(rxnfp: &Path) -> BertForSequenceClassification<Flex> {
    let checkpoint = Checkpoint::open(&rxnfp.join("bert_ft_10k_25s")).unwrap();
    BertForSequenceClassification::from_checkpoint(&checkpoint, &Default::default()).unwrap().model
}

/// Against a golden made by others, where `BERTUNE_RXNFP_GOLDEN` names one: `ids` and
/// `bert_ft_10k_25s_logits`, `bert_ft_pooler`, and `bert_pretrained_mlm_logits_at_mask` where the
/// token `mask_pos` is hidden.
#[test]
fn rxnfp_equals_a_given_golden() {
    let Some(path) = std::env::var_os("BERTUNE_RXNFP_GOLDEN").map(PathBuf::from) else { return };
    let Some(folder) = real_model("rxnfp") else { return };
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let ids = numbers(&golden["ids"], |id| id.as_u64().unwrap() as u32);
    let positions: Vec<u32> = (0..ids.len() as u32).collect();
    let cu_seqlens = [0, ids.len()];
    let types = vec![0; ids.len()];
    let tokens = PackedTokens::new(&ids, &types, &positions, &cu_seqlens, &Default::default());
    let pooled = bert(&folder.join("bert_ft")).forward(&tokens, None).pooled_output;
    check("pooler", pooled, &floats(&golden["bert_ft_pooler"]), 2e-5);
    let logits = classifier(&folder).forward(&tokens, None);
    check("logits", logits, &floats(&golden["bert_ft_10k_25s_logits"]), 1e-4);
    let place = golden["mask_pos"].as_u64().unwrap() as usize;
    let vocab = std::fs::read_to_string(folder.join("bert_pretrained/vocab.txt")).unwrap();
    let mut hidden = ids.clone();
    hidden[place] = vocab.lines().position(|token| token == "[MASK]").unwrap() as u32;
    let tokens = PackedTokens::new(&hidden, &types, &positions, &cu_seqlens, &Default::default());
    let places = Tensor::<Flex, 1, Int>::from_ints([place as i32], &Default::default());
    let logits = masked_lm(&folder).forward(&tokens, places, None);
    check("masked logits", logits, &floats(&golden["bert_pretrained_mlm_logits_at_mask"]), 1e-4);
}
