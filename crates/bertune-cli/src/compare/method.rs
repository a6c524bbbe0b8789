use bertune::report;
use bertune::train::GroupConfig;

use crate::run_config::RunConfig;
use crate::training::Weights;

/// A way to train: what of the common settings it changes.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    /// What it is called in sentences.
    title: &'static str,
    /// What it is called in pictures and tables.
    label: &'static str,
    description: &'static str,
    /// Its colour and mark, whatever the others are.
    colour: usize,
    /// Its own peak learning rate for all that learns; none has the common ones.
    rate: Option<f64>,
    /// What it begins with.
    pub(super) weights: Weights,
    change: fn(&mut RunConfig, Run),
}

/// What a run is given beside its settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// All its steps.
    pub(super) steps: usize,
    /// The model's layers.
    pub(super) layers: usize,
}

/// The method that the others are compared with.
pub(super) const REFERENCE: &str = "scratch";

/// The rate of what is new above a pretrained encoder: in the few steps of a small size, a
/// classifier and a pooler at the encoder's rate learn next to nothing.
const HEAD_RATE: f64 = 5e-4;

/// All methods, in the order in which they are shown.
pub(super) static METHODS: [Method; 4] = [
    Method {
        name: REFERENCE,
        title: "training from scratch",
        label: "from scratch",
        description: "The same architecture with new weights, of which all learn.",
        colour: 0,
        rate: Some(5e-4),
        weights: Weights::New,
        change: |config, _| {
            let training = &mut config.training;
            training.layer_decay = 1.0;
            training.freeze_embeddings = false;
            training.freeze_layers = 0;
            training.freeze.clear();
        },
    },
    Method {
        name: "frozen",
        title: "the frozen encoder",
        label: "frozen encoder",
        description: "The pretrained embeddings and layers stay as they are; the pooler and the \
                      classifier learn.",
        colour: 1,
        rate: Some(1e-3),
        weights: Weights::Pretrained,
        change: |config, _| config.training.freeze.push(r"^bert\.(embeddings|encoder)\.".into()),
    },
    Method {
        name: "full",
        title: "full fine-tuning",
        label: "full fine-tuning",
        description: "All pretrained weights learn.",
        colour: 2,
        rate: None,
        weights: Weights::Pretrained,
        change: |_, _| (),
    },
    Method {
        name: "gradual",
        title: "gradual unfreezing",
        label: "gradual unfreezing",
        description: "The classifier and the pooler learn first, then one layer after another from \
                      the top, all of them in the second half of the steps; lower layers learn \
                      more slowly.",
        colour: 3,
        rate: None,
        weights: Weights::Pretrained,
        change: |config, run| {
            let stages = run.layers + 1;
            let training = &mut config.training;
            training.gradual_unfreezing = Some(super::grid::every(run.steps / 2 / stages));
            if training.layer_decay == 1.0 {
                training.layer_decay = 0.8;
            }
        },
    },
];

impl Method {
    /// The settings of a run by this method.
    pub(super) fn settings(
        &self,
        mut config: RunConfig,
        rates: &[MethodRate],
        run: Run,
    ) -> RunConfig {
        config.training.gradual_unfreezing = None;
        let given = rates.iter().rev().find(|rate| rate.method == self.name);
        let training = &mut config.training;
        if let Some(rate) = given.map(|given| given.rate).or(self.rate) {
            training.learning_rate = rate;
            training.head_learning_rate = None;
        } else {
            let rate = *training.head_learning_rate.get_or_insert(HEAD_RATE);
            training.groups.insert(0, pooler(rate));
        }
        (self.change)(&mut config, run);
        config
    }

    /// The method as reports tell of it.
    pub(super) fn described(&self, settings: &RunConfig) -> report::Method {
        report::Method {
            name: self.name.into(),
            title: self.title.into(),
            label: self.label.into(),
            description: self.description.into(),
            settings: in_words(settings),
            colour: self.colour,
        }
    }
}

/// The pooler at the rate of the classifier: many checkpoints have none that was trained.
fn pooler(rate: f64) -> GroupConfig {
    let pattern = r"^bert\.pooler\.".into();
    GroupConfig { pattern, learning_rate: Some(rate), weight_decay: None }
}

/// The learning rates of a method.
fn in_words(settings: &RunConfig) -> String {
    let training = &settings.training;
    let head = training
        .head_learning_rate
        .map(|rate| format!(", {rate:e} for the pooler and the classifier"));
    let decay = (training.layer_decay < 1.0)
        .then(|| format!(", times {} from each layer to the one below", training.layer_decay));
    format!(
        "Peak learning rate {:e}{}{}.",
        training.learning_rate,
        head.unwrap_or_default(),
        decay.unwrap_or_default()
    )
}

/// A method's own learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MethodRate {
    method: &'static str,
    rate: f64,
}

/// The method of a name.
pub(super) fn method(name: &str) -> Result<&'static Method, String> {
    let names = || METHODS.iter().map(|method| method.name).collect::<Vec<_>>().join(", ");
    let unknown = || format!("there is no such method; there are {}", names());
    METHODS.iter().find(|method| method.name == name).ok_or_else(unknown)
}

pub(super) fn method_rate(text: &str) -> Result<MethodRate, String> {
    let (name, rate) = text.split_once('=').ok_or("give METHOD=RATE, such as scratch=5e-4")?;
    let rate = rate.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate >= 0.0);
    let rate = rate.ok_or_else(|| format!("'{text}' has no rate, a number from 0 on"))?;
    Ok(MethodRate { method: method(name)?.name, rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(name: &str, rates: &[MethodRate]) -> RunConfig {
        let mut common = RunConfig::default();
        common.training.learning_rate = 2e-5;
        common.training.head_learning_rate = Some(1e-3);
        common.training.freeze_layers = 1;
        method(name).unwrap().settings(common, rates, Run { steps: 100, layers: 4 })
    }

    #[test]
    fn each_method_changes_what_makes_it_one() {
        let scratch = settings("scratch", &[]).training;
        assert_eq!((scratch.learning_rate, scratch.head_learning_rate), (5e-4, None));
        assert_eq!(scratch.freeze_layers, 0);
        let frozen = settings("frozen", &[]).training;
        assert_eq!((frozen.learning_rate, frozen.freeze.len()), (1e-3, 1));
        let full = settings("full", &[]).training;
        assert_eq!((full.learning_rate, full.head_learning_rate), (2e-5, Some(1e-3)));
        assert_eq!(full.groups[0].learning_rate, Some(1e-3));
        let gradual = settings("gradual", &[]).training;
        assert_eq!(gradual.gradual_unfreezing, Some("10 steps".parse().unwrap()));
        assert_eq!(gradual.layer_decay, 0.8);
    }

    #[test]
    fn a_rate_may_be_given_for_any_method() {
        let rates =
            ["full=3e-5", "scratch=1e-3", "scratch=2e-3"].map(|text| method_rate(text).unwrap());
        assert_eq!(settings("full", &rates).training.learning_rate, 3e-5);
        assert_eq!(settings("full", &rates).training.head_learning_rate, None);
        assert_eq!(settings("scratch", &rates).training.learning_rate, 2e-3);
        assert_eq!(settings("frozen", &rates).training.learning_rate, 1e-3);
        for text in ["full", "full=", "full=-1", "full=NaN", "none=1"] {
            assert!(method_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_and_colours_are_of_one_method_each() {
        for (i, method) in METHODS.iter().enumerate() {
            let mut others = METHODS[..i].iter();
            assert!(others.all(|other| other.name != method.name && other.colour != method.colour));
        }
    }
}
