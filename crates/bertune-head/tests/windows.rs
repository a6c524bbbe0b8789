//! A text that is read in windows.
#![expect(clippy::unwrap_used, reason = "tests")]

use bertune_encoder::{BertConfig, Initializer, PackedTokens};
use bertune_head::{
    BertForSequenceClassification, LabelNames, Pooling, SequenceClassificationConfig,
};
use burn_flex::Flex;

type Model = BertForSequenceClassification<Flex>;

const IDS: [u32; 9] = [2, 7, 8, 3, 2, 9, 3, 2, 3];
const POSITIONS: [u32; 9] = [0, 1, 2, 3, 0, 1, 2, 0, 1];
const CU_SEQLENS: [usize; 4] = [0, 4, 7, 9];

fn model(pooling: Pooling) -> Model {
    let bert = BertConfig {
        vocab_size: 20,
        hidden_size: 8,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 16,
        max_position_embeddings: 8,
        ..BertConfig::default()
    };
    let mut config = SequenceClassificationConfig::new(bert, LabelNames::numbered(3));
    config.pooling = pooling;
    Model::new(&config, &Initializer::new(1, 0.3), &Default::default())
}

fn scores(model: &Model, cu_windows: &[usize]) -> Vec<f32> {
    let device = Default::default();
    let tokens = PackedTokens::new(&IDS, &[0; 9], &POSITIONS, &CU_SEQLENS, &device);
    model.forward(&tokens.with_windows(cu_windows), None).into_data().to_vec().unwrap()
}

#[test]
fn its_scores_are_the_mean_of_its_windows_scores() {
    for pooling in [Pooling::Pooler, Pooling::Mean] {
        let model = model(pooling);
        let each = scores(&model, &[0, 1, 2, 3]);
        let found = scores(&model, &[0, 2, 3]);
        let of_first = (0..3).map(|class| (each[class] + each[3 + class]) / 2.0);
        let expected: Vec<f32> = of_first.chain(each[6..].iter().copied()).collect();
        assert_eq!(found.len(), 6);
        let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
        assert!(found.iter().zip(&expected).all(close), "{found:?} {expected:?}");
    }
}

#[test]
#[should_panic(expected = "each sequence is of one example")]
fn windows_that_are_not_all_sequences_are_refused() {
    scores(&model(Pooling::Pooler), &[0, 2]);
}
