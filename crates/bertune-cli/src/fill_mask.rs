use std::path::Path;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use bertune::BertOps;
use bertune::checkpoint::Checkpoint;
use bertune::predict::{Guess, MaskFiller, PredictError};
use clap::Args;
use serde_json::json;

use crate::device::{self, Job, default_name, dispatch};
use crate::model::{BOXED, find_model};
use crate::outside::Outside;

const AFTER_HELP: &str = "\
Examples:
  bertune fill-mask --model my-bert \"The capital of France is [MASK].\"
  bertune fill-mask --model my-bert --top 1 --json \"He [MASK] the [MASK].\"";

/// The flags of `fill-mask`.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct FillMaskArgs {
    /// A masked language model, such as `bertune pretrain` writes: a folder, an id of the Hugging Face
    /// hub, or boxed.
    #[arg(long, value_name = "FOLDER|ID", default_value = BOXED)]
    model: String,
    /// Texts with the mask token, mostly [MASK], where a token is to be guessed.
    #[arg(value_name = "TEXT", required = true)]
    texts: Vec<String>,
    /// How many guesses are given for each mask token.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Give one JSON object a text.
    #[arg(long)]
    json: bool,
    /// What to compute on; `bertune devices` lists them.
    #[arg(long)]
    device: Option<String>,
}

/// Guesses.
pub(crate) fn run(args: &FillMaskArgs) -> anyhow::Result<ExitCode> {
    let device = args.device.clone().unwrap_or_else(default_name);
    device::check(&device)?;
    dispatch(&device, Filling { args })
}

struct Filling<'a> {
    args: &'a FillMaskArgs,
}

impl Job for Filling<'_> {
    type Output = ExitCode;

    fn run<B: BertOps>(self, device: &B::Device) -> anyhow::Result<ExitCode> {
        let FillMaskArgs { model, texts, .. } = self.args;
        let folder = find_model(model, None, &Outside::default())?;
        if has_no_head(&folder) {
            bail!(
                "{model} holds no head that guesses hidden tokens; teach it one: bertune pretrain \
                 --model {model} --text FILE --output FOLDER"
            );
        }
        let filler = MaskFiller::<B>::open(&folder, device)?;
        for (i, text) in texts.iter().enumerate() {
            let name = match texts.len() {
                1 => "the text".to_owned(),
                _ => format!("text {}", i + 1),
            };
            let guesses = filler.fill(text, self.args.top.into());
            let guesses = guesses.map_err(|error| in_words(error, &name))?;
            match self.args.json {
                true => outln!("{}", in_json(text, &guesses)),
                false => print(text, &guesses),
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether a folder is a whole model's without such a head, as a classifier's is.
fn has_no_head(folder: &Path) -> bool {
    Checkpoint::map(folder)
        .is_ok_and(|it| !it.names().any(|name| name.starts_with("cls.predictions.")))
}

/// Says which text is too long or hides nothing, and what to do about it.
fn in_words(error: PredictError, text: &str) -> anyhow::Error {
    match error {
        PredictError::TooLong { max_length: tokens, positions } => anyhow!(
            "{text} has {tokens} tokens, but this model takes {positions} at most; give a shorter \
             one around the mask tokens"
        ),
        PredictError::NothingToFill { mask_token } => {
            anyhow!("{text} has no {mask_token}: write it where a token is to be guessed")
        }
        error => error.into(),
    }
}

fn in_json(text: &str, masks: &[Vec<Guess>]) -> serde_json::Value {
    let guess = |Guess { token, id, probability }: &Guess| json!({ "token": token, "id": id, "probability": probability });
    let masks = masks.iter().map(|guesses| guesses.iter().map(guess).collect::<Vec<_>>());
    json!({ "text": text, "masks": masks.collect::<Vec<_>>() })
}

fn print(text: &str, masks: &[Vec<Guess>]) {
    outln!("{text}");
    for (number, guesses) in masks.iter().enumerate() {
        for Guess { token, probability, .. } in guesses {
            outln!("  mask {}  {probability:.4}  {token}", number + 1);
        }
    }
}
