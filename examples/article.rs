//! Transfer learning in one page: a pretrained BERT, two labelled sentences, a small learning rate
//! for the encoder and a larger one for the new head, three epochs, the loss after each.

use bertune::backend::{Autodiff, DefaultBackend};
use bertune::burn::tensor::{Int, Tensor};
use bertune::checkpoint::Checkpoint;
use bertune::data::{Dataset, PackedBatch};
use bertune::encoder::PackedTokens;
use bertune::head::{Adaptation, BertForSequenceClassification, LabelNames, cross_entropy};
use bertune::kernels::DropoutKey;
use bertune::tokenize::{BertTokenizer, Limits, TextInput};
use bertune::train::{Gradients, Optimizer, ParameterGroups, Preset, Scales};

type B = Autodiff<DefaultBackend>;

fn main() -> anyhow::Result<()> {
    let device = Default::default();
    let folder = bertune_examples::model_folder()?;

    // The pretrained model with a new head, and its tokenizer.
    let checkpoint = Checkpoint::open(&folder)?;
    let labels = LabelNames::new(vec!["negative".into(), "positive".into()]);
    let adaptation = Adaptation::new(labels, 42);
    let loaded =
        BertForSequenceClassification::<B>::from_pretrained(&checkpoint, adaptation, &device)?;
    println!("{}", loaded.report);
    let mut model = loaded.model;
    let tokenizer = BertTokenizer::from_folder(&folder)?;

    // The data: texts to one packed batch.
    let texts = ["I love this movie, it is fantastic!", "I hate this movie, it is terrible."];
    let targets = Tensor::<B, 1, Int>::from_ints([1, 0], &device);
    let encodings = tokenizer.encode_batch(&texts.map(TextInput::from), Limits::default())?;
    let batch = PackedBatch::pack(&Dataset::unlabelled(encodings), &[0, 1]);
    let tokens = PackedTokens::new(
        &batch.input_ids,
        &batch.token_type_ids,
        &batch.position_ids,
        &batch.cu_seqlens,
        &device,
    );

    // Adam with 1e-5 for the encoder and 1e-4 for the head.
    let config = Preset::Article.config();
    let groups = ParameterGroups::new(&model, &config, 1)?;
    let mut optimizer = Optimizer::new(groups, &config);

    for epoch in 1..=3 {
        let logits = model.forward(&tokens, Some(DropoutKey::new(42, epoch)));
        let loss = cross_entropy(logits, targets.clone()).mean();
        let gradients = Gradients::new::<B, _>(&model, loss.backward());
        model = optimizer.step(model, gradients, Scales { rate: 1.0, gradient: 1.0 });
        println!("Epoch {epoch}: loss = {:.4}", loss.into_scalar());
    }
    Ok(())
}
