use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::container::Container;
use super::machine::{self, Objects};
use super::node::Node;
use super::{MAX_PICKLE_BYTES, Problem, TensorRecord, state_dict};
use crate::element_type::ElementType;
use crate::files::{length, open as open_file, read_range};

const MAGIC_NUMBER: i128 = 0x1950_a86a_20f9_469c_fc6c;
const PROTOCOL_VERSION: i128 = 1001;
const LENGTH_BYTES: u64 = 8;

/// Reads the files of PyTorch before 1.6: five pickles (a magic number, a version, what the
/// system was, the state dict, the storages' keys), then each storage with its length.
pub(super) fn open(path: &Path) -> Result<(BTreeMap<String, TensorRecord>, Container), Problem> {
    let file_length = length(&open_file(path)?, path)?;
    let head = read_range(path, 0..file_length.min(MAX_PICKLE_BYTES))?;
    let mut pickles = Pickles { bytes: &head, position: 0 };
    pickles.expect(MAGIC_NUMBER, "magic number")?;
    pickles.expect(PROTOCOL_VERSION, "version")?;
    check_byte_order(&pickles.next()?)?;
    let tensors = state_dict::tensors(&pickles.next()?)?;
    let keys = keys(&pickles.next()?)?;
    let storages = Storages { path, element_types: element_types(&tensors), end: file_length };
    let container = storages.locate(keys, pickles.position as u64)?;
    Ok((tensors, container))
}

struct Pickles<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Pickles<'_> {
    fn next(&mut self) -> Result<Objects, Problem> {
        let objects = machine::load(&self.bytes[self.position..])?;
        self.position += objects.length;
        Ok(objects)
    }

    fn expect(&mut self, number: i128, what: &str) -> Result<(), Problem> {
        let objects = self.next()?;
        match objects.get(objects.root) {
            Node::Int(found) if *found == number => Ok(()),
            _ => Err(Problem::broken(format!("it is a pickle without PyTorch's {what}"))),
        }
    }
}

fn check_byte_order(system: &Objects) -> Result<(), Problem> {
    let Node::Dict(facts) = system.get(system.root) else {
        return Err(Problem::broken("it does not say what system wrote it"));
    };
    let is_big_endian = facts.iter().any(|(key, value)| {
        matches!(system.get(*key), Node::Text(key) if key == "little_endian")
            && matches!(system.get(*value), Node::Bool(false))
    });
    match is_big_endian {
        true => Err(Problem::broken("its numbers are big-endian")),
        false => Ok(()),
    }
}

fn keys(objects: &Objects) -> Result<Vec<String>, Problem> {
    let no_keys = || Problem::broken("it has no list of storages");
    let Node::List(keys) = objects.get(objects.root) else {
        return Err(no_keys());
    };
    let key = |id: &usize| match objects.get(*id) {
        Node::Text(key) => Ok(key.clone()),
        _ => Err(no_keys()),
    };
    keys.iter().map(key).collect()
}

fn element_types(tensors: &BTreeMap<String, TensorRecord>) -> BTreeMap<&str, ElementType> {
    let storages = tensors.values().map(|tensor| &tensor.storage);
    storages.map(|storage| (storage.key.as_str(), storage.element_type)).collect()
}

/// The part of the file that follows the pickles.
struct Storages<'a> {
    path: &'a Path,
    element_types: BTreeMap<&'a str, ElementType>,
    end: u64,
}

impl Storages<'_> {
    fn locate(&self, keys: Vec<String>, mut position: u64) -> Result<Container, Problem> {
        let mut container = Container::default();
        for key in keys {
            let range = self.storage(&key, position)?;
            position = range.end;
            container.storages.insert(key, range);
        }
        Ok(container)
    }

    fn storage(&self, key: &str, position: u64) -> Result<Range<u64>, Problem> {
        let breaks_off = || Problem::broken(format!("it breaks off in the storage `{key}`"));
        let start = position + LENGTH_BYTES;
        if start > self.end {
            return Err(breaks_off());
        }
        let Some(element_type) = self.element_types.get(key) else {
            return Err(Problem::broken(format!("no tensor says what the storage `{key}` holds")));
        };
        let length = read_range(self.path, position..start)?;
        let elements = length.try_into().map_or(u64::MAX, u64::from_le_bytes);
        let bytes = elements.checked_mul(element_type.size() as u64);
        match bytes.and_then(|bytes| start.checked_add(bytes)) {
            Some(end) if end <= self.end => Ok(start..end),
            _ => Err(breaks_off()),
        }
    }
}
