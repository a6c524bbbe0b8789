use std::collections::BTreeMap;

use super::Problem;
use super::node::{Global, Id, Node};
use super::tensor_record::{StorageRecord, TensorRecord};

/// A state dict of BERT has some 10,000 objects.
const MAX_NODES: usize = 1 << 20;
/// The names of modules and functions are short.
const MAX_LINE: usize = 256;
/// PyTorch's own limit on dimensions.
const MAX_DIMENSIONS: usize = 64;

/// A pickle's objects.
#[derive(Debug)]
pub(super) struct Objects {
    nodes: Vec<Node>,
    /// The object that the pickle is.
    pub(super) root: Id,
    /// How many bytes the pickle has.
    pub(super) length: usize,
}

impl Objects {
    pub(super) fn get(&self, id: Id) -> &Node {
        &self.nodes[id]
    }
}

/// Reads the pickle at the beginning of `bytes`.
pub(super) fn load(bytes: &[u8]) -> Result<Objects, Problem> {
    let mut machine = Machine {
        bytes,
        position: 0,
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: BTreeMap::new(),
    };
    let root = machine.run()?;
    Ok(Objects { nodes: machine.nodes, root, length: machine.position })
}

/// The stack machine that a pickle is a program for, without all that could run code.
struct Machine<'a> {
    bytes: &'a [u8],
    position: usize,
    nodes: Vec<Node>,
    stack: Vec<Id>,
    /// The heights of the stack at which open lists begin.
    marks: Vec<usize>,
    memo: BTreeMap<usize, Id>,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Id, Problem> {
        loop {
            match self.byte()? {
                b'.' => return self.pop(),
                opcode => self.step(opcode)?,
            }
        }
    }

    /// Does one instruction, in the order of Python's `pickletools`.
    fn step(&mut self, opcode: u8) -> Result<(), Problem> {
        match opcode {
            0x80 => self.protocol(),
            0x95 => self.take(8).map(|_| ()),
            b'J' => self.little_endian(4).and_then(|n| self.push(Node::Int((n as i32).into()))),
            b'K' => self.little_endian(1).and_then(|n| self.push(Node::Int(n.into()))),
            b'M' => self.little_endian(2).and_then(|n| self.push(Node::Int(n.into()))),
            0x8a => self.long(),
            b'U' | 0x8c => self.text(1),
            b'T' | b'X' => self.text(4),
            0x8d => self.text(8),
            b'C' => self.opaque(1),
            b'B' => self.opaque(4),
            0x8e => self.opaque(8),
            b'G' => self.take(8).map(|_| ()).and_then(|()| self.push(Node::Opaque)),
            b'N' => self.push(Node::Opaque),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b']' => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b')' => self.push(Node::Tuple(Vec::new())),
            0x85..=0x87 => self.small_tuple(usize::from(opcode - 0x84)),
            b't' => self.pop_to_mark().and_then(|items| self.push(Node::Tuple(items))),
            b'a' => self.pop().and_then(|item| self.append(vec![item])),
            b'e' => self.pop_to_mark().and_then(|items| self.append(items)),
            b's' => self.pop_many(2).and_then(|items| self.set_items(items)),
            b'u' => self.pop_to_mark().and_then(|items| self.set_items(items)),
            b'0' => self.pop().map(|_| ()),
            b'1' => self.pop_to_mark().map(|_| ()),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'h' => self.little_endian(1).and_then(|key| self.recall(key)),
            b'j' => self.little_endian(4).and_then(|key| self.recall(key)),
            b'q' => self.little_endian(1).and_then(|key| self.remember(key as usize)),
            b'r' => self.little_endian(4).and_then(|key| self.remember(key as usize)),
            0x94 => self.remember(self.memo.len()),
            b'c' => self.global(),
            0x93 => self.stack_global(),
            b'R' => self.call(),
            b'b' => self.set_state(),
            b'Q' => self.storage(),
            other => Err(unknown_instruction(other, self.position - 1)),
        }
    }

    fn protocol(&mut self) -> Result<(), Problem> {
        match self.byte()? {
            2..=5 => Ok(()),
            other => {
                Err(Problem::broken(format!("its pickle protocol is {other}; 2 to 5 are known")))
            }
        }
    }

    fn long(&mut self) -> Result<(), Problem> {
        let size = usize::from(self.byte()?);
        let bytes = self.take(size)?;
        let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut number = [if is_negative { 0xff } else { 0 }; 16];
        let Some(low) = number.get_mut(..size) else {
            return Err(self.broken("a number is too large"));
        };
        low.copy_from_slice(bytes);
        self.push(Node::Int(i128::from_le_bytes(number)))
    }

    fn text(&mut self, length_bytes: usize) -> Result<(), Problem> {
        let length = self.length(length_bytes)?;
        let bytes = self.take(length)?;
        match str::from_utf8(bytes) {
            Ok(text) => self.push(Node::Text(text.to_owned())),
            Err(_) => Err(self.broken("a text is not UTF-8")),
        }
    }

    fn opaque(&mut self, length_bytes: usize) -> Result<(), Problem> {
        let length = self.length(length_bytes)?;
        self.take(length)?;
        self.push(Node::Opaque)
    }

    fn small_tuple(&mut self, size: usize) -> Result<(), Problem> {
        let items = self.pop_many(size)?;
        self.push(Node::Tuple(items))
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), Problem> {
        let list = self.top()?;
        match &mut self.nodes[list] {
            Node::List(list) => {
                list.extend(items);
                Ok(())
            }
            _ => Err(self.broken("something other than a list is appended to")),
        }
    }

    fn set_items(&mut self, items: Vec<Id>) -> Result<(), Problem> {
        let dict = self.top()?;
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err(self.broken("a key has no value"));
        };
        match &mut self.nodes[dict] {
            Node::Dict(dict) => {
                dict.extend(pairs.iter().map(|[key, value]| (*key, *value)));
                Ok(())
            }
            _ => Err(self.broken("something other than a dict is given keys")),
        }
    }

    fn recall(&mut self, key: u64) -> Result<(), Problem> {
        let known = usize::try_from(key).ok().and_then(|key| self.memo.get(&key));
        match known {
            Some(id) => {
                self.stack.push(*id);
                Ok(())
            }
            None => Err(self.broken("an object is used before it is there")),
        }
    }

    fn remember(&mut self, key: usize) -> Result<(), Problem> {
        let id = self.top()?;
        self.memo.insert(key, id);
        Ok(())
    }

    fn global(&mut self) -> Result<(), Problem> {
        let (module, name) = (self.line()?, self.line()?);
        self.push_global(&module, &name)
    }

    fn stack_global(&mut self) -> Result<(), Problem> {
        let names = self.pop_many(2)?;
        match [&self.nodes[names[0]], &self.nodes[names[1]]] {
            [Node::Text(module), Node::Text(name)] => {
                let (module, name) = (module.clone(), name.clone());
                self.push_global(&module, &name)
            }
            _ => Err(self.broken("a global has no name")),
        }
    }

    fn push_global(&mut self, module: &str, name: &str) -> Result<(), Problem> {
        match Global::find(module, name) {
            Some(global) => self.push(Node::Global(global)),
            None => {
                let asked: String = format!("{module}.{name}").chars().take(80).collect();
                Err(Problem::Refused(asked.escape_debug().to_string()))
            }
        }
    }

    /// Calls one of the functions that rebuild tensors: each is a few lines here.
    fn call(&mut self) -> Result<(), Problem> {
        let ids = self.pop_many(2)?;
        let (Node::Global(function), Node::Tuple(arguments)) =
            (&self.nodes[ids[0]], &self.nodes[ids[1]])
        else {
            return Err(self.broken("something other than a function is called"));
        };
        match (function, arguments.as_slice()) {
            (Global::OrderedDict, []) => self.push(Node::Dict(Vec::new())),
            (Global::OrderedDict, [pairs]) => self.ordered_dict(*pairs),
            (Global::RebuildTensor, [storage, offset, shape, strides, ..]) => {
                self.tensor([*storage, *offset, *shape, *strides])
            }
            (Global::RebuildParameter, [same, ..]) | (Global::Size, [same]) => {
                self.stack.push(*same);
                Ok(())
            }
            _ => Err(self.broken("a function is called with other arguments than PyTorch gives")),
        }
    }

    fn ordered_dict(&mut self, pairs: Id) -> Result<(), Problem> {
        let Node::List(pairs) = &self.nodes[pairs] else {
            return Err(self.broken("a dict is made of something other than pairs"));
        };
        let pair = |id: &Id| match &self.nodes[*id] {
            Node::List(pair) | Node::Tuple(pair) => match pair.as_slice() {
                [key, value] => Some((*key, *value)),
                _ => None,
            },
            _ => None,
        };
        match pairs.iter().map(pair).collect() {
            Some(pairs) => self.push(Node::Dict(pairs)),
            None => Err(self.broken("a dict is made of something other than pairs")),
        }
    }

    fn tensor(&mut self, [storage, offset, shape, strides]: [Id; 4]) -> Result<(), Problem> {
        let Node::Storage(storage) = &self.nodes[storage] else {
            return Err(self.broken("a tensor has no storage"));
        };
        let record = TensorRecord {
            storage: storage.clone(),
            offset: self.unsigned(offset)?,
            shape: self.sizes(shape)?,
            strides: self.sizes(strides)?,
        };
        self.push(Node::Tensor(record))
    }

    /// Attributes of a dict, such as `_metadata`, tell nothing about tensors.
    fn set_state(&mut self) -> Result<(), Problem> {
        self.pop()?;
        let object = self.top()?;
        match &self.nodes[object] {
            Node::Dict(_) => Ok(()),
            _ => Err(self.broken("something other than a dict is given attributes")),
        }
    }

    /// `("storage", type, key, device, elements)`, and in old files a view of it.
    fn storage(&mut self) -> Result<(), Problem> {
        let id = self.pop()?;
        let Node::Tuple(parts) = &self.nodes[id] else {
            return Err(self.broken("a storage has no description"));
        };
        let [_, element_type, key, _, elements, view @ ..] = parts.as_slice() else {
            return Err(self.broken("a storage's description is too short"));
        };
        let (Node::Global(Global::StorageOf(element_type)), Node::Text(key)) =
            (&self.nodes[*element_type], &self.nodes[*key])
        else {
            return Err(self.broken("a storage has no type or no key"));
        };
        let (start, elements) = match view.first().map(|view| &self.nodes[*view]) {
            Some(Node::Tuple(view)) if view.len() == 3 => {
                (self.unsigned(view[1])?, self.unsigned(view[2])?)
            }
            _ => (0, self.unsigned(*elements)?),
        };
        let record =
            StorageRecord { key: key.clone(), element_type: *element_type, start, elements };
        self.push(Node::Storage(record))
    }

    fn sizes(&self, id: Id) -> Result<Vec<usize>, Problem> {
        match &self.nodes[id] {
            Node::Tuple(sizes) | Node::List(sizes) if sizes.len() <= MAX_DIMENSIONS => {
                let size = |id: &Id| {
                    let size = self.unsigned(*id)?;
                    usize::try_from(size).map_err(|_| self.broken("a size is too large"))
                };
                sizes.iter().map(size).collect()
            }
            _ => Err(self.broken("a tensor has no shape")),
        }
    }

    fn unsigned(&self, id: Id) -> Result<u64, Problem> {
        match self.nodes[id] {
            Node::Int(number) => {
                u64::try_from(number).map_err(|_| self.broken("a size is negative or too large"))
            }
            _ => Err(self.broken("a size is no number")),
        }
    }

    fn push(&mut self, node: Node) -> Result<(), Problem> {
        if self.nodes.len() == MAX_NODES {
            return Err(self.broken("it has too many objects"));
        }
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
        Ok(())
    }

    fn top(&self) -> Result<Id, Problem> {
        self.stack.last().copied().ok_or_else(|| self.broken("its stack is empty"))
    }

    fn pop(&mut self) -> Result<Id, Problem> {
        self.pop_many(1).map(|ids| ids[0])
    }

    /// Exactly `count` objects, none from below the last mark.
    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>, Problem> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(height) if height >= floor => Ok(self.stack.split_off(height)),
            _ => Err(self.broken("its stack is empty")),
        }
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, Problem> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => Err(self.broken("a list has no beginning")),
        }
    }

    fn byte(&mut self) -> Result<u8, Problem> {
        Ok(self.take(1)?[0])
    }

    fn length(&mut self, bytes: usize) -> Result<usize, Problem> {
        let length = self.little_endian(bytes)?;
        usize::try_from(length).map_err(|_| self.broken("a text is too long"))
    }

    fn little_endian(&mut self, bytes: usize) -> Result<u64, Problem> {
        let bytes = self.take(bytes)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn line(&mut self) -> Result<String, Problem> {
        let rest = &self.bytes[self.position..];
        let end = rest.iter().take(MAX_LINE).position(|byte| *byte == b'\n');
        let line = end.map(|end| String::from_utf8_lossy(&rest[..end]).into_owned());
        match (line, end) {
            (Some(line), Some(end)) => {
                self.position += end + 1;
                Ok(line)
            }
            _ => Err(self.broken("a global has no name")),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Problem> {
        let end = self.position.checked_add(count);
        let Some(bytes) = end.and_then(|end| self.bytes.get(self.position..end)) else {
            return Err(self.broken("it breaks off, or is too large"));
        };
        self.position += count;
        Ok(bytes)
    }

    fn broken(&self, problem: &str) -> Problem {
        Problem::broken(format!("{problem} (byte {} of the pickle)", self.position))
    }
}

/// Instructions that call what they find are refused as such; others are damage.
fn unknown_instruction(opcode: u8, position: usize) -> Problem {
    match opcode {
        b'i' | b'o' | 0x81 | 0x92 | 0x82..=0x84 => {
            Problem::Refused(format!("instruction {opcode:#04x}"))
        }
        _ => Problem::broken(format!(
            "instruction {opcode:#04x} at byte {position} of the pickle belongs to no state dict"
        )),
    }
}
