//! The settings of a step, read by name.

use crate::Error;
use crate::tensor::Tensor;
use crate::wire::{AttributeProto, NodeProto};

/// A step's settings.
pub(crate) struct Attributes<'a> {
    node: &'a NodeProto,
}

impl<'a> Attributes<'a> {
    pub(crate) const fn of(node: &'a NodeProto) -> Self {
        Self { node }
    }

    fn find(&self, name: &str) -> Option<&'a AttributeProto> {
        self.node.attribute.iter().find(|attribute| attribute.name == name)
    }

    pub(crate) fn int(&self, name: &str, otherwise: i64) -> i64 {
        self.find(name).map_or(otherwise, |found| found.i)
    }

    pub(crate) fn float(&self, name: &str, otherwise: f32) -> f32 {
        self.find(name).map_or(otherwise, |found| found.f)
    }

    pub(crate) fn text(&self, name: &str, otherwise: &str) -> String {
        self.find(name).map_or_else(|| otherwise.to_owned(), |found| String::from_utf8_lossy(&found.s).into_owned())
    }

    pub(crate) fn ints(&self, name: &str) -> &'a [i64] {
        self.find(name).map_or(&[], |found| &found.ints)
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.find(name).map(|found| found.strings.as_slice()).unwrap_or_default();
        texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
    }

    /// Numbers, also where they stand as a tensor of the same name with `_as_tensor`.
    pub(crate) fn floats(&self, name: &str) -> Result<Vec<f32>, Error> {
        if let Some(found) = self.find(name) {
            return Ok(found.floats.clone());
        }
        match self.find(&format!("{name}_as_tensor")).and_then(|found| found.t.as_ref()) {
            Some(tensor) => Ok(Tensor::constant(tensor)?.numbers(&self.node.op_type)?.1.to_vec()),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn tensor(&self, name: &str) -> Option<Result<Tensor, Error>> {
        self.find(name).and_then(|found| found.t.as_ref()).map(Tensor::constant)
    }

    /// A list that must have this length.
    pub(crate) fn exactly<'b, T>(&self, name: &str, list: &'b [T], length: usize) -> Result<&'b [T], Error> {
        if list.len() == length {
            return Ok(list);
        }
        Err(self.wrong(format!("{name} has {} entries, not {length}", list.len())))
    }

    pub(crate) fn wrong(&self, what: impl Into<String>) -> Error {
        Error::Computation { step: called(self.node), what: what.into() }
    }
}

/// What a step is called in an error.
pub(crate) fn called(node: &NodeProto) -> String {
    if node.name.is_empty() { node.op_type.clone() } else { format!("{} ({})", node.op_type, node.name) }
}
