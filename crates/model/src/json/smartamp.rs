//! `conv1d` + `conv1d_1` + `lstm` + `dense`: SmartAmpPro's network over the last `input_size` samples.
//!
//! For every sample, two strided convolutions (Keras' "same" padding, no activation) shrink the window to one step, and an LSTM without
//! a past takes it: `h = σ(o) · tanh(σ(i) · tanh(c))`. Both convolutions are linear, so that together they are one filter of
//! `input_size` taps, computed here in double precision. Upstream: SmartAmpPro `lstm.cpp`.

use super::declared::Declared;
use super::field::Field;
use super::net::{MAX_CHANNELS, Net, Taps, transposed};
use crate::error::{Result, fail};
use crate::op::{Binary, Unary};

/// Longest window in samples, most steps and most work of joining the convolutions, in multiply-adds.
const MAX_WINDOW: usize = 65_536;
const MAX_WORK: usize = 1 << 28;

/// A convolution as the file has it: `w [taps, in, out]`.
struct Strided {
    taps: usize,
    inputs: usize,
    outputs: usize,
    stride: usize,
    w: Vec<f32>,
    b: Vec<f32>,
}

impl Strided {
    fn read(root: &Field<'_>, name: &str, inputs: usize) -> Result<Self> {
        let layer = root.need(name)?;
        let (kernel, bias) = (layer.need("kernel:0")?, layer.need("bias:0")?);
        let (taps, outputs) = (kernel.len(), bias.len());
        if !(1..=MAX_WINDOW).contains(&taps) || !(1..=MAX_CHANNELS).contains(&outputs) {
            return Err(layer.wrong(&format!(
                "has {taps} taps and {outputs} channels, which is none it can have"
            )));
        }
        let needs = format!("a convolution of {taps} taps from {inputs} to {outputs} channels");
        Ok(Self {
            taps,
            inputs,
            outputs,
            stride: root.need(&format!("{name}_stride"))?.size(1, MAX_WINDOW)?,
            w: kernel.floats(&[taps, inputs, outputs], &needs)?,
            b: bias.floats(&[outputs], &needs)?,
        })
    }

    /// Steps out of `length`, and zeros before the first.
    fn same(&self, length: usize) -> (usize, usize) {
        let steps = length.div_ceil(self.stride);
        let padding = ((steps.max(1) - 1) * self.stride + self.taps).saturating_sub(length);
        (steps, padding / 2)
    }
}

pub(super) fn read(root: &Field<'_>, net: &mut Net<'_>, declared: &mut Declared) -> Result<()> {
    let window = root.need("input_size")?.size(1, MAX_WINDOW)?;
    let first = Strided::read(root, "conv1d", 1)?;
    let second = Strided::read(root, "conv1d_1", first.outputs)?;
    let (w, b) = joined(&first, &second, window)?;
    let channels = second.outputs;

    let lstm = root.need("lstm")?;
    let bias = lstm.need("bias:0")?;
    let hidden = bias.len() / 4;
    if hidden == 0 || !bias.len().is_multiple_of(4) || hidden > MAX_CHANNELS {
        return Err(bias.wrong(&format!("has {} numbers, but an LSTM has four per unit", bias.len())));
    }
    let needs = format!("an LSTM of {hidden} units with {channels} inputs");
    let gates = lstm.need("kernel:0")?.floats(&[channels, 4 * hidden], &needs)?;
    let gates = transposed(&gates, channels, 4 * hidden);
    let biases = bias.floats(&[4 * hidden], &needs)?;
    // Keras' order is i, f, c, o; the forget gate meets a state of zeros.
    let block = |values: &[f32], gate: usize, row: usize| -> Vec<f32> {
        values
            .iter()
            .skip(gate * hidden * row)
            .take(hidden * row)
            .copied()
            .collect()
    };

    let audio = net.audio()?;
    let taps = Taps {
        out: channels,
        taps: window,
        dilation: 1,
        groups: 1,
        w,
        b: Some(b),
    };
    let x = net.conv("conv1d", audio, taps)?;
    let gate = |net: &mut Net<'_>, name: &str, gate: usize, function: Unary| {
        let (w, b) = (block(&gates, gate, channels), block(&biases, gate, 1));
        let y = net.dense(name, x, hidden, w, Some(b))?;
        net.unary(function, y)
    };
    let input = gate(net, "lstm.input", 0, Unary::Sigmoid)?;
    let cell = gate(net, "lstm.cell", 2, Unary::Tanh)?;
    let output = gate(net, "lstm.output", 3, Unary::Sigmoid)?;
    let state = net.binary(Binary::Mul, input, cell)?;
    let state = net.unary(Unary::Tanh, state)?;
    let h = net.binary(Binary::Mul, output, state)?;

    let dense = root.need("dense")?;
    let bias = dense.need("bias:0")?;
    let outputs = bias.len();
    let needs = format!("a layer from {hidden} to {outputs} channels");
    let w = dense.need("kernel:0")?.floats(&[hidden, outputs], &needs)?;
    let b = bias.floats(&[outputs], &needs)?;
    let y = net.dense("dense", h, outputs, transposed(&w, hidden, outputs), Some(b))?;
    net.output(y)?;
    declared.sample_rate(&[root], 44_100, "SmartAmpPro trains");
    Ok(())
}

/// Both convolutions over a window as one: `w [out, 1, window]`, `b [out]`.
fn joined(first: &Strided, second: &Strided, window: usize) -> Result<(Vec<f32>, Vec<f32>)> {
    let (steps, before) = first.same(window);
    let (last, skipped) = second.same(steps);
    if last != 1 {
        fail!(
            Version,
            "its convolutions leave {last} steps of a window of {window} samples, but its file holds an LSTM for one; SmartAmpPro does not \
             play it either, train it with `input_size` {} at most",
            first.stride.saturating_mul(second.stride)
        );
    }
    let (inner, outputs) = (first.outputs, second.outputs);
    let work = [steps.min(second.taps), inner, outputs, first.taps + 1]
        .into_iter()
        .try_fold(1usize, usize::checked_mul);
    if work.is_none_or(|work| work > MAX_WORK) || window.saturating_mul(outputs) > MAX_WORK {
        fail!(Limit, "its convolutions have more taps than an effect can use");
    }
    debug_assert_eq!((first.inputs, second.inputs), (1, inner));
    let mut taps = vec![0.0f64; window * outputs];
    let mut bias: Vec<f64> = second.b.iter().map(|b| f64::from(*b)).collect();
    for step in 0..steps {
        // Which tap of the second convolution meets this step.
        let place = step + skipped;
        if place >= second.taps {
            break;
        }
        for channel in 0..inner {
            for (out, bias) in bias.iter_mut().enumerate() {
                let outer = f64::from(second.w[(place * inner + channel) * outputs + out]);
                *bias += outer * f64::from(first.b[channel]);
                for tap in 0..first.taps {
                    // Taps that meet the padding meet zeros.
                    if let Some(at) = (step * first.stride + tap).checked_sub(before)
                        && at < window
                    {
                        taps[out * window + at] += outer * f64::from(first.w[tap * inner + channel]);
                    }
                }
            }
        }
    }
    #[allow(clippy::cast_possible_truncation)]
    let single = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
    Ok((single(taps), single(bias)))
}
