//! Model files, from bytes to a checked [`Graph`].
//!
//! Everything that enters is hostile until this crate has looked at it: limits on bytes, nodes, elements and nesting hold
//! before memory is taken, and every error names the file, the node or tensor, and what to do.
#![forbid(unsafe_code)]

mod assemble;
pub mod chain;
pub mod error;
pub mod eval;
pub mod front_end;
pub mod graph;
mod infer;
pub mod json;
pub mod limits;
pub mod metadata;
mod nam;
mod onnx;
pub mod op;
pub mod states;
pub mod symbolic;
pub mod tensor;

pub use error::{ReadError, ReadErrorKind};
pub use graph::{Dim, Graph, Node, Value, ValueId};
pub use limits::Limits;
pub use metadata::{
    Feedback, FrameStart, Framing, Gear, Knob, KnobSync, Metadata, PhaseInput, PhaseRate, Sizes, Start,
};
pub use onnx::write::{WriteError, to_onnx};
pub use op::Op;
pub use symbolic::SymInt;
pub use tensor::{DType, Tensor, TensorData};

/// How the files that a chain names are found: given a path relative to the chain file, with `/` between folders, gives the
/// content, `None` if there is no such file, or a reason why it cannot be read.
pub type Resolve<'a> = dyn FnMut(&str) -> Result<Option<Vec<u8>>, String> + 'a;

/// How a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Bounds on the file.
    pub limits: Limits,
    /// Of a file that holds its model in several sizes, which one: 0 (smallest) to 1 (full), see [`Sizes`]. `None` is full.
    pub size: Option<f32>,
}

impl ReadOptions {
    /// Within `limits`, at full size.
    pub const fn new(limits: Limits) -> Self {
        Self { limits, size: None }
    }

    /// With another size.
    #[must_use]
    pub const fn with_size(mut self, size: Option<f32>) -> Self {
        self.size = size;
        self
    }
}

/// Reads a model file that stands alone: an ONNX file, a `.nam` file, one of the [`json`] dialects, or a chain whose models are
/// embedded.
///
/// * `bytes`: the file's content. The format is recognised by its structure, not by the name.
/// * `file`: how to call the file in errors.
/// * `sidecar`: the text of `<file>.tonegraft.json`, if there is one; its keys win over those in the file.
///
/// Where the metadata declares a spectral front end, the graph has it, see [`front_end`]. Never panics and always ends, whatever
/// the bytes; memory stays within a small multiple of `limits`. Not for the audio thread: it allocates.
///
/// # Errors
/// [`ReadError`], whose `Display` is one sentence: what, where, what to do.
pub fn read(bytes: &[u8], file: &str, sidecar: Option<&str>, limits: &Limits) -> Result<Graph, ReadError> {
    read_any(bytes, file, sidecar, &mut |_| Ok(None), limits)
}

/// Reads a model file as [`read`] does, and the files that a chain names by way of `resolve` ([`chain::beside`] for a file on
/// disk).
///
/// # Errors
/// As [`read`].
pub fn read_any(
    bytes: &[u8],
    file: &str,
    sidecar: Option<&str>,
    resolve: &mut Resolve<'_>,
    limits: &Limits,
) -> Result<Graph, ReadError> {
    read_with(bytes, file, sidecar, resolve, &ReadOptions::new(*limits))
}

/// Reads a model file as [`read_any`] does, with options.
///
/// # Errors
/// As [`read`].
pub fn read_with(
    bytes: &[u8],
    file: &str,
    sidecar: Option<&str>,
    resolve: &mut Resolve<'_>,
    options: &ReadOptions,
) -> Result<Graph, ReadError> {
    // What is too large is not even searched.
    let graph = if bytes.len() <= options.limits.max_bytes && chain::is_chain(bytes) {
        chain::read(bytes, file, sidecar, resolve, options)
    } else {
        read_single(bytes, file, sidecar, options)
    };
    graph.map_err(|error| error.in_file(file))
}

/// One model that stands alone, of any format but a chain. `.nam` files are the JSON that names an architecture.
pub(crate) fn read_single(
    bytes: &[u8],
    file: &str,
    sidecar: Option<&str>,
    options: &ReadOptions,
) -> Result<Graph, ReadError> {
    if !json::begins_object(bytes) {
        return read_onnx(bytes, file, sidecar, &options.limits);
    }
    let json = json::parse(bytes, &options.limits)?;
    if json.get("architecture").is_some() {
        nam::read(&json, bytes, file, sidecar, options)
    } else {
        json::from_value(&json, file, sidecar, &options.limits)
    }
}

/// One ONNX file with its front end.
pub(crate) fn read_onnx(bytes: &[u8], file: &str, sidecar: Option<&str>, limits: &Limits) -> Result<Graph, ReadError> {
    let mut graph = onnx::read(bytes, file, sidecar, limits, &onnx::Pins::default())?;
    let pins = front_end::pins(&graph)?;
    if !pins.is_empty() {
        graph = onnx::read(bytes, file, sidecar, limits, &pins)?;
    }
    front_end::apply(graph, limits)
}
