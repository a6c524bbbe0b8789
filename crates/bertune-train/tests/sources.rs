//! Rows of other tasks and domains: what they weigh, and that a run with them goes on exactly.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use bertune_checkpoint::module_tensors;
use bertune_data::Dataset;
use bertune_encoder::{BertConfig, Initializer};
use bertune_head::{BertForSequenceClassification, LabelNames, SequenceClassificationConfig};
use bertune_tokenize::Encoding;
use bertune_train::{
    Event, FineTuned, History, Run, Sampling, SavedState, SourceRule, SourceWeighting, Sources,
    StopSignal, TrainError, TrainingConfig, TrainingData, WeightShare, fine_tune,
};
use burn_autodiff::Autodiff;
use burn_core::module::AutodiffModule;
use burn_flex::Flex;
use proptest::prelude::*;

type B = Autodiff<Flex>;

fn model() -> BertForSequenceClassification<B> {
    model_of(3)
}

fn model_of(seed: u64) -> BertForSequenceClassification<B> {
    let bert = BertConfig {
        vocab_size: 50,
        hidden_size: 16,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 32,
        max_position_embeddings: 32,
        ..BertConfig::default()
    };
    let config = SequenceClassificationConfig::new(bert, LabelNames::numbered(2));
    BertForSequenceClassification::new(&config, &Initializer::new(seed, 0.2), &Default::default())
}

/// Which class's tokens a text is of: those from 1 to 20 or from 21 to 40.
fn class(example: usize) -> usize {
    example / 2 % 2
}

/// Texts whose tokens say their class; those whose number is in `turned` have the other label.
fn dataset(examples: usize, turned: impl Fn(usize) -> bool) -> Dataset {
    let encoding = |i: usize| {
        let tokens = 3 + i * 7 % 6;
        let id = |t: usize| 1 + 20 * class(i) as u32 + (i * 31 + t * 17) as u32 % 20;
        Encoding {
            input_ids: (0..tokens).map(id).collect(),
            token_type_ids: vec![0; tokens],
            offsets: vec![(0, 0); tokens],
        }
    };
    let label = |i: usize| if turned(i) { 1 - class(i) } else { class(i) };
    Dataset::labelled((0..examples).map(encoding).collect(), (0..examples).map(label).collect())
}

fn sources(dataset: &Dataset, rows: &[usize], weighting: SourceWeighting) -> Sources {
    Sources::new(&model().valid(), dataset, rows, &weighting).unwrap()
}

fn shares(sources: &Sources, weights: &[f32], dataset: &Dataset) -> Vec<WeightShare> {
    sources.shares(weights, dataset, Sampling::Shuffled)
}

fn of(rule: SourceRule) -> SourceWeighting {
    SourceWeighting { rule, ..SourceWeighting::default() }
}

fn train(
    dataset: &Dataset,
    sources: Option<&Sources>,
    config: &TrainingConfig,
    run: Run<'_, B>,
) -> Result<FineTuned<B>, TrainError> {
    let label_names = LabelNames::numbered(2).names().to_vec();
    let data =
        TrainingData { train: dataset, validation: dataset, label_names: &label_names, sources };
    fine_tune(model(), data, config, run)
}

/// With parts, dropout and an evaluation between epochs.
fn config() -> TrainingConfig {
    TrainingConfig {
        epochs: 4,
        batch_size: 8,
        micro_batch_size: Some(3),
        learning_rate: 3e-3,
        evaluate_every: "5 steps".parse().unwrap(),
        ..TrainingConfig::default()
    }
}

#[test]
fn sources_that_count_alike_are_as_rows_of_the_data_set() {
    let dataset = dataset(24, |_| false);
    let sources = sources(&dataset, &[10, 4], SourceWeighting::default());
    let of_sources = train(&dataset, Some(&sources), &config(), Run::default()).unwrap();
    let of_rows = train(&dataset, None, &config(), Run::default()).unwrap();
    let tensors = |tuned: &FineTuned<B>| module_tensors::<Flex, _>(&tuned.model);
    assert!(tensors(&of_sources) == tensors(&of_rows));
    let history = History { source_examples: 14, ..of_rows.history };
    assert_eq!(of_sources.history, history);
    assert_eq!(of_sources.weights.as_deref(), Some(sources.weights()));
}

/// Steps of one row would cancel a weight in the loss.
#[test]
fn sources_that_count_less_are_met_less_often() {
    let dataset = dataset(60, |_| false);
    // Rows of the source that weigh nothing have a loss of 0, which tells whose row a step had.
    let told = dataset.clone().weighted([vec![1.0; 10], vec![0.0; 50]].concat());
    let config = TrainingConfig { batch_size: 1, micro_batch_size: None, ..config() };
    let met = |factor| {
        let weighting = SourceWeighting { factor: Some(factor), ..Default::default() };
        let alike = sources(&dataset, &[50], weighting);
        let sources = sources(&told, &[50], weighting);
        let run = train(&told, Some(&sources), &config, Run::default()).unwrap();
        let losses = run.history.steps.iter().map(|step| step.loss);
        let of_target = losses.filter(|&loss| loss > 0.0).count();
        (shares(&alike, alike.weights(), &dataset)[0].share, of_target, run.history.steps.len())
    };
    let (alike, seldom) = (met(1.0), met(0.01));
    assert!((alike.0 - 10.0 / 60.0).abs() < 1e-6 && (seldom.0 - 10.0 / 10.5).abs() < 1e-6);
    assert_eq!((alike.1, alike.2), (40, 240));
    // 229 are expected, and the standard deviation is 3.
    assert!((214..240).contains(&seldom.1) && seldom.2 == 240, "{}", seldom.1);
}

#[test]
fn shares_follow_balanced_sampling() {
    let dataset = dataset(60, |_| false);
    let sources = sources(&dataset, &[44], SourceWeighting::default());
    // Rows 16 to 59 are 22 of each class: turned to one class, they share it with 8 of the target.
    let turned = self::dataset(60, |i| i >= 16 && class(i) == 1);
    let share = |sampling| sources.shares(sources.weights(), &turned, sampling)[1].share;
    assert!((share(Sampling::Shuffled) - 44.0 / 60.0).abs() < 1e-9);
    assert!((share(Sampling::Balanced) - 44.0 / 52.0 / 2.0).abs() < 1e-9);
}

#[test]
fn a_column_says_how_often_a_row_of_a_source_is_drawn() {
    let said = [vec![2.0; 4], vec![0.0, 3.0]].concat();
    let dataset = dataset(6, |_| false).weighted(said);
    let sources = sources(&dataset, &[2], of(SourceRule::Column));
    assert_eq!(sources.weights(), [2.0, 2.0, 2.0, 2.0, 1.0, 1.0]);
    let share = shares(&sources, sources.weights(), &dataset)[1].share;
    assert!((share - 3.0 / 11.0).abs() < 1e-6, "{share}");
}

#[test]
fn a_source_of_which_no_row_counts_is_refused() {
    let said = [vec![1.0; 3], vec![2.0, 0.0], vec![0.0; 2]].concat();
    let dataset = dataset(7, |_| false).weighted(said);
    let model = model().valid();
    let of_column = |rows: &[usize]| Sources::new(&model, &dataset, rows, &of(SourceRule::Column));
    assert!(of_column(&[4]).is_ok());
    let message = of_column(&[2, 2]).unwrap_err().to_string();
    assert!(message.starts_with("every row of source 2 has the weight 0"), "{message}");
}

#[test]
fn a_source_that_is_smaller_than_the_target_is_not_blown_up() {
    let dataset = dataset(42, |_| false);
    let sources = sources(&dataset, &[2], of(SourceRule::TrAdaBoost));
    assert_eq!(shares(&sources, sources.weights(), &dataset)[1].share, 2.0 / 42.0);
}

#[test]
fn sources_weigh_as_much_as_the_target_where_nothing_is_said() {
    let dataset = dataset(60, |_| false).weighted([vec![2.0; 12], vec![1.0; 48]].concat());
    let uniform = sources(&dataset, &[48], of(SourceRule::Uniform));
    assert_eq!(shares(&uniform, uniform.weights(), &dataset)[1].share, 48.0 / 72.0);
    let boosted = sources(&dataset, &[40, 8], of(SourceRule::TrAdaBoost));
    let shares = shares(&boosted, boosted.weights(), &dataset);
    let near = |share: f64, expected: f64| assert!((share - expected).abs() < 1e-6, "{share}");
    near(shares[0].share, 0.5);
    near(shares[1].share, 0.5 * 40.0 / 48.0);
    near(shares[2].effective_rows, 8.0);
}

#[test]
fn a_source_with_other_labels_is_not_drawn() {
    let dataset = dataset(100, |i| i >= 70);
    let sources = sources(&dataset, &[30, 30], of(SourceRule::Domain));
    let [Some(right), turned] = *sources.agreements() else { panic!("an agreement of each") };
    assert!(right > 0.5 && turned == Some(0.0), "{right} {turned:?}");
    let shares = shares(&sources, sources.weights(), &dataset);
    assert!(shares[1].share > 0.1 && shares[2].share == 0.0, "{shares:?}");
}

#[test]
fn labels_of_one_class_say_nothing_against_a_source() {
    let dataset = dataset(80, |i| i >= 40 && class(i) == 1);
    let sources = sources(&dataset, &[40], of(SourceRule::Domain));
    assert_eq!(sources.agreements(), [None]);
    assert!(shares(&sources, sources.weights(), &dataset)[1].share > 0.01);
}

/// Each state file after a run up to step `end`.
fn run_to(dataset: &Dataset, sources: &Sources, end: usize, from: Option<&Path>, to: &Path) {
    let stop = StopSignal::default();
    let run = Run::default()
        .telling(|event| match event {
            Event::Step { record, .. } if record.step == end => stop.stop(),
            _ => {}
        })
        .saving(None, |state| state.save(to))
        .resuming(from.map(|folder| SavedState::read(folder).unwrap()))
        .until(stop.clone());
    train(dataset, Some(sources), &config(), run).unwrap();
}

const STATE_FILES: [&str; 5] = [
    "model.safetensors",
    "optimizer.safetensors",
    "best.safetensors",
    "weights.safetensors",
    "state.json",
];

#[test]
fn a_run_with_sources_goes_on_from_any_step_bit_for_bit() {
    let dataset = dataset(29, |i| i >= 9 && i % 3 == 0);
    let every = "3 steps".parse().unwrap();
    for rule in [SourceRule::Domain, SourceRule::TrAdaBoost] {
        let sources = sources(&dataset, &[20], SourceWeighting { every, ..of(rule) });
        let folder = || tempfile::tempdir().unwrap();
        let (whole, steps) = (folder(), 16);
        run_to(&dataset, &sources, steps, None, whole.path());
        for stop in 1..steps {
            let (half, resumed) = (folder(), folder());
            run_to(&dataset, &sources, stop, None, half.path());
            run_to(&dataset, &sources, steps, Some(half.path()), resumed.path());
            for file in STATE_FILES {
                let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
                assert!(read(whole.path()) == read(resumed.path()), "{file}, {rule:?}, {stop}");
            }
        }
    }
}

/// As on another processor, where features are rounded otherwise.
#[test]
fn a_run_draws_what_it_drew_before_it_was_stopped() {
    let dataset = dataset(60, |i| i >= 30 && i % 3 == 0);
    let sources = sources(&dataset, &[30], of(SourceRule::Domain));
    let other_model = model_of(4).valid();
    let other = Sources::new(&other_model, &dataset, &[30], sources.weighting()).unwrap();
    assert_ne!(sources.agreements(), other.agreements());
    let folder = || tempfile::tempdir().unwrap();
    let (whole, half, resumed) = (folder(), folder(), folder());
    run_to(&dataset, &sources, 20, None, whole.path());
    run_to(&dataset, &sources, 9, None, half.path());
    run_to(&dataset, &other, 20, Some(half.path()), resumed.path());
    for file in STATE_FILES.into_iter().chain(["draws.safetensors"]) {
        let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert!(read(whole.path()) == read(resumed.path()), "{file}");
    }
}

#[test]
fn a_state_of_other_sources_is_refused() {
    let dataset = dataset(29, |_| false);
    let boosted = sources(&dataset, &[20], of(SourceRule::TrAdaBoost));
    let folder = tempfile::tempdir().unwrap();
    run_to(&dataset, &boosted, 3, None, folder.path());
    let refused = |sources: Option<&Sources>| {
        let run = Run::default().resuming(Some(SavedState::read(folder.path()).unwrap()));
        train(&dataset, sources, &config(), run).unwrap_err().to_string()
    };
    let others = [
        sources(&dataset, &[20], of(SourceRule::Uniform)),
        sources(&dataset, &[19], of(SourceRule::TrAdaBoost)),
    ];
    for other in [None, Some(&others[0]), Some(&others[1])] {
        assert!(refused(other).contains("training examples are not those"));
    }
    std::fs::remove_file(folder.path().join("weights.safetensors")).unwrap();
    assert!(refused(Some(&boosted)).contains("does not weigh as many examples"));
}

#[test]
fn rows_with_the_wrong_label_lose_and_the_others_do_not() {
    let dataset = dataset(120, |i| i >= 40 && i % 4 == 0);
    let every = "8 steps".parse().unwrap();
    let boosted = sources(&dataset, &[80], SourceWeighting { every, ..of(SourceRule::TrAdaBoost) });
    let tuned = train(&dataset, Some(&boosted), &config(), Run::default()).unwrap();
    let weights = tuned.weights.unwrap();
    let mean = |turned: bool| {
        let rows: Vec<f32> =
            (40..120).filter(|i| (i % 4 == 0) == turned).map(|i| weights[i]).collect();
        rows.iter().sum::<f32>() / rows.len() as f32
    };
    assert!(mean(true) < 0.25 * mean(false), "{} {}", mean(true), mean(false));
    let (before, after) =
        (shares(&boosted, boosted.weights(), &dataset), shares(&boosted, &weights, &dataset));
    assert!(after[1].share < before[1].share);
    assert!(after[1].effective_rows < before[1].effective_rows);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn weights_are_those_of_the_rule_whatever_the_rows(
        target in 2usize..12,
        first in 1usize..20,
        second in 0usize..20,
        rule in prop::sample::select(vec![
            SourceRule::Uniform,
            SourceRule::Column,
            SourceRule::Domain,
            SourceRule::TrAdaBoost,
        ]),
        factor in prop::option::of(0.001f64..3.0),
        clip in 0.1f64..20.0,
        flattening in 0.0f64..=1.0,
    ) {
        // A source without rows has none that counts, which a column refuses.
        let second = if rule == SourceRule::Column { second.max(1) } else { second };
        let dataset = dataset(target + first + second, |i| i % 5 == 0);
        let weighting = SourceWeighting { rule, factor, clip, flattening, ..Default::default() };
        let sources = sources(&dataset, &[first, second], weighting);
        prop_assert_eq!(&sources, &self::sources(&dataset, &[first, second], weighting));
        let weights = sources.weights();
        prop_assert!(weights[..target].iter().all(|&weight| weight == 1.0));
        let most = match rule {
            SourceRule::Domain => clip.powf(flattening),
            _ => 1.0,
        };
        let within = |&weight: &f32| (0.0..=most * 1.000001 + 1e-9).contains(&f64::from(weight));
        prop_assert!(weights[target..].iter().all(within), "{:?} {}", weights, most);
        let agreements = sources.agreements();
        let asked = rule == SourceRule::Domain;
        prop_assert!(agreements.iter().flatten().all(|told| asked && (0.0..=1.0).contains(told)));
        prop_assert_eq!(agreements.len(), 2);
        let shares = shares(&sources, weights, &dataset);
        prop_assert_eq!(shares.iter().map(|share| share.rows).sum::<usize>(), dataset.len());
        prop_assert!((shares.iter().map(|share| share.share).sum::<f64>() - 1.0).abs() < 1e-6);
        for share in shares {
            prop_assert!(share.effective_rows <= share.rows as f64 * 1.000001);
        }
    }
}
