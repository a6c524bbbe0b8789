use bertune::BertOps;
use bertune::burn::tensor::backend::AutodiffBackend;
use bertune::burn::tensor::{Int, Tensor, TensorData};
use bertune::checkpoint::{Adapter, Checkpoint, module_tensors};
use bertune::head::{BertForSequenceClassification, cross_entropy};
use bertune_testing::lora_goldens;

use super::{AsGradients, check, difference, tokens};

/// Logits, the loss and the gradient of everything that learns, of adapters that peft wrote, and the
/// logits of the merged models.
pub(crate) fn adapters_equal_peft<B: AutodiffBackend + BertOps>(tolerance: f32) {
    for golden in lora_goldens() {
        let device = Default::default();
        let adapter = Adapter::open(&golden.folder.join("adapter")).unwrap();
        let base = Checkpoint::open(&golden.folder.join("base")).unwrap();
        let loaded =
            BertForSequenceClassification::<B>::from_adapter(&adapter, &base, &device).unwrap();
        let model = loaded.model;
        let labels: Vec<i32> = golden.input.labels.iter().map(|&label| label as i32).collect();
        let data = TensorData::new(labels.clone(), [labels.len()]);
        let labels = Tensor::<B, 1, Int>::from_data(data, &device);
        let logits = model.forward(&tokens(&golden), None);
        check(&golden, "logits", logits.clone(), tolerance);
        let loss = cross_entropy(logits, labels).mean();
        check(&golden, "loss", loss.clone(), tolerance);
        let merged = model.clone().merged();
        check(&golden, "merged_logits", merged.forward(&tokens(&golden), None), tolerance);

        let ours = module_tensors::<B, _>(&AsGradients::of(model, loss.backward()));
        let mut compared = 0;
        for name in golden.names("grad.") {
            let expected = golden.values(&format!("grad.{name}"));
            let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
            let scale = |values: &[f32]| values.iter().map(|x| x / largest).collect::<Vec<_>>();
            let difference = difference(&scale(&ours[name].values), &scale(expected));
            let folder = golden.folder.display();
            assert!(difference <= 10.0 * tolerance, "{folder}: grad.{name} is {difference:e} off");
            compared += 1;
        }
        assert!(compared >= 12, "only {compared} gradients");
    }
}
