use std::fmt;

use bertune_checkpoint::parameter_names;
use bertune_head::BertForSequenceClassification;
use burn_core::module::{Module, ModuleVisitor, Param, ParamId};
use burn_core::tensor::{Tensor, backend::Backend};

use crate::{ParameterGroups, TrainError, TrainingConfig};

/// How much of a model learns. Printed, it is a line for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearningShare {
    /// The numbers that learn at some time of the run.
    pub learning: usize,
    /// All numbers.
    pub all: usize,
}

impl LearningShare {
    /// What `config` lets learn of a model, of what its scores depend on.
    ///
    /// # Errors
    ///
    /// If the configuration does not fit the model.
    pub fn new<B: Backend>(
        model: &BertForSequenceClassification<B>,
        config: &TrainingConfig,
    ) -> Result<Self, TrainError> {
        let groups = ParameterGroups::new(model, config, 1)?;
        let unread: Vec<ParamId> = parameter_names::<B, _>(model)
            .into_iter()
            .filter(|(_, name)| !model.reads(name))
            .map(|(id, _)| id)
            .collect();
        let share = Self { learning: 0, all: 0 };
        let mut counter = Counter { groups: &groups, unread, share };
        model.visit(&mut counter);
        Ok(counter.share)
    }
}

impl fmt::Display for LearningShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.learning as f64 / self.all as f64;
        let all = match self.all {
            all @ 1_000_000.. => format!("{:.1}M", all as f64 / 1e6),
            all => all.to_string(),
        };
        write!(f, "{percent:.2} % of {all} parameters learn")
    }
}

struct Counter<'a> {
    groups: &'a ParameterGroups,
    unread: Vec<ParamId>,
    share: LearningShare,
}

impl<B: Backend> ModuleVisitor<B> for Counter<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let numbers = param.lazy_shape().num_elements();
        let learns = self.groups.get(param.id).is_some_and(|group| group.learns_from.is_some());
        self.share.all += numbers;
        if learns && !self.unread.contains(&param.id) {
            self.share.learning += numbers;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_one_line() {
        let share = LearningShare { learning: 190_000, all: 22_713_216 };
        assert_eq!(share.to_string(), "0.84 % of 22.7M parameters learn");
        let share = LearningShare { learning: 1, all: 8 };
        assert_eq!(share.to_string(), "12.50 % of 8 parameters learn");
    }
}
