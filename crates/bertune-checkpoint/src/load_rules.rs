use crate::canonical_name;

/// Which parameters of a model may, or must, stay new when it is loaded.
///
/// # Examples
///
/// ```
/// use bertune_checkpoint::LoadRules;
///
/// // A pretrained encoder for new classes: its pooler if it has one, never its classifier.
/// let rules = LoadRules::initialising(&["pooler"]).replacing(&["classifier"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct LoadRules {
    may_be_missing: Vec<String>,
    stay_new: Vec<String>,
}

impl LoadRules {
    /// Every parameter must be in the checkpoint.
    pub fn all() -> Self {
        Self::default()
    }

    /// The modules of these names, with or without `bert.`, may be missing and then stay new.
    pub fn initialising(modules: &[&str]) -> Self {
        Self { may_be_missing: canonical(modules), stay_new: Vec::new() }
    }

    /// The modules of these names stay new whatever the checkpoint holds, be it of another shape.
    pub fn replacing(self, modules: &[&str]) -> Self {
        Self { stay_new: canonical(modules), ..self }
    }

    pub(crate) fn may_be_missing(&self, name: &str) -> bool {
        is_in(&self.may_be_missing, name)
    }

    pub(crate) fn stays_new(&self, name: &str) -> bool {
        is_in(&self.stay_new, name)
    }
}

fn canonical(modules: &[&str]) -> Vec<String> {
    modules.iter().filter_map(|name| canonical_name(name)).collect()
}

fn is_in(modules: &[String], name: &str) -> bool {
    modules.iter().any(|module| {
        name.strip_prefix(module.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_covers_a_module_and_no_namesake() {
        let rules = LoadRules::initialising(&["bert.pooler"]).replacing(&["classifier"]);
        assert!(rules.may_be_missing("pooler.dense.weight"));
        assert!(!rules.may_be_missing("poolers.dense.weight"));
        assert!(!rules.may_be_missing("classifier.weight"));
        assert!(rules.stays_new("classifier.weight"));
        assert!(!LoadRules::all().may_be_missing("pooler.dense.weight"));
    }
}
