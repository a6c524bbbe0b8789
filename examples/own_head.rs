//! A head of one's own on the encoder: one number for each text, learnt by least squares.

use bertune::backend::{Autodiff, DefaultBackend};
use bertune::burn;
use bertune::burn::module::Module;
use bertune::burn::tensor::{Tensor, backend::Backend};
use bertune::checkpoint::{Checkpoint, LoadRules, load_module};
use bertune::data::{Dataset, PackedBatch};
use bertune::encoder::{BertConfig, BertModel, Initializer, Linear, PackedTokens};
use bertune::kernels::{BertOps, DropoutKey};
use bertune::tokenize::{BertTokenizer, Limits, TextInput};
use bertune::train::{Gradients, Optimizer, ParameterGroups, Scales, TrainingConfig};

type B = Autodiff<DefaultBackend>;

/// BERT and a linear map to one number. Field names are those of the checkpoint.
#[derive(Module, Debug)]
struct BertForRegression<B: Backend> {
    bert: BertModel<B>,
    regressor: Linear<B>,
}

impl<B: BertOps> BertForRegression<B> {
    /// `[tokens]` → `[sequences]`.
    fn forward(&self, tokens: &PackedTokens<B>, key: Option<DropoutKey>) -> Tensor<B, 1> {
        self.regressor.forward(self.bert.forward(tokens, key).pooled_output).squeeze_dim(1)
    }
}

fn main() -> anyhow::Result<()> {
    let device = Default::default();
    let folder = bertune_examples::model_folder()?;
    let checkpoint = Checkpoint::open(&folder)?;
    let config: BertConfig = checkpoint.config()?;
    config.validate()?;
    let init = Initializer::new(7, config.initializer_range);
    let model = BertForRegression {
        bert: BertModel::new(&config, &init, &device),
        regressor: Linear::new(config.hidden_size, 1, &init.at("regressor"), &device),
    };
    let rules = LoadRules::initialising(&["bert.pooler", "regressor"]);
    let (mut model, report) = load_module::<B, _>(model, &checkpoint, &rules, &device)?;
    println!("{report}");

    // How urgent is a message, from 0 to 1?
    let texts = ["Everything is on fire, call me NOW", "no hurry at all, whenever you like"];
    let targets = Tensor::<B, 1>::from_floats([1.0, 0.0], &device);
    let tokenizer = BertTokenizer::from_folder(&folder)?;
    let encodings = tokenizer.encode_batch(&texts.map(TextInput::from), Limits::default())?;
    let batch = PackedBatch::pack(&Dataset::unlabelled(encodings), &[0, 1]);
    let (ids, types, positions) = (&batch.input_ids, &batch.token_type_ids, &batch.position_ids);
    let tokens = PackedTokens::new(ids, types, positions, &batch.cu_seqlens, &device);

    let config = TrainingConfig { learning_rate: 1e-4, ..TrainingConfig::default() };
    let mut optimizer = Optimizer::new(ParameterGroups::new(&model, &config, 1)?, &config);
    for step in 1..=10 {
        let key = DropoutKey::new(7, step);
        let loss = (model.forward(&tokens, Some(key)) - targets.clone()).square().mean();
        let gradients = Gradients::new::<B, _>(&model, loss.backward());
        model = optimizer.step(model, gradients, Scales { rate: 1.0, gradient: 1.0 });
        println!("Step {step}: squared error {:.4}", loss.into_scalar());
    }
    Ok(())
}
