//! Why a file is not a model that can be read.

use std::fmt;

/// The sort of problem, for callers that treat some differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// The file has no bytes.
    Empty,
    /// The bytes are not an ONNX file.
    NotOnnx,
    /// The file ends early or its structure is damaged.
    Corrupt,
    /// A bound of [`crate::limits::Limits`] is exceeded.
    Limit,
    /// A version of the format or of an operator set that is not known here.
    Version,
    /// There is no graph in the file, or nothing in the graph.
    EmptyGraph,
    /// The graph has no outputs.
    NoOutputs,
    /// Weights lie in another file.
    ExternalData,
    /// An element type that is not supported.
    ElementType,
    /// A tensor whose data does not match its shape, or whose shape is not one.
    Tensor,
    /// A weight is NaN or infinite.
    NonFinite,
    /// A name is read but never defined.
    UndefinedName,
    /// A name is defined twice.
    DuplicateName,
    /// Nodes feed each other in a circle.
    Cycle,
    /// A node has inputs, outputs or attributes that its operator does not allow.
    Node,
    /// Shapes or element types do not fit each other: no runtime could run the model.
    Shape,
    /// The declared metadata or the sidecar is wrong.
    Metadata,
    /// A chain file is wrong, or its parts do not go together.
    Chain,
    /// A file that a chain names is not there, or may not be read.
    MissingFile,
    /// Text of a sort that no reader here knows.
    NotModel,
    /// A network that is no effect: its inputs or outputs are not audio and knobs.
    NoEffect,
}

/// A file that could not be read: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(Box<Report>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Report {
    kind: ReadErrorKind,
    file: String,
    node: Option<(String, String)>,
    tensor: Option<String>,
    what: String,
}

/// The result of reading.
pub type Result<T> = std::result::Result<T, ReadError>;

impl ReadError {
    pub(crate) fn new(kind: ReadErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(Report {
            kind,
            file: String::new(),
            node: None,
            tensor: None,
            what: what.into(),
        }))
    }

    pub(crate) fn at_node(mut self, name: &str, op: &str) -> Self {
        self.0.node.get_or_insert_with(|| (shorten(name), shorten(op)));
        self
    }

    pub(crate) fn at_tensor(mut self, name: &str) -> Self {
        self.0.tensor.get_or_insert_with(|| shorten(name));
        self
    }

    pub(crate) fn in_file(mut self, file: &str) -> Self {
        self.0.file = if self.0.file.is_empty() {
            file.to_owned()
        } else {
            format!("{file}, {}", self.0.file)
        };
        self
    }

    /// The sort of problem.
    pub fn kind(&self) -> ReadErrorKind {
        self.0.kind
    }

    /// The file as the caller named it.
    pub fn file(&self) -> &str {
        &self.0.file
    }

    /// Name of the node to blame, where there is one.
    pub fn node(&self) -> Option<&str> {
        self.0.node.as_ref().map(|(name, _)| name.as_str())
    }

    /// Operator of the node to blame, where there is one.
    pub fn operator(&self) -> Option<&str> {
        self.0.node.as_ref().map(|(_, op)| op.as_str())
    }

    /// Name of the tensor to blame, where there is one.
    pub fn tensor(&self) -> Option<&str> {
        self.0.tensor.as_deref()
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.file)?;
        if let Some((name, op)) = &self.0.node {
            write!(f, ", node `{name}` ({op})")?;
        }
        if let Some(name) = &self.0.tensor {
            write!(f, ", tensor `{name}`")?;
        }
        write!(f, ": {}", self.0.what)
    }
}

impl std::error::Error for ReadError {}

/// Names come from the file: one line, bounded length.
pub(crate) fn shorten(name: &str) -> String {
    const MOST: usize = 96;
    let mut short: String = name
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if name.chars().nth(MOST).is_some() {
        short.push('…');
    }
    short
}

macro_rules! fail {
    ($kind:ident, $($text:tt)*) => {
        return Err($crate::error::ReadError::new($crate::error::ReadErrorKind::$kind, format!($($text)*)))
    };
}
pub(crate) use fail;
