use std::fmt::Write;

use bertune_head::{LabelNames, Pooling};
use bertune_metrics::ConfusionMatrix;

use crate::scores::shown;
use crate::{EvaluationRecord, History};

/// The `README.md` of a fine-tuned model: what it is and what was measured.
#[derive(Clone, Copy, Debug)]
pub struct ModelCard<'a> {
    /// The checkpoint that was fine-tuned.
    pub base_model: &'a str,
    /// The classes.
    pub labels: &'a LabelNames,
    /// Which vector the classifier reads.
    pub pooling: Pooling,
    /// The longest input, in tokens.
    pub max_length: usize,
    /// The run, the best evaluation's model being this one.
    pub history: &'a History,
    /// The confusion on the validation examples, if it is known.
    pub confusion: Option<&'a ConfusionMatrix>,
}

impl ModelCard<'_> {
    /// The card as Markdown, with the metadata that the Hugging Face hub reads.
    pub fn to_markdown(&self) -> String {
        let mut card = String::from(
            "---\npipeline_tag: text-classification\nlibrary_name: transformers\n\
             tags:\n- text-classification\n- bert\n- bertune\n---\n\n# Text classifier\n\n",
        );
        let _ = writeln!(
            card,
            "BERT with a classification head, fine-tuned by bertune {} from `{}`.\n",
            self.history.bertune_version, self.base_model,
        );
        self.write_classes(&mut card);
        self.write_results(&mut card);
        self.write_recipe(&mut card);
        card
    }

    fn write_classes(&self, card: &mut String) {
        let names: Vec<_> = self.labels.names().iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(card, "Classes ({}): {}.\n", names.len(), names.join(", "));
        if self.pooling == Pooling::Mean {
            card.push_str(
                "The classifier reads the mean of the last states. transformers has no such \
                 head: open this folder with bertune.\n\n",
            );
        }
    }

    fn write_results(&self, card: &mut String) {
        let History { validation_examples, evaluations, .. } = self.history;
        let best = self.history.best().map(|record| record.step);
        let _ = writeln!(card, "## Results\n\nOn {validation_examples} validation examples:\n");
        let titles = shown(self.history.problem_type).map(|(title, _)| title);
        let _ = writeln!(
            card,
            "| step | epoch | training loss | validation loss | {} |\n|---|---|---|---|---|---|---|",
            titles.join(" | "),
        );
        for record in evaluations {
            let mark = if Some(record.step) == best { " (this model)" } else { "" };
            let EvaluationRecord { step, epoch, train_loss, validation_loss, .. } = record;
            let scores = record.validation.shown().map(|(_, score)| in_digits(score));
            let _ = writeln!(
                card,
                "| {step}{mark} | {epoch} | {train_loss:.4} | {validation_loss:.4} | {} |",
                scores.join(" | "),
            );
        }
        card.push_str(
            "\nThe step was chosen on these very examples: expect a little less on new ones.\n\n",
        );
        self.write_per_class(card);
    }

    fn write_per_class(&self, card: &mut String) {
        let Some(confusion) = self.confusion else {
            return;
        };
        card.push_str("| class | examples | F1 |\n|---|---|---|\n");
        for (class, name) in self.labels.names().iter().enumerate() {
            let (examples, f1) = (confusion.labelled(class), confusion.f1(class));
            let _ = writeln!(card, "| {} | {examples} | {f1:.4} |", name.replace('|', "\\|"));
        }
        card.push('\n');
    }

    fn write_recipe(&self, card: &mut String) {
        let History { config, train_examples, .. } = self.history;
        let _ = writeln!(
            card,
            "## Training\n\n{train_examples} examples, texts cut to {} tokens. \
             The settings:\n\n```toml",
            self.max_length,
        );
        if let Ok(toml) = toml::to_string(config) {
            card.push_str(&toml);
        }
        card.push_str("```\n");
    }
}

fn in_digits(score: Option<f64>) -> String {
    score.map_or("–".to_owned(), |score| format!("{score:.4}"))
}
