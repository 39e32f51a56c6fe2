//! `residual_channels` + `variables`: the WaveNet of WaveNetVA, which PedalNet trains and SmartAmp plays.
//!
//! `x = W·audio + b`; for each layer `z = activation(conv(x))`, `x ← x + out(z)`; the output is one matrix over all `z`. Weights are flat,
//! in the order `[taps, in, out]`, oldest tap first. Gated activations take the first half of the channels through one function and the
//! second through another. Upstream: WaveNetVA `WaveNet.cpp`, `ConvolutionLayer.cpp`, `Activations.cpp`.

use super::declared::Declared;
use super::field::Field;
use super::net::{MAX_CHANNELS, MAX_REACH, Net, Signal, Taps};
use crate::error::{ReadError, ReadErrorKind, Result, fail, shorten};
use crate::op::{Binary, Unary};
use std::collections::BTreeMap;

/// Most layers.
const MAX_LAYERS: usize = 4_096;

/// What stands between convolution and output of a layer.
#[derive(Clone, Copy)]
enum Activation {
    None,
    One(Unary),
    /// The first half through the one, the second through the other, and both multiplied.
    Gated(Unary, Unary),
}

impl Activation {
    fn of(name: &str) -> Result<Self> {
        Ok(match name {
            "linear" => Self::None,
            "tanh" => Self::One(Unary::Tanh),
            "sigmoid" => Self::One(Unary::Sigmoid),
            "relu" => Self::One(Unary::Relu),
            "softsign" => Self::One(Unary::Softsign),
            "gated" => Self::Gated(Unary::Tanh, Unary::Sigmoid),
            "softgated" => Self::Gated(Unary::Softsign, Unary::Softsign),
            other => fail!(
                Version,
                "its activation is {:?}, but tanh, sigmoid, relu, softsign, linear, gated and softgated are read",
                shorten(other)
            ),
        })
    }

    fn apply(self, net: &mut Net<'_>, x: Signal, channels: usize) -> Result<Signal> {
        match self {
            Self::None => Ok(x),
            Self::One(function) => net.unary(function, x),
            Self::Gated(signal, gate) => {
                let (a, b) = (net.channels(x, 0, channels)?, net.channels(x, channels, channels)?);
                let (a, b) = (net.unary(signal, a)?, net.unary(gate, b)?);
                net.binary(Binary::Mul, a, b)
            }
        }
    }
}

/// The flat lists of weights by layer and name.
struct Variables<'a>(BTreeMap<(i64, String), Field<'a>>);

impl<'a> Variables<'a> {
    fn read(root: &Field<'a>, layers: usize) -> Result<Self> {
        let mut all = BTreeMap::new();
        for variable in root.need("variables")?.items()? {
            let layer = variable.need("layer_idx")?.number()?;
            if layer.fract() != 0.0 || layer.abs() > 1e9 {
                return Err(variable.wrong("has a `layer_idx` that is no whole number"));
            }
            // Whole and small: exact. Whatever stands behind the last layer is the output, whatever before the first the input.
            #[allow(clippy::cast_possible_truncation)]
            let layer = (layer as i64).clamp(-1, i64::try_from(layers).unwrap_or(i64::MAX));
            let name = variable.need("name")?.text()?.to_owned();
            all.insert((layer, name), variable.need("data")?);
        }
        Ok(Self(all))
    }

    /// One list of `taps · inputs · outputs` numbers as `[outputs, inputs, taps]`, and its bias.
    fn taps(
        &self,
        layer: i64,
        names: [&str; 2],
        inputs: usize,
        shape: (usize, usize),
        dilation: usize,
    ) -> Result<Taps> {
        let (outputs, taps) = shape;
        let needs = format!("layer {layer} from {inputs} to {outputs} channels with {taps} taps");
        let find = |name: &str| match self.0.get(&(layer, name.to_owned())) {
            Some(field) => Ok(field),
            None => Err(ReadError::new(
                ReadErrorKind::Corrupt,
                format!("its `variables` hold no `{name}` of layer {layer}; export the model again"),
            )),
        };
        let [w, b] = names;
        let count = taps.checked_mul(inputs).and_then(|count| count.checked_mul(outputs));
        let flat = find(w)?.floats(&[count.unwrap_or(usize::MAX)], &needs)?;
        let mut turned = Vec::with_capacity(flat.len());
        for out in 0..outputs {
            for input in 0..inputs {
                turned.extend((0..taps).filter_map(|tap| flat.get((tap * inputs + input) * outputs + out)));
            }
        }
        Ok(Taps {
            out: outputs,
            taps,
            dilation,
            groups: 1,
            w: turned,
            b: Some(find(b)?.floats(&[outputs], &needs)?),
        })
    }
}

pub(super) fn read(root: &Field<'_>, net: &mut Net<'_>, declared: &mut Declared) -> Result<()> {
    let channels = root.need("residual_channels")?.size(1, MAX_CHANNELS)?;
    let taps = root.need("filter_width")?.size(1, MAX_REACH)?;
    let size = |key: &str| root.get(key).map_or(Ok(1), |size| size.size(1, MAX_CHANNELS));
    let (inputs, outputs) = (size("input_channels")?, size("output_channels")?);
    if (inputs, outputs) != (1, 1) {
        fail!(
            NoEffect,
            "it takes {inputs} and gives {outputs} audio channels, but this format is played mono; a stereo model can be exported as ONNX"
        );
    }
    let activation = Activation::of(root.need("activation")?.text()?)?;
    let width = match activation {
        Activation::Gated(..) => 2 * channels,
        _ => channels,
    };
    let list = root.need("dilations")?;
    let dilations = list.items()?;
    if dilations.is_empty() || dilations.len() > MAX_LAYERS {
        return Err(list.wrong(&format!(
            "names {} layers, but a network has 1 to {MAX_LAYERS}",
            dilations.len()
        )));
    }
    let variables = Variables::read(root, dilations.len())?;

    let audio = net.audio()?;
    let weights = variables.taps(-1, ["W", "b"], 1, (channels, 1), 1)?;
    let mut x = net.conv("input", audio, weights)?;
    let mut skips = Vec::with_capacity(dilations.len());
    for (index, dilation) in dilations.iter().enumerate() {
        let dilation = dilation.size(1, MAX_REACH)?;
        let layer = i64::try_from(index).unwrap_or(i64::MAX);
        let weights = variables.taps(layer, ["W_conv", "b_conv"], channels, (width, taps), dilation)?;
        let z = net.conv(&format!("layer{index}.conv"), x, weights)?;
        let z = activation.apply(net, z, channels)?;
        skips.push(z);
        if index + 1 < dilations.len() {
            let weights = variables.taps(layer, ["W_out", "b_out"], channels, (channels, 1), 1)?;
            let out = net.conv(&format!("layer{index}.out"), z, weights)?;
            x = net.binary(Binary::Add, out, x)?;
        }
    }
    let stacked = net.stack(&skips)?;
    let last = i64::try_from(dilations.len()).unwrap_or(i64::MAX);
    let weights = variables.taps(last, ["W", "b"], stacked.channels, (1, 1), 1)?;
    let y = net.conv("output", stacked, weights)?;
    net.output(y)?;
    declared.sample_rate(&[root], 44_100, "PedalNet and SmartAmp train");
    Ok(())
}
