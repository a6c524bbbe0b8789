use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use bertune_kernels::BertOps;
use bertune_tokenize::{BertTokenizer, Encoding, Limits, TextInput, TokenizeError};

use crate::{PredictError, Prediction, TextClassifier};

/// A text, or a pair of texts, that is handed over.
pub type OwnedInput = (String, Option<String>);

/// Chunks that are being tokenized or wait for it at any time.
const AHEAD: usize = 2;

/// Chunks of texts with their predictions: see
/// [`TextClassifier::predict_chunks`](TextClassifier::predict_chunks).
#[derive(Debug)]
pub struct PredictionChunks<'a, B: BertOps, I, E> {
    classifier: &'a TextClassifier<B>,
    chunks: I,
    tokenizing: Tokenizing,
    /// What ended the chunks, to be told after those before it.
    error: Option<E>,
    ended: bool,
}

impl<'a, B: BertOps, I, E> PredictionChunks<'a, B, I, E>
where
    I: Iterator<Item = Result<Vec<OwnedInput>, E>>,
    E: From<PredictError>,
{
    pub(crate) fn new(classifier: &'a TextClassifier<B>, chunks: I) -> Self {
        let tokenizing = Tokenizing::start(classifier.tokenizer(), classifier.limits());
        Self { classifier, chunks, tokenizing, error: None, ended: false }
    }

    /// Hands chunks over until the other thread has enough to do.
    fn hand_over(&mut self) {
        while !self.ended && self.tokenizing.waiting < AHEAD {
            match self.chunks.next() {
                Some(Ok(chunk)) => self.tokenizing.take(chunk),
                Some(Err(error)) => (self.error, self.ended) = (Some(error), true),
                None => self.ended = true,
            }
        }
    }
}

impl<B: BertOps, I, E> Iterator for PredictionChunks<'_, B, I, E>
where
    I: Iterator<Item = Result<Vec<OwnedInput>, E>>,
    E: From<PredictError>,
{
    type Item = Result<(Vec<OwnedInput>, Vec<Prediction>), E>;

    fn next(&mut self) -> Option<Self::Item> {
        self.hand_over();
        let Some((chunk, tokens)) = self.tokenizing.give() else {
            return self.error.take().map(Err);
        };
        let predictions =
            tokens.map_err(PredictError::from).and_then(|tokens| self.classifier.classify(tokens));
        if predictions.is_err() {
            (self.error, self.ended, self.tokenizing.waiting) = (None, true, 0);
        }
        Some(predictions.map(|predictions| (chunk, predictions)).map_err(E::from))
    }
}

/// A chunk with its tokens.
type Tokenized = (Vec<OwnedInput>, Result<Vec<Vec<Encoding>>, TokenizeError>);

/// A thread that tokenizes chunks in their order. It ends when this is dropped.
#[derive(Debug)]
struct Tokenizing {
    to: Sender<Vec<OwnedInput>>,
    from: Receiver<Tokenized>,
    /// Chunks that were taken and not given yet.
    waiting: usize,
}

impl Tokenizing {
    fn start(tokenizer: &BertTokenizer, limits: Limits) -> Self {
        let tokenizer = tokenizer.clone();
        let (to, chunks) = channel::<Vec<OwnedInput>>();
        let (tokenized, from) = channel();
        thread::spawn(move || {
            for chunk in chunks {
                let tokens = tokenizer.encode_windows_batch(&inputs(&chunk), limits);
                if tokenized.send((chunk, tokens)).is_err() {
                    break;
                }
            }
        });
        Self { to, from, waiting: 0 }
    }

    fn take(&mut self, chunk: Vec<OwnedInput>) {
        // The thread ends before this only if it panics, which `give` tells.
        self.to.send(chunk).ok();
        self.waiting += 1;
    }

    /// The next chunk, `None` if none was taken.
    fn give(&mut self) -> Option<Tokenized> {
        self.waiting = self.waiting.checked_sub(1)?;
        match self.from.recv() {
            Ok(tokenized) => Some(tokenized),
            Err(_) => unreachable!("the tokenizer answers each chunk"),
        }
    }
}

fn inputs(chunk: &[OwnedInput]) -> Vec<TextInput<'_>> {
    chunk.iter().map(|(text, pair)| TextInput { text, text_pair: pair.as_deref() }).collect()
}
