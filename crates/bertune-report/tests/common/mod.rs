//! Comparisons that nobody measured, for tests.

use bertune_metrics::MetricName;
use bertune_report::{Cell, Comparison, CurvePoint, Method, Size};

/// The steps of every method and size.
pub(crate) const STEPS: usize = 100;

/// What a run is to look like: the final score, the step at which its curve stops rising, and the
/// gap at the end.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) score: f64,
    pub(crate) flat_from: usize,
    pub(crate) gap: f64,
}

/// A comparison of these methods on these sizes; `shape` says what each run is like.
pub(crate) fn comparison(
    methods: &[&str],
    sizes: &[usize],
    seeds: u64,
    shape: impl Fn(&str, usize, u64) -> Shape,
) -> Comparison {
    let mut cells = Vec::new();
    for &method in methods {
        for &examples in sizes {
            cells.extend(
                (1..=seeds).map(|seed| cell(method, examples, seed, shape(method, examples, seed))),
            );
        }
    }
    Comparison {
        model: "some-bert".into(),
        data: "messages.csv".into(),
        metric: MetricName::Accuracy,
        validation_examples: 80,
        test_examples: Some(160),
        majority: Some(0.13),
        train_sample: 1000,
        methods: methods.iter().map(|name| method(name)).collect(),
        reference: "scratch".into(),
        sizes: sizes.iter().map(|&examples| Size { examples, steps: STEPS }).collect(),
        seeds: (1..=seeds).collect(),
        cells,
        failures: Vec::new(),
        command: "bertune compare --model some-bert --train messages.csv --output out".into(),
        program: "bertune 0.1.0".into(),
    }
}

fn method(name: &str) -> Method {
    let (title, label, colour) = match name {
        "scratch" => ("training from scratch", "from scratch", 0),
        "frozen" => ("the frozen encoder", "frozen encoder", 1),
        "full" => ("full fine-tuning", "full fine-tuning", 2),
        _ => ("gradual unfreezing", "gradual unfreezing", 3),
    };
    Method {
        name: name.into(),
        title: title.into(),
        label: label.into(),
        description: format!("What {title} does."),
        settings: "Learning rate 5e-5.".into(),
        step_share: 1.0,
        colour,
    }
}

fn cell(method: &str, examples: usize, seed: u64, shape: Shape) -> Cell {
    let point = |step: usize| {
        let share = (step as f64 / shape.flat_from as f64).min(1.0);
        let validation = 0.1 + (shape.score - 0.1) * share;
        CurvePoint {
            step,
            train_loss: 2.0 * (1.0 - share) + 0.1,
            train_score: Some(validation + shape.gap * share),
            validation_loss: 2.0 - share,
            validation_score: Some(validation),
        }
    };
    Cell {
        method: method.into(),
        examples,
        seed,
        curve: (0..=STEPS).step_by(5).map(point).collect(),
        best_step: shape.flat_from,
        score: Some(shape.score - 0.01),
    }
}

/// A little that differs from seed to seed and from method to method, always the same.
pub(crate) fn noise(method: &str, seed: u64) -> f64 {
    let hash = method.bytes().fold(seed * 31, |hash, byte| hash * 7 + u64::from(byte));
    ((hash % 11) as f64 - 5.0) / 5.0
}

/// Four methods, four sizes and three seeds, as one would expect them.
pub(crate) fn usual() -> Comparison {
    let methods = ["scratch", "frozen", "full", "gradual"];
    comparison(&methods, &[64, 256, 1024, 6920], 3, |method, examples, seed| {
        let size = (examples as f64).ln();
        let (score, flat_from, gap) = match method {
            "scratch" => (0.05 * size, 80, 0.8 - 0.07 * size),
            "frozen" => (0.55 + 0.015 * size, 60, 0.06),
            "full" => (0.45 + 0.05 * size, 50, 0.3 - 0.02 * size),
            _ => (0.5 + 0.043 * size, 70, 0.25 - 0.02 * size),
        };
        Shape {
            score: score + 0.012 * noise(method, seed),
            flat_from,
            gap: gap + 0.01 * noise(method, seed + 3),
        }
    })
}
