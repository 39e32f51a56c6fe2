//! Changes of an ONNX file that leave it an ONNX file.
//!
//! The file is decoded with the reader's own messages, a few of its parts are changed, and it is encoded again. Whether the
//! result makes sense is for the reader to judge: most changes give a file that is refused for one clear reason, some give
//! another model.

use crate::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto, ValueInfoProto,
};
use crate::random::Random;
use prost::Message;

/// Names of operators with one input and one output.
const UNARY: &[&str] = &[
    "Tanh",
    "Sigmoid",
    "Relu",
    "LeakyRelu",
    "Elu",
    "Selu",
    "HardSigmoid",
    "HardSwish",
    "Gelu",
    "Softplus",
    "Softsign",
    "Abs",
    "Neg",
    "Sqrt",
    "Exp",
    "Log",
    "Sin",
    "Cos",
    "Erf",
    "Reciprocal",
    "Floor",
    "Ceil",
    "Round",
    "Sign",
    "Not",
    "Identity",
    "Softmax",
    "LogSoftmax",
    "Transpose",
    "Flatten",
    "Shape",
    "Size",
    "GlobalAveragePool",
    "MaxPool",
    "AveragePool",
    "ReduceMean",
    "ReduceSum",
    "ReduceMax",
    "ArgMax",
    "Squeeze",
    "Cast",
    "Dropout",
    "Split",
    "Acos",
    "Asinh",
    "Atan",
    "Cosh",
    "Sinh",
    "Tan",
    "Celu",
    "Mish",
    "Swish",
    "Shrink",
    "ThresholdedRelu",
    "IsNaN",
    "IsInf",
    "ArgMin",
    "GlobalMaxPool",
    "LpNormalization",
    "DepthToSpace",
    "SpaceToDepth",
    "EyeLike",
    "RandomNormalLike",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMin",
    "ReduceProd",
    "ReduceSumSquare",
    "HannWindow",
];

/// Names of operators with two inputs and one output.
const BINARY: &[&str] = &[
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Mod",
    "Min",
    "Max",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "And",
    "Or",
    "Xor",
    "MatMul",
    "Gemm",
    "PRelu",
    "Concat",
    "Gather",
    "GatherElements",
    "Reshape",
    "Expand",
    "Tile",
    "Unsqueeze",
    "Conv",
    "ConvTranspose",
    "CumSum",
    "GatherND",
    "Mean",
    "ScatterElements",
    "CastLike",
    "Pad",
];

/// Names of all other operators that the reader knows something of.
const OTHER: &[&str] = &[
    "LSTM",
    "GRU",
    "RNN",
    "Where",
    "Clip",
    "Slice",
    "BatchNormalization",
    "LayerNormalization",
    "InstanceNormalization",
    "Range",
    "ConstantOfShape",
    "Resize",
    "Trilu",
    "DFT",
    "STFT",
    "ScatterND",
    "RandomNormal",
    "RandomUniform",
    "GroupNormalization",
    "RMSNormalization",
    "RandomUniformLike",
    "Sum",
    "Constant",
    "If",
    "Loop",
    "QuantizeLinear",
    "DequantizeLinear",
    "Einsum",
    "Upsample",
    "NoSuchOperator",
];

/// Attributes: name, and whether it is a list of integers, an integer, a float or a text.
const ATTRIBUTES: &[(&str, Kind)] = &[
    ("kernel_shape", Kind::Integers),
    ("strides", Kind::Integers),
    ("dilations", Kind::Integers),
    ("pads", Kind::Integers),
    ("output_padding", Kind::Integers),
    ("output_shape", Kind::Integers),
    ("perm", Kind::Integers),
    ("axes", Kind::Integers),
    ("starts", Kind::Integers),
    ("ends", Kind::Integers),
    ("split", Kind::Integers),
    ("group", Kind::Integer),
    ("axis", Kind::Integer),
    ("hidden_size", Kind::Integer),
    ("layout", Kind::Integer),
    ("linear_before_reset", Kind::Integer),
    ("input_forget", Kind::Integer),
    ("keepdims", Kind::Integer),
    ("allowzero", Kind::Integer),
    ("transA", Kind::Integer),
    ("transB", Kind::Integer),
    ("to", Kind::Integer),
    ("ceil_mode", Kind::Integer),
    ("count_include_pad", Kind::Integer),
    ("noop_with_empty_axes", Kind::Integer),
    ("exclusive", Kind::Integer),
    ("reverse", Kind::Integer),
    ("onesided", Kind::Integer),
    ("inverse", Kind::Integer),
    ("upper", Kind::Integer),
    ("blocksize", Kind::Integer),
    ("num_groups", Kind::Integer),
    ("p", Kind::Integer),
    ("dft_length", Kind::Integer),
    ("is_causal", Kind::Integer),
    ("start", Kind::Integer),
    ("end", Kind::Integer),
    ("num_outputs", Kind::Integer),
    ("select_last_index", Kind::Integer),
    ("batch_dims", Kind::Integer),
    ("alpha", Kind::Float),
    ("beta", Kind::Float),
    ("gamma", Kind::Float),
    ("epsilon", Kind::Float),
    ("clip", Kind::Float),
    ("cubic_coeff_a", Kind::Float),
    ("mode", Kind::Text),
    ("auto_pad", Kind::Text),
    ("direction", Kind::Text),
    ("approximate", Kind::Text),
    ("coordinate_transformation_mode", Kind::Text),
    ("nearest_mode", Kind::Text),
];

/// Texts that attributes have.
const TEXTS: &[&str] = &[
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "NOTSET",
    "forward",
    "reverse",
    "bidirectional",
    "constant",
    "reflect",
    "edge",
    "wrap",
    "tanh",
    "none",
    "nearest",
    "linear",
    "cubic",
    "half_pixel",
    "pytorch_half_pixel",
    "asymmetric",
    "align_corners",
    "floor",
    "ceil",
    "round_prefer_floor",
    "round_prefer_ceil",
    "",
    "x",
];

/// Metadata: key, and values that mean something somewhere.
const METADATA: &[(&str, &[&str])] = &[
    ("tonegraft.audio_input", &["x", "input", "audio", ""]),
    ("tonegraft.audio_output", &["y", "output", ""]),
    ("tonegraft.sample_rate", &["48000", "0", "1e9", "44100.5"]),
    ("tonegraft.declared_delay", &["0", "100", "-1"]),
    ("tonegraft.block_size", &["16", "1", "0", "64"]),
    (
        "tonegraft.frame",
        &[
            r#"{"size": 16, "hop": 16}"#,
            r#"{"size": 64, "hop": 16}"#,
            r#"{"size": 0, "hop": 0}"#,
            r#"{"size": 3, "hop": 7}"#,
        ],
    ),
    (
        "tonegraft.stft",
        &[
            r#"{"size": 6, "hop": 3, "window": "hann", "input": "magnitude", "output": "mask", "single_frames": true}"#,
            r#"{"size": 512, "hop": 128, "window": "sqrt_hann"}"#,
            r#"{"size": 256, "hop": 64, "window": "hann", "output": "complex_mask", "normalise": "envelope"}"#,
        ],
    ),
    (
        "tonegraft.states",
        &[r#"{"h": "hn"}"#, r#"{"state": "state_out"}"#, "{}"],
    ),
    (
        "tonegraft.phase_input",
        &["x", "phase", r#"{"input": "phase", "rate_hz": 1.0}"#],
    ),
    (
        "tonegraft.feedback",
        &[
            r#"{"back": {"output": "y", "delay": 1}}"#,
            r#"{"s": {"output": "s_new", "delay": 64}}"#,
            r#"{"input": {"output": "output", "delay": 65537}}"#,
        ],
    ),
    ("tonegraft.tail", &["0.5", "-1"]),
    ("tonegraft.seed", &["1", "-1"]),
    ("tonegraft.meters", &[r#"["y"]"#, "[]"]),
    (
        "tonegraft.knobs",
        &[
            r#"[{"name": "a", "input": "x", "index": 1}]"#,
            r#"[{"name": "a", "input": "knobs"}]"#,
            "[]",
        ],
    ),
    ("tonegraft.version", &["1", "2"]),
];

#[derive(Clone, Copy)]
enum Kind {
    Integers,
    Integer,
    Float,
    Text,
}

/// A custom mutator for libFuzzer: changes the first `size` bytes of `data`, may use `max_size`, gives the new size. Bytes that are no
/// model stay as they are.
pub fn onnx(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let Some(mut model) = data.get(..size).and_then(|bytes| ModelProto::decode(bytes).ok()) else {
        return size;
    };
    let mut random = Random::new(u64::from(seed));
    for _ in 0..1 + random.below(3) * random.below(3) {
        change(&mut model, &mut random);
    }
    let bytes = model.encode_to_vec();
    match data.get_mut(..bytes.len()) {
        Some(place) if bytes.len() <= max_size => {
            place.copy_from_slice(&bytes);
            bytes.len()
        }
        _ => size,
    }
}

fn change(model: &mut ModelProto, random: &mut Random) {
    if random.once_in(40) {
        if let Some(import) = model.opset_import.first_mut() {
            import.version = Some(7 + random.below(18) as i64);
        }
        return;
    }
    if random.once_in(24) {
        metadata(model, random);
        return;
    }
    let Some(graph) = &mut model.graph else { return };
    match random.below(14) {
        0 => shape(graph, random),
        1..3 => attribute(graph, random),
        3 => operator(graph, random),
        4..6 => rewire(graph, random),
        6 => remove(graph, random),
        7..9 => insert(graph, random),
        9 => repeat(graph, random),
        10..12 => constant(graph, random),
        12 => weight_shape(graph, random),
        _ => outputs(graph, random),
    }
}

/// Mostly small and near `old`, sometimes at the edge of its type.
fn integer(old: i64, random: &mut Random) -> i64 {
    match random.below(16) {
        0..4 => old.wrapping_add(1),
        4..7 => old.wrapping_sub(1),
        7 => old.wrapping_neg(),
        8 => old.wrapping_mul(2),
        9..14 => random.below(9) as i64 - 1,
        14 => random.below(3_000) as i64,
        _ => *random
            .one_of(&[
                i64::MIN,
                i64::MAX,
                i64::MAX - 1,
                1 << 31,
                -(1 << 31),
                1 << 40,
                u32::MAX as i64,
                -1_000_000,
            ])
            .unwrap_or(&0),
    }
}

fn float(old: f32, random: &mut Random) -> f32 {
    match random.below(12) {
        0..3 => 0.0,
        3 => -old,
        4..6 => old * 2.0,
        6..10 => random.sample(),
        10 => 1.0,
        _ => *random
            .one_of(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e-40, -0.0])
            .unwrap_or(&0.0),
    }
}

fn shape(graph: &mut GraphProto, random: &mut Random) {
    let infos = match random.below(5) {
        0 => &mut graph.output,
        1 => &mut graph.value_info,
        _ => &mut graph.input,
    };
    let index = random.below(infos.len());
    let Some(tensor) = infos
        .get_mut(index)
        .and_then(|info| info.r#type.as_mut())
        .and_then(|kind| kind.tensor_type.as_mut())
    else {
        return;
    };
    if random.once_in(12) {
        tensor.elem_type = Some(random.below(17) as i32);
        return;
    }
    let Some(shape) = &mut tensor.shape else { return };
    let axis = random.below(shape.dim.len());
    if random.once_in(8) && !shape.dim.is_empty() {
        if random.once_in(2) {
            shape.dim.remove(axis);
        } else {
            let dim = shape.dim[axis].clone();
            shape.dim.insert(axis, dim);
        }
        return;
    }
    let Some(dim) = shape.dim.get_mut(axis) else { return };
    if random.once_in(3) {
        dim.dim_value = None;
        dim.dim_param = random.one_of(&["T", "N", "batch", ""]).map(|name| (*name).to_owned());
    } else {
        dim.dim_param = None;
        dim.dim_value = Some(integer(dim.dim_value.unwrap_or(64), random));
    }
}

fn attribute(graph: &mut GraphProto, random: &mut Random) {
    let node = random.below(graph.node.len());
    let Some(node) = graph.node.get_mut(node) else { return };
    if node.attribute.is_empty() || random.once_in(4) {
        let Some((name, kind)) = random.one_of(ATTRIBUTES).copied() else {
            return;
        };
        let mut made = AttributeProto {
            name: Some(name.to_owned()),
            ..AttributeProto::default()
        };
        match kind {
            Kind::Integers => made.ints = (0..random.below(7)).map(|_| random.below(6) as i64 - 1).collect(),
            Kind::Integer => made.i = Some(random.below(8) as i64 - 2),
            Kind::Float => made.f = Some(float(1.0, random)),
            Kind::Text => made.s = random.one_of(TEXTS).map(|text| text.as_bytes().to_vec()),
        }
        node.attribute.retain(|other| other.name.as_deref() != Some(name));
        node.attribute.push(made);
        return;
    }
    let index = random.below(node.attribute.len());
    if random.once_in(6) {
        node.attribute.remove(index);
        return;
    }
    let attribute = &mut node.attribute[index];
    if let Some(old) = attribute.i {
        attribute.i = Some(integer(old, random));
    } else if let Some(old) = attribute.f {
        attribute.f = Some(float(old, random));
    } else if attribute.s.is_some() {
        attribute.s = random.one_of(TEXTS).map(|text| text.as_bytes().to_vec());
    } else if let Some(tensor) = &mut attribute.t {
        elements(tensor, random);
    } else {
        let index = random.below(attribute.ints.len());
        match random.below(8) {
            0 => attribute.ints.push(random.below(4) as i64),
            1 if index < attribute.ints.len() => drop(attribute.ints.remove(index)),
            2 => attribute.ints.reverse(),
            _ => {
                if let Some(old) = attribute.ints.get_mut(index) {
                    *old = integer(*old, random);
                }
            }
        }
    }
}

fn operator(graph: &mut GraphProto, random: &mut Random) {
    let node = random.below(graph.node.len());
    let Some(node) = graph.node.get_mut(node) else { return };
    let names = match (node.input.len(), random.below(8)) {
        (_, 0) => OTHER,
        (1, _) => UNARY,
        _ => BINARY,
    };
    node.op_type = random.one_of(names).map(|name| (*name).to_owned());
}

/// Some wire that exists before node `before`, with weights and inputs among them.
fn wire(graph: &GraphProto, before: usize, random: &mut Random) -> Option<String> {
    let before = before.min(graph.node.len());
    match random.below(8) {
        0 => random.one_of(&graph.input).and_then(|info| info.name.clone()),
        1..3 => random.one_of(&graph.initializer).and_then(|tensor| tensor.name.clone()),
        _ => {
            let node = random.one_of(&graph.node[..before])?;
            random.one_of(&node.output).cloned()
        }
    }
}

fn rewire(graph: &mut GraphProto, random: &mut Random) {
    let at = random.below(graph.node.len());
    // Now and then a wire that comes later: a cycle.
    let before = if random.once_in(20) { graph.node.len() } else { at };
    let Some(wire) = wire(graph, before, random) else {
        return;
    };
    let Some(node) = graph.node.get_mut(at) else { return };
    let slot = random.below(node.input.len());
    match random.below(10) {
        0 => node.input.push(wire),
        1 => drop(node.input.pop()),
        2 if slot < node.input.len() => node.input[slot].clear(),
        3 => node.input.reverse(),
        _ => {
            if let Some(input) = node.input.get_mut(slot) {
                *input = wire;
            }
        }
    }
}

/// A node goes; who read it reads its input.
fn remove(graph: &mut GraphProto, random: &mut Random) {
    let at = random.below(graph.node.len());
    if at >= graph.node.len() {
        return;
    }
    let node = graph.node.remove(at);
    let (Some(input), Some(output)) = (node.input.first(), node.output.first()) else {
        return;
    };
    replace(graph, output, input);
}

fn replace(graph: &mut GraphProto, old: &str, new: &str) {
    for name in graph
        .node
        .iter_mut()
        .flat_map(|node| &mut node.input)
        .filter(|name| *name == old)
    {
        new.clone_into(name);
    }
}

/// A name that is not taken.
fn fresh(graph: &GraphProto) -> String {
    (graph.node.len()..)
        .map(|number| format!("w{number}"))
        .find(|name| graph.node.iter().all(|node| !node.output.contains(name)))
        .unwrap_or_default()
}

/// A new node on a wire; its readers read the new node, or one of them does.
fn insert(graph: &mut GraphProto, random: &mut Random) {
    let at = random.below(graph.node.len() + 1);
    let Some(input) = wire(graph, at, random) else { return };
    let name = fresh(graph);
    let mut node = NodeProto {
        output: vec![name.clone()],
        input: vec![input.clone()],
        ..NodeProto::default()
    };
    if random.once_in(2) {
        node.op_type = random.one_of(UNARY).map(|name| (*name).to_owned());
    } else {
        node.op_type = random.one_of(BINARY).map(|name| (*name).to_owned());
        node.input.extend(wire(graph, at, random));
        if random.once_in(2) {
            node.input.reverse();
        }
    }
    for later in graph.node.iter_mut().skip(at) {
        if random.once_in(3) {
            continue;
        }
        for other in later.input.iter_mut().filter(|other| **other == input) {
            name.clone_into(other);
        }
    }
    graph.node.insert(at, node);
}

/// A node twice, one behind the other or side by side with the sum of both.
fn repeat(graph: &mut GraphProto, random: &mut Random) {
    let at = random.below(graph.node.len());
    let Some(node) = graph.node.get(at) else { return };
    let (Some(output), Some(input)) = (node.output.first().cloned(), node.input.first().cloned()) else {
        return;
    };
    let name = fresh(graph);
    let mut second = node.clone();
    second.name = Some(format!("{name} again"));
    second.output = vec![name.clone()];
    replace(graph, &output, &name);
    if random.once_in(2) {
        second.input[0] = output;
        graph.node.insert(at + 1, second);
    } else {
        // In place of the first, whose result becomes the other summand.
        let sum = NodeProto {
            op_type: Some("Add".to_owned()),
            input: vec![output, format!("{name} b")],
            output: vec![name.clone()],
            ..NodeProto::default()
        };
        second.input[0] = input;
        second.output = vec![format!("{name} b")];
        graph.node.insert(at + 1, second);
        graph.node.insert(at + 2, sum);
    }
}

fn constant(graph: &mut GraphProto, random: &mut Random) {
    let constants = graph
        .node
        .iter_mut()
        .flat_map(|node| &mut node.attribute)
        .filter_map(|attribute| attribute.t.as_deref_mut());
    let mut tensors: Vec<&mut TensorProto> = graph.initializer.iter_mut().chain(constants).collect();
    // Integers say more than weights do.
    let integers: Vec<usize> = (0..tensors.len())
        .filter(|index| tensors[*index].data_type == Some(7))
        .collect();
    let index = if random.once_in(2) {
        random.below(tensors.len())
    } else {
        random.one_of(&integers).copied().unwrap_or(0)
    };
    if let Some(tensor) = tensors.get_mut(index) {
        elements(tensor, random);
    }
}

/// Changes elements; weights are mostly scaled as a whole, so that models stay models.
fn elements(tensor: &mut TensorProto, random: &mut Random) {
    let which = random.bits() as usize;
    match tensor.data_type {
        Some(7) => {
            if let Some(raw) = &mut tensor.raw_data {
                let count = raw.len() / 8;
                if let Some(bytes) = which
                    .checked_rem(count)
                    .and_then(|index| raw.get_mut(index * 8..index * 8 + 8))
                {
                    let old = bytes.try_into().map_or(0, i64::from_le_bytes);
                    bytes.copy_from_slice(&integer(old, random).to_le_bytes());
                }
            } else if let Some(index) = which.checked_rem(tensor.int64_data.len()) {
                tensor.int64_data[index] = integer(tensor.int64_data[index], random);
            }
        }
        Some(1) => {
            let scale = random.once_in(3).then(|| random.sample() * 2.0);
            if let Some(raw) = &mut tensor.raw_data {
                let count = raw.len() / 4;
                for (index, bytes) in raw.chunks_exact_mut(4).enumerate() {
                    let old = <[u8; 4]>::try_from(&*bytes).map_or(0.0, f32::from_le_bytes);
                    match scale {
                        Some(scale) => bytes.copy_from_slice(&(old * scale).to_le_bytes()),
                        None if index == which % count => bytes.copy_from_slice(&float(old, random).to_le_bytes()),
                        None => {}
                    }
                }
            } else if let Some(index) = which.checked_rem(tensor.float_data.len()) {
                tensor.float_data[index] = float(tensor.float_data[index], random);
            }
        }
        _ => tensor.data_type = Some([1, 7, 9, 6, 10, 11][which % 6]),
    }
}

/// Another shape for a weight: of as many elements, or with the elements cut or repeated to fit.
fn weight_shape(graph: &mut GraphProto, random: &mut Random) {
    let index = random.below(graph.initializer.len());
    let Some(tensor) = graph.initializer.get_mut(index) else {
        return;
    };
    if tensor.dims.is_empty() {
        return;
    }
    let axis = random.below(tensor.dims.len());
    match random.below(6) {
        0 => tensor.dims.reverse(),
        1 => tensor.dims.insert(axis, 1),
        2 if tensor.dims[axis] == 1 => drop(tensor.dims.remove(axis)),
        3 => tensor.dims[axis] = integer(tensor.dims[axis], random),
        _ => {
            let size = tensor.dims[axis];
            tensor.dims[axis] = size.saturating_add(random.below(5) as i64 - 2).max(1);
            let width = match tensor.data_type {
                Some(1) => 4,
                Some(7) => 8,
                _ => return,
            };
            let count: i64 = tensor.dims.iter().copied().fold(1, i64::saturating_mul);
            if let (Some(raw), 1..=65_536) = (&mut tensor.raw_data, count)
                && !raw.is_empty()
            {
                let length = count as usize * width;
                *raw = raw.iter().copied().cycle().take(length).collect();
            }
        }
    }
}

fn outputs(graph: &mut GraphProto, random: &mut Random) {
    let (count, nodes) = (graph.output.len(), graph.node.len());
    let Some(name) = wire(graph, nodes, random) else { return };
    match random.below(4) {
        0 => graph.output.push(ValueInfoProto {
            name: Some(name),
            r#type: None,
        }),
        1 if count > 1 => drop(graph.output.remove(random.below(count))),
        2 => {
            // A knob or a state more.
            if let Some(mut info) = random.one_of(&graph.input).cloned() {
                info.name = Some(fresh(graph));
                graph.input.push(info);
            }
        }
        _ => {
            let index = random.below(count);
            if let Some(info) = graph.output.get_mut(index) {
                info.name = Some(name);
            }
        }
    }
}

fn metadata(model: &mut ModelProto, random: &mut Random) {
    let Some((key, values)) = random.one_of(METADATA).copied() else {
        return;
    };
    let Some(value) = random.one_of(values).copied() else {
        return;
    };
    model.metadata_props.retain(|entry| entry.key.as_deref() != Some(key));
    model.metadata_props.push(StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
    });
}
