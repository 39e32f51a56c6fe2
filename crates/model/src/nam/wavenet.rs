//! `WaveNet`: layer arrays one after another, each beside the condition; what they give to their heads adds up.
//!
//! The condition is the audio, or what a model of its own makes of it (`condition_dsp`). One thing is done as
//! NeuralAmpModelerCore does it although it looks like an oversight there: FiLM behind `layer1x1` counts in blended layers only
//! (`Layer::Process`); in others its weights are skipped.

use super::activation::{self, Activation};
use super::array::{self, Array, Gating, Layer};
use super::conv::{MAX_CHANNELS, MAX_TAPS, Shape, conv};
use super::spec::{self, Net, mono};
use super::weights::{self, Weights};
use crate::assemble::Assembly;
use crate::error::Result;
use crate::graph::ValueId;
use crate::json::Field;
use crate::op::Binary;

/// Most layer arrays.
const MAX_ARRAYS: usize = 64;
/// Most convolutions of the head behind all arrays.
const MAX_HEAD: usize = 64;

#[derive(Debug)]
pub(super) struct WaveNet {
    pub arrays: Vec<Array>,
    pub head: Option<Head>,
    /// Makes the condition of the audio.
    pub condition: Option<Net>,
    /// Of all arrays, the head, and one factor.
    pub weights: Vec<f32>,
}

/// An activation and a convolution, several times.
#[derive(Debug)]
pub(super) struct Head {
    activation: Activation,
    convs: Vec<Shape>,
}

pub(super) fn read(model: &Field<'_>, config: &Field<'_>, rate: Option<usize>, depth: usize) -> Result<WaveNet> {
    mono(config)?;
    let list = config.need("layers")?;
    if list.len() == 0 || list.len() > MAX_ARRAYS {
        return Err(list.wrong(&format!("must be a list of 1 to {MAX_ARRAYS} layer arrays")));
    }
    let fields = list.items()?;
    let arrays: Vec<Array> = fields.iter().map(array::read).collect::<Result<_>>()?;
    let condition = match config.get("condition_dsp") {
        Some(field) => Some(spec::inner(&field, rate, depth + 1)?.net),
        None => None,
    };
    let width = condition.as_ref().map_or(1, Net::channels);
    for (index, (at, array)) in fields.iter().zip(&arrays).enumerate() {
        let wrong = |key: &str, is: usize, must: usize, why: &str| {
            Err(at.wrong(&format!("has `{key}` {is}, but {why} gives {must} channels")))
        };
        if array.condition != width {
            let why = if condition.is_some() {
                "its `condition_dsp`"
            } else {
                "the audio"
            };
            return wrong("condition_size", array.condition, width, why);
        }
        match index.checked_sub(1).and_then(|before| arrays.get(before)) {
            None if array.input != 1 => return wrong("input_size", array.input, 1, "the audio"),
            Some(before) if array.input != before.channels => {
                return wrong("input_size", array.input, before.channels, "the array before");
            }
            Some(before) if array.channels != before.head => {
                return wrong("channels", array.channels, before.head, "the head of the array before");
            }
            Some(before) if array.to_head() != before.head => {
                return wrong(
                    "bottleneck",
                    array.to_head(),
                    before.head,
                    "the head of the array before",
                );
            }
            _ => {}
        }
    }
    let last = arrays.last().map_or(1, |array| array.head);
    let head = config.get("head").map(|field| read_head(&field, last)).transpose()?;
    config.need("head_scale")?.number()?;
    let expected = (arrays.iter().flat_map(Array::all_shapes))
        .chain(head.iter().flat_map(|head| head.convs.iter().copied()))
        .map(|shape| shape.count())
        .fold(1, usize::saturating_add);
    let layers: usize = arrays.iter().map(|array| array.layers.len()).sum();
    let widths: Vec<String> = arrays.iter().map(|array| array.channels.to_string()).collect();
    let what = format!("WaveNet of {layers} layers with {} channels", widths.join(" and "));
    Ok(WaveNet {
        weights: weights::read(model, expected, &what)?,
        arrays,
        head,
        condition,
    })
}

fn read_head(at: &Field<'_>, inputs: usize) -> Result<Head> {
    if let Some(field) = at.get("in_channels")
        && field.size(1, MAX_CHANNELS)? != inputs
    {
        return Err(field.wrong(&format!("must be {inputs}, what the last layer array gives")));
    }
    let channels = at.need("channels")?.size(1, MAX_CHANNELS)?;
    let outputs = at.need("out_channels")?.size(1, MAX_CHANNELS)?;
    let taps = at.need("kernel_sizes")?;
    if taps.len() == 0 || taps.len() > MAX_HEAD {
        return Err(taps.wrong(&format!("must be a list of 1 to {MAX_HEAD} numbers")));
    }
    let field = at.need("activation")?;
    let activation = activation::read(&field)?;
    let mut convs = Vec::with_capacity(taps.len());
    let mut width = inputs;
    for (index, size) in taps.items()?.iter().enumerate() {
        let next = if index + 1 == taps.len() { outputs } else { channels };
        activation.check(width, &field)?;
        convs.push(Shape {
            taps: size.size(1, MAX_TAPS)?,
            ..Shape::single(width, next, 1, true)
        });
        width = next;
    }
    Ok(Head { activation, convs })
}

impl WaveNet {
    /// Channels that it gives.
    pub(super) fn channels(&self) -> usize {
        let last = self.arrays.last().map_or(1, |array| array.head);
        (self.head.as_ref().and_then(|head| head.convs.last())).map_or(last, |shape| shape.outputs)
    }

    pub(super) fn emit(&self, assembly: &mut Assembly<'_>, prefix: &str, x: ValueId) -> Result<(ValueId, usize)> {
        let condition = match &self.condition {
            Some(net) => net.emit(assembly, &format!("{prefix}condition."), x)?.0,
            None => x,
        };
        let mut weights = Weights::new(&self.weights);
        let scale = self.weights.last().copied().unwrap_or(1.0);
        let (mut signal, mut head) = (x, None);
        for (index, array) in self.arrays.iter().enumerate() {
            let prefix = format!("{prefix}array{index}.");
            let factor = if index + 1 == self.arrays.len() { scale } else { 1.0 };
            let mut build = Build {
                assembly,
                array,
                condition,
                prefix,
            };
            let (next, sum) = build.array(signal, head, factor, &mut weights)?;
            (signal, head) = (next, Some(sum));
        }
        let mut y = head.unwrap_or(signal);
        for (index, shape) in self.head.iter().flat_map(|head| &head.convs).enumerate() {
            if let Some(head) = &self.head {
                y = head.activation.emit(assembly, y, shape.inputs)?;
            }
            let taken = weights.take(shape.count())?;
            y = conv(assembly, &format!("{prefix}head{index}"), shape, taken, 1.0, y)?;
        }
        Ok((y, self.channels()))
    }
}

/// One layer array on its way into the graph.
struct Build<'a, 'b, 'c> {
    assembly: &'a mut Assembly<'c>,
    array: &'b Array,
    condition: ValueId,
    prefix: String,
}

impl Build<'_, '_, '_> {
    fn conv(&mut self, name: &str, shape: &Shape, weights: &[f32], x: ValueId) -> Result<ValueId> {
        conv(self.assembly, &format!("{}{name}", self.prefix), shape, weights, 1.0, x)
    }

    /// Gives the signal behind the last layer and the head, times `factor`.
    fn array(
        &mut self,
        x: ValueId,
        head: Option<ValueId>,
        factor: f32,
        weights: &mut Weights<'_>,
    ) -> Result<(ValueId, ValueId)> {
        let array = self.array;
        let rechannel = array.rechannel();
        let mut signal = self.conv("rechannel", &rechannel, weights.take(rechannel.count())?, x)?;
        let mut sum = head;
        for (index, layer) in array.layers.iter().enumerate() {
            let (next, part) = self.layer(&format!("layer{index}."), layer, signal, weights)?;
            signal = next;
            sum = Some(match sum {
                Some(sum) => self.assembly.binary(Binary::Add, sum, part)?,
                None => part,
            });
        }
        let shape = array.head_shape();
        let taken = weights.take(shape.count())?;
        let name = format!("{}head", self.prefix);
        let head = conv(self.assembly, &name, &shape, taken, factor, sum.unwrap_or(signal))?;
        Ok((signal, head))
    }

    /// Gives what the next layer takes, and what the head takes.
    fn layer(
        &mut self,
        name: &str,
        layer: &Layer,
        x: ValueId,
        weights: &mut Weights<'_>,
    ) -> Result<(ValueId, ValueId)> {
        let array = self.array;
        let shapes = array.shapes(layer);
        let mut parts = Vec::with_capacity(shapes.len());
        for shape in &shapes {
            parts.push((*shape, weights.take(shape.count())?));
        }
        let mut parts = parts.into_iter();
        let mut next = |wanted: bool| if wanted { parts.next() } else { None };
        let (dilated, mixin) = (next(true), next(true));
        let layer1x1 = next(array.layer1x1.is_some());
        let head1x1 = next(array.head1x1.is_some());
        let films = array.films.map(|film| film.map(|film| (film.shift, next(true))));
        let film = |build: &mut Self, index: usize, x: ValueId| -> Result<ValueId> {
            match films.get(index).copied().flatten() {
                Some((shift, Some((shape, weights)))) => {
                    let name = format!("{name}{}", array::FILMS.get(index).copied().unwrap_or("film"));
                    build.film(&name, shift, &shape, weights, x)
                }
                _ => Ok(x),
            }
        };
        let given = |build: &mut Self, what: &str, part: Option<(Shape, &[f32])>, x: ValueId| -> Result<ValueId> {
            match part {
                Some((shape, weights)) => build.conv(&format!("{name}{what}"), &shape, weights, x),
                None => Ok(x),
            }
        };
        let before = film(self, 0, x)?;
        let convolved = given(self, "conv", dilated, before)?;
        let convolved = film(self, 1, convolved)?;
        let mixed = film(self, 2, self.condition)?;
        let mixed = given(self, "mixin", mixin, mixed)?;
        let mixed = film(self, 3, mixed)?;
        let z = self.assembly.binary(Binary::Add, convolved, mixed)?;
        let z = film(self, 4, z)?;
        let bent = self.bend(layer, z)?;
        let bent = film(self, 5, bent)?;
        let next = match layer1x1 {
            None => x,
            some => {
                let mut back = given(self, "layer1x1", some, bent)?;
                if matches!(layer.gating, Gating::Blended(_)) {
                    back = film(self, 6, back)?;
                }
                self.assembly.binary(Binary::Add, x, back)?
            }
        };
        let head = match head1x1 {
            None => bent,
            some => {
                let head = given(self, "head1x1", some, bent)?;
                film(self, 7, head)?
            }
        };
        Ok((next, head))
    }

    fn film(&mut self, name: &str, shift: bool, shape: &Shape, weights: &[f32], x: ValueId) -> Result<ValueId> {
        let both = self.conv(name, shape, weights, self.condition)?;
        if !shift {
            return self.assembly.binary(Binary::Mul, x, both);
        }
        let (scale, offset) = self.halves(both, shape.outputs)?;
        let scaled = self.assembly.binary(Binary::Mul, x, scale)?;
        self.assembly.binary(Binary::Add, scaled, offset)
    }

    /// The first and the second half of the channels.
    fn halves(&mut self, x: ValueId, channels: usize) -> Result<(ValueId, ValueId)> {
        let (middle, end) = (channels as i64 / 2, channels as i64);
        Ok((
            self.assembly.slice(x, 1, 0, middle)?,
            self.assembly.slice(x, 1, middle, end)?,
        ))
    }

    fn bend(&mut self, layer: &Layer, z: ValueId) -> Result<ValueId> {
        let channels = self.array.bottleneck;
        let (second, blended) = match &layer.gating {
            Gating::None => return layer.activation.emit(self.assembly, z, channels),
            Gating::Gated(second) => (second, false),
            Gating::Blended(second) => (second, true),
        };
        let (signal, gate) = self.halves(z, 2 * channels)?;
        let bent = layer.activation.emit(self.assembly, signal, channels)?;
        let gate = second.emit(self.assembly, gate, channels)?;
        if !blended {
            return self.assembly.binary(Binary::Mul, bent, gate);
        }
        // w · bent + (1 − w) · signal
        let difference = self.assembly.binary(Binary::Sub, bent, signal)?;
        let moved = self.assembly.binary(Binary::Mul, gate, difference)?;
        self.assembly.binary(Binary::Add, signal, moved)
    }
}
