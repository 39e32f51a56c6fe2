//! Weights sorted for the loops that read them once, in order.

use super::Shape;
use crate::{Aligned, Isa};

/// Output channels computed together; their weights stand together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub first_output: usize,
    pub outputs: usize,
    pub first_input: usize,
    /// Where its weights begin.
    pub weights: usize,
    /// Where its weights of the second input begin.
    pub mix: usize,
}

/// Output channels of the largest block.
const fn widest(isa: Isa) -> usize {
    match isa {
        Isa::Avx512 => 8,
        Isa::Avx2Fma => 6,
        Isa::Scalar | Isa::Neon => 4,
    }
}

/// Splits each group's outputs into blocks of nearly equal size.
pub(super) fn blocks(shape: Shape, mix_inputs: usize, isa: Isa) -> Vec<Block> {
    let (group_inputs, group_outputs) = (shape.inputs / shape.groups, shape.outputs / shape.groups);
    let count = group_outputs.div_ceil(widest(isa));
    let mut blocks = Vec::with_capacity(count * shape.groups);
    let mut first_output = 0;
    for group in 0..shape.groups {
        for index in 0..count {
            let outputs = group_outputs / count + usize::from(index < group_outputs % count);
            blocks.push(Block {
                first_output,
                outputs,
                first_input: group * group_inputs,
                weights: first_output * group_inputs * shape.taps,
                mix: first_output * mix_inputs,
            });
            first_output += outputs;
        }
    }
    blocks
}

/// `[outputs, inputs / groups, taps]` as one `[taps, inputs / groups, outputs of the block]` per block.
pub(super) fn by_block(blocks: &[Block], group_inputs: usize, taps: usize, weights: &[f32]) -> Vec<f32> {
    let mut packed = Vec::with_capacity(weights.len());
    for block in blocks {
        for tap in 0..taps {
            for input in 0..group_inputs {
                let outputs = block.first_output..block.first_output + block.outputs;
                packed.extend(outputs.map(|o| weights[(o * group_inputs + input) * taps + tap]));
            }
        }
    }
    packed
}

/// `[outputs, inputs, taps]` as `[taps, inputs, outputs]`, the outputs padded to whole vectors.
pub(super) fn by_input(outputs: usize, inputs: usize, taps: usize, weights: &[f32], lanes: usize) -> Aligned {
    let padded = outputs.next_multiple_of(lanes);
    let mut packed = Aligned::zeros(taps * inputs * padded);
    for (row, packed) in packed.chunks_exact_mut(padded).enumerate() {
        let (tap, input) = (row / inputs, row % inputs);
        for (o, weight) in packed.iter_mut().take(outputs).enumerate() {
            *weight = weights[(o * inputs + input) * taps + tap];
        }
    }
    packed
}
