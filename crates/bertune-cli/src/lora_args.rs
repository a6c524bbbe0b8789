use bertune::train::{LoraConfig, TrainingConfig};
use clap::Args;

use crate::args::set;

/// The flags that are keys of the `[training.lora]` table.
#[derive(Args)]
#[command(next_help_heading = "LoRA (the encoder stays as it is, and the result is an adapter)")]
pub(crate) struct LoraArgs {
    /// Let linear maps learn changes of this rank in place of their weights; wants a learning rate
    /// of about 5e-4. The other flags of LoRA switch it on too [default: 8, with them].
    #[arg(long, value_name = "N")]
    lora_rank: Option<usize>,
    /// What the changes are multiplied with, times the rank [default: 16].
    #[arg(long, value_name = "N")]
    lora_alpha: Option<f64>,
    /// The dropout probability of what the changes read [default: 0.05].
    #[arg(long, value_name = "SHARE")]
    lora_dropout: Option<f64>,
    /// The linear maps that are changed: regular expressions on names such as
    /// bert.encoder.layer.0.attention.self.query [default: query,value].
    #[arg(long, value_name = "PATTERN,…", value_delimiter = ',')]
    lora_targets: Vec<String>,
    /// Divide alpha by the rank's root in place of the rank, as rsLoRA does.
    #[arg(long)]
    lora_rank_stabilized: bool,
}

impl LoraArgs {
    /// Lets the flags that were given override `training`.
    pub(crate) fn apply(&self, training: &mut TrainingConfig) {
        let is_given = self.lora_rank.is_some()
            || self.lora_alpha.is_some()
            || self.lora_dropout.is_some()
            || !self.lora_targets.is_empty()
            || self.lora_rank_stabilized;
        if !is_given {
            return;
        }
        let lora = training.lora.get_or_insert_with(LoraConfig::default);
        set(&mut lora.rank, self.lora_rank);
        set(&mut lora.alpha, self.lora_alpha);
        set(&mut lora.dropout, self.lora_dropout);
        if !self.lora_targets.is_empty() {
            let targets = self.lora_targets.iter().map(|target| target.trim().to_owned());
            lora.targets = targets.collect();
        }
        lora.rank_stabilized |= self.lora_rank_stabilized;
    }
}
