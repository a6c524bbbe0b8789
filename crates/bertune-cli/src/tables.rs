use std::path::Path;

use bertune::data::{LabelMap, Labels, Table, read_table, stratified_split};

use crate::run_config::RunConfig;

/// Classes that are shown of a longer list.
const SHOWN: usize = 12;

/// The labelled texts of a run.
pub(crate) struct Tables {
    pub(crate) train: Table,
    pub(crate) validation: Table,
    pub(crate) test: Option<Table>,
    pub(crate) labels: LabelMap,
}

impl Tables {
    /// Reads the files that the settings name, and checks that their labels are those of `train`.
    pub(crate) fn read(config: &RunConfig) -> anyhow::Result<Self> {
        let read = |path: &Path| read_table(path, &config.data, Labels::Required);
        let all = read(&config.train)?;
        let labels = LabelMap::of(&all)?;
        let (train, validation) = match &config.validation {
            Some(path) => (all, read(path)?),
            None => {
                let (fraction, seed) = (config.validation_fraction, config.training.seed);
                let split = stratified_split(&labels.ids(&all)?, fraction, seed)?;
                (all.select(&split.train), all.select(&split.validation))
            }
        };
        let test = config.test.as_deref().map(read).transpose()?;
        for table in [Some(&validation), test.as_ref()].into_iter().flatten() {
            labels.ids(table)?;
        }
        Ok(Self { train, validation, test, labels })
    }

    /// What was read, in lines for people.
    pub(crate) fn summary(&self) -> String {
        let columns = columns(&self.train);
        let path = self.train.path.display();
        let learned = self.train.examples.len();
        let measured = self.validation.examples.len();
        let origin = if self.validation.path == self.train.path {
            "held out of them"
        } else {
            "for validation"
        };
        let test = self
            .test
            .as_ref()
            .map_or_else(String::new, |test| format!(", {} for the test", test.examples.len()));
        format!(
            "Data      {path}: {columns}\n          \
             {learned} rows to learn from, {measured} {origin}{test}\n\
             Classes   {}: {}",
            self.labels.names().len(),
            self.classes(),
        )
    }

    /// Each class with the number of its rows to learn from.
    fn classes(&self) -> String {
        let counts = self.labels.counts(&self.train);
        let names = self.labels.names().iter().zip(counts);
        let mut shown: Vec<_> =
            names.take(SHOWN).map(|(name, count)| format!("{name} ({count})")).collect();
        if self.labels.names().len() > SHOWN {
            shown.push("…".into());
        }
        shown.join(", ")
    }
}

/// Which columns were taken for what.
fn columns(table: &Table) -> String {
    let layout = &table.layout;
    let pair = layout.text_pair.as_ref().map(|pair| format!(", its pair in column {pair}"));
    let label = layout.label.as_ref().map(|label| format!(", label in column {label}"));
    [Some(format!("text in column {}", layout.text)), pair, label].into_iter().flatten().collect()
}
