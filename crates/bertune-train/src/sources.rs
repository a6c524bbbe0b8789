use std::ops::Range;

use bertune_data::Dataset;
use bertune_head::BertForSequenceClassification;
use bertune_kernels::BertOps;
use sha2::{Digest, Sha256};

use crate::density_ratio::{DensityRatio, standardised};
use crate::evaluate::features;
use crate::label_agreement::LabelAgreement;
use crate::plan::{Draws, balanced};
use crate::{Sampling, SourceRule, SourceWeighting, TrainError, WeightShare};

/// Which training examples are of sources, that is of other tasks or domains, and what each weighs
/// when training begins.
///
/// The target's own examples come first, then those of each source. A target's example weighs what
/// the data set says, or 1.
///
/// The factor, with the rule `column` times what the data set says and with `domain` times how far the
/// source's labels tell the target's, is how often an example of a source is drawn for each time that one of
/// the target is. A weight in the loss would not do: a step divides
/// by the weights of its own examples, so that one without an example of the target would count in
/// full. What `domain` and `tradaboost` say is a weight: it tells the examples of a step apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    weighting: SourceWeighting,
    /// Where each part begins and ends: the target's, then each source's.
    parts: Vec<Range<usize>>,
    weights: Vec<f32>,
    /// How far the labels of each source tell what the target's tell, where that was asked and can be
    /// told.
    agreements: Vec<Option<f64>>,
    /// How often each example is drawn in proportion to the others, where that is not alike.
    draws: Option<Vec<f32>>,
}

impl Sources {
    /// Weighs the examples of sources: `rows` are the numbers of examples of each, all examples
    /// before them are the target's. `model` is as it was pretrained.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range, or the rule is `column` and all rows of a source weigh 0.
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
        let weights: Vec<f64> = match dataset.weights() {
            Some(weights) => weights.iter().map(|&weight| f64::from(weight)).collect(),
            None => vec![1.0; dataset.len()],
        };
        let factor = weighting.factor.unwrap_or_else(|| usual_factor(&weights, &parts, weighting));
        let mut draws = vec![1.0; dataset.len()];
        draws[parts[0].end..].fill(factor);
        let counted = Counted { weights, draws, agreements: vec![None; rows.len()] };
        let counted = match weighting.rule {
            SourceRule::Uniform | SourceRule::TrAdaBoost => counted,
            SourceRule::Column => counted.by_columns(&parts)?,
            SourceRule::Domain => {
                let features = features(model, dataset, FEATURE_BATCH);
                counted.by_domains(&parts, &features, dataset.labels(), weighting)
            }
        };
        let Counted { weights, draws, agreements } = counted;
        let draws = draws.iter().any(|&draw| draw != 1.0).then(|| in_f32(&draws));
        Ok(Self { weighting: *weighting, parts, weights: in_f32(&weights), agreements, draws })
    }

    /// What decides the weights.
    pub fn weighting(&self) -> &SourceWeighting {
        &self.weighting
    }

    /// What each example weighs at the beginning.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// How far the labels of each source tell what the target's tell, `0..=1`; `None` where the rule does
    /// not ask, and where it cannot be told: of sets of labels, of numbers, and of a single class.
    pub fn agreements(&self) -> &[Option<f64>] {
        &self.agreements
    }

    /// The number of the target's examples.
    pub fn target_examples(&self) -> usize {
        self.parts[0].end
    }

    /// What part the target, and then each source, has in the weight of all examples, each counted
    /// as often as it is drawn from this data set, when they weigh so much: [`weights`](Self::weights), or
    /// what they weighed at the end of a run.
    ///
    /// # Panics
    ///
    /// If there are not as many weights as examples.
    pub fn shares(
        &self,
        weights: &[f32],
        dataset: &Dataset,
        sampling: Sampling,
    ) -> Vec<WeightShare> {
        assert_eq!(weights.len(), self.weights.len(), "one weight for each example");
        let draws: Vec<f64> = match &self.draws {
            Some(draws) => draws.iter().map(|&draw| f64::from(draw)).collect(),
            None => vec![1.0; weights.len()],
        };
        let draws = match sampling {
            Sampling::Shuffled => draws,
            Sampling::Balanced => balanced(&draws, dataset.labels()),
        };
        let drawn = weights.iter().zip(draws).map(|(&weight, draw)| f64::from(weight) * draw);
        let drawn: Vec<f64> = drawn.collect();
        let total: f64 = drawn.iter().sum();
        self.parts.iter().map(|part| WeightShare::new(&drawn[part.clone()], total)).collect()
    }

    /// How often each example is drawn, where that is not alike. In the first epoch of `tradaboost`,
    /// only the target's are: what it teaches is what the sources are first judged by.
    pub(crate) fn draws(&self) -> Option<Draws> {
        let boosted = self.weighting.rule == SourceRule::TrAdaBoost;
        let alike = || vec![1.0; self.weights.len()];
        let all = self.draws.clone().or_else(|| boosted.then(alike))?;
        let of_target = || {
            let mut draws = alike();
            draws[self.target_examples()..].fill(0.0);
            draws
        };
        Some(Draws::Examples { first: boosted.then(of_target), all })
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

fn in_f32(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// What each example counts before a rule is asked, and after.
struct Counted {
    weights: Vec<f64>,
    draws: Vec<f64>,
    agreements: Vec<Option<f64>>,
}

impl Counted {
    /// The rows of sources, drawn as often as their weights say, which a column gave.
    fn by_columns(mut self, parts: &[Range<usize>]) -> Result<Self, TrainError> {
        for (source, rows) in parts[1..].iter().enumerate() {
            let said = &mut self.weights[rows.clone()];
            if said.iter().all(|&weight| weight == 0.0) {
                return Err(TrainError::SourceCountsNothing { number: source + 1 });
            }
            self.draws[rows.clone()].iter_mut().zip(&*said).for_each(|(draw, said)| *draw *= said);
            said.fill(1.0);
        }
        Ok(self)
    }

    /// Each source beside the target: its rows by their texts and labels, the whole by its labels.
    fn by_domains(
        mut self,
        parts: &[Range<usize>],
        features: &(Vec<f64>, usize),
        labels: &[usize],
        weighting: &SourceWeighting,
    ) -> Self {
        for (source, rows) in parts[1..].iter().enumerate() {
            let domains = Domains::new(features, labels, [&parts[0], rows]);
            let weights = self.weights[rows.clone()].iter_mut().zip(domains.ratios(weighting));
            weights.for_each(|(weight, ratio)| *weight *= ratio);
            self.agreements[source] = domains.agreement();
            let agreement = self.agreements[source].unwrap_or(1.0);
            self.draws[rows.clone()].iter_mut().for_each(|draw| *draw *= agreement);
        }
        self
    }
}

/// The target and a source, to be compared.
struct Domains {
    /// The target's rows, then the source's.
    features: Vec<f64>,
    width: usize,
    /// Empty where there are no classes.
    classes: Vec<usize>,
    target_rows: usize,
}

impl Domains {
    fn new(
        (features, width): &(Vec<f64>, usize),
        labels: &[usize],
        both: [&Range<usize>; 2],
    ) -> Self {
        let features = both.map(|range| &features[range.start * width..range.end * width]).concat();
        let classes = match labels {
            [] => Vec::new(),
            labels => both.map(|range| &labels[range.clone()]).concat(),
        };
        let features = standardised(&features, *width);
        Self { features, width: *width, classes, target_rows: both[0].len() }
    }

    /// How much likelier each example of the source is in the target, within the bound and flattened.
    fn ratios(&self, weighting: &SourceWeighting) -> Vec<f64> {
        let density_ratio = DensityRatio {
            features: &self.features,
            width: self.width,
            classes: &self.classes,
            target_rows: self.target_rows,
            folds: weighting.folds,
        };
        let flattened = |ratio: f64| ratio.min(weighting.clip).powf(weighting.flattening);
        density_ratio.ratios().into_iter().map(flattened).collect()
    }

    /// How far the source's classes tell what the target's tell; `None` where there are none, or one.
    fn agreement(&self) -> Option<f64> {
        let Self { features, width, classes, target_rows } = self;
        let (target, source) = (0..*target_rows, *target_rows..classes.len());
        let of_several = |rows: &Range<usize>| classes.get(rows.clone()).is_some_and(has_several);
        if !of_several(&target) || !of_several(&source) {
            return None;
        }
        Some(LabelAgreement { features, width: *width, classes }.of(target, source))
    }
}

/// Whether the classes are not all the same.
fn has_several(classes: &[usize]) -> bool {
    classes.windows(2).any(|pair| pair[0] != pair[1])
}

/// The factor where none is given.
fn usual_factor(weights: &[f64], parts: &[Range<usize>], weighting: &SourceWeighting) -> f64 {
    if matches!(weighting.rule, SourceRule::Uniform | SourceRule::Column) {
        return 1.0;
    }
    let (target, sources) = weights.split_at(parts[0].end);
    let ratio = target.iter().sum::<f64>() / sources.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    ratio.min(1.0)
}
