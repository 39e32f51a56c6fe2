//! Changes of an ONNX file that leave it an ONNX file.
//!
//! The file is decoded with the reader's own messages, a few of its parts are changed, and it is encoded again. Whether the
//! result makes sense is for the reader to judge: most changes give a file that is refused for one clear reason, some give
//! another model.

mod constants;
mod numbers;
mod wiring;
mod words;

use crate::proto::{AttributeProto, GraphProto, ModelProto, StringStringEntryProto};
use crate::random::Random;
use constants::{constant, elements, weight_shape};
use numbers::{float, integer};
use prost::Message;
use wiring::{insert, operator, outputs, remove, repeat, rewire};
use words::{ATTRIBUTES, Kind, METADATA, TEXTS};

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
