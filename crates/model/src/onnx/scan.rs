//! A walk over the protobuf structure before anything is built from it: counts nodes and fields and measures nesting, so that
//! the limits hold before memory is taken. It allocates nothing and does not recurse into what it does not know.

use crate::error::{Result, fail};
use crate::limits::Limits;

/// Longest name in bytes. What a function calls its nodes and wires is written once and copied with every call.
const MAX_NAME: usize = 1024;

/// A message type of which the walk knows the sub-messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Graph,
    Function,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    Leaf,
}

impl Kind {
    /// The message in field `number`, if that field holds one.
    const fn child(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Graph, 11..=13) | (Self::Function, 12) => Self::ValueInfo,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::ValueInfo, 2) | (Self::Attribute, 14 | 15) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            (Self::Model, 8 | 14) | (Self::Function, 9) | (Self::Shape, 1) | (Self::Tensor, 13) => Self::Leaf,
            // Sequence, optional and map types nest; nothing here reads them, but their depth counts.
            (Self::Type, 4 | 9) => Self::Type,
            _ => return None,
        })
    }
}

impl Kind {
    /// True if field `number` holds a name.
    const fn names(self, number: u64) -> bool {
        matches!(
            (self, number),
            (Self::Node, 1..=4 | 7 | 8)
                | (Self::Function, 1 | 4..=6 | 10 | 13)
                | (Self::Attribute, 1 | 21)
                | (Self::Tensor, 8)
                | (Self::ValueInfo, 1)
        )
    }
}

struct Scan<'a> {
    limits: &'a Limits,
    fields: usize,
    nodes: usize,
}

/// Checks `bytes` against the limits on nodes, fields and depth, and that it is well-formed at the levels known here.
pub(super) fn scan(bytes: &[u8], limits: &Limits) -> Result<()> {
    let mut scan = Scan {
        limits,
        fields: 0,
        nodes: 0,
    };
    scan.message(bytes, Kind::Model, 0)
}

impl Scan<'_> {
    /// Recursion is bounded by `limits.max_depth`.
    fn message(&mut self, mut bytes: &[u8], kind: Kind, depth: usize) -> Result<()> {
        if depth > self.limits.max_depth {
            fail!(
                Limit,
                "its structure is nested deeper than the {} levels allowed; such a file is damaged or hostile",
                self.limits.max_depth
            );
        }
        while !bytes.is_empty() {
            self.fields += 1;
            if self.fields > self.limits.max_fields {
                fail!(Limit, "it has more than the {} fields allowed", self.limits.max_fields);
            }
            let Some(key) = varint(&mut bytes) else {
                return corrupt();
            };
            match key & 7 {
                0 => {
                    if varint(&mut bytes).is_none() {
                        return corrupt();
                    }
                }
                1 => take(&mut bytes, 8)?,
                5 => take(&mut bytes, 4)?,
                2 => {
                    let Some(length) = varint(&mut bytes).and_then(|length| usize::try_from(length).ok()) else {
                        return corrupt();
                    };
                    if length > bytes.len() {
                        return corrupt();
                    }
                    if length > MAX_NAME && kind.names(key >> 3) {
                        fail!(
                            Limit,
                            "it has a name of {length} bytes, more than the {MAX_NAME} allowed; export it with shorter names"
                        );
                    }
                    let (body, rest) = bytes.split_at(length);
                    bytes = rest;
                    if let Some(child) = kind.child(key >> 3) {
                        if child == Kind::Node {
                            self.nodes += 1;
                            if self.nodes > self.limits.max_nodes {
                                fail!(Limit, "it has more than the {} nodes allowed", self.limits.max_nodes);
                            }
                        }
                        self.message(body, child, depth + 1)?;
                    }
                }
                _ => return corrupt(),
            }
        }
        Ok(())
    }
}

fn corrupt() -> Result<()> {
    fail!(
        Corrupt,
        "it is not a complete ONNX file: its protobuf structure is cut off or damaged; copy or export it again"
    )
}

fn take(bytes: &mut &[u8], count: usize) -> Result<()> {
    match bytes.get(count..) {
        Some(rest) => {
            *bytes = rest;
            Ok(())
        }
        None => corrupt(),
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * index as u32)?;
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Some(value);
        }
    }
    None
}
