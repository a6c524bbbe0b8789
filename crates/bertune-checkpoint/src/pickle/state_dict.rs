use std::collections::BTreeMap;

use super::Problem;
use super::machine::Objects;
use super::node::Node;
use super::tensor_record::TensorRecord;

/// The tensors of a pickle that is a dict of tensors by name; other entries are left out.
pub(super) fn tensors(objects: &Objects) -> Result<BTreeMap<String, TensorRecord>, Problem> {
    let Node::Dict(entries) = objects.get(objects.root) else {
        return Err(Problem::broken("it holds something other than a state dict"));
    };
    let tensor = |(key, value): &(_, _)| match (objects.get(*key), objects.get(*value)) {
        (Node::Text(name), Node::Tensor(tensor)) => Some((name.clone(), tensor.clone())),
        _ => None,
    };
    let tensors: BTreeMap<_, _> = entries.iter().filter_map(tensor).collect();
    if tensors.is_empty() {
        return Err(Problem::broken(
            "its dict holds no tensors; is it a training state and not a model?",
        ));
    }
    Ok(tensors)
}
