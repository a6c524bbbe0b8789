use std::path::Path;

use bertune_checkpoint::{Adapter, Checkpoint, HubOptions};
use bertune_data::{BatchPlan, Dataset, PackedBatch};
use bertune_encoder::PackedTokens;
use bertune_head::{
    BertForSequenceClassification, Decisions, LabelNames, Loaded, ProblemType,
    SequenceClassificationConfig,
};
use bertune_kernels::{BertOps, Precision};
use bertune_tokenize::{BertTokenizer, Encoding, Limits, TextInput, Truncation};

use crate::{OwnedInput, PredictError, Prediction, PredictionChunks, find_base};

/// Tokens of one batch: enough that laying out the weights for it is a small part of its work.
const TOKENS_PER_BATCH: usize = 8192;

/// A fine-tuned model with its tokenizer and the names of its classes.
#[derive(Debug)]
pub struct TextClassifier<B: BertOps> {
    /// Whose files the model's weights may lie in.
    checkpoint: Checkpoint,
    model: BertForSequenceClassification<B>,
    config: SequenceClassificationConfig,
    labels: LabelNames,
    tokenizer: BertTokenizer,
    limits: Limits,
}

impl<B: BertOps> TextClassifier<B> {
    /// Opens a folder that bertune or transformers wrote, or an adapter's, whose base is found by
    /// what it says of it.
    ///
    /// Weights in safetensors files stay where they are: the files are mapped into memory, and read
    /// as far as they are needed.
    ///
    /// # Errors
    ///
    /// If it is no BERT classifier with a tokenizer, or is damaged, or if the base of an adapter is
    /// not found, or is another one than the adapter was trained on.
    pub fn open(folder: &Path, device: &B::Device) -> Result<Self, PredictError> {
        if Adapter::is_at(folder) {
            let base = find_base(folder, &HubOptions::default())?;
            return Self::open_adapter(folder, &base, device);
        }
        let checkpoint = Checkpoint::map(folder)?;
        let loaded = BertForSequenceClassification::from_checkpoint(&checkpoint, device)?;
        let tokenizer = BertTokenizer::from_folder(folder)?;
        Self::new(checkpoint, loaded, tokenizer)
    }

    /// Opens an adapter's folder that bertune or peft wrote, on this base. The tokenizer is the
    /// adapter's if it has one, else the base's.
    ///
    /// # Errors
    ///
    /// If it is no adapter of a BERT classifier, or is damaged, or if the base is another one than
    /// the adapter was trained on.
    pub fn open_adapter(
        folder: &Path,
        base: &Path,
        device: &B::Device,
    ) -> Result<Self, PredictError> {
        let adapter = Adapter::open(folder)?;
        let base = Checkpoint::map(base)?;
        let loaded = BertForSequenceClassification::from_adapter(&adapter, &base, device)?;
        let has_tokenizer =
            ["tokenizer.json", "vocab.txt"].iter().any(|name| folder.join(name).is_file());
        let tokenizer = if has_tokenizer { folder } else { base.folder() };
        let tokenizer = BertTokenizer::from_folder(tokenizer)?;
        Self::new(base, loaded, tokenizer)
    }

    fn new(
        checkpoint: Checkpoint,
        loaded: Loaded<B>,
        tokenizer: BertTokenizer,
    ) -> Result<Self, PredictError> {
        let Loaded { model, config, .. } = loaded;
        let (tokens, vocab_size) = (tokenizer.vocab_size(), config.bert.vocab_size);
        if tokens > vocab_size {
            return Err(PredictError::Vocabulary { tokens, vocab_size });
        }
        let positions = config.bert.max_position_embeddings;
        let max_length = config.max_length.unwrap_or(positions).min(positions);
        let truncation = config.truncation.as_deref().and_then(Truncation::from_name);
        let truncation = truncation.unwrap_or_default();
        let limits = Limits { max_length, truncation, stride: config.stride };
        Ok(Self { checkpoint, model, labels: config.label_names(), config, tokenizer, limits })
    }

    /// The classifier with another limit of the input than it was trained with.
    ///
    /// # Errors
    ///
    /// If that is more than the model can take.
    pub fn with_limits(self, limits: Limits) -> Result<Self, PredictError> {
        let positions = self.config.bert.max_position_embeddings;
        if limits.max_length > positions {
            return Err(PredictError::TooLong { max_length: limits.max_length, positions });
        }
        Ok(Self { limits, ..self })
    }

    /// The classifier with other decisions than those that its folder has.
    ///
    /// # Errors
    ///
    /// If they cannot be made between its classes.
    pub fn with_decisions(mut self, decisions: Decisions) -> Result<Self, PredictError> {
        decisions.validate(self.labels().len())?;
        self.config.decisions = decisions;
        Ok(self)
    }

    /// The classifier with products of this precision in its encoder, of f32 where the backend or
    /// the processor has nothing else.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { model: self.model.with_precision(precision), ..self }
    }

    /// The architecture and the classes.
    pub fn config(&self) -> &SequenceClassificationConfig {
        &self.config
    }

    /// How scores become probabilities and classes.
    pub fn decisions(&self) -> &Decisions {
        &self.config.decisions
    }

    /// The names of the classes, in the order of the probabilities.
    pub fn labels(&self) -> &[String] {
        self.labels.names()
    }

    /// The model.
    pub fn model(&self) -> &BertForSequenceClassification<B> {
        &self.model
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &BertTokenizer {
        &self.tokenizer
    }

    /// The limits that texts are cut to.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Classifies texts, or pairs of texts; one prediction for each, in their order.
    ///
    /// Texts of similar length are computed together, which changes no result. A text that is too
    /// long is cut, or, where the limits have a stride, read in windows, whose scores are averaged.
    ///
    /// # Errors
    ///
    /// If a text cannot be tokenized, or a file of weights was written to since it was opened.
    pub fn predict(&self, inputs: &[TextInput<'_>]) -> Result<Vec<Prediction>, PredictError> {
        self.classify(self.tokenizer.encode_windows_batch(inputs, self.limits)?)
    }

    /// Classifies chunks of texts, each while the next is tokenized on another thread. No more than
    /// three chunks are in memory, wherever they come from.
    ///
    /// Gives each chunk with its predictions, in their order. The first error, of `chunks` or of
    /// the classifier, is the last item.
    pub fn predict_chunks<I, E>(&self, chunks: I) -> PredictionChunks<'_, B, I, E>
    where
        I: Iterator<Item = Result<Vec<OwnedInput>, E>>,
        E: From<PredictError>,
    {
        PredictionChunks::new(self, chunks)
    }

    /// The predictions for texts in the windows that they need.
    pub(crate) fn classify(
        &self,
        examples: Vec<Vec<Encoding>>,
    ) -> Result<Vec<Prediction>, PredictError> {
        let shares: Vec<f32> = examples.iter().map(|windows| 1.0 / windows.len() as f32).collect();
        let (windows, examples) = Dataset::unlabelled_windows(examples).windows();
        let width = self.labels().len();
        let mut logits = vec![0.0; shares.len() * width];
        let plan = BatchPlan::by_length(&windows, 1).with_token_budget(&windows, TOKENS_PER_BATCH);
        for batch in plan.epoch(0) {
            let rows = self.logits(&PackedBatch::pack(&windows, &batch));
            for (&window, row) in batch.iter().zip(rows.chunks_exact(width)) {
                let (example, share) = (examples[window], shares[examples[window]]);
                let sums = &mut logits[example * width..][..width];
                sums.iter_mut().zip(row).for_each(|(sum, logit)| *sum += logit * share);
            }
        }
        self.checkpoint.check_unchanged()?;
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err(self.not_finite());
        }
        let rows = logits.chunks_exact(width);
        let prediction = |row| Prediction::new(self.problem_type(), row, self.decisions());
        Ok(rows.map(prediction).collect())
    }

    /// What says that the model's scores are no numbers.
    pub fn not_finite(&self) -> PredictError {
        PredictError::NotFinite { folder: self.checkpoint.folder().into() }
    }

    /// What the labels are.
    pub fn problem_type(&self) -> ProblemType {
        self.config.problem_type()
    }

    /// The scores of a batch, row after row.
    fn logits(&self, batch: &PackedBatch) -> Vec<f32> {
        let PackedBatch { input_ids, token_type_ids, position_ids, cu_seqlens, .. } = batch;
        let device = self.model.device();
        let tokens =
            PackedTokens::new(input_ids, token_type_ids, position_ids, cu_seqlens, &device);
        self.model.forward(&tokens, None).into_data().iter::<f32>().collect()
    }
}
