//! Model files, from bytes to a checked [`Graph`].
//!
//! Everything that enters is hostile until this crate has looked at it: limits on bytes, nodes, elements and nesting hold
//! before memory is taken, and every error names the file, the node or tensor, and what to do.
#![forbid(unsafe_code)]

pub mod eval;
pub mod graph;
pub mod metadata;
pub mod op;
pub mod tensor;

pub use graph::{Dim, Graph, Node, Value, ValueId};
pub use metadata::{Knob, Metadata};
pub use op::Op;
pub use tensor::{DType, Tensor, TensorData};
