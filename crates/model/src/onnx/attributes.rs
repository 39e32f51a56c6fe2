//! A node's attributes, by name and type.

use super::proto::{AttributeProto, NodeProto, TensorProto};
use crate::error::{Result, fail};

#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(&'a NodeProto);

impl<'a> Attributes<'a> {
    pub(super) const fn new(node: &'a NodeProto) -> Self {
        Self(node)
    }

    pub(super) fn find(self, name: &str) -> Option<&'a AttributeProto> {
        self.0
            .attribute
            .iter()
            .find(|attribute| attribute.name.as_deref() == Some(name))
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub(super) fn int(self, name: &str) -> Result<Option<i64>> {
        match self.find(name) {
            None => Ok(None),
            Some(AttributeProto { i: Some(value), .. }) => Ok(Some(*value)),
            Some(_) => fail!(Node, "its attribute `{name}` is not an integer"),
        }
    }

    pub(super) fn flag(self, name: &str, default: bool) -> Result<bool> {
        Ok(self.int(name)?.map_or(default, |value| value != 0))
    }

    pub(super) fn float(self, name: &str, default: f32) -> Result<f32> {
        match self.find(name) {
            None => Ok(default),
            Some(AttributeProto { f: Some(value), .. }) if value.is_finite() => Ok(*value),
            Some(_) => fail!(Node, "its attribute `{name}` is not a finite number"),
        }
    }

    pub(super) fn ints(self, name: &str) -> Option<&'a [i64]> {
        self.find(name).map(|attribute| attribute.ints.as_slice())
    }

    /// Sizes that are at least `least` and at most 2²⁴: nothing in audio comes near, and sums of them stay far from overflow.
    pub(super) fn sizes(self, name: &str, least: i64) -> Result<Option<Vec<usize>>> {
        let Some(values) = self.ints(name) else { return Ok(None) };
        values
            .iter()
            .map(|value| match usize::try_from(*value) {
                Ok(size) if *value >= least && size <= 1 << 24 => Ok(size),
                _ => fail!(
                    Node,
                    "its attribute `{name}` is {values:?}; each entry must be between {least} and {}",
                    1 << 24
                ),
            })
            .collect::<Result<_>>()
            .map(Some)
    }

    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>> {
        match self.find(name) {
            None => Ok(None),
            Some(AttributeProto { s: Some(bytes), .. }) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Some(text)),
                Err(_) => fail!(Node, "its attribute `{name}` is not text"),
            },
            Some(_) => fail!(Node, "its attribute `{name}` is not text"),
        }
    }

    pub(super) fn texts(self, name: &str) -> Result<Option<Vec<String>>> {
        let Some(attribute) = self.find(name) else {
            return Ok(None);
        };
        attribute
            .strings
            .iter()
            .map(|bytes| match std::str::from_utf8(bytes) {
                Ok(text) => Ok(text.to_owned()),
                Err(_) => fail!(Node, "its attribute `{name}` is not text"),
            })
            .collect::<Result<_>>()
            .map(Some)
    }

    pub(super) fn tensor(self, name: &str) -> Option<&'a TensorProto> {
        self.find(name)?.t.as_deref()
    }
}
