use bertune::data::{Dataset, Targets};
use bertune::head::Decisions;
use bertune::metrics::{Bootstrap, Interval, MetricName, PairedDifference, SeedSummary};
use bertune::train::{
    Evaluation, Sampling, SourceRule, Sources, TrainingConfig, WeightShare, fit_decisions,
};
use serde::{Deserialize, Serialize};

use crate::progress::in_digits;
use crate::text_table;

/// What sources were to a run: part of its record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceReport {
    /// The target, then each source, as they weighed at the beginning.
    pub(crate) parts: Vec<PartReport>,
    /// The same at the end, where the weights have changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts_at_end: Vec<PartReport>,
    /// Whether the sources helped.
    pub(crate) check: Option<CheckReport>,
}

/// What part the target or a source has in the weight of all training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartReport {
    /// `target`, or the source's file.
    pub(crate) name: String,
    pub(crate) weight: WeightShare,
    /// How far a source's labels tell what the target's tell, where the rule asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agreement: Option<f64>,
}

/// A model that learned from the sources beside one that did not, on the validation rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckReport {
    metric: MetricName,
    rows: usize,
    with_sources: f64,
    target_only: f64,
    /// With less without.
    difference: PairedDifference,
}

impl SourceReport {
    /// What `sources` of these names were to a run on `train`, whose rows weighed so much `at_end`.
    pub(crate) fn new(
        names: &[String],
        sources: &Sources,
        (train, sampling): (&Dataset, Sampling),
        at_end: Option<&[f32]>,
    ) -> Self {
        let parts = |weights: &[f32]| -> Vec<PartReport> {
            let names = std::iter::once("target").chain(names.iter().map(String::as_str));
            let agreements = std::iter::once(None).chain(sources.agreements().iter().copied());
            let parts = names.zip(sources.shares(weights, train, sampling)).zip(agreements);
            let part = |((name, weight), agreement): ((&str, _), _)| PartReport {
                name: name.to_owned(),
                weight,
                agreement,
            };
            parts.map(part).collect()
        };
        let changes = sources.weighting().rule == SourceRule::TrAdaBoost;
        let parts_at_end = at_end.filter(|_| changes).map_or_else(Vec::new, parts);
        Self { parts: parts(sources.weights()), parts_at_end, check: None }
    }

    /// What part each had, as a table for people.
    pub(crate) fn print(&self) {
        let by_name = [("", &self.parts), (" at the end", &self.parts_at_end)];
        let told = by_name.into_iter().filter(|(_, parts)| !parts.is_empty());
        for (when, parts) in told {
            outln!("\nTarget and sources{when}");
            text_table::lines(&rows(parts)).iter().for_each(|line| outln!("{line}"));
        }
    }
}

fn rows(parts: &[PartReport]) -> Vec<Vec<String>> {
    let head = ["", "rows", "share of the weight", "effective rows", "labels agree"];
    let columns = if parts.iter().any(|part| part.agreement.is_some()) { 5 } else { 4 };
    let row = |PartReport { name, weight, agreement }: &PartReport| {
        let WeightShare { rows, share, effective_rows } = weight;
        let agreement = agreement.map_or(String::new(), |agreement| format!("{agreement:.2}"));
        let rows = rows.to_string();
        vec![name.clone(), rows, format!("{share:.4}"), format!("{effective_rows:.1}"), agreement]
    };
    let mut rows: Vec<_> =
        [head.map(String::from).to_vec()].into_iter().chain(parts.iter().map(row)).collect();
    rows.iter_mut().for_each(|row| row.truncate(columns));
    rows
}

impl CheckReport {
    /// Compares the two models' evaluations of the validation rows, by the paired bootstrap; each
    /// decides as it would be kept.
    ///
    /// `None` where the metric is undefined on them.
    pub(crate) fn new(
        (metric, config): (MetricName, &TrainingConfig),
        targets: &Targets,
        with_sources: &Evaluation,
        target_only: &Evaluation,
    ) -> Option<Self> {
        let kept = |evaluation| (evaluation, fit_decisions(config, evaluation, targets));
        let (with_sources, target_only) = (&kept(with_sources), &kept(target_only));
        let score = |(evaluation, decisions): &(&Evaluation, Decisions), rows: &[usize]| {
            evaluation.score_of(rows, metric, targets, decisions)
        };
        let rows = targets.len();
        let all: Vec<usize> = (0..rows).collect();
        let bootstrap = Bootstrap { resamples: 2000, seed: 1 };
        Some(Self {
            metric,
            rows,
            with_sources: score(with_sources, &all)?,
            target_only: score(target_only, &all)?,
            difference: bootstrap.paired_difference(
                rows,
                |rows| score(with_sources, rows),
                |rows| score(target_only, rows),
            )?,
        })
    }

    /// Whether the sources helped, in words.
    pub(crate) fn verdict(&self) -> &'static str {
        let interval = self.difference.interval;
        let gain = self.metric.higher_is_better() == (self.difference.difference > 0.0);
        let is_one = interval.low > 0.0 || interval.high < 0.0;
        match (is_one && self.rows >= Bootstrap::FEW_ROWS, gain) {
            (false, _) => "Whether the sources helped this model cannot be told from these rows",
            (true, true) => "The sources helped this model",
            (true, false) => "The sources harmed this model",
        }
    }

    pub(crate) fn print(&self) {
        let Self { metric, rows, with_sources, target_only, difference } = self;
        outln!(
            "{}: {metric} on the {rows} validation rows {with_sources:.4} with them, \
             {target_only:.4} by the same settings on the target alone; difference {:+.4}, 95 % \
             interval {:.4} to {:.4}, p {:.4}. Another --seed may fall otherwise",
            self.verdict(),
            difference.difference,
            difference.interval.low,
            difference.interval.high,
            difference.p_value,
        );
    }
}

/// What sources changed in the runs of several seeds: part of their summary.
#[derive(Debug, Serialize)]
pub(crate) struct SourcesOverSeeds {
    metric: MetricName,
    /// Those whose run was compared with one on the target alone.
    seeds: Vec<u64>,
    /// With less without, on the validation rows.
    differences: Vec<f64>,
    summary: SeedSummary,
}

impl SourcesOverSeeds {
    /// `None` where no run was compared.
    pub(crate) fn new<'a>(
        runs: impl Iterator<Item = (u64, Option<&'a SourceReport>)>,
    ) -> Option<Self> {
        let checks = runs.filter_map(|(seed, report)| Some((seed, report?.check.as_ref()?)));
        let checks: Vec<(u64, &CheckReport)> = checks.collect();
        let metric = checks.first()?.1.metric;
        let differences = checks.iter().map(|(_, check)| check.difference.difference);
        Self::of(metric, checks.iter().map(|(seed, _)| *seed).collect(), differences.collect())
    }

    fn of(metric: MetricName, seeds: Vec<u64>, differences: Vec<f64>) -> Option<Self> {
        let summary = SeedSummary::new(&differences)?;
        Some(Self { metric, seeds, differences, summary })
    }

    /// Whether sources help, in one sentence.
    pub(crate) fn in_words(&self) -> String {
        let Self { metric, seeds, summary, .. } = self;
        let SeedSummary { mean, standard_deviation, .. } = summary;
        let over = match seeds.len() {
            1 => "in one run".to_owned(),
            runs => format!("over {runs} runs"),
        };
        let (verdict, interval) = self.verdict();
        format!(
            "{verdict}: {over}, {metric} on the validation rows with them minus that on the target \
             alone is {mean:+.4} ± {}, {interval}",
            in_digits(*standard_deviation),
        )
    }

    /// What can be told, and by which interval.
    fn verdict(&self) -> (&'static str, String) {
        let unknown = "Whether the sources help cannot be told";
        let Some(Interval { low, high }) = self.summary.interval else {
            return (unknown, "no interval: it takes two seeds".to_owned());
        };
        let helps = self.metric.higher_is_better() == (self.summary.mean > 0.0);
        let (verdict, position) = match (low > 0.0 || high < 0.0, helps) {
            // Seeds that do not differ do not tell how much they can.
            _ if high - low < 1e-9 => (unknown, "has no width"),
            (false, _) => (unknown, "does not exclude 0"),
            (true, true) => ("The sources help", "excludes 0"),
            (true, false) => ("The sources harm", "excludes 0"),
        };
        (verdict, format!("95 % interval {low:.4} to {high:.4}, which {position}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model that is right about all but so many of 60 rows, the first of them.
    fn evaluation(wrong: usize, targets: &Targets) -> Evaluation {
        let logits = (0..60).flat_map(|row| if row < wrong { [1.0, 0.0] } else { [0.0, 1.0] });
        Evaluation::new(logits.collect(), 2, targets, &Decisions::default())
    }

    fn check(with_sources: usize, target_only: usize, metric: MetricName, expected: &str) {
        let targets = Targets::Classes(vec![1; 60]);
        let of = |wrong| evaluation(wrong, &targets);
        let how = (metric, &TrainingConfig::default());
        let report = CheckReport::new(how, &targets, &of(with_sources), &of(target_only));
        let verdict = report.unwrap().verdict();
        assert!(verdict.starts_with(expected), "{verdict}");
    }

    fn check_seeds(differences: &[f64], metric: MetricName, begins: &str, ends: &str) {
        let seeds = (1..=differences.len() as u64).collect();
        let over_seeds = SourcesOverSeeds::of(metric, seeds, differences.to_vec()).unwrap();
        let told = over_seeds.in_words();
        assert!(told.starts_with(begins) && told.ends_with(ends), "{told}");
    }

    #[test]
    fn several_seeds_say_whether_sources_help() {
        let (gains, losses) = ([0.02, 0.03, 0.04], [-0.02, -0.03, -0.04]);
        let unknown = "Whether the sources help cannot be told";
        check_seeds(&gains, MetricName::Accuracy, "The sources help:", "which excludes 0");
        check_seeds(&losses, MetricName::Accuracy, "The sources harm:", "which excludes 0");
        check_seeds(&losses, MetricName::Loss, "The sources help:", "which excludes 0");
        check_seeds(&[0.02, -0.03, 0.04], MetricName::Loss, unknown, "which does not exclude 0");
        check_seeds(&[0.1; 3], MetricName::Accuracy, unknown, "which has no width");
        check_seeds(&[0.1], MetricName::Accuracy, unknown, "no interval: it takes two seeds");
        assert!(SourcesOverSeeds::new([(1, None)].into_iter()).is_none());
    }

    #[test]
    fn few_rows_do_not_tell() {
        let verdict = |rows: usize| {
            let targets = Targets::Classes(vec![1; rows]);
            let all = |logits: [f64; 2]| {
                Evaluation::new(logits.repeat(rows), 2, &targets, &Decisions::default())
            };
            let how = (MetricName::Accuracy, &TrainingConfig::default());
            CheckReport::new(how, &targets, &all([0.0, 1.0]), &all([1.0, 0.0])).unwrap().verdict()
        };
        assert!(verdict(Bootstrap::FEW_ROWS - 1).contains("cannot be told"));
        assert_eq!(verdict(Bootstrap::FEW_ROWS), "The sources helped this model");
    }

    /// Sets are decided by the thresholds that fit each model, not by a half.
    #[test]
    fn each_model_decides_as_it_would_be_kept() {
        let values = (0..60).flat_map(|row| [f32::from(row % 2 == 0), f32::from(row % 3 == 0)]);
        let targets = Targets::Sets { values: values.collect(), classes: 2 };
        let Targets::Sets { values, .. } = &targets else { unreachable!() };
        // Both tell all classes apart, one of them with no probability above a half.
        let evaluation = |shift: f64| {
            let logits = values.iter().map(|&value| 4.0 * f64::from(value) - 2.0 + shift);
            Evaluation::new(logits.collect(), 2, &targets, &Decisions::default())
        };
        let how = (MetricName::MicroF1, &TrainingConfig::default());
        let report = CheckReport::new(how, &targets, &evaluation(0.0), &evaluation(-5.0)).unwrap();
        assert_eq!((report.with_sources, report.target_only), (1.0, 1.0));
    }

    #[test]
    fn the_verdict_says_whether_the_sources_helped() {
        check(2, 30, MetricName::Accuracy, "The sources helped");
        check(30, 2, MetricName::Accuracy, "The sources harmed");
        check(3, 2, MetricName::Accuracy, "Whether the sources helped this model cannot be");
        check(2, 2, MetricName::Accuracy, "Whether the sources helped this model cannot be");
        check(2, 30, MetricName::Loss, "The sources helped");
        check(30, 2, MetricName::Loss, "The sources harmed");
    }
}
