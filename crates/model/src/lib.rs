//! Model files, from bytes to a checked [`Graph`].
//!
//! Everything that enters is hostile until this crate has looked at it: limits on bytes, nodes, elements and nesting hold
//! before memory is taken, and every error names the file, the node or tensor, and what to do.
#![forbid(unsafe_code)]

pub mod error;
pub mod eval;
pub mod front_end;
pub mod graph;
mod infer;
pub mod limits;
pub mod metadata;
mod onnx;
pub mod op;
pub mod states;
pub mod symbolic;
pub mod tensor;

pub use error::{ReadError, ReadErrorKind};
pub use graph::{Dim, Graph, Node, Value, ValueId};
pub use limits::Limits;
pub use metadata::{Framing, Knob, Metadata, PhaseInput, PhaseRate};
pub use op::Op;
pub use symbolic::SymInt;
pub use tensor::{DType, Tensor, TensorData};

/// Reads a model file.
///
/// * `bytes`: the file's content. ONNX is recognised by its structure, not by the name.
/// * `file`: how to call the file in errors.
/// * `sidecar`: the text of `<file>.tonegraft.json`, if there is one; its keys win over those in the file.
///
/// Never panics and always ends, whatever the bytes; memory stays within a small multiple of `limits`. Not for the audio
/// thread: it allocates.
///
/// # Errors
/// [`ReadError`], whose `Display` is one sentence: what, where, what to do.
pub fn read(bytes: &[u8], file: &str, sidecar: Option<&str>, limits: &Limits) -> Result<Graph, ReadError> {
    onnx::read(bytes, file, sidecar, limits).map_err(|error| error.in_file(file))
}
