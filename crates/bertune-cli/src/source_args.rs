use std::path::PathBuf;

use anyhow::bail;
use bertune::data::Column;
use bertune::train::{Interval, SourceRule, SourceWeighting};
use clap::Args;

use crate::args::{named, set, set_some};
use crate::source_files::{SourceCheck, SourceFiles};

/// The flags that are keys of the `[source]` and `[source_weights]` tables.
#[derive(Args)]
#[command(next_help_heading = "Sources (rows of related tasks and domains)")]
pub(crate) struct SourceArgs {
    /// Files of other texts with the labels of --train to learn from as well, each a source.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    source: Vec<PathBuf>,
    /// The sources' column of the text [default: that of --text].
    #[arg(long, value_name = "COLUMN")]
    source_text: Option<Column>,
    /// The sources' column of the label [default: that of --label].
    #[arg(long, value_name = "COLUMN")]
    source_label: Option<Column>,
    /// How much each of their rows counts: uniform (all alike), column (as a column says), domain
    /// (the more, the more it is like the target's, text and labels) or tradaboost (the less, the more often the
    /// model disagrees with its label) [default: uniform].
    #[arg(long, value_name = "NAME", value_parser = named::<SourceRule>)]
    source_weights: Option<SourceRule>,
    /// How often each of their rows is drawn for each time that one of --train is, before the rule says
    /// more [default: 1; with domain and tradaboost what lets all sources together weigh as much as
    /// --train, but 1 at most].
    #[arg(long, value_name = "N")]
    source_weight: Option<f64>,
    /// The column of --source-weights column [default: that of --weight].
    #[arg(long, value_name = "COLUMN")]
    source_weight_column: Option<Column>,
    /// The most that a row may be likelier in the target than in its source, for domain
    /// [default: 10].
    #[arg(long, value_name = "RATIO")]
    source_clip: Option<f64>,
    /// The exponent of that ratio, from 0 to 1 [default: 0.5].
    #[arg(long, value_name = "N")]
    source_flattening: Option<f64>,
    /// How often tradaboost weighs the rows anew, such as '50 steps' [default: 1 epoch].
    #[arg(long, value_name = "INTERVAL")]
    source_every: Option<Interval>,
    /// Whether the sources helped: target-only (a second training without them) or none
    /// [default: target-only].
    #[arg(long, value_name = "NAME", value_parser = named::<SourceCheck>)]
    source_check: Option<SourceCheck>,
}

impl SourceArgs {
    /// Lets the flags that were given override both tables.
    pub(crate) fn apply(&self, source: &mut SourceFiles, weights: &mut SourceWeighting) {
        if !self.source.is_empty() {
            source.files.clone_from(&self.source);
        }
        set_some(&mut source.text, self.source_text.clone());
        set_some(&mut source.label, self.source_label.clone());
        set_some(&mut source.weight, self.source_weight_column.clone());
        set(&mut source.check, self.source_check);
        set(&mut weights.rule, self.source_weights);
        set_some(&mut weights.factor, self.source_weight);
        set(&mut weights.clip, self.source_clip);
        set(&mut weights.flattening, self.source_flattening);
        set(&mut weights.every, self.source_every);
    }

    /// Refuses flags that have no effect where there is no source.
    pub(crate) fn check(&self, source: &SourceFiles) -> anyhow::Result<()> {
        let are_given = [
            ("--source-text", self.source_text.is_some()),
            ("--source-label", self.source_label.is_some()),
            ("--source-weights", self.source_weights.is_some()),
            ("--source-weight", self.source_weight.is_some()),
            ("--source-weight-column", self.source_weight_column.is_some()),
            ("--source-clip", self.source_clip.is_some()),
            ("--source-flattening", self.source_flattening.is_some()),
            ("--source-every", self.source_every.is_some()),
            ("--source-check", self.source_check.is_some()),
        ];
        match are_given.into_iter().find(|(_, is_given)| *is_given && source.files.is_empty()) {
            Some((flag, _)) => bail!("{flag} has no effect without --source"),
            None => Ok(()),
        }
    }
}
