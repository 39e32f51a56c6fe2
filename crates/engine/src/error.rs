//! What can go wrong between a file and a running processor, one type per stage.

use std::fmt;
use std::path::PathBuf;
use thiserror::Error;
use tonegraft_model::error::ReadError;

/// Why the native runtime refuses a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CompileErrorKind {
    /// No input, or several, could be the audio.
    AudioInput,
    /// No output, or several, could be the audio.
    AudioOutput,
    /// An input is neither audio, nor a knob, nor a state.
    Input,
    /// An output is neither the audio nor the next value of a state.
    Output,
    /// Nothing here computes the operator.
    Operator,
    /// The operator is known, but not in this use: it cannot run frame by frame.
    NotStreamable,
    /// Sizes do not fit each other; other runtimes would refuse it as well.
    Shape,
    /// More memory or arithmetic than allowed.
    Limit,
}

/// A graph that the native runtime refuses: why, and at which node.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct CompileError {
    /// The sort of reason.
    pub kind: CompileErrorKind,
    /// Name and operator of the node, where one is to blame.
    pub node: Option<(String, String)>,
    /// The reason, a sentence without a full stop.
    pub reason: String,
}

impl CompileError {
    pub(crate) fn new(kind: CompileErrorKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            node: None,
            reason: reason.into(),
        }
    }

    pub(crate) fn at(mut self, node: &tonegraft_model::Node) -> Self {
        self.node
            .get_or_insert_with(|| (node.name.clone(), node.op.name().to_owned()));
        self
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some((name, op)) => write!(f, "node `{name}` ({op}): {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Why a model could not be loaded. `Display` is a sentence for the user.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file could not be read from disk.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason, and what to do.
        reason: String,
    },
    /// The file is not a model that can be read.
    #[error(transparent)]
    Read(Box<ReadError>),
    /// The model cannot run natively.
    #[error("{file}: cannot play this model: {source}")]
    Compile {
        /// The file's name.
        file: String,
        /// Where and why.
        source: CompileError,
    },
}

impl From<ReadError> for LoadError {
    fn from(error: ReadError) -> Self {
        Self::Read(Box::new(error))
    }
}

impl LoadError {
    /// Where and why the native runtime refuses it, if that is the reason.
    pub fn compile_error(&self) -> Option<&CompileError> {
        match self {
            Self::Compile { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Why a processor could not be made from a model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The asked channel layout is not possible.
    #[error("cannot play a model with {model_inputs} in and {model_outputs} out on {inputs} in and {outputs} out")]
    Layout {
        /// Channels asked for.
        inputs: usize,
        /// Channels asked for.
        outputs: usize,
        /// Audio channels of the model.
        model_inputs: usize,
        /// Audio channels of the model.
        model_outputs: usize,
    },
    /// It would need more memory than allowed.
    #[error("an instance needs {bytes} bytes, the limit is {limit}")]
    Memory {
        /// Bytes needed.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The plan and its kernels disagree; a defect of this program.
    #[error("internal error: {0}")]
    Internal(String),
}
