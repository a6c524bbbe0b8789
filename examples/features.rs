//! The encoder alone: texts to vectors, and how alike they are.

use bertune::backend::DefaultBackend;
use bertune::burn::tensor::Tensor;
use bertune::checkpoint::{Checkpoint, LoadRules, load_module};
use bertune::data::{Dataset, PackedBatch};
use bertune::encoder::{BertConfig, BertModel, Initializer, PackedTokens};
use bertune::tokenize::{BertTokenizer, Limits, TextInput};

type B = DefaultBackend;

const TEXTS: [&str; 3] =
    ["My order has not arrived yet.", "The parcel is late.", "I cannot log in to my account."];

fn main() -> anyhow::Result<()> {
    let device = Default::default();
    let folder = bertune_examples::model_folder()?;
    let checkpoint = Checkpoint::open(&folder)?;
    let config: BertConfig = checkpoint.config()?;
    config.validate()?;
    let bert = BertModel::<B>::new(&config, &Initializer::new(0, 0.02), &device);
    let rules = LoadRules::initialising(&["pooler"]);
    let (bert, report) = load_module::<B, _>(bert, &checkpoint, &rules, &device)?;
    println!("{report}");

    let tokenizer = BertTokenizer::from_folder(&folder)?;
    let encodings = tokenizer.encode_batch(&TEXTS.map(TextInput::from), Limits::default())?;
    let batch = PackedBatch::pack(&Dataset::unlabelled(encodings), &[0, 1, 2]);
    let tokens = PackedTokens::new(
        &batch.input_ids,
        &batch.token_type_ids,
        &batch.position_ids,
        &batch.cu_seqlens,
        &device,
    );

    // The mean of the last states, of length one: their products are cosines.
    let features = tokens.mean_of_each(bert.last_hidden_state(&tokens, None)); // [3, hidden]
    let lengths = features.clone().square().sum_dim(1).sqrt(); // [3, 1]
    let features = features / lengths;
    let cosines: Tensor<B, 2> = features.clone().matmul(features.transpose()); // [3, 3]
    let cosines: Vec<f32> = cosines.into_data().iter().collect();
    for (row, text) in cosines.chunks_exact(3).zip(TEXTS) {
        println!("{:5.2} {:5.2} {:5.2}  {text}", row[0], row[1], row[2]);
    }
    Ok(())
}
