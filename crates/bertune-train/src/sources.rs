use std::ops::Range;

use bertune_data::Dataset;
use bertune_head::BertForSequenceClassification;
use bertune_kernels::BertOps;
use sha2::{Digest, Sha256};

use crate::density_ratio::DensityRatio;
use crate::evaluate::features;
use crate::plan::Draws;
use crate::{SourceRule, SourceWeighting, TrainError, WeightShare};

/// Which training examples are of sources, that is of other tasks or domains, and what each weighs
/// when training begins.
///
/// The target's own examples come first, then those of each source. A target's example weighs what
/// the data set says, or 1; one of a source that times the factor and what the rule says.
///
/// With the rules `domain` and `tradaboost` the factor is not a part of the weights: examples of
/// sources are drawn so much more seldom than the target's. A batch in which most rows count little
/// says as little as a small one, but takes as long.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    weighting: SourceWeighting,
    /// Where each part begins and ends: the target's, then each source's.
    parts: Vec<Range<usize>>,
    weights: Vec<f32>,
    /// How often an example of a source is drawn for each time that one of the target is, where that
    /// is not alike.
    draw: Option<f64>,
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
        let draw = is_drawn(weighting).then_some(factor);
        if draw.is_none() {
            of_sources.iter_mut().for_each(|weight| *weight *= factor);
        }
        if weighting.rule == SourceRule::Domain {
            let features = features(model, dataset, FEATURE_BATCH);
            let ratios = parts[1..].iter().flat_map(|source| {
                ratios(&features, dataset.labels(), [&parts[0], source], weighting)
            });
            of_sources.iter_mut().zip(ratios).for_each(|(weight, ratio)| *weight *= ratio);
        }
        let weights = weights.into_iter().map(|weight| weight as f32).collect();
        Ok(Self { weighting: *weighting, parts, weights, draw })
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

    /// What part the target, and then each source, has in the weight of all examples, each counted
    /// as often as it is drawn, when they weigh so much: [`weights`](Self::weights), or what they
    /// weighed at the end of a run.
    ///
    /// # Panics
    ///
    /// If there are not as many weights as examples.
    pub fn shares(&self, weights: &[f32]) -> Vec<WeightShare> {
        assert_eq!(weights.len(), self.weights.len(), "one weight for each example");
        let draws = self.draws_of_sources(self.draw.unwrap_or(1.0));
        let drawn: Vec<f64> =
            weights.iter().zip(draws).map(|(&weight, draw)| f64::from(weight) * draw).collect();
        let total: f64 = drawn.iter().sum();
        self.parts.iter().map(|part| WeightShare::new(&drawn[part.clone()], total)).collect()
    }

    /// How often each example is drawn, where that is not alike. In the first epoch of `tradaboost`,
    /// only the target's are: what it teaches is what the sources are first judged by.
    pub(crate) fn draws(&self) -> Option<Draws> {
        let all = self.draws_of_sources(self.draw?);
        let boosted = self.weighting.rule == SourceRule::TrAdaBoost;
        Some(Draws::Examples { first: boosted.then(|| self.draws_of_sources(0.0)), all })
    }

    /// The target's examples drawn once each, those of sources so often.
    fn draws_of_sources(&self, draw: f64) -> Vec<f64> {
        let target = self.target_examples();
        let draw = |example| if example < target { 1.0 } else { draw };
        (0..self.weights.len()).map(draw).collect()
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

/// Whether the factor says how often examples of sources are drawn.
fn is_drawn(weighting: &SourceWeighting) -> bool {
    matches!(weighting.rule, SourceRule::Domain | SourceRule::TrAdaBoost)
}

/// The factor where none is given.
fn usual_factor(weights: &[f64], parts: &[Range<usize>], weighting: &SourceWeighting) -> f64 {
    if !is_drawn(weighting) {
        return 1.0;
    }
    let (target, sources) = weights.split_at(parts[0].end);
    target.iter().sum::<f64>() / sources.iter().sum::<f64>().max(f64::MIN_POSITIVE)
}
