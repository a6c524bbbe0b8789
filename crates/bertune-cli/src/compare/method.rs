use bertune::report;
use bertune::train::{GroupConfig, LoraConfig};

use super::every::every;
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

/// The method that has adapters.
pub(super) const LORA: &str = "lora";

/// The embeddings and the layers.
const ENCODER: &str = r"^bert\.(embeddings|encoder)\.";

/// The rate of what is new above a pretrained encoder: in the few steps of a small size, a
/// classifier and a pooler at the encoder's rate learn next to nothing.
const HEAD_RATE: f64 = 5e-4;

/// All methods, in the order in which they are shown.
pub(super) static METHODS: [Method; 5] = [
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
        change: |config, _| config.training.freeze.push(ENCODER.into()),
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
            training.gradual_unfreezing = Some(every(run.steps / 2 / stages));
            if training.layer_decay == 1.0 {
                training.layer_decay = 0.8;
            }
        },
    },
    Method {
        name: LORA,
        title: "low-rank adaptation",
        label: "low-rank adapters",
        description: "The pretrained weights stay as they are; low-rank changes of some linear maps \
                      learn (LoRA), and the pooler and the classifier.",
        colour: 4,
        rate: Some(5e-4),
        weights: Weights::Pretrained,
        change: |config, _| config.training.lora = Some(LoraConfig::default()),
    },
];

impl Method {
    /// The settings of a run by this method.
    pub(super) fn settings(
        &self,
        mut config: RunConfig,
        rates: &[MethodNumber],
        run: Run,
    ) -> RunConfig {
        config.training.gradual_unfreezing = None;
        // Of the one method that has adapters.
        let lora = config.training.lora.take();
        let training = &mut config.training;
        if let Some(rate) = self.own(rates).or(self.rate) {
            training.learning_rate = rate;
            training.head_learning_rate = None;
        } else {
            let rate = *training.head_learning_rate.get_or_insert(HEAD_RATE);
            training.groups.insert(0, pooler(rate));
        }
        (self.change)(&mut config, run);
        if let (Some(its), Some(given)) = (&mut config.training.lora, lora) {
            *its = given;
        }
        config
    }

    /// Its own number, if it has been given one.
    pub(super) fn own(&self, numbers: &[MethodNumber]) -> Option<f64> {
        numbers.iter().find(|own| own.method == self.name).map(|own| own.number)
    }

    /// The method as reports tell of it, with these settings and this share of a size's steps.
    pub(super) fn described(&self, settings: &RunConfig, step_share: f64) -> report::Method {
        let description = match frozen(settings) {
            None => self.description.into(),
            Some(frozen) => {
                let learns = self.description.trim_end_matches('.');
                format!("{learns}, but for what is frozen: {frozen}.")
            }
        };
        report::Method {
            name: self.name.into(),
            title: self.title.into(),
            label: self.label.into(),
            description,
            settings: in_words(settings),
            step_share,
            colour: self.colour,
        }
    }
}

/// The pooler at the rate of the classifier: many checkpoints have none that was trained.
fn pooler(rate: f64) -> GroupConfig {
    let pattern = r"^bert\.pooler\.".into();
    GroupConfig { pattern, learning_rate: Some(rate), weight_decay: None }
}

/// What the settings freeze, where that is not the whole encoder, which the method says.
fn frozen(settings: &RunConfig) -> Option<String> {
    let training = &settings.training;
    let (encoder, patterns): (Vec<_>, Vec<_>) =
        training.freeze.iter().partition(|pattern| pattern.as_str() == ENCODER);
    let embeddings = training.freeze_embeddings.then(|| "the embeddings".to_owned());
    let layers = match training.freeze_layers {
        0 => None,
        1 => Some("the lowest layer".to_owned()),
        layers => Some(format!("the lowest {layers} layers")),
    };
    let of_encoder = embeddings.into_iter().chain(layers).filter(|_| encoder.is_empty());
    let by_name = patterns.into_iter().map(|pattern| format!("what matches '{pattern}'"));
    let parts: Vec<String> = of_encoder.chain(by_name).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
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

/// A number of a method's own: its learning rate, or its share of the steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MethodNumber {
    pub(super) method: &'static str,
    pub(super) number: f64,
}

/// The method of a name.
pub(super) fn method(name: &str) -> Result<&'static Method, String> {
    let names = || METHODS.iter().map(|method| method.name).collect::<Vec<_>>().join(", ");
    let unknown = || format!("there is no such method; there are {}", names());
    METHODS.iter().find(|method| method.name == name).ok_or_else(unknown)
}

pub(super) fn method_rate(text: &str) -> Result<MethodNumber, String> {
    let (name, rate) = text.split_once('=').ok_or("give METHOD=RATE, such as scratch=5e-4")?;
    let rate = rate.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate >= 0.0);
    let number = rate.ok_or_else(|| format!("'{text}' has no rate, a number from 0 on"))?;
    Ok(MethodNumber { method: method(name)?.name, number })
}

pub(super) fn step_share(text: &str) -> Result<MethodNumber, String> {
    let (name, share) = text.split_once('=').ok_or("give METHOD=SHARE, such as full=0.33")?;
    let share = share.parse().ok().filter(|share: &f64| *share > 0.0 && *share <= 1.0);
    let number = share.ok_or_else(|| format!("'{text}' has no share, above 0 and up to 1"))?;
    Ok(MethodNumber { method: method(name)?.name, number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(name: &str, rates: &[MethodNumber]) -> RunConfig {
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
        let lora = settings("lora", &[]).training;
        assert_eq!((lora.learning_rate, lora.lora), (5e-4, Some(LoraConfig::default())));
    }

    #[test]
    fn what_is_frozen_is_told() {
        let described = |name: &str| {
            let mut settings = settings(name, &[]);
            settings.training.freeze_embeddings = name != REFERENCE;
            method(name).unwrap().described(&settings, 1.0).description
        };
        let full = "All pretrained weights learn, but for what is frozen: the embeddings, the \
                    lowest layer.";
        assert_eq!(described("full"), full);
        assert!(!["scratch", "frozen"].map(described).concat().contains("but for what"));
    }

    #[test]
    fn flags_of_adapters_are_for_adapters_alone() {
        let mut common = RunConfig::default();
        let given = LoraConfig { rank: 2, ..LoraConfig::default() };
        common.training.lora = Some(given.clone());
        let of = |name: &str| {
            let run = Run { steps: 100, layers: 4 };
            method(name).unwrap().settings(common.clone(), &[], run).training.lora
        };
        assert_eq!(["scratch", "full", "lora"].map(of), [None, None, Some(given)]);
    }

    #[test]
    fn a_rate_may_be_given_for_any_method() {
        let rates = ["full=3e-5", "scratch=2e-3"].map(|text| method_rate(text).unwrap());
        assert_eq!(settings("full", &rates).training.learning_rate, 3e-5);
        assert_eq!(settings("full", &rates).training.head_learning_rate, None);
        assert_eq!(settings("scratch", &rates).training.learning_rate, 2e-3);
        assert_eq!(settings("frozen", &rates).training.learning_rate, 1e-3);
        for text in ["full", "full=", "full=-1", "full=NaN", "none=1"] {
            assert!(method_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_of_the_steps_lies_above_0_and_up_to_1() {
        let shares = ["full=0.33", "scratch=1"].map(|text| step_share(text).unwrap());
        let own = |name: &str| method(name).unwrap().own(&shares);
        assert_eq!(["scratch", "frozen", "full"].map(own), [Some(1.0), None, Some(0.33)]);
        for text in ["full", "full=", "full=0", "full=1.5", "full=NaN", "none=0.5"] {
            assert!(step_share(text).is_err(), "{text}");
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
