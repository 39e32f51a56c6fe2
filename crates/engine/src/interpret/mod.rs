//! The reference interpreter: a graph over a whole signal, by plain loops.
//!
//! This is what "offline" means in *streaming equals offline*: every operator as its ONNX specification words it, one tensor
//! after another, nothing fused, nothing reordered for speed. It runs on any thread but the audio thread, and it allocates.
//!
//! Light operators are those of [`tonegraft_model::eval`]; convolutions and recurrent layers live here.

mod conv;
mod feedback;
mod recurrent;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use tonegraft_model::eval::{EvalError, eval, eval_split};
use tonegraft_model::{Dim, Graph, Node, Op, Tensor};

/// Why a graph could not be interpreted.
#[derive(Clone, Debug, PartialEq)]
pub struct InterpretError {
    kind: InterpretErrorKind,
    place: String,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InterpretErrorKind {
    /// A graph input was not given.
    MissingInput,
    /// A given input has another rank, size or type than the graph declares.
    InputMismatch(String),
    /// An operator cannot be computed with these shapes or values.
    Operator(String),
    /// A graph output is never produced.
    MissingOutput,
}

impl InterpretError {
    /// What went wrong.
    pub fn kind(&self) -> &InterpretErrorKind {
        &self.kind
    }

    /// The node, input or output concerned.
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl fmt::Display for InterpretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match &self.kind {
            InterpretErrorKind::MissingInput => write!(f, "the model's input '{place}' was not given"),
            InterpretErrorKind::InputMismatch(detail) => {
                write!(f, "the model's input '{place}' does not fit: {detail}")
            }
            InterpretErrorKind::Operator(detail) => {
                write!(f, "the model's node '{place}' cannot be computed: {detail}")
            }
            InterpretErrorKind::MissingOutput => write!(f, "the model's output '{place}' is never computed"),
        }
    }
}

impl std::error::Error for InterpretError {}

/// Runs `graph` once over `inputs`, by the name of each graph input, and gives each graph output by name. Inputs that the metadata
/// feeds back may be left out: then it is run again and again until each is what its output was that many frames before.
///
/// # Errors
/// [`InterpretError`] if an input is missing or does not fit, or an operator refuses its arguments.
pub fn run(graph: &Graph, inputs: &BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>, InterpretError> {
    feedback::run(graph, inputs)
}

fn once(graph: &Graph, inputs: &BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>, InterpretError> {
    let mut wires: Vec<Option<Tensor>> = graph.values.iter().map(|value| value.constant.clone()).collect();
    for id in &graph.inputs {
        let value = graph.value(*id);
        let error = |kind| InterpretError {
            kind,
            place: value.name.clone(),
        };
        let given = inputs
            .get(&value.name)
            .ok_or_else(|| error(InterpretErrorKind::MissingInput))?;
        if given.dtype() != value.dtype {
            let detail = format!("it is {:?}, the model wants {:?}", given.dtype(), value.dtype);
            return Err(error(InterpretErrorKind::InputMismatch(detail)));
        }
        if !fits(given.shape(), &value.shape) {
            let wanted = value.shape.iter().map(Dim::to_string).collect::<Vec<_>>().join(", ");
            let detail = format!("its shape is {:?}, the model wants [{wanted}]", given.shape());
            return Err(error(InterpretErrorKind::InputMismatch(detail)));
        }
        wires[id.index()] = Some(given.clone());
    }
    for node in &graph.nodes {
        let arguments: Vec<Option<&Tensor>> = node
            .inputs
            .iter()
            .map(|id| id.and_then(|id| wires[id.index()].as_ref()))
            .collect();
        let results = compute(node, &arguments).map_err(|detail| InterpretError {
            kind: InterpretErrorKind::Operator(detail),
            place: node.name.clone(),
        })?;
        for (id, result) in node.outputs.iter().zip(results) {
            if let Some(id) = id {
                wires[id.index()] = Some(result);
            }
        }
    }
    graph
        .outputs
        .iter()
        .map(|id| {
            let name = graph.value(*id).name.clone();
            match wires[id.index()].clone() {
                Some(tensor) => Ok((name, tensor)),
                None => Err(InterpretError {
                    kind: InterpretErrorKind::MissingOutput,
                    place: name,
                }),
            }
        })
        .collect()
}

/// Known sizes must agree; the length of a static export may not be changed here.
fn fits(shape: &[usize], declared: &[Dim]) -> bool {
    shape.len() == declared.len()
        && shape
            .iter()
            .zip(declared)
            .all(|(size, dim)| dim.known().is_none_or(|known| known == *size))
}

fn compute(node: &Node, arguments: &[Option<&Tensor>]) -> Result<Vec<Tensor>, String> {
    match &node.op {
        Op::Conv { window, group } => conv::conv(window, *group, arguments).map(|y| vec![y]),
        Op::ConvTranspose {
            window,
            group,
            output_padding,
            output_shape,
        } => conv::conv_transpose(window, *group, output_padding, output_shape.as_deref(), arguments).map(|y| vec![y]),
        Op::Lstm {
            recurrent,
            input_forget,
        } => recurrent::lstm(recurrent, *input_forget, arguments),
        Op::Gru {
            recurrent,
            linear_before_reset,
        } => recurrent::gru(recurrent, *linear_before_reset, arguments),
        Op::Rnn { recurrent } => recurrent::rnn(recurrent, arguments),
        Op::Split { axis } => {
            eval_split(*axis, arguments, node.outputs.len()).map_err(|error: EvalError| error.to_string())
        }
        op => eval(op, arguments).map_err(|error: EvalError| error.to_string()),
    }
}

/// Argument `index` as floats.
fn floats<'a>(arguments: &[Option<&'a Tensor>], index: usize, what: &str) -> Result<(&'a [usize], &'a [f32]), String> {
    let tensor = arguments
        .get(index)
        .copied()
        .flatten()
        .ok_or_else(|| format!("{what} is missing"))?;
    let data = tensor
        .as_f32()
        .ok_or_else(|| format!("{what} is {:?}, not float", tensor.dtype()))?;
    Ok((tensor.shape(), data))
}

/// Argument `index` as floats of exactly `shape`; `None` if it is left out.
fn optional_floats<'a>(
    arguments: &[Option<&'a Tensor>],
    index: usize,
    what: &str,
    shape: &[usize],
) -> Result<Option<&'a [f32]>, String> {
    if arguments.get(index).copied().flatten().is_none() {
        return Ok(None);
    }
    let (found, data) = floats(arguments, index, what)?;
    if found == shape {
        Ok(Some(data))
    } else {
        Err(format!("{what} has shape {found:?}, not {shape:?}"))
    }
}

fn tensor(shape: Vec<usize>, data: Vec<f32>) -> Result<Tensor, String> {
    Tensor::f32(shape, data).ok_or_else(|| "the result's size does not match its shape".to_owned())
}
