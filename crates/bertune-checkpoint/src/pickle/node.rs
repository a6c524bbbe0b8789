use super::tensor_record::{StorageRecord, TensorRecord};
use crate::element_type::ElementType;

/// The place of a [`Node`] among those of its pickle.
pub(super) type Id = usize;

/// One object of a pickle. Objects hold each other by [`Id`], so that neither depth nor cycles
/// cost anything.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// An object that tells nothing: none, a float, bytes.
    Opaque,
    Bool(bool),
    Int(i128),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage(StorageRecord),
    Tensor(TensorRecord),
}

/// The only names that a pickle may ask for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Global {
    RebuildTensor,
    RebuildParameter,
    OrderedDict,
    Size,
    StorageOf(ElementType),
}

impl Global {
    pub(super) fn find(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("torch._utils", "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch", "Size") => Some(Self::Size),
            ("torch", storage) => element_type(storage).map(Self::StorageOf),
            _ => None,
        }
    }
}

fn element_type(storage: &str) -> Option<ElementType> {
    let other = |name, size| ElementType::Other { name, size };
    Some(match storage {
        "DoubleStorage" => ElementType::F64,
        "FloatStorage" => ElementType::F32,
        "HalfStorage" => ElementType::F16,
        "BFloat16Storage" => ElementType::Bf16,
        "LongStorage" => other("I64", 8),
        "IntStorage" => other("I32", 4),
        "ShortStorage" => other("I16", 2),
        "CharStorage" => other("I8", 1),
        "ByteStorage" => other("U8", 1),
        "BoolStorage" => other("BOOL", 1),
        _ => return None,
    })
}
