use std::collections::BTreeMap;

use burn_core::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn_core::tensor::{Tensor, TensorData, backend::Backend};

use crate::{
    Checkpoint, CheckpointError, HostTensor, LoadReport, LoadRules, canonical_name,
    hugging_face_name,
};

/// Puts a checkpoint's tensors into a module whose parameters [have their
/// names](hugging_face_name), with or without `bert.` on either side.
///
/// Parameters keep their ids and whether they are trained. Linear layers are to hold their
/// weights as checkpoints do, `[out, in]`: nothing is transposed.
///
/// # Errors
///
/// If a parameter that the rules do not excuse is missing, if a shape differs, or if the files
/// cannot be read. All missing parameters are found before any number is read.
pub fn load_module<B: Backend, M: Module<B>>(
    module: M,
    checkpoint: &Checkpoint,
    rules: &LoadRules,
    device: &B::Device,
) -> Result<(M, LoadReport), CheckpointError> {
    let (sources, report) = plan::<B, M>(&module, checkpoint, rules)?;
    let mut loader =
        Loader { checkpoint, sources, device, path: ModulePath::default(), error: None };
    let module = module.map(&mut loader);
    match loader.error {
        Some(error) => Err(error),
        None => Ok((module, report)),
    }
}

/// The checkpoint's tensors that [`load_module`] takes for a module's parameters, by their names
/// alone: their shapes may be others.
pub fn tensors_for<B: Backend, M: Module<B>>(
    module: &M,
    checkpoint: &Checkpoint,
    rules: &LoadRules,
) -> Vec<String> {
    let available = by_canonical_name(checkpoint);
    let parameters = parameters::<B, M>(module).into_iter();
    let names = parameters.filter_map(|parameter| canonical_name(&parameter.name));
    let loaded = names.filter(|name| !rules.stays_new(name));
    loaded.filter_map(|name| available.get(&name).map(|&name| name.to_owned())).collect()
}

/// Puts tensors in host memory into the parameters that have their names; all must be there.
///
/// # Errors
///
/// If a parameter has no tensor, or one of another shape.
pub fn fill_module<B: Backend, M: Module<B>>(
    module: M,
    tensors: &BTreeMap<String, HostTensor>,
    device: &B::Device,
) -> Result<M, CheckpointError> {
    for Parameter { name, shape, .. } in parameters::<B, M>(&module) {
        let found = tensors.get(&name).map(|tensor| tensor.shape.clone());
        if found.as_ref() != Some(&shape) {
            return Err(CheckpointError::Parameter { name, expected: shape, found });
        }
    }
    Ok(fill_parameters(module, tensors, device))
}

/// Puts tensors into the parameters that have their names and shapes; the others stay.
pub(crate) fn fill_parameters<B: Backend, M: Module<B>>(
    module: M,
    tensors: &BTreeMap<String, HostTensor>,
    device: &B::Device,
) -> M {
    module.map(&mut Filler { tensors, device, path: ModulePath::default() })
}

/// A module's parameters in host memory, by their Hugging Face names.
pub fn module_tensors<B: Backend, M: Module<B>>(module: &M) -> BTreeMap<String, HostTensor> {
    let mut reader = Reader::default();
    module.visit::<Reader>(&mut reader);
    reader.tensors
}

/// The ids of a module's parameters with their Hugging Face names, in the module's order.
pub fn parameter_names<B: Backend, M: Module<B>>(module: &M) -> Vec<(ParamId, String)> {
    let parameters = parameters::<B, M>(module).into_iter();
    parameters.map(|parameter| (parameter.id, parameter.name)).collect()
}

/// Which of the checkpoint's tensors each parameter is to be filled with.
type Sources = BTreeMap<String, String>;

fn plan<B: Backend, M: Module<B>>(
    module: &M,
    checkpoint: &Checkpoint,
    rules: &LoadRules,
) -> Result<(Sources, LoadReport), CheckpointError> {
    let mut available = by_canonical_name(checkpoint);
    let (mut sources, mut initialised, mut missing) = (Sources::new(), Vec::new(), Vec::new());
    for parameter in parameters::<B, M>(module) {
        let canonical = canonical_name(&parameter.name).unwrap_or_default();
        if rules.stays_new(&canonical) {
            initialised.push(parameter.name);
        } else if let Some(source) = available.remove(&canonical) {
            check_shape(checkpoint, source, &parameter.shape)?;
            sources.insert(parameter.name, source.to_owned());
        } else if rules.may_be_missing(&canonical) {
            initialised.push(parameter.name);
        } else {
            missing.push(parameter.name);
        }
    }
    if !missing.is_empty() {
        return Err(CheckpointError::MissingTensors {
            folder: checkpoint.folder().to_path_buf(),
            names: missing,
        });
    }
    let report = report(checkpoint, &sources, initialised);
    Ok((sources, report))
}

/// A tensor that is there twice, with and without `bert.`, is taken with it.
fn by_canonical_name(checkpoint: &Checkpoint) -> BTreeMap<String, &str> {
    let mut names = BTreeMap::new();
    for name in checkpoint.names() {
        if let Some(canonical) = canonical_name(name) {
            names.entry(canonical).or_insert(name);
        }
    }
    names
}

fn check_shape(
    checkpoint: &Checkpoint,
    name: &str,
    expected: &[usize],
) -> Result<(), CheckpointError> {
    match checkpoint.shape(name) {
        Some(found) if found != expected => Err(CheckpointError::WrongShape {
            folder: checkpoint.folder().to_path_buf(),
            name: name.to_owned(),
            expected: expected.to_vec(),
            found: found.to_vec(),
        }),
        _ => Ok(()),
    }
}

fn report(checkpoint: &Checkpoint, sources: &Sources, initialised: Vec<String>) -> LoadReport {
    let mut used: Vec<_> = sources.values().cloned().collect();
    used.sort();
    let names = checkpoint.names().map(str::to_owned);
    LoadReport {
        ignored: names.filter(|name| used.binary_search(name).is_err()).collect(),
        used,
        initialised,
    }
}

struct Loader<'a, B: Backend> {
    checkpoint: &'a Checkpoint,
    sources: Sources,
    device: &'a B::Device,
    path: ModulePath,
    error: Option<CheckpointError>,
}

impl<B: Backend> Loader<'_, B> {
    fn read<const D: usize>(&mut self) -> Option<Tensor<B, D>> {
        let source = self.sources.get(&self.path.hugging_face_name())?;
        match self.checkpoint.tensor_data(source) {
            Ok(data) => Some(Tensor::from_data(data, self.device)),
            Err(error) => {
                self.error.get_or_insert(error);
                None
            }
        }
    }
}

impl<B: Backend> ModuleMapper<B> for Loader<'_, B> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        match self.read() {
            Some(tensor) => {
                let id = param.id;
                param.transform_for_load(tensor, id)
            }
            None => param,
        }
    }
}

struct Filler<'a, B: Backend> {
    tensors: &'a BTreeMap<String, HostTensor>,
    device: &'a B::Device,
    path: ModulePath,
}

impl<B: Backend> ModuleMapper<B> for Filler<'_, B> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let Some(tensor) = self.tensors.get(&self.path.hugging_face_name()) else { return param };
        let data = TensorData::new(tensor.values.clone(), tensor.shape.clone());
        let id = param.id;
        param.transform_for_load(Tensor::from_data(data, self.device), id)
    }
}

/// A parameter of a module.
pub(crate) struct Parameter {
    id: ParamId,
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
}

pub(crate) fn parameters<B: Backend, M: Module<B>>(module: &M) -> Vec<Parameter> {
    let mut lister = Lister::default();
    module.visit::<Lister>(&mut lister);
    lister.parameters
}

/// Lists parameters without making those that are not yet there.
#[derive(Default)]
struct Lister {
    path: ModulePath,
    parameters: Vec<Parameter>,
}

impl<B: Backend> ModuleVisitor<B> for Lister {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.parameters.push(Parameter {
            id: param.id,
            name: self.path.hugging_face_name(),
            shape: param.lazy_shape().to_vec(),
        });
    }
}

#[derive(Default)]
struct Reader {
    path: ModulePath,
    tensors: BTreeMap<String, HostTensor>,
}

impl<B: Backend> ModuleVisitor<B> for Reader {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let tensor = param.val();
        let tensor = HostTensor {
            shape: tensor.dims().to_vec(),
            values: tensor.into_data().iter::<f32>().collect(),
        };
        self.tensors.insert(self.path.hugging_face_name(), tensor);
    }
}

/// The names of the fields, and of the places in lists, that lead to a parameter.
#[derive(Default)]
struct ModulePath(Vec<String>);

impl ModulePath {
    fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    fn exit(&mut self) {
        self.0.pop();
    }

    fn hugging_face_name(&self) -> String {
        hugging_face_name(&self.0.join("."))
    }
}
