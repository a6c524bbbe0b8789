use bertune_metrics::SeedSummary;

use crate::resolution::{known_to, step_variance};
use crate::{Cell, Comparison};

/// After how many steps a method's runs are as good on the validation rows as the reference of the
/// same seed ever is.
#[derive(Clone, Debug, PartialEq)]
pub struct Reached {
    /// The runs that have a reference to reach.
    pub runs: usize,
    /// Those of them that reach it.
    pub reached: usize,
    /// The steps that these took.
    pub steps: Option<SeedSummary>,
    /// The steps that the reference took to its own best.
    pub reference_steps: Option<SeedSummary>,
    /// How many steps more than the reference, where every run reaches it. The interval has the
    /// steps between evaluations in it.
    pub difference: Option<SeedSummary>,
}

impl Comparison {
    /// When the runs of a method on a size reach what the reference reaches.
    pub fn reached(&self, method: &str, examples: usize) -> Reached {
        let references = self.cells_of(&self.reference, examples);
        let cells = self.cells_of(method, examples);
        let pairs = cells.iter().filter_map(|cell| {
            let reference = references.iter().find(|other| other.seed == cell.seed)?;
            let (reference_step, goal) = reference.best(self.metric)?;
            Some((self.first_step_at(cell, goal), reference_step))
        });
        let pairs: Vec<(Option<usize>, usize)> = pairs.collect();
        let steps: Vec<f64> = pairs.iter().filter_map(|(step, _)| step.map(as_f64)).collect();
        let own: Vec<f64> = pairs.iter().map(|(_, own)| as_f64(*own)).collect();
        let more = pairs.iter().filter_map(|(step, own)| Some(as_f64((*step)?) - as_f64(*own)));
        let more: Vec<f64> = more.collect();
        let all_reach = steps.len() == pairs.len();
        let variance = step_variance(cells.iter().chain(&references).copied());
        Reached {
            runs: pairs.len(),
            reached: steps.len(),
            steps: SeedSummary::new(&steps),
            reference_steps: SeedSummary::new(&own),
            difference: SeedSummary::new(&more)
                .filter(|_| all_reach)
                .map(|more| known_to(variance, more)),
        }
    }

    /// The first measured step at which a run is at least so good.
    fn first_step_at(&self, cell: &Cell, goal: f64) -> Option<usize> {
        let is_there = |score: f64| self.metric.gain(score, goal) >= 0.0;
        cell.learned().find(|(_, score)| is_there(*score)).map(|(step, _)| step)
    }
}

fn as_f64(steps: usize) -> f64 {
    steps as f64
}
