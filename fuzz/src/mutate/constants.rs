//! Elements and shapes of constants.

use super::numbers::{float, integer};
use crate::proto::{GraphProto, TensorProto};
use crate::random::Random;

pub(super) fn constant(graph: &mut GraphProto, random: &mut Random) {
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
pub(super) fn elements(tensor: &mut TensorProto, random: &mut Random) {
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
pub(super) fn weight_shape(graph: &mut GraphProto, random: &mut Random) {
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
