//! `in_shape` + `layers`: networks of Keras layers, as RTNeural plays them, and AIDA-X with gains around them.
//!
//! Weights stand as Keras gives them: `dense [in, out]`, `conv1d [taps, in / groups, out]` with the newest tap last, `lstm` and `gru`
//! `[in, gates · units]` with the gates i, f, c, o and z, r, h. Everything is causal: RTNeural takes a sample and gives one.
//! AIDA-X: `out = out_gain · (model(x) + in_skip · x)` with `x = in_gain · in`, gains in dB; channels behind the audio are its knobs.
//! Upstream: RTNeural `model_loader.h` and `python/model_utils.py`, AIDA-X `aidadsp-plugin.cpp`.

use super::declared::Declared;
use super::field::Field;
use super::net::{Cell, MAX_CHANNELS, MAX_REACH, Net, Signal, Taps, Unit, knobs, reordered, transposed};
use crate::error::{Result, fail, shorten};
use crate::op::{Binary, Unary};

/// Most layers.
const MAX_LAYERS: usize = 4_096;
/// Loudest gain before and behind the network, in dB.
const MAX_GAIN_DB: f64 = 120.0;

pub(super) fn read(root: &Field<'_>, net: &mut Net<'_>, declared: &mut Declared) -> Result<()> {
    let inputs = width(&root.need("in_shape")?)?;
    let count = knobs(inputs)?;
    let skip = root.get("in_skip").map_or(Ok(0), |skip| skip.size(0, 1))?;
    let (before, behind) = (gain(root, "in_gain")?, gain(root, "out_gain")?);

    let audio = net.audio()?;
    let loud = net.gain(audio, before)?;
    let mut x = net.with_knobs(loud, count)?;
    let list = root.need("layers")?;
    let layers = list.items()?;
    if layers.is_empty() || layers.len() > MAX_LAYERS {
        return Err(list.wrong(&format!(
            "has {} layers, but a network has 1 to {MAX_LAYERS}",
            layers.len()
        )));
    }
    for (index, field) in layers.iter().enumerate() {
        let kind = field.need("type")?.text()?;
        let layer = Layer {
            field,
            name: format!("{kind}{index}"),
            kind,
        };
        x = layer.add(net, x)?;
    }
    if skip == 1 && x.channels == 1 {
        x = net.binary(Binary::Add, x, loud)?;
    }
    let y = net.gain(x, behind)?;
    net.output(y)?;

    let names: &[&str] = &["Param 1", "Param 2"];
    declared.knobs(names.get(..count).unwrap_or_default(), 0.0);
    let metadata = root.get("metadata");
    let places: Vec<&Field<'_>> = [Some(root), metadata.as_ref()].into_iter().flatten().collect();
    for place in &places {
        for (key, to) in [
            ("name", "name"),
            ("author", "author"),
            ("license", "licence"),
            ("description", "description"),
        ] {
            declared.take(place, key, to);
        }
        declared.training_error(place, "esr");
    }
    if let Some(metadata) = &metadata {
        declared.take(metadata, "based", "gear_model");
        declared.take(metadata, "style", "tone_type");
        declared.keep_all(metadata, "aidax");
    }
    declared.sample_rate(&places, 48_000, "AIDA-X's models are trained");
    Ok(())
}

/// Values per frame of a shape `[batch, …, channels]`, of four axes `[batch, time, features, filters]`.
fn width(shape: &Field<'_>) -> Result<usize> {
    match shape.len() {
        4 => {
            let features = shape.at(2)?.size(1, MAX_CHANNELS)?;
            Ok(features * shape.at(3)?.size(1, MAX_CHANNELS)?)
        }
        _ => shape.last_size(1, MAX_CHANNELS),
    }
}

/// A gain in dB as a factor.
fn gain(root: &Field<'_>, key: &str) -> Result<f32> {
    let Some(field) = root.get(key) else { return Ok(1.0) };
    let db = field.number()?;
    if db.abs() > MAX_GAIN_DB {
        return Err(field.wrong(&format!("is {db} dB, but at most ±{MAX_GAIN_DB} dB are played")));
    }
    // As upstream computes it, and -90 dB is silence there.
    #[allow(clippy::cast_possible_truncation)]
    let factor = if db > -90.0 {
        10.0f32.powf(db as f32 * 0.05)
    } else {
        0.0
    };
    Ok(factor)
}

/// One entry of `layers`.
struct Layer<'a, 'f> {
    field: &'f Field<'a>,
    name: String,
    kind: &'a str,
}

impl Layer<'_, '_> {
    fn add(&self, net: &mut Net<'_>, x: Signal) -> Result<Signal> {
        let out = width(&self.field.need("shape")?)?;
        let y = match self.kind {
            "dense" | "time-distributed-dense" => self.dense(net, x, out)?,
            "conv1d" => self.conv1d(net, x, out)?,
            "conv2d" => self.conv2d(net, x, out)?,
            "lstm" => return self.recurrent(net, x, out, Unit::Lstm),
            "gru" => return self.recurrent(net, x, out, Unit::Gru),
            "prelu" => self.prelu(net, x)?,
            "batchnorm" => self.batch_norm(net, x, 1)?,
            "batchnorm2d" => {
                let filters = self.field.need("num_filters_in")?.last_size(1, MAX_CHANNELS)?;
                if !x.channels.is_multiple_of(filters) {
                    return Err(self
                        .field
                        .wrong(&format!("has {filters} filters, but takes {} channels", x.channels)));
                }
                self.batch_norm(net, x, x.channels / filters)?
            }
            "activation" => x,
            other => fail!(
                Version,
                "its layer {} is of the type {:?}, which RTNeural does not play; it has dense, time-distributed-dense, conv1d, conv2d, lstm, \
                 gru, prelu, batchnorm, batchnorm2d and activation",
                self.field.path(),
                shorten(other)
            ),
        };
        if y.channels != out {
            return Err(self.field.wrong(&format!(
                "says that it gives {out} channels, but it gives {}",
                y.channels
            )));
        }
        self.activation(net, y)
    }

    fn activation(&self, net: &mut Net<'_>, x: Signal) -> Result<Signal> {
        let Some(field) = self.field.get("activation") else {
            return Ok(x);
        };
        match field.text()? {
            "" | "linear" => Ok(x),
            "tanh" => net.unary(Unary::Tanh, x),
            "relu" => net.unary(Unary::Relu, x),
            "sigmoid" => net.unary(Unary::Sigmoid, x),
            "elu" => net.unary(Unary::Elu { alpha: 1.0 }, x),
            "softmax" => net.softmax(x),
            other => fail!(
                Version,
                "its `{}` is {:?}, which RTNeural does not play; it has tanh, relu, sigmoid, softmax and elu",
                field.path(),
                shorten(other)
            ),
        }
    }

    fn weights(&self, part: usize, shape: &[usize], needs: &str) -> Result<Vec<f32>> {
        self.field.need("weights")?.at(part)?.floats(shape, needs)
    }

    fn dense(&self, net: &mut Net<'_>, x: Signal, out: usize) -> Result<Signal> {
        let needs = format!("a dense layer from {} to {out} channels", x.channels);
        let w = transposed(&self.weights(0, &[x.channels, out], &needs)?, x.channels, out);
        let b = if self.field.need("weights")?.len() > 1 {
            Some(self.weights(1, &[out], &needs)?)
        } else {
            None
        };
        net.dense(&self.name, x, out, w, b)
    }

    /// A size of the layer, `usual` where the file leaves it out.
    fn size(&self, key: &str, usual: usize, high: usize) -> Result<usize> {
        self.field.get(key).map_or(Ok(usual), |size| size.last_size(1, high))
    }

    fn conv1d(&self, net: &mut Net<'_>, x: Signal, out: usize) -> Result<Signal> {
        let taps = self.field.need("kernel_size")?.last_size(1, MAX_REACH)?;
        let dilation = self.size("dilation", 1, MAX_REACH)?;
        let groups = self.size("groups", 1, MAX_CHANNELS)?;
        for key in ["strides", "stride"] {
            if let Some(stride) = self.field.get(key)
                && stride.last_size(1, MAX_REACH)? != 1
            {
                fail!(
                    NoEffect,
                    "its `{}` leaves samples out, so that it gives fewer than it takes; an effect gives as many",
                    stride.path()
                );
            }
        }
        if !x.channels.is_multiple_of(groups) || !out.is_multiple_of(groups) {
            return Err(self.field.wrong(&format!(
                "splits {} channels into {groups} groups for {out}, which does not go",
                x.channels
            )));
        }
        let each = x.channels / groups;
        let needs = format!("a convolution of {taps} taps from {each} to {out} channels");
        let flat = self.weights(0, &[taps, each, out], &needs)?;
        let mut w = Vec::with_capacity(flat.len());
        for out_channel in 0..out {
            for channel in 0..each {
                w.extend((0..taps).filter_map(|tap| flat.get((tap * each + channel) * out + out_channel)));
            }
        }
        let b = Some(self.weights(1, &[out], &needs)?);
        let taps = Taps {
            out,
            taps,
            dilation,
            groups,
            w,
            b,
        };
        net.conv(&self.name, x, taps)
    }

    /// Over time and features: one convolution over time whose channels are all filters of all features, the filters of one feature
    /// side by side.
    fn conv2d(&self, net: &mut Net<'_>, x: Signal, out: usize) -> Result<Signal> {
        let need = |key: &str, high: usize| self.field.need(key)?.last_size(1, high);
        let (taps, wide) = (
            need("kernel_size_time", MAX_REACH)?,
            need("kernel_size_feature", MAX_CHANNELS)?,
        );
        let dilation = self.size("dilation", 1, MAX_REACH)?;
        let stride = self.size("strides", 1, MAX_CHANNELS)?;
        let features = need("num_features_in", MAX_CHANNELS)?;
        let (filters_in, filters) = (
            need("num_filters_in", MAX_CHANNELS)?,
            need("num_filters_out", MAX_CHANNELS)?,
        );
        if features.checked_mul(filters_in) != Some(x.channels) {
            return Err(self.field.wrong(&format!(
                "takes {features} features of {filters_in} filters, but is fed {} channels",
                x.channels
            )));
        }
        let (features_out, before) = match self.field.need("padding")?.text()? {
            "valid" if wide <= features => ((features - wide) / stride + 1, 0),
            "same" => {
                let count = features.div_ceil(stride);
                (count, ((count - 1) * stride + wide).saturating_sub(features) / 2)
            }
            other => {
                return Err(self.field.wrong(&format!(
                    "has {wide} taps over {features} features with the padding {:?}, which does not go",
                    shorten(other)
                )));
            }
        };
        if features_out.checked_mul(filters) != Some(out) {
            return Err(self.field.wrong(&format!(
                "says that it gives {out} channels, but it gives {features_out} features of {filters} filters"
            )));
        }
        let needs = format!("a convolution of {taps} × {wide} taps from {filters_in} to {filters} filters");
        let flat = self.weights(0, &[taps, wide, filters_in, filters], &needs)?;
        let bias = self.weights(1, &[filters], &needs)?;
        let count = out.checked_mul(x.channels).and_then(|count| count.checked_mul(taps));
        let Some(count) = count.filter(|count| *count <= 1 << 26) else {
            fail!(
                Limit,
                "its layer {} has more weights than are allowed once its features are channels",
                self.field.path()
            );
        };
        let mut w = vec![0.0f32; count];
        for feature in 0..features_out {
            for place in 0..wide {
                let Some(from) = (feature * stride + place)
                    .checked_sub(before)
                    .filter(|from| *from < features)
                else {
                    continue;
                };
                for filter in 0..filters {
                    let row = feature * filters + filter;
                    for input in 0..filters_in {
                        let column = from * filters_in + input;
                        for tap in 0..taps {
                            let value = flat.get(((tap * wide + place) * filters_in + input) * filters + filter);
                            w[(row * x.channels + column) * taps + tap] = value.copied().unwrap_or_default();
                        }
                    }
                }
            }
        }
        let taps = Taps {
            out,
            taps,
            dilation,
            groups: 1,
            w,
            b: Some(bias.repeat(features_out)),
        };
        net.conv(&self.name, x, taps)
    }

    fn recurrent(&self, net: &mut Net<'_>, x: Signal, hidden: usize, kind: Unit) -> Result<Signal> {
        let rows = kind.gates() * hidden;
        let needs = format!("a {} of {hidden} units with {} inputs", self.kind, x.channels);
        // ONNX's i, o, f, c; GRU's order is the same.
        let order: &[usize] = match kind {
            Unit::Lstm => &[0, 3, 1, 2],
            Unit::Gru => &[0, 1, 2],
        };
        let turned = |part: usize, inputs: usize| -> Result<Vec<f32>> {
            let values = transposed(&self.weights(part, &[inputs, rows], &needs)?, inputs, rows);
            Ok(reordered(&values, hidden * inputs, order))
        };
        let (w, r) = (turned(0, x.channels)?, turned(1, hidden)?);
        let b = match kind {
            Unit::Lstm => {
                let mut b = reordered(&self.weights(2, &[rows], &needs)?, hidden, order);
                b.resize(2 * rows, 0.0);
                b
            }
            Unit::Gru => self.weights(2, &[2, rows], &needs)?,
        };
        let cell = Cell { kind, hidden, w, r, b };
        net.recurrent(&self.name, x, cell)
    }

    fn prelu(&self, net: &mut Net<'_>, x: Signal) -> Result<Signal> {
        let slopes = self.field.need("weights")?.at(0)?.at(0)?;
        let count = if slopes.len() == 1 { 1 } else { x.channels };
        let values = slopes.floats(&[count], &format!("a PReLU of {} channels", x.channels))?;
        net.prelu(&self.name, x, values)
    }

    /// `features`: how often the filters' numbers are used.
    fn batch_norm(&self, net: &mut Net<'_>, x: Signal, features: usize) -> Result<Signal> {
        let epsilon = self.field.need("epsilon")?;
        #[allow(clippy::cast_possible_truncation)]
        let epsilon = match epsilon.number()? as f32 {
            value if value.is_finite() && value >= 0.0 => value,
            value => return Err(epsilon.wrong(&format!("is {value}, but must not be negative"))),
        };
        let filters = x.channels / features;
        let needs = format!("a batch normalisation of {filters} channels");
        let part = |index: usize| Ok(self.weights(index, &[filters], &needs)?.repeat(features));
        let parts = match self.field.need("weights")?.len() {
            4 => [part(0)?, part(1)?, part(2)?, part(3)?],
            2 => [vec![1.0; x.channels], vec![0.0; x.channels], part(0)?, part(1)?],
            other => {
                return Err(self.field.wrong(&format!(
                    "has {other} lists of weights, but a batch normalisation has 4, or 2 without scale and offset"
                )));
            }
        };
        net.batch_norm(&self.name, x, epsilon, parts)
    }
}
