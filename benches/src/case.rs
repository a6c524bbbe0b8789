use anyhow::{Context, Result, bail, ensure};
use bertune::BertOps;
use bertune::backend::DefaultBackend;
use bertune::kernels::Precision;

use crate::{SHAPES, VOCABULARY};

/// A training step: a shape, the lengths of its sequences, and the precision of products.
#[derive(Clone, Debug)]
pub struct Case {
    /// Hidden size, layers, heads and inner size.
    pub shape: [usize; 4],
    /// Tokens of each sequence.
    pub lengths: Vec<usize>,
    /// Of products.
    pub precision: Precision,
}

/// Positions and token types of every shape.
const OTHER_ROWS: usize = 512 + 2;

impl Case {
    /// From SHAPE SEQUENCES LENGTHS and maybe PRECISION.
    ///
    /// # Errors
    ///
    /// If they say nothing that there is.
    pub fn parse(arguments: &[String]) -> Result<Self> {
        let [name, sequences, lengths, rest @ ..] = arguments else {
            bail!("say SHAPE SEQUENCES LENGTHS [PRECISION]");
        };
        let shape = SHAPES.iter().find(|(shape, _)| shape == name);
        let (_, shape) = shape.context("the shapes are tiny, mini, minilm and base")?;
        let precision = match rest.first().map(String::as_str) {
            None | Some("f32") => Precision::F32,
            Some("bf16") => Precision::Bf16,
            Some(other) => bail!("'{other}' is neither f32 nor bf16"),
        };
        ensure!(
            DefaultBackend::has_precision(precision),
            "this device multiplies no {precision:?}"
        );
        Ok(Self { shape: *shape, lengths: lengths_of(sequences.parse()?, lengths)?, precision })
    }

    /// The tokens of all sequences.
    pub fn tokens(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// Numbers in all parameters of a classifier of two classes.
    pub fn parameters(&self) -> usize {
        let [hidden, layers, _, inner] = self.shape;
        let layer = 4 * (hidden + 1) * hidden + (hidden + 1) * inner + (inner + 1) * hidden;
        let embeddings = (VOCABULARY + OTHER_ROWS) * hidden;
        let head = (hidden + 1) * (hidden + 2);
        embeddings + 2 * hidden + layers * (layer + 4 * hidden) + head
    }

    /// Numbers in rows of words that do not occur: they have no gradient.
    pub fn word_rows_without_gradient(&self) -> usize {
        (VOCABULARY - self.words()) * self.shape[0]
    }

    /// The words that occur: the ids of a batch differ up to 30,000.
    pub fn words(&self) -> usize {
        self.tokens().min(30_000)
    }
}

/// Lengths that walk through a range; `benches/peers/step.py` has the same.
fn lengths_of(sequences: usize, lengths: &str) -> Result<Vec<usize>> {
    let (low, high) = lengths.split_once('-').unwrap_or((lengths, lengths));
    let (low, high): (usize, usize) = (low.parse()?, high.parse()?);
    ensure!(0 < low && low <= high, "lengths are a number or a range, such as 8-60");
    Ok((0..sequences).map(|i| low + i * 7919 % (high - low + 1)).collect())
}
