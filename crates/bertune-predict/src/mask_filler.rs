use std::path::Path;

use bertune_checkpoint::Checkpoint;
use bertune_encoder::PackedTokens;
use bertune_head::{BertForMaskedLM, LoadedMaskedLm};
use bertune_kernels::BertOps;
use bertune_tokenize::{BertTokenizer, Limits};
use burn_core::tensor::{Int, Tensor, TensorData, activation::softmax};

use crate::PredictError;

/// A masked language model with its tokenizer: it guesses what the mask tokens of a text stand for.
#[derive(Debug)]
pub struct MaskFiller<B: BertOps> {
    /// Whose files the model's weights may lie in.
    checkpoint: Checkpoint,
    model: BertForMaskedLM<B>,
    tokenizer: BertTokenizer,
    mask_token_id: u32,
    max_length: usize,
}

/// What a mask token may stand for.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// The token, `##` before it where it goes on a word.
    pub token: String,
    /// Its id.
    pub id: u32,
    /// Its probability.
    pub probability: f32,
}

impl<B: BertOps> MaskFiller<B> {
    /// Opens a folder that bertune or transformers wrote.
    ///
    /// # Errors
    ///
    /// If it is no masked language model with a tokenizer, or is damaged.
    pub fn open(folder: &Path, device: &B::Device) -> Result<Self, PredictError> {
        let checkpoint = Checkpoint::map(folder)?;
        let LoadedMaskedLm { model, config, .. } =
            BertForMaskedLM::from_checkpoint(&checkpoint, device)?;
        let tokenizer = BertTokenizer::from_folder(folder)?;
        let (tokens, vocab_size) = (tokenizer.vocab_size(), config.vocab_size);
        if tokens > vocab_size {
            return Err(PredictError::Vocabulary { tokens, vocab_size });
        }
        let mask_token_id = tokenizer.mask_token_id().ok_or(PredictError::NoMaskToken)?;
        let max_length = config.max_position_embeddings;
        Ok(Self { checkpoint, model, tokenizer, mask_token_id, max_length })
    }

    /// The mask token as a text has it.
    pub fn mask_token(&self) -> String {
        self.tokenizer.token(self.mask_token_id).unwrap_or_default()
    }

    /// The `top` most likely tokens for each mask token of a text, the likeliest first.
    ///
    /// # Errors
    ///
    /// If the text has more tokens than the model takes, has no mask token, or cannot be tokenized,
    /// if a file of weights was written to since it was opened, or if the scores are not finite.
    pub fn fill(&self, text: &str, top: usize) -> Result<Vec<Vec<Guess>>, PredictError> {
        // Cut off at the model's length, a text would lose mask tokens without a word.
        let limits = Limits { max_length: usize::MAX, ..Limits::default() };
        let ids = self.tokenizer.encode(text, limits)?.input_ids;
        if ids.len() > self.max_length {
            let (max_length, positions) = (ids.len(), self.max_length);
            return Err(PredictError::TooLong { max_length, positions });
        }
        let masks = ids.iter().enumerate().filter(|(_, id)| **id == self.mask_token_id);
        let places: Vec<i32> = masks.map(|(place, _)| place as i32).collect();
        if places.is_empty() {
            return Err(PredictError::NothingToFill { mask_token: self.mask_token() });
        }
        let rows = self.probabilities(&ids, &places);
        self.checkpoint.check_unchanged()?;
        if !rows.iter().all(|probability| probability.is_finite()) {
            return Err(PredictError::NotFinite { folder: self.checkpoint.folder().into() });
        }
        let width = rows.len() / places.len();
        Ok(rows.chunks_exact(width).map(|row| self.likeliest(row, top)).collect())
    }

    /// The probability of every token at some places, row after row.
    fn probabilities(&self, ids: &[u32], places: &[i32]) -> Vec<f32> {
        let device = self.model.device();
        let (types, positions) = (vec![0; ids.len()], (0..ids.len() as u32).collect::<Vec<_>>());
        let tokens = PackedTokens::new(ids, &types, &positions, &[0, ids.len()], &device);
        let places = TensorData::new(places.to_vec(), [places.len()]);
        let places = Tensor::<B, 1, Int>::from_data(places, &device);
        softmax(self.model.forward(&tokens, places, None), 1).into_data().iter::<f32>().collect()
    }

    fn likeliest(&self, probabilities: &[f32], top: usize) -> Vec<Guess> {
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]).then(a.cmp(&b)));
        let guess = |id: usize| Guess {
            token: self.tokenizer.token(id as u32).unwrap_or_default(),
            id: id as u32,
            probability: probabilities[id],
        };
        order.into_iter().take(top).map(guess).collect()
    }
}
