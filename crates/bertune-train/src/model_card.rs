use std::fmt::Write;

use bertune_head::{Pooling, SequenceClassificationConfig};
use bertune_metrics::ConfusionMatrix;

use crate::{EvaluationRecord, History};

/// The `README.md` of a fine-tuned model: what it is and what was measured.
#[derive(Clone, Copy, Debug)]
pub struct ModelCard<'a> {
    /// The checkpoint that was fine-tuned.
    pub base_model: &'a str,
    /// The run, the best evaluation's model being this one.
    pub history: &'a History,
    /// The names of the other tasks that the encoder learned at the same time, if it did.
    pub beside: &'a [&'a str],
    /// The confusion on the validation examples, if it is known.
    pub confusion: Option<&'a ConfusionMatrix>,
}

impl ModelCard<'_> {
    /// The card of a classifier of this architecture as Markdown, with the metadata that the
    /// Hugging Face hub reads.
    pub fn to_markdown(&self, config: &SequenceClassificationConfig) -> String {
        let mut card = String::from(
            "---\npipeline_tag: text-classification\nlibrary_name: transformers\n\
             tags:\n- text-classification\n- bert\n- bertune\n---\n\n# Text classifier\n\n",
        );
        let _ = writeln!(
            card,
            "BERT with a classification head, fine-tuned by bertune {} from `{}`.\n",
            self.history.bertune_version, self.base_model,
        );
        self.write_others(&mut card);
        self.write_body(config, &mut card);
        card
    }

    /// The card of an adapter on this base.
    pub fn to_adapter_markdown(&self, config: &SequenceClassificationConfig, base: &str) -> String {
        let classes = config.classes();
        let mut card = format!(
            "---\nbase_model: {}\npipeline_tag: text-classification\nlibrary_name: peft\ntags:\n\
             - text-classification\n- bert\n- bertune\n- lora\n---\n\n# Text classifier\n\n\
             A LoRA adapter with a classification head, trained by bertune {} on `{base}`, which it \
             needs. In Python: `AutoPeftModelForSequenceClassification.from_pretrained(folder, \
             num_labels={classes})`.\n\n",
            serde_json::Value::from(base),
            self.history.bertune_version,
        );
        self.write_body(config, &mut card);
        card
    }

    fn write_body(&self, config: &SequenceClassificationConfig, card: &mut String) {
        write_classes(config, card);
        write_inputs(config, card);
        write_decisions(config, card);
        self.write_results(config, card);
        self.write_recipe(card);
    }

    fn write_others(&self, card: &mut String) {
        if !self.beside.is_empty() {
            let names: Vec<_> = self.beside.iter().map(|name| format!("`{name}`")).collect();
            let names = names.join(", ");
            let _ = writeln!(
                card,
                "The encoder learned other tasks at the same time: {names}. The training loss is that \
                 of all.\n"
            );
        }
    }

    fn write_results(&self, config: &SequenceClassificationConfig, card: &mut String) {
        let History { validation_examples, evaluations, .. } = self.history;
        let best = self.history.best().map(|record| record.step);
        let _ = writeln!(card, "## Results\n\nOn {validation_examples} validation examples:\n");
        let shown = self.history.evaluations.first().map(|record| record.validation.shown());
        let titles: Vec<_> = shown.iter().flatten().map(|(title, _)| *title).collect();
        let _ = writeln!(
            card,
            "| step | epoch | training loss | validation loss | {} |\n|---|---|---|---|---|---|---|",
            titles.join(" | "),
        );
        for record in evaluations {
            let mark = if Some(record.step) == best { " (this model)" } else { "" };
            let EvaluationRecord { step, epoch, train_loss, validation_loss, .. } = record;
            let shown = record.validation.shown().into_iter();
            let scores: Vec<_> = shown.map(|(_, score)| in_digits(score)).collect();
            let _ = writeln!(
                card,
                "| {step}{mark} | {epoch} | {train_loss:.4} | {validation_loss:.4} | {} |",
                scores.join(" | "),
            );
        }
        card.push_str(
            "\nThe step was chosen on these very examples: expect a little less on new ones.\n\n",
        );
        self.write_per_class(config, card);
    }

    fn write_per_class(&self, config: &SequenceClassificationConfig, card: &mut String) {
        let Some(confusion) = self.confusion else {
            return;
        };
        card.push_str("| class | examples | F1 |\n|---|---|---|\n");
        for (class, name) in config.label_names().names().iter().enumerate() {
            let (examples, f1) = (confusion.labelled(class), confusion.f1(class));
            let _ = writeln!(card, "| {} | {examples} | {f1:.4} |", name.replace('|', "\\|"));
        }
        card.push('\n');
    }

    fn write_recipe(&self, card: &mut String) {
        let History { config, train_examples, source_examples, .. } = self.history;
        let own = train_examples - source_examples;
        let sources = match source_examples {
            0 => String::new(),
            sources => format!(" of the task itself, and {sources} of related texts (sources)"),
        };
        let _ = writeln!(card, "## Training\n\n{own} examples{sources}. The settings:\n\n```toml");
        if let Ok(toml) = toml::to_string(config) {
            card.push_str(&toml);
        }
        card.push_str("```\n");
    }
}

fn write_classes(config: &SequenceClassificationConfig, card: &mut String) {
    let labels = config.label_names();
    let names: Vec<_> = labels.names().iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(card, "Classes ({}): {}.\n", names.len(), names.join(", "));
    if config.pooling == Pooling::Mean {
        card.push_str(
            "The classifier reads the mean of the last states. transformers has no such head: \
             open this folder with bertune.\n\n",
        );
    }
}

fn write_inputs(config: &SequenceClassificationConfig, card: &mut String) {
    let max_length = config.max_length.unwrap_or(config.bert.max_position_embeddings);
    let _ = match config.stride {
        None => writeln!(card, "Texts are cut to {max_length} tokens.\n"),
        Some(stride) => writeln!(
            card,
            "Texts are read in windows of {max_length} tokens, of which {stride} are those of the \
             window before; their scores are averaged. transformers cuts texts instead.\n"
        ),
    };
}

fn write_decisions(config: &SequenceClassificationConfig, card: &mut String) {
    if config.decisions.thresholds.is_some() {
        card.push_str(
            "A label is in the set if its probability reaches the label's own threshold, which \
             was tuned on the validation examples: `bertune_thresholds` in `config.json`. \
             transformers does not know it. Scores on the validation examples are at 0.5: \
             thresholds are fitted to the model that is kept, and judged on other examples.\n\n",
        );
    }
    if let Some(temperature) = config.decisions.temperature {
        let _ = writeln!(
            card,
            "Scores are divided by {temperature:.4} before the softmax, which was fitted to the \
             validation examples: `bertune_temperature` in `config.json`. transformers does not \
             know it.\n"
        );
    }
}

fn in_digits(score: Option<f64>) -> String {
    score.map_or("–".to_owned(), |score| format!("{score:.4}"))
}
