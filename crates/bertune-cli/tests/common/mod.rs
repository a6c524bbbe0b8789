//! A tiny model and runs of the program, for its tests.
#![expect(clippy::expect_used, reason = "tests")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use bertune::backend::Flex;
use bertune::checkpoint::{module_tensors, write_checkpoint};
use bertune::encoder::{BertConfig, Initializer};
use bertune::head::{BertForSequenceClassification, LabelNames, SequenceClassificationConfig};
use tempfile::TempDir;

/// The words of the tiny model.
const WORDS: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nfilm\na\nthe\nvery\nnot\n.\n";

/// A folder of its own for one test, and the program in it.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// A folder that holds a tiny model, `model`, and a file to learn from, `train.csv`.
    pub fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        place.write_model("model");
        let rows: String = (0..12)
            .map(|i| {
                format!(
                    "{}good film,pos\n{}bad film,neg\n",
                    "very ".repeat(i % 3),
                    "the ".repeat(i % 4)
                )
            })
            .collect();
        place.write("train.csv", format!("text,label\n{rows}"));
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder made");
        fs::write(path, content).expect("a file written");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect(name)
    }

    /// A classifier of two classes with random weights.
    pub fn write_model(&self, name: &str) {
        self.write_model_of(name, 3);
    }

    /// A classifier of two classes with weights of this seed.
    pub fn write_model_of(&self, name: &str, seed: u64) {
        let bert = BertConfig {
            vocab_size: WORDS.lines().count(),
            hidden_size: 16,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 32,
            max_position_embeddings: 128,
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            ..BertConfig::default()
        };
        let labels = LabelNames::new(vec!["neg".into(), "pos".into()]);
        let config = SequenceClassificationConfig::new(bert, labels);
        let init = Initializer::new(seed, 0.3);
        let model = BertForSequenceClassification::<Flex>::new(&config, &init, &Default::default());
        let folder = self.path(name);
        fs::create_dir_all(&folder).expect("a folder made");
        let json = config.to_json(&serde_json::Map::new());
        write_checkpoint(&folder, &module_tensors::<Flex, _>(&model), &json)
            .expect("a model written");
        self.write(&format!("{name}/vocab.txt"), WORDS);
    }

    /// Runs the program in this folder.
    pub fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bertune"));
        command.args(split(arguments)).current_dir(self.folder.path()).stdin(Stdio::null());
        command
            .env("HF_HOME", self.path("hf"))
            .env("BERTUNE_CACHE", self.path("cache"))
            .env_remove("HF_TOKEN")
            .env_remove("HF_HUB_CACHE")
            .env_remove("HF_HUB_OFFLINE");
        command
    }
}

/// Words, with '…' around those that hold spaces.
fn split(arguments: &str) -> Vec<String> {
    let quoted = arguments.split('\'').enumerate().flat_map(|(i, part)| match i % 2 {
        0 => part.split_whitespace().map(String::from).collect(),
        _ => vec![part.to_owned()],
    });
    quoted.collect()
}
