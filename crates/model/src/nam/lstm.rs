//! `LSTM`: layers in PyTorch's order of gates (i, f, g, o), each with its own start values, and a matrix behind.

use super::MAX_OUTPUTS;
use super::conv::{Shape, conv};
use super::spec::mono;
use super::weights::{self, Weights};
use crate::assemble::Assembly;
use crate::error::{Result, fail};
use crate::graph::ValueId;
use crate::json::Field;
use crate::op::{Direction, Op, Recurrent};
use crate::tensor::Tensor;

/// Most layers and units.
const MAX_LAYERS: usize = 64;
const MAX_HIDDEN: usize = 4096;
/// Gates of ONNX (i, o, f, c) in PyTorch's order.
const GATES: [usize; 4] = [0, 3, 1, 2];

#[derive(Debug)]
pub(super) struct Lstm {
    layers: usize,
    hidden: usize,
    outputs: usize,
    weights: Vec<f32>,
}

pub(super) fn read(model: &Field<'_>, config: &Field<'_>) -> Result<Lstm> {
    mono(config)?;
    let inputs = config.need("input_size")?;
    if inputs.size(1, 1 << 20)? != 1 {
        fail!(
            Shape,
            "its LSTM takes {} inputs, of which the file does not say what the others than the audio are; only models of the audio alone are played",
            inputs.number()?
        );
    }
    let layers = config.need("num_layers")?.size(1, MAX_LAYERS)?;
    let hidden = config.need("hidden_size")?.size(1, MAX_HIDDEN)?;
    let outputs = match config.get("out_channels") {
        Some(field) => field.size(1, MAX_OUTPUTS)?,
        None => 1,
    };
    // Matrix, bias, and start values of both states.
    let layer = |inputs: usize| 4 * hidden * (inputs + hidden) + 4 * hidden + 2 * hidden;
    let expected = layer(1) + (layers - 1) * layer(hidden) + outputs * (hidden + 1);
    let weights = weights::read(model, expected, &format!("LSTM of {layers} × {hidden} units"))?;
    Ok(Lstm {
        layers,
        hidden,
        outputs,
        weights,
    })
}

impl Lstm {
    pub(super) const fn channels(&self) -> usize {
        self.outputs
    }

    pub(super) fn emit(&self, assembly: &mut Assembly<'_>, prefix: &str, x: ValueId) -> Result<(ValueId, usize)> {
        let hidden = self.hidden;
        let mut weights = Weights::new(&self.weights);
        let mut signal = assembly.transpose(x, vec![2, 0, 1])?;
        for layer in 0..self.layers {
            let inputs = if layer == 0 { 1 } else { hidden };
            let name = format!("{prefix}lstm{layer}");
            let matrix = weights.take(4 * hidden * (inputs + hidden))?;
            let bias = weights.take(4 * hidden)?;
            let (start, cell) = (weights.take(hidden)?, weights.take(hidden)?);
            let (mut w, mut r, mut b) = (Vec::new(), Vec::new(), Vec::new());
            for gate in GATES {
                let row = inputs + hidden;
                for row in matrix.chunks_exact(row).skip(gate * hidden).take(hidden) {
                    let (left, right) = row.split_at(inputs);
                    w.extend_from_slice(left);
                    r.extend_from_slice(right);
                }
                b.extend(bias.iter().skip(gate * hidden).take(hidden));
            }
            b.resize(8 * hidden, 0.0);
            let mut constant = |what: &str, shape: &[usize], values: Vec<f32>| -> Result<ValueId> {
                match Tensor::f32(shape.to_vec(), values) {
                    Some(tensor) => assembly.constant(&format!("{name}.{what}"), tensor),
                    None => fail!(Tensor, "`{name}.{what}` has another number of weights than it needs"),
                }
            };
            let w = constant("w", &[1, 4 * hidden, inputs], w)?;
            let r = constant("r", &[1, 4 * hidden, hidden], r)?;
            let b = constant("b", &[1, 8 * hidden], b)?;
            let h = constant("h", &[1, 1, hidden], start.to_vec())?;
            let c = constant("c", &[1, 1, hidden], cell.to_vec())?;
            let op = Op::Lstm {
                recurrent: Recurrent {
                    hidden,
                    direction: Direction::Forward,
                    batch_first: false,
                    activations: None,
                    clip: None,
                },
                input_forget: false,
            };
            let inputs = vec![Some(signal), Some(w), Some(r), Some(b), None, Some(h), Some(c)];
            let y = assembly.emit_optional(&name, op, inputs)?;
            signal = assembly.squeeze(y, &[1])?;
        }
        let signal = assembly.transpose(signal, vec![1, 2, 0])?;
        let head = Shape::single(hidden, self.outputs, 1, true);
        let taken = weights.take(head.count())?;
        Ok((
            conv(assembly, &format!("{prefix}head"), &head, taken, 1.0, signal)?,
            self.outputs,
        ))
    }
}
