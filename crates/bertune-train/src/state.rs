use std::collections::BTreeMap;
use std::path::Path;

use bertune_checkpoint::{
    HostTensor, fill_module, module_tensors, read_safetensors, write_safetensors,
};
use bertune_head::BertForSequenceClassification;
use bertune_kernels::{BertOps, OptimizerOps};
use burn_core::module::{AutodiffModule, Module, ParamId};
use burn_core::tensor::backend::{AutodiffBackend, Backend};
use serde::{Deserialize, Serialize};

use crate::learned::Inner;
use crate::timeline::Window;
use crate::waiting_rows::WaitingRows;
use crate::{
    Gradients, History, Learned, Optimizer, OptimizerState, ParameterGroups, Scales, TrainError,
    TrainingConfig,
};

/// Where a run stands between two steps: all that decides what comes next.
///
/// The order of examples and the dropout masks are functions of the configuration and the step, so
/// that a state which was [saved](Self::save) and [read](SavedState::read) again goes on exactly
/// as if the run had never stopped.
#[derive(Debug)]
pub struct TrainingState<B, M = BertForSequenceClassification<B>>
where
    B: AutodiffBackend<InnerBackend: BertOps>,
    M: AutodiffModule<B>,
{
    pub(crate) model: M,
    pub(crate) optimizer: Optimizer<B::InnerBackend>,
    pub(crate) progress: Progress,
    pub(crate) history: History,
    pub(crate) best: Option<Inner<B, M>>,
    /// What each example weighs now, where that is not what the data set says.
    pub(crate) weights: Option<Vec<f32>>,
    /// How often each example is drawn, where that is not alike.
    draws: Option<Vec<f32>>,
    inputs: Inputs,
    /// The table of which steps read some rows alone.
    table: Option<ParamId>,
    /// That table, while the model holds some of its rows.
    rows: Option<WaitingRows<B::InnerBackend>>,
}

/// What a run has done since it began, and since it was last measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    /// Steps taken.
    pub(crate) steps: usize,
    /// The weighted sum of the losses since the last evaluation.
    pub(crate) loss_sum: f64,
    /// Their weight.
    pub(crate) loss_weight: f64,
}

impl Progress {
    /// Counts the mean loss of a step.
    pub(crate) fn add_loss(&mut self, loss: f64, weight: f64) {
        self.loss_sum += loss * weight;
        self.loss_weight += weight;
    }

    /// The mean loss since the last evaluation, which this one ends; 0 if none of the examples
    /// counted.
    pub(crate) fn take_mean_loss(&mut self) -> f64 {
        let mean = if self.loss_weight > 0.0 { self.loss_sum / self.loss_weight } else { 0.0 };
        (self.loss_sum, self.loss_weight) = (0.0, 0.0);
        mean
    }
}

/// Hashes of the tokenized examples, which stand for the data, the tokenizer and its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inputs {
    pub(crate) train: String,
    pub(crate) validation: String,
}

impl<B, M> TrainingState<B, M>
where
    B: AutodiffBackend<InnerBackend: BertOps>,
    M: AutodiffModule<B>,
{
    pub(crate) fn new(model: M, groups: ParameterGroups, history: History, inputs: Inputs) -> Self {
        let model = groups.freeze(model, 0);
        let optimizer = Optimizer::new(groups, &history.config);
        let progress = Progress::default();
        Self {
            model,
            optimizer,
            progress,
            history,
            best: None,
            weights: None,
            draws: None,
            inputs,
            table: None,
            rows: None,
        }
    }

    /// The state of a run whose examples weigh this much, if that is not what the data set says.
    pub(crate) fn weighing(self, weights: Option<Vec<f32>>) -> Self {
        Self { weights, ..self }
    }

    /// The state of a run whose examples are drawn this often, if that is not alike.
    pub(crate) fn drawing(self, draws: Option<Vec<f32>>) -> Self {
        Self { draws, ..self }
    }

    /// The state of a run whose losses read those rows of a table, of this Hugging Face name, that
    /// their input ids name, and no others: on backends where it pays, steps touch these alone.
    pub(crate) fn reading_rows_of(self, name: Option<&str>) -> Self {
        let names = self.optimizer.groups().names();
        let table = names.iter().find(|(_, found)| Some(found.as_str()) == name).map(|(id, _)| *id);
        let is_adam = self.history.config.optimizer.is_adam();
        Self { table: table.filter(|_| is_adam && B::InnerBackend::rows_may_wait()), ..self }
    }

    /// Makes the model ready for a step: the window as it is to read it.
    pub(crate) fn gather_rows(mut self, window: &Window) -> (Self, Window) {
        let learns = |id: &ParamId| self.optimizer.groups().learns(*id, self.steps());
        let Some(id) = self.table.filter(learns) else {
            return (self, window.clone());
        };
        let (model, mut rows) = match self.rows.take() {
            Some(rows) => (self.model, rows),
            None => WaitingRows::take(self.model, &mut self.optimizer, id),
        };
        let (model, window) = rows.gather(model, &mut self.optimizer, window);
        (Self { model, rows: Some(rows), ..self }, window)
    }

    /// Makes the model whole again, to be measured or saved.
    pub(crate) fn gather_whole(mut self) -> Self {
        if let Some(rows) = self.rows.take() {
            self.model = rows.give_back(self.model, &mut self.optimizer);
        }
        self
    }

    /// The steps that were taken.
    pub fn steps(&self) -> usize {
        self.progress.steps
    }

    /// What was measured.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// One step of the optimizer.
    pub(crate) fn update(mut self, gradients: Gradients<B::InnerBackend>, scales: Scales) -> Self {
        let next = |rows: &WaitingRows<_>| self.optimizer.next_adam_step(rows.id(), scales);
        let step = self.rows.as_ref().and_then(next);
        self.model = self.optimizer.step(self.model, gradients, scales);
        if let Some((rows, step)) = self.rows.as_mut().zip(step) {
            self.model = rows.put_back(self.model, &mut self.optimizer, step);
        }
        self.progress.steps += 1;
        if self.optimizer.groups().change_at(self.progress.steps) {
            self.model = self.optimizer.groups().freeze(self.model, self.progress.steps);
        }
        self
    }

    /// The best model, or the present one if none was measured.
    pub(crate) fn finish(self, finished: bool) -> Learned<B, M> {
        let state = self.gather_whole();
        let model = state.best.unwrap_or_else(|| state.model.valid());
        Learned { model, history: state.history, finished, weights: state.weights }
    }

    /// Writes the state into an existing folder.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), TrainError> {
        let OptimizerState { steps, tensors } = self.optimizer.state();
        write_safetensors(&folder.join(MODEL), &module_tensors::<B, _>(&self.model))?;
        write_safetensors(&folder.join(OPTIMIZER), &tensors)?;
        if let Some(best) = &self.best {
            write_safetensors(&folder.join(BEST), &module_tensors::<B::InnerBackend, _>(best))?;
        }
        for (file, values) in [(WEIGHTS, &self.weights), (DRAWS, &self.draws)] {
            let Some(values) = values else { continue };
            let tensor = HostTensor { shape: vec![values.len()], values: values.clone() };
            write_safetensors(&folder.join(file), &[(file.to_owned(), tensor)].into())?;
        }
        let record = StateRecord {
            version: VERSION,
            progress: self.progress,
            optimizer_steps: steps,
            history: self.history.clone(),
            inputs: self.inputs.clone(),
        };
        let path = folder.join(STATE);
        let write = |source| TrainError::Write { path: path.clone(), source };
        let json = serde_json::to_vec_pretty(&record).map_err(|error| write(error.into()))?;
        std::fs::write(&path, json).map_err(write)
    }

    /// This run, new, put where `saved` stood.
    pub(crate) fn resumed(mut self, saved: SavedState) -> Result<Self, TrainError> {
        let SavedState { record, model, optimizer, best, weights, draws: _ } = saved;
        check_same(&self.history.config, &record.history.config)?;
        for (split, new, old) in [
            ("training", &self.inputs.train, &record.inputs.train),
            ("validation", &self.inputs.validation, &record.inputs.validation),
        ] {
            if new != old {
                return Err(TrainError::ResumeInputs { split });
            }
        }
        let device = device(&self.model);
        if let Some(best) = best {
            self.best = Some(fill_module(self.model.clone(), &best, &device)?.valid());
        }
        self.model = fill_module(self.model, &model, &device)?;
        let state = OptimizerState { steps: record.optimizer_steps, tensors: optimizer };
        self.optimizer = self.optimizer.with_state(&state, &device);
        self.model = self.optimizer.groups().freeze(self.model, record.progress.steps);
        (self.progress, self.history) = (record.progress, record.history);
        let weights = weights.map(|weights| weights.values);
        if weights.as_ref().map(Vec::len) != self.weights.as_ref().map(Vec::len) {
            let problem = "it does not weigh as many examples as there are".into();
            return Err(TrainError::State { path: WEIGHTS.into(), problem });
        }
        self.weights = weights;
        Ok(self)
    }
}

const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const BEST: &str = "best.safetensors";
const WEIGHTS: &str = "weights.safetensors";
const DRAWS: &str = "draws.safetensors";
const STATE: &str = "state.json";

/// Of the files' layout; one of another version is refused.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateRecord {
    version: u32,
    progress: Progress,
    optimizer_steps: BTreeMap<String, u64>,
    history: History,
    inputs: Inputs,
}

/// A state in host memory, as it was saved.
#[derive(Debug)]
pub struct SavedState {
    record: StateRecord,
    model: BTreeMap<String, HostTensor>,
    optimizer: BTreeMap<String, HostTensor>,
    best: Option<BTreeMap<String, HostTensor>>,
    weights: Option<HostTensor>,
    draws: Option<HostTensor>,
}

impl SavedState {
    /// Reads the folder that [`TrainingState::save`] wrote.
    ///
    /// # Errors
    ///
    /// If a file is missing, damaged or of another version.
    pub fn read(folder: &Path) -> Result<Self, TrainError> {
        let path = folder.join(STATE);
        let broken = |problem: String| TrainError::State { path: path.clone(), problem };
        let json = std::fs::read(&path).map_err(|error| broken(error.to_string()))?;
        let record: StateRecord =
            serde_json::from_slice(&json).map_err(|error| broken(error.to_string()))?;
        if record.version != VERSION {
            let version = record.version;
            return Err(broken(format!("it has the layout {version}, not {VERSION}")));
        }
        let best = folder.join(BEST);
        Ok(Self {
            model: read_safetensors(&folder.join(MODEL))?,
            optimizer: read_safetensors(&folder.join(OPTIMIZER))?,
            best: best.is_file().then(|| read_safetensors(&best)).transpose()?,
            weights: read_single(folder, WEIGHTS)?,
            draws: read_single(folder, DRAWS)?,
            record,
        })
    }

    /// The steps that were taken.
    pub fn steps(&self) -> usize {
        self.record.progress.steps
    }

    /// How often the run draws each example, if that is not alike.
    pub(crate) fn draws(&self) -> Option<&[f32]> {
        self.draws.as_ref().map(|draws| draws.values.as_slice())
    }
}

/// The tensor of a file that holds it alone, under the file's name, if there is one.
fn read_single(folder: &Path, file: &str) -> Result<Option<HostTensor>, TrainError> {
    let path = folder.join(file);
    match path.is_file() {
        true => Ok(read_safetensors(&path)?.remove(file)),
        false => Ok(None),
    }
}

/// The device of a model's parameters.
fn device<B: Backend, M: Module<B>>(model: &M) -> B::Device {
    model.devices().into_iter().next().unwrap_or_default()
}

/// Refuses to go on with other settings than the run began with.
fn check_same(new: &TrainingConfig, old: &TrainingConfig) -> Result<(), TrainError> {
    let table = |config| toml::Table::try_from(config).unwrap_or_default();
    let (new, old) = (table(new), table(old));
    let keys: std::collections::BTreeSet<_> = new.keys().chain(old.keys()).collect();
    let said = |value: Option<&toml::Value>| value.map_or("absent".to_owned(), ToString::to_string);
    let differences: Vec<String> = keys
        .into_iter()
        .filter(|key| new.get(*key) != old.get(*key))
        .map(|key| format!("{key} is {}, but was {}", said(new.get(key)), said(old.get(key))))
        .collect();
    match differences.is_empty() {
        true => Ok(()),
        false => Err(TrainError::ResumeConfig { differences: differences.join("; ") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let old = TrainingConfig { max_steps: Some(3), ..Default::default() };
        assert!(check_same(&old, &old).is_ok());
        let new = TrainingConfig { learning_rate: 1e-4, ..Default::default() };
        let message = check_same(&new, &old).unwrap_err().to_string();
        assert!(message.contains("learning_rate is 0.0001, but was 0.00005"), "{message}");
        assert!(message.contains("max_steps is absent, but was 3"), "{message}");
    }
}
