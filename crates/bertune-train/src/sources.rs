use std::ops::Range;

use bertune_data::Dataset;
use bertune_head::BertForSequenceClassification;
use bertune_kernels::BertOps;
use sha2::{Digest, Sha256};

use crate::density_ratio::DensityRatio;
use crate::evaluate::features;
use crate::{SourceRule, SourceWeighting, TrainError, WeightShare};

/// Which training examples are of sources, that is of other tasks or domains, and what each weighs
/// when training begins.
///
/// The target's own examples come first, then those of each source. A target's example weighs what
/// the data set says, or 1; one of a source that times the factor and what the rule says.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    weighting: SourceWeighting,
    /// Where each part begins and ends: the target's, then each source's.
    parts: Vec<Range<usize>>,
    weights: Vec<f32>,
}

impl Sources {
    /// Weighs the examples of sources: `rows` are the numbers of examples of each, all examples
    /// before them are the target's. `model` is as it was pretrained.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range.
    ///
    /// # Panics
    ///
    /// If there are not so many examples.
    pub fn new<B: BertOps>(
        model: &BertForSequenceClassification<B>,
        dataset: &Dataset,
        rows: &[usize],
        weighting: &SourceWeighting,
    ) -> Result<Self, TrainError> {
        weighting.validate()?;
        let parts = parts(dataset.len(), rows);
        let mut weights: Vec<f64> = match dataset.weights() {
            Some(weights) => weights.iter().map(|&weight| f64::from(weight)).collect(),
            None => vec![1.0; dataset.len()],
        };
        let factor = weighting.factor.unwrap_or_else(|| usual_factor(&weights, &parts, weighting));
        let of_sources = &mut weights[parts[0].end..];
        of_sources.iter_mut().for_each(|weight| *weight *= factor);
        if weighting.rule == SourceRule::Domain {
            let features = features(model, dataset, FEATURE_BATCH);
            let ratios = parts[1..].iter().flat_map(|source| {
                ratios(&features, dataset.labels(), [&parts[0], source], weighting)
            });
            of_sources.iter_mut().zip(ratios).for_each(|(weight, ratio)| *weight *= ratio);
        }
        let weights = weights.into_iter().map(|weight| weight as f32).collect();
        Ok(Self { weighting: *weighting, parts, weights })
    }

    /// What decides the weights.
    pub fn weighting(&self) -> &SourceWeighting {
        &self.weighting
    }

    /// What each example weighs at the beginning.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The number of the target's examples.
    pub fn target_examples(&self) -> usize {
        self.parts[0].end
    }

    /// What part the target, and then each source, has in the weight of all examples, such as
    /// [`weights`](Self::weights) or those at the end of a run.
    ///
    /// # Panics
    ///
    /// If there are not as many weights as examples.
    pub fn shares(&self, weights: &[f32]) -> Vec<WeightShare> {
        assert_eq!(weights.len(), self.weights.len(), "one weight for each example");
        let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
        self.parts.iter().map(|part| WeightShare::new(&weights[part.clone()], total)).collect()
    }

    /// A hash of what decides the weights, beside the examples.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(toml::to_string(&self.weighting).unwrap_or_default());
        self.parts.iter().for_each(|part| hash.update((part.end as u64).to_le_bytes()));
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Examples of one batch of features.
const FEATURE_BATCH: usize = 64;

fn parts(examples: usize, sources: &[usize]) -> Vec<Range<usize>> {
    let target = examples.checked_sub(sources.iter().sum());
    assert!(target.is_some(), "the sources have no more examples than there are");
    let mut end = 0;
    let part = |rows: usize| {
        let begin = end;
        end += rows;
        begin..end
    };
    target.into_iter().chain(sources.iter().copied()).map(part).collect()
}

/// How much likelier each example of a source is in the target, within the bound and flattened.
fn ratios(
    (features, width): &(Vec<f64>, usize),
    labels: &[usize],
    both: [&Range<usize>; 2],
    weighting: &SourceWeighting,
) -> Vec<f64> {
    let features = both.map(|range| &features[range.start * width..range.end * width]).concat();
    let classes = match labels {
        [] => Vec::new(),
        labels => both.map(|range| &labels[range.clone()]).concat(),
    };
    let density_ratio = DensityRatio {
        features: &features,
        width: *width,
        classes: &classes,
        target_rows: both[0].len(),
        folds: weighting.folds,
    };
    let flattened = |ratio: f64| ratio.min(weighting.clip).powf(weighting.flattening);
    density_ratio.ratios().into_iter().map(flattened).collect()
}

/// The factor where none is given.
fn usual_factor(weights: &[f64], parts: &[Range<usize>], weighting: &SourceWeighting) -> f64 {
    match weighting.rule {
        SourceRule::Uniform | SourceRule::Column => 1.0,
        SourceRule::Domain | SourceRule::TrAdaBoost => {
            let (target, sources) = weights.split_at(parts[0].end);
            let sources = sources.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            target.iter().sum::<f64>() / sources
        }
    }
}
