use anyhow::bail;
use bertune::head::SequenceClassificationConfig;
use bertune::report::Size;

use super::args::CompareArgs;
use super::every::every;
use super::method::{METHODS, Method, MethodNumber, Run};
use super::size::rows_of;
use crate::count::count;
use crate::run_config::RunConfig;
use crate::training::Training;

/// All runs of a comparison: each method on each size with each seed.
pub(super) struct Grid {
    pub(super) methods: Vec<&'static Method>,
    pub(super) sizes: Vec<Size>,
    pub(super) seeds: Vec<u64>,
    rates: Vec<MethodNumber>,
    step_shares: Vec<MethodNumber>,
    /// How often a run is measured on its way, if its settings do not say it.
    evaluations: Option<usize>,
    layers: usize,
}

/// A run that is to be.
pub(super) struct Planned {
    pub(super) method: &'static Method,
    pub(super) size: Size,
    pub(super) seed: u64,
    /// All its settings; no folder of a result.
    pub(super) settings: RunConfig,
}

impl Grid {
    pub(super) fn new(args: &CompareArgs, training: &Training) -> anyhow::Result<Self> {
        let mut sizes = Vec::new();
        for examples in rows_of(&args.sizes, &training.tables)? {
            sizes.push(Size { examples, steps: steps(args, &training.config, examples) });
        }
        let model: SequenceClassificationConfig = training.checkpoint.config()?;
        check_shares(&args.step_shares, &sizes)?;
        Ok(Self {
            methods: METHODS.iter().filter(|method| args.compares(method.name)).collect(),
            sizes,
            seeds: args.seeds(&training.config),
            rates: args.rates.clone(),
            step_shares: args.step_shares.clone(),
            evaluations: args.evaluations(&training.config),
            layers: model.bert.num_hidden_layers,
        })
    }

    /// The runs, seed by seed, so that a comparison that is stopped early holds whole rows.
    pub(super) fn cells(&self, common: &RunConfig) -> Vec<Planned> {
        let mut cells = Vec::new();
        for &seed in &self.seeds {
            for &size in &self.sizes {
                cells.extend(self.methods.iter().map(|method| {
                    let settings = self.settings(method, size, seed, common);
                    Planned { method, size, seed, settings }
                }));
            }
        }
        cells
    }

    /// The settings of a run.
    pub(super) fn settings(
        &self,
        method: &Method,
        size: Size,
        seed: u64,
        common: &RunConfig,
    ) -> RunConfig {
        let mut settings = common.clone();
        settings.output.clear();
        settings.training.seed = seed;
        let steps = size.steps_of(self.step_share(method));
        settings.training.max_steps = Some(steps);
        if let Some(evaluations) = self.evaluations {
            settings.training.evaluate_every = every(steps.div_ceil(evaluations));
        }
        method.settings(settings, &self.rates, Run { steps, layers: self.layers })
    }

    /// Which share of a size's steps a method takes.
    pub(super) fn step_share(&self, method: &Method) -> f64 {
        method.own(&self.step_shares).unwrap_or(1.0)
    }

    /// What is going to happen, in lines for people.
    pub(super) fn summary(&self, runs: usize, finished: usize) -> String {
        let steps = |size: &Size| format!("{} ({})", size.examples, count(size.steps, "step"));
        let sizes = self.sizes.iter().map(steps);
        let share = |method: &&Method| match self.step_share(method) {
            1.0 => method.name.to_owned(),
            share => format!("{} ({share} of the steps)", method.name),
        };
        let methods: Vec<_> = self.methods.iter().map(share).collect();
        let seeds: Vec<_> = self.seeds.iter().map(u64::to_string).collect();
        format!(
            "Sizes     {}\nMethods   {}\nSeeds     {}\nRuns      {runs}, of which {finished} are \
             finished",
            sizes.collect::<Vec<_>>().join(", "),
            methods.join(", "),
            seeds.join(", ")
        )
    }
}

impl Planned {
    pub(super) fn title(&self) -> String {
        let examples = count(self.size.examples, "example");
        format!("{}, {examples}, seed {}", self.method.name, self.seed)
    }
}

/// Refuses a share that leaves no step of a size.
fn check_shares(shares: &[MethodNumber], sizes: &[Size]) -> anyhow::Result<()> {
    for MethodNumber { method, number } in shares {
        if let Some(Size { examples, steps }) =
            sizes.iter().find(|size| size.steps_of(*number) == 0)
        {
            bail!(
                "--step-shares {method}={number} leaves none of the {} with {}; give a larger share",
                count(*steps, "step"),
                count(*examples, "example")
            );
        }
    }
    Ok(())
}

/// The steps that a method takes on so many rows, if it has no share of its own.
fn steps(args: &CompareArgs, config: &RunConfig, examples: usize) -> usize {
    let training = &config.training;
    let by_epochs = training.epochs * examples.div_ceil(training.batch_size);
    training.max_steps.unwrap_or_else(|| by_epochs.max(args.min_steps.unwrap_or(100)))
}
