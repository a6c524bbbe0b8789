//! Fine-tuning and predicting on real text, timed: our side of `benches/peers/real_text.py`.
//!
//! `real_text train MODEL ROWS STEPS` and `real_text predict MODEL ROWS`, where ROWS is a file of JSON
//! lines of `text`, maybe `text_pair`, and `label`. Prints one JSON object: examples per second, with
//! everything between text and result in prediction, and the process's peak memory; of fine-tuning
//! also the share of tokenizing once and of packing batches in the time of an epoch.
#![expect(clippy::print_stdout, reason = "a benchmark")]

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use bertune::TextClassifier;
use bertune::backend::{Autodiff, Flex, keep_freed_memory};
use bertune::checkpoint::Checkpoint;
use bertune::data::{
    BatchPlan, Dataset, LabelMap, Labels, PackedBatch, Table, TableFormat, read_table,
};
use bertune::head::{Adaptation, BertForSequenceClassification, LabelNames};
use bertune::tokenize::{BertTokenizer, Limits, TextInput};
use bertune::train::{Event, Run, TrainingConfig, TrainingData, fine_tune};
use bertune_benches::peak_megabytes;

type B = Autodiff<Flex>;

/// Steps before the first that counts.
const WARM_UP: usize = 3;

/// Rows that are predicted before those that count.
const WARM_UP_ROWS: usize = 256;

fn main() -> Result<()> {
    keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let found = match arguments[..] {
        ["train", model, rows, steps] => train(model.as_ref(), rows.as_ref(), steps.parse()?)?,
        ["predict", model, rows] => predict(model.as_ref(), rows.as_ref())?,
        _ => bail!("say train MODEL ROWS STEPS, or predict MODEL ROWS"),
    };
    println!("{{{found}, \"megabytes\": {:.0}}}", peak_megabytes()?);
    Ok(())
}

fn read(rows: &Path) -> Result<Table> {
    Ok(read_table(rows, &TableFormat::default(), Labels::Required)?)
}

/// Steps of the training loop itself, packing ahead included.
fn train(folder: &Path, rows: &Path, steps: usize) -> Result<String> {
    let checkpoint = Checkpoint::open(folder)?;
    let (tokenizer, table) = (BertTokenizer::from_folder(folder)?, read(rows)?);
    let labels = LabelMap::of(&table)?;
    let limits = Limits { max_length: 128, ..Limits::default() };
    let began = Instant::now();
    let dataset = Dataset::new(&tokenizer, limits, &table, &labels)?;
    let tokenizing = began.elapsed().as_secs_f64() / dataset.len() as f64;
    let measured = Table { examples: table.examples[..1].to_vec(), ..table };
    let validation = Dataset::new(&tokenizer, limits, &measured, &labels)?;
    let names = LabelNames::new(labels.names().to_vec());
    let adaptation = Adaptation::new(names.clone(), 1);
    let device = Default::default();
    let model =
        BertForSequenceClassification::<B>::from_pretrained(&checkpoint, adaptation, &device)?;
    let config = TrainingConfig { max_steps: Some(WARM_UP + steps), ..TrainingConfig::default() };
    let data = TrainingData {
        train: &dataset,
        validation: &validation,
        label_names: names.names(),
        sources: None,
    };
    let (mut began, mut seconds, mut count) = (Instant::now(), 0.0, 0);
    let run = Run::default().telling(|event| {
        if let Event::Step { record, examples, .. } = event {
            match record.step {
                ..WARM_UP => {}
                WARM_UP => began = Instant::now(),
                _ => (count, seconds) = (count + examples, began.elapsed().as_secs_f64()),
            }
        }
    });
    fine_tune(model.model, data, &config, run)?;
    let host = (tokenizing + packing(&dataset, config.batch_size)) * count as f64;
    let share = host / (seconds + tokenizing * count as f64);
    let speed = count as f64 / seconds;
    Ok(format!("\"examples_per_s\": {speed:.1}, \"host_share\": {share:.5}"))
}

/// Seconds to put an example into a batch; another thread does it ahead of the steps.
fn packing(dataset: &Dataset, batch_size: usize) -> f64 {
    let batches = BatchPlan::new(dataset.len(), batch_size, 1).epoch(0);
    let began = Instant::now();
    for batch in &batches {
        std::hint::black_box(PackedBatch::pack(dataset, batch));
    }
    began.elapsed().as_secs_f64() / dataset.len() as f64
}

/// All rows, from text to probabilities.
fn predict(folder: &Path, rows: &Path) -> Result<String> {
    let classifier = TextClassifier::<Flex>::open(folder, &Default::default())?;
    let table = read(rows)?;
    let inputs: Vec<TextInput<'_>> = table
        .examples
        .iter()
        .map(|row| TextInput { text: &row.text, text_pair: row.text_pair.as_deref() })
        .collect();
    classifier.predict(inputs.get(..WARM_UP_ROWS).context("too few rows")?)?;
    let began = Instant::now();
    let predictions = classifier.predict(&inputs)?;
    let seconds = began.elapsed().as_secs_f64();
    let began = Instant::now();
    classifier.tokenizer().encode_batch(&inputs, classifier.limits())?;
    let tokenizing = began.elapsed().as_secs_f64();
    let sum: f64 = predictions.iter().map(|row| f64::from(row.numbers()[0])).sum();
    ensure!(sum.is_finite(), "probabilities are numbers");
    Ok(format!(
        "\"examples_per_s\": {:.1}, \"tokenizing_s\": {tokenizing:.2}, \"sum\": {sum:.4}",
        inputs.len() as f64 / seconds
    ))
}
