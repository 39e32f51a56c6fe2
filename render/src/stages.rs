//! Stages between file and processor as text, for `inspect --stage`: the same on every machine, golden files in tests.
//!
//! The graph: one line per input, node and output. Wires stand with element type and sizes; open sizes by the file's name for them; small
//! integer constants, and integers that follow from the audio's length, with their elements; other constants by size alone.

use anyhow::{Result, anyhow};
use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use tonegraft_engine::Model;
use tonegraft_model::op::{AutoPad, Direction, Op, Recurrent, Window};
use tonegraft_model::{DType, Dim, Graph, TensorData, Value, ValueId};

/// Longest integer constant that is written out.
const WRITTEN_OUT: usize = 8;

/// The stream graph as text.
///
/// # Errors
/// None, for a model that has been compiled before.
pub fn stream(model: &Model) -> Result<String> {
    let stream =
        tonegraft_engine::stream::compile(model.graph(), &BTreeMap::new()).map_err(|error| anyhow!("{error}"))?;
    Ok(stream.to_string())
}

/// The graph as text.
pub fn graph(graph: &Graph) -> String {
    let mut text = format!(
        "{} `{}` · {} nodes\n",
        graph.format.name(),
        graph.name,
        graph.nodes.len()
    );
    for id in &graph.inputs {
        line(&mut text, format_args!("input {}", wire(graph, *id)));
    }
    for node in &graph.nodes {
        let of = |ids: &[Option<ValueId>]| -> Vec<String> {
            ids.iter()
                .map(|id| id.map_or_else(|| "–".to_owned(), |id| wire(graph, id)))
                .collect()
        };
        let attributes = attributes(&node.op);
        let gap = if attributes.is_empty() { "" } else { " " };
        line(
            &mut text,
            format_args!(
                "{} ← {}{gap}{attributes} of {}  `{}`",
                of(&node.outputs).join(", "),
                node.op.name(),
                names(graph, &node.inputs),
                node.name
            ),
        );
    }
    for id in &graph.outputs {
        line(&mut text, format_args!("output {}", wire(graph, *id)));
    }
    text
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}

/// What a node reads: wires by name, constants as they are.
fn names(graph: &Graph, ids: &[Option<ValueId>]) -> String {
    let name = |id: &Option<ValueId>| match id.map(|id| graph.value(id)) {
        None => "–".to_owned(),
        Some(value) if value.constant.is_some() => constant(value),
        Some(value) => value.name.clone(),
    };
    ids.iter().map(name).collect::<Vec<_>>().join(", ")
}

const fn type_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "f32",
        DType::I64 => "i64",
        DType::Bool => "bool",
    }
}

/// Name, type and sizes of a wire, and the elements where they follow from the audio's length.
fn wire(graph: &Graph, id: ValueId) -> String {
    let value = graph.value(id);
    let sizes: Vec<String> = value.shape.iter().map(Dim::to_string).collect();
    let mut text = format!("{} {}[{}]", value.name, type_name(value.dtype), sizes.join(", "));
    if let Some(elements) = &value.symbolic
        && elements.len() <= WRITTEN_OUT
    {
        let elements: Vec<String> = elements.iter().map(ToString::to_string).collect();
        let _ = write!(text, " = ({})", elements.join(", "));
    }
    text
}

fn constant(value: &Value) -> String {
    let Some(tensor) = &value.constant else {
        return String::new();
    };
    match tensor.data() {
        TensorData::I64(elements) if elements.len() <= WRITTEN_OUT => format!("{elements:?}"),
        TensorData::F32(elements) if elements.len() == 1 => format!("{:?}", elements[0]),
        data => {
            let dtype = match data {
                TensorData::F32(_) => DType::F32,
                TensorData::I64(_) => DType::I64,
                TensorData::Bool(_) => DType::Bool,
            };
            format!("{}{:?}", type_name(dtype), tensor.shape())
        }
    }
}

/// The attributes that are not the usual ones.
fn attributes(op: &Op) -> String {
    match op {
        Op::Conv { window, group } => joined(&[geometry(window), groups(*group)]),
        Op::ConvTranspose {
            window,
            group,
            output_padding,
            output_shape,
        } => {
            let padding = if output_padding.iter().all(|size| *size == 0) {
                String::new()
            } else {
                format!("output padding {output_padding:?}")
            };
            let shape = output_shape
                .as_ref()
                .map_or_else(String::new, |shape| format!("output shape {shape:?}"));
            joined(&[geometry(window), groups(*group), padding, shape])
        }
        Op::MaxPool { window, ceil_mode } => joined(&[geometry(window), flag(*ceil_mode, "rounded up")]),
        Op::AveragePool {
            window,
            ceil_mode,
            count_include_pad,
        } => joined(&[
            geometry(window),
            flag(*ceil_mode, "rounded up"),
            flag(*count_include_pad, "padding counts"),
        ]),
        Op::Lstm {
            recurrent: common,
            input_forget,
        } => joined(&[recurrent(common), flag(*input_forget, "coupled gates")]),
        Op::Gru {
            recurrent: common,
            linear_before_reset,
        } => joined(&[recurrent(common), flag(*linear_before_reset, "reset after the product")]),
        Op::Rnn { recurrent: common } => recurrent(common),
        Op::Unary(function) => fields(function),
        Op::Binary(_) | Op::Unsupported { .. } => String::new(),
        Op::Reduce {
            keep_dims,
            noop_with_empty_axes,
            ..
        } => joined(&[
            flag(*keep_dims, "axes stay"),
            flag(*noop_with_empty_axes, "nothing without axes"),
        ]),
        other => fields(other),
    }
}

fn joined(parts: &[String]) -> String {
    let parts: Vec<&str> = parts
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ")
}

fn flag(set: bool, name: &str) -> String {
    if set { name.to_owned() } else { String::new() }
}

fn groups(group: usize) -> String {
    if group == 1 {
        String::new()
    } else {
        format!("groups {group}")
    }
}

fn geometry(window: &Window) -> String {
    let unless = |usual: bool, name: &str, sizes: &dyn Debug| {
        if usual {
            String::new()
        } else {
            format!("{name} {sizes:?}")
        }
    };
    let ones = |sizes: &[usize]| sizes.iter().all(|size| *size == 1);
    joined(&[
        format!("kernel {:?}", window.kernel),
        unless(ones(&window.strides), "strides", &window.strides),
        unless(ones(&window.dilations), "dilations", &window.dilations),
        unless(window.pads.iter().all(|pad| *pad == 0), "pads", &window.pads),
        unless(window.auto_pad == AutoPad::NotSet, "padding", &window.auto_pad),
    ])
}

fn recurrent(common: &Recurrent) -> String {
    let activations = common
        .activations
        .as_ref()
        .map_or_else(String::new, |names| names.join("/"));
    joined(&[
        format!("units {}", common.hidden),
        match common.direction {
            Direction::Forward => String::new(),
            other => format!("{other:?}").to_lowercase(),
        },
        flag(common.batch_first, "batch first"),
        activations,
        common.clip.map_or_else(String::new, |clip| format!("clip {clip}")),
    ])
}

/// The fields of an operator that has few, as `axis 1, keep_dims true`.
fn fields(op: &dyn Debug) -> String {
    let text = format!("{op:?}");
    let Some((_, rest)) = text.split_once(" { ") else {
        return String::new();
    };
    rest.trim_end_matches(" }").replace(": ", " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonegraft_model::op::Unary;

    #[test]
    fn attributes_that_are_usual_are_left_out() {
        let mut window = Window {
            kernel: vec![3],
            strides: vec![1],
            dilations: vec![1],
            pads: vec![0, 0],
            auto_pad: AutoPad::NotSet,
        };
        let plain = Op::Conv {
            window: window.clone(),
            group: 1,
        };
        assert_eq!(attributes(&plain), "kernel [3]");
        window.strides = vec![2];
        window.pads = vec![2, 0];
        assert_eq!(
            attributes(&Op::Conv { window, group: 4 }),
            "kernel [3] strides [2] pads [2, 0] groups 4"
        );
        assert_eq!(attributes(&Op::Unary(Unary::Tanh)), "");
        assert_eq!(attributes(&Op::Unary(Unary::Elu { alpha: 0.5 })), "alpha 0.5");
        assert_eq!(attributes(&Op::Concat { axis: 1 }), "axis 1");
    }
}
