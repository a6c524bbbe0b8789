//! From files to a folder: read labelled texts, fine-tune, save, open again, predict.

use std::path::Path;

use bertune::TextClassifier;
use bertune::backend::{Autodiff, DefaultBackend};
use bertune::checkpoint::Checkpoint;
use bertune::data::{Dataset, LabelMap, Labels, TableFormat, read_table};
use bertune::head::{Adaptation, BertForSequenceClassification, LabelNames};
use bertune::metrics::MetricName;
use bertune::tokenize::{BertTokenizer, Limits, TextInput};
use bertune::train::{
    Classifier, Event, ModelCard, Run, TrainingConfig, TrainingData, fine_tune, save_classifier,
    set_limits,
};

type B = Autodiff<DefaultBackend>;

fn main() -> anyhow::Result<()> {
    let device = Default::default();
    let folder = bertune_examples::model_folder()?;
    let checkpoint = Checkpoint::open(&folder)?;
    let tokenizer = BertTokenizer::from_folder(&folder)?;
    let limits = Limits { max_length: 64, ..Limits::default() };

    let read = |file: &str| {
        let path = Path::new("data/support").join(file);
        read_table(&path, &TableFormat::default(), Labels::Required)
    };
    let (train, validation) = (read("train.csv")?, read("validation.csv")?);
    let labels = LabelMap::of(&train)?;
    let train = Dataset::new(&tokenizer, limits, &train, &labels)?;
    let validation = Dataset::new(&tokenizer, limits, &validation, &labels)?;

    let names = LabelNames::new(labels.names().to_vec());
    let adaptation = Adaptation::new(names.clone(), 1);
    let mut loaded =
        BertForSequenceClassification::<B>::from_pretrained(&checkpoint, adaptation, &device)?;
    set_limits(&mut loaded.config, limits);
    let config = TrainingConfig {
        learning_rate: 1e-4,
        head_learning_rate: Some(1e-3),
        ..TrainingConfig::default()
    };
    let run = Run::default().telling(|event| {
        if let Event::Evaluated(record) = event {
            let (epoch, loss) = (record.epoch, record.train_loss);
            let accuracy = record.score(MetricName::Accuracy).unwrap_or_default();
            println!("Epoch {epoch}: loss {loss:.4}, accuracy {accuracy:.4}");
        }
    });
    let data = TrainingData {
        train: &train,
        validation: &validation,
        label_names: names.names(),
        sources: None,
    };
    let tuned = fine_tune(loaded.model, data, &config, run)?;

    let output = Path::new("runs/example");
    let card = ModelCard {
        base_model: &folder.display().to_string(),
        history: &tuned.history,
        beside: &[],
        confusion: None,
    };
    let (config, original_config) = (&loaded.config, checkpoint.config_json());
    let tokenizer = &tokenizer;
    let classifier = Classifier { config, original_config, tokenizer, card, extra_files: &[] };
    save_classifier(output, &tuned.model, classifier)?;

    let classifier = TextClassifier::<DefaultBackend>::open(output, &device)?;
    let text = "hi, my parcel was due on Monday and still nothing";
    let prediction = &classifier.predict(&[TextInput::from(text)])?[0];
    println!("{text}: {}", classifier.labels()[prediction.classes()[0]]);
    Ok(())
}
