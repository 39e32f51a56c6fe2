//! Layers of a stream, added to a graph one after another.
//!
//! The signal is `[1, channels, T]` for convolutions and `[T, 1, channels]` for recurrent layers; it is turned only where the kind
//! changes. Every layer is causal and keeps the length: a convolution pads zeros before its own input.

use crate::assemble::Assembly;
use crate::error::{Result, fail};
use crate::graph::{Graph, ValueId};
use crate::limits::Limits;
use crate::op::{AutoPad, Binary, Direction, Op, Recurrent, Unary, Window};
use crate::symbolic::SymInt;
use crate::tensor::DType;

/// Most channels and units that a layer may have.
pub(super) const MAX_CHANNELS: usize = 65_536;
/// Most frames that a convolution looks back.
pub(super) const MAX_REACH: usize = 1 << 24;
/// Most knobs beside the audio: what the players of these formats feed.
pub(super) const MAX_KNOBS: usize = 2;

/// The names of the inputs and the output.
pub(super) const AUDIO: &str = "audio";
pub(super) const KNOBS: &str = "knobs";
const OUTPUT: &str = "audio_out";

/// A signal and how its axes stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signal {
    id: ValueId,
    pub channels: usize,
    /// `[T, 1, channels]` instead of `[1, channels, T]`.
    frames: bool,
}

/// Weights of a convolution: `w [out, in / groups, taps]`, oldest tap first; `b [out]`.
pub(super) struct Taps {
    pub out: usize,
    pub taps: usize,
    pub dilation: usize,
    pub groups: usize,
    pub w: Vec<f32>,
    pub b: Option<Vec<f32>>,
}

/// A recurrent layer in ONNX's order: `w [G·H, I]`, `r [G·H, H]`, `b [2·G·H]`.
pub(super) struct Cell {
    pub kind: Unit,
    pub hidden: usize,
    pub w: Vec<f32>,
    pub r: Vec<f32>,
    pub b: Vec<f32>,
}

/// Kinds of recurrent layers, with the order of their gates: ONNX's i, o, f, c and z, r, h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Lstm,
    /// With the reset gate behind the recurrent product.
    Gru,
}

impl Unit {
    pub(super) const fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }
}

/// A graph of layers under construction.
pub(super) struct Net<'a> {
    assembly: Assembly<'a>,
    output: Option<ValueId>,
}

impl<'a> Net<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self {
            assembly: Assembly::new(limits),
            output: None,
        }
    }

    /// The audio `[1, 1, T]`.
    pub(super) fn audio(&mut self) -> Result<Signal> {
        let sizes = vec![SymInt::Known(1), SymInt::Known(1), SymInt::symbol("frames")];
        let id = self.assembly.input(AUDIO, DType::F32, sizes)?;
        Ok(Signal {
            id,
            channels: 1,
            frames: false,
        })
    }

    /// The audio with `knobs` channels behind it, each of which holds the value of a knob of the input `knobs [1, K]`.
    pub(super) fn with_knobs(&mut self, audio: Signal, knobs: usize) -> Result<Signal> {
        if knobs == 0 {
            return Ok(audio);
        }
        let built = &mut self.assembly;
        let count = whole(knobs)?;
        let sizes = vec![SymInt::Known(1), SymInt::Known(count)];
        let id = built.input(KNOBS, DType::F32, sizes)?;
        let column = built.unsqueeze(id, &[2])?;
        let time = built.emit("time", Op::Shape { start: 2, end: Some(3) }, &[audio.id])?;
        let sizes = built.ints(&[1, count])?;
        let shape = built.concat(&[sizes, time], 0)?;
        let wide = built.emit("hold", Op::Expand, &[column, shape])?;
        let id = built.concat(&[audio.id, wide], 1)?;
        Ok(Signal {
            id,
            channels: audio.channels + knobs,
            frames: false,
        })
    }

    fn channels_first(&mut self, x: Signal) -> Result<Signal> {
        if !x.frames {
            return Ok(x);
        }
        let id = self.assembly.transpose(x.id, vec![1, 2, 0])?;
        Ok(Signal { id, frames: false, ..x })
    }

    fn frames_first(&mut self, x: Signal) -> Result<Signal> {
        if x.frames {
            return Ok(x);
        }
        let id = self.assembly.transpose(x.id, vec![2, 0, 1])?;
        Ok(Signal { id, frames: true, ..x })
    }

    /// A causal convolution.
    pub(super) fn conv(&mut self, name: &str, x: Signal, taps: Taps) -> Result<Signal> {
        let x = self.channels_first(x)?;
        let Some(reach) = ((taps.taps.max(1) - 1).checked_mul(taps.dilation)).filter(|reach| *reach <= MAX_REACH)
        else {
            fail!(
                Limit,
                "its layer `{name}` looks back {} times {} frames, more than the {MAX_REACH} allowed",
                taps.taps,
                taps.dilation
            );
        };
        let groups = taps.groups.max(1);
        let w = (self.assembly).constant(
            &format!("{name}.weight"),
            tensor(&[taps.out, x.channels / groups, taps.taps], taps.w)?,
        )?;
        let mut inputs = vec![x.id, w];
        if let Some(b) = taps.b {
            inputs.push(
                self.assembly
                    .constant(&format!("{name}.bias"), tensor(&[taps.out], b)?)?,
            );
        }
        let op = Op::Conv {
            window: Window {
                kernel: vec![taps.taps],
                strides: vec![1],
                dilations: vec![taps.dilation],
                pads: vec![whole(reach)?, 0],
                auto_pad: AutoPad::NotSet,
            },
            group: groups,
        };
        let id = self.assembly.emit(name, op, &inputs)?;
        Ok(Signal {
            id,
            channels: taps.out,
            frames: false,
        })
    }

    /// The same matrix for each frame: `w [out, in]`, `b [out]`.
    pub(super) fn dense(
        &mut self,
        name: &str,
        x: Signal,
        out: usize,
        w: Vec<f32>,
        b: Option<Vec<f32>>,
    ) -> Result<Signal> {
        let taps = Taps {
            out,
            taps: 1,
            dilation: 1,
            groups: 1,
            w,
            b,
        };
        self.conv(name, x, taps)
    }

    /// A recurrent layer from a state of zeros.
    pub(super) fn recurrent(&mut self, name: &str, x: Signal, cell: Cell) -> Result<Signal> {
        let x = self.frames_first(x)?;
        let (hidden, rows) = (cell.hidden, cell.kind.gates() * cell.hidden);
        let built = &mut self.assembly;
        let w = built.constant(&format!("{name}.w"), tensor(&[1, rows, x.channels], cell.w)?)?;
        let r = built.constant(&format!("{name}.r"), tensor(&[1, rows, hidden], cell.r)?)?;
        let b = built.constant(&format!("{name}.b"), tensor(&[1, 2 * rows], cell.b)?)?;
        let recurrent = Recurrent {
            hidden,
            direction: Direction::Forward,
            batch_first: false,
            activations: None,
            clip: None,
        };
        let op = match cell.kind {
            Unit::Lstm => Op::Lstm {
                recurrent,
                input_forget: false,
            },
            Unit::Gru => Op::Gru {
                recurrent,
                linear_before_reset: true,
            },
        };
        // [T, 1 direction, 1 batch, H].
        let y = built.emit(name, op, &[x.id, w, r, b])?;
        let id = built.squeeze(y, &[1])?;
        Ok(Signal {
            id,
            channels: hidden,
            frames: true,
        })
    }

    pub(super) fn unary(&mut self, function: Unary, x: Signal) -> Result<Signal> {
        let id = self.assembly.unary(function, x.id)?;
        Ok(Signal { id, ..x })
    }

    /// Over the channels of each frame.
    pub(super) fn softmax(&mut self, x: Signal) -> Result<Signal> {
        let axis = if x.frames { 2 } else { 1 };
        let id = self
            .assembly
            .emit("softmax", Op::Softmax { axis, log: false }, &[x.id])?;
        Ok(Signal { id, ..x })
    }

    /// `slopes`: one per channel, or one for all.
    pub(super) fn prelu(&mut self, name: &str, x: Signal, slopes: Vec<f32>) -> Result<Signal> {
        let x = self.channels_first(x)?;
        let slopes = tensor(&[slopes.len(), 1], slopes)?;
        let slopes = self.assembly.constant(&format!("{name}.slope"), slopes)?;
        let id = self.assembly.emit(name, Op::PRelu, &[x.id, slopes])?;
        Ok(Signal { id, ..x })
    }

    /// `gamma · (x − mean) / √(variance + epsilon) + beta`, each `[channels]`.
    pub(super) fn batch_norm(&mut self, name: &str, x: Signal, epsilon: f32, parts: [Vec<f32>; 4]) -> Result<Signal> {
        let x = self.channels_first(x)?;
        let mut inputs = vec![x.id];
        for (part, values) in ["gamma", "beta", "mean", "variance"].into_iter().zip(parts) {
            let values = tensor(&[x.channels], values)?;
            inputs.push(self.assembly.constant(&format!("{name}.{part}"), values)?);
        }
        let id = self.assembly.emit(name, Op::BatchNormalization { epsilon }, &inputs)?;
        Ok(Signal { id, ..x })
    }

    pub(super) fn binary(&mut self, function: Binary, a: Signal, b: Signal) -> Result<Signal> {
        let (a, b) = (self.channels_first(a)?, self.channels_first(b)?);
        let id = self.assembly.binary(function, a.id, b.id)?;
        Ok(Signal { id, ..a })
    }

    /// Times a number; left out where that is 1.
    pub(super) fn gain(&mut self, x: Signal, gain: f32) -> Result<Signal> {
        if gain == 1.0 {
            return Ok(x);
        }
        let number = self.assembly.number(gain)?;
        let id = self.assembly.binary(Binary::Mul, x.id, number)?;
        Ok(Signal { id, ..x })
    }

    /// Channels `from .. from + count`.
    pub(super) fn channels(&mut self, x: Signal, from: usize, count: usize) -> Result<Signal> {
        let x = self.channels_first(x)?;
        let id = self.assembly.slice(x.id, 1, whole(from)?, whole(from + count)?)?;
        Ok(Signal {
            id,
            channels: count,
            frames: false,
        })
    }

    /// All channels, one signal behind the other.
    pub(super) fn stack(&mut self, parts: &[Signal]) -> Result<Signal> {
        let mut ids = Vec::with_capacity(parts.len());
        let mut channels = 0;
        for part in parts {
            let part = self.channels_first(*part)?;
            channels += part.channels;
            ids.push(part.id);
        }
        let id = self.assembly.concat(&ids, 1)?;
        Ok(Signal {
            id,
            channels,
            frames: false,
        })
    }

    /// Makes `x`, of one channel, the output.
    pub(super) fn output(&mut self, x: Signal) -> Result<()> {
        if x.channels != 1 {
            fail!(
                NoEffect,
                "it gives {} values per sample, but an effect gives one, the audio; it is a part of a model or made for another task",
                x.channels
            );
        }
        let x = self.channels_first(x)?;
        self.output = Some(self.assembly.output(OUTPUT, x.id)?);
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Graph> {
        if self.output.is_none() {
            fail!(NoOutputs, "it has no output");
        }
        self.assembly.finish()
    }
}

/// How many knobs stand beside the audio in `inputs` values per sample.
pub(super) fn knobs(inputs: usize) -> Result<usize> {
    if inputs == 0 || inputs > 1 + MAX_KNOBS {
        fail!(
            NoEffect,
            "it takes {inputs} values per sample, but an effect of this format takes the audio and up to {MAX_KNOBS} knobs; it is a part \
             of a model or made for another task"
        );
    }
    Ok(inputs - 1)
}

fn whole(size: usize) -> Result<i64> {
    match i64::try_from(size) {
        Ok(size) => Ok(size),
        Err(_) => fail!(Limit, "a size of {size} is beyond all bounds"),
    }
}

fn tensor(shape: &[usize], values: Vec<f32>) -> Result<crate::Tensor> {
    let held = values.len();
    match crate::Tensor::f32(shape.to_vec(), values) {
        Some(tensor) => Ok(tensor),
        None => fail!(
            Tensor,
            "the shape {shape:?} does not hold {held} weights; export the model again"
        ),
    }
}

/// `[rows, columns]` to `[columns, rows]`.
pub(super) fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut turned = Vec::with_capacity(values.len());
    for column in 0..columns {
        turned.extend((0..rows).filter_map(|row| values.get(row * columns + column)));
    }
    turned
}

/// Blocks of `size` in the order that `places` names.
pub(super) fn reordered(values: &[f32], size: usize, places: &[usize]) -> Vec<f32> {
    let mut ordered = Vec::with_capacity(values.len());
    for place in places {
        ordered.extend(values.iter().skip(place * size).take(size));
    }
    ordered
}
