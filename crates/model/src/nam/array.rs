//! A layer array of a WaveNet: dilated layers of one width, each of which takes the condition, feeds the next one and the head.

use super::activation::{self, Activation};
use super::conv::{MAX_CHANNELS, MAX_REACH, MAX_TAPS, Shape};
use crate::error::Result;
use crate::json::Field;

/// Most layers of one array.
pub(super) const MAX_LAYERS: usize = 1024;

/// Where the condition may scale and shift, in the order of the weights.
pub(super) const FILMS: [&str; 8] = [
    "conv_pre_film",
    "conv_post_film",
    "input_mixin_pre_film",
    "input_mixin_post_film",
    "activation_pre_film",
    "activation_post_film",
    "layer1x1_post_film",
    "head1x1_post_film",
];

/// How a layer bends what it computes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Gating {
    None,
    /// `activation(a) · gate(b)`; `a` the first half of the channels, `b` the second.
    Gated(Activation),
    /// `w · activation(a) + (1 − w) · a` with `w = blend(b)`.
    Blended(Activation),
}

impl Gating {
    /// How much wider the convolution is.
    pub(super) const fn width(&self) -> usize {
        match self {
            Self::None => 1,
            Self::Gated(_) | Self::Blended(_) => 2,
        }
    }
}

/// One layer.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub taps: usize,
    pub dilation: usize,
    pub activation: Activation,
    pub gating: Gating,
}

/// Scaling by the condition, and shifting if it says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Film {
    pub shift: bool,
    pub groups: usize,
}

/// A layer array.
#[derive(Clone, Debug)]
pub(super) struct Array {
    pub input: usize,
    pub condition: usize,
    pub channels: usize,
    pub bottleneck: usize,
    /// Channels that its head gives.
    pub head: usize,
    pub head_taps: usize,
    pub head_dilation: usize,
    pub head_bias: bool,
    pub groups: usize,
    pub mixin_groups: usize,
    /// Groups of the way back to the layer's width, if there is one.
    pub layer1x1: Option<usize>,
    /// Channels and groups of the way to the head, if there is one.
    pub head1x1: Option<(usize, usize)>,
    pub films: [Option<Film>; 8],
    pub layers: Vec<Layer>,
    /// Widths to which it can be cut, ascending; empty if it cannot.
    pub widths: Vec<usize>,
}

impl Array {
    /// Channels that each layer gives to the head.
    pub(super) fn to_head(&self) -> usize {
        self.head1x1.map_or(self.bottleneck, |(channels, _)| channels)
    }

    pub(super) const fn rechannel(&self) -> Shape {
        Shape::single(self.input, self.channels, 1, false)
    }

    pub(super) fn head_shape(&self) -> Shape {
        Shape {
            taps: self.head_taps,
            dilation: self.head_dilation,
            ..Shape::single(self.to_head(), self.head, 1, self.head_bias)
        }
    }

    /// Channels that FiLM number `index` scales in `layer`.
    pub(super) fn film_channels(&self, index: usize, layer: &Layer) -> usize {
        match index {
            0 | 6 => self.channels,
            2 => self.condition,
            5 => self.bottleneck,
            7 => self.to_head(),
            _ => self.bottleneck * layer.gating.width(),
        }
    }

    /// The convolutions of a layer in the order of their weights: dilated, mixin, the two 1×1 ones, FiLM.
    pub(super) fn shapes(&self, layer: &Layer) -> Vec<Shape> {
        let wide = self.bottleneck * layer.gating.width();
        let mut shapes = vec![
            Shape {
                taps: layer.taps,
                dilation: layer.dilation,
                ..Shape::single(self.channels, wide, self.groups, true)
            },
            Shape::single(self.condition, wide, self.mixin_groups, false),
        ];
        shapes.extend(
            self.layer1x1
                .map(|groups| Shape::single(self.bottleneck, self.channels, groups, true)),
        );
        shapes.extend(
            self.head1x1
                .map(|(channels, groups)| Shape::single(self.bottleneck, channels, groups, true)),
        );
        for (index, film) in self.films.iter().enumerate() {
            if let Some(film) = film {
                let width = if film.shift { 2 } else { 1 };
                let channels = width * self.film_channels(index, layer);
                shapes.push(Shape::single(self.condition, channels, film.groups, true));
            }
        }
        shapes
    }

    /// All convolutions in the order of their weights.
    pub(super) fn all_shapes(&self) -> Vec<Shape> {
        let mut shapes = vec![self.rechannel()];
        shapes.extend(self.layers.iter().flat_map(|layer| self.shapes(layer)));
        shapes.push(self.head_shape());
        shapes
    }
}

/// Reads one of `config.layers`.
pub(super) fn read(at: &Field<'_>) -> Result<Array> {
    let channels = at.need("channels")?.size(1, MAX_CHANNELS)?;
    let optional = |key: &str, otherwise: usize| -> Result<usize> {
        at.get(key).map_or(Ok(otherwise), |field| field.size(1, MAX_CHANNELS))
    };
    let bottleneck = optional("bottleneck", channels)?;
    let (head, head_taps, head_dilation, head_bias) = match at.get("head") {
        Some(head) => (
            head.need("out_channels")?.size(1, MAX_CHANNELS)?,
            head.need("kernel_size")?.size(1, MAX_TAPS)?,
            match head.get("head_dilation") {
                Some(field) => field.size(1, MAX_REACH)?,
                None => 1,
            },
            head.need("bias")?.flag()?,
        ),
        None => (
            at.need("head_size")?.size(1, MAX_CHANNELS)?,
            1,
            1,
            at.need("head_bias")?.flag()?,
        ),
    };
    let mut films = [None; 8];
    for (film, key) in films.iter_mut().zip(FILMS) {
        *film = read_film(at, key)?;
    }
    let array = Array {
        input: at.need("input_size")?.size(1, MAX_CHANNELS)?,
        condition: at.need("condition_size")?.size(1, MAX_CHANNELS)?,
        channels,
        bottleneck,
        head,
        head_taps,
        head_dilation,
        head_bias,
        groups: optional("groups_input", 1)?,
        mixin_groups: optional("groups_input_mixin", 1)?,
        layer1x1: match at.get("layer1x1") {
            None => Some(1),
            Some(field) => active(&field)?.then(|| groups(&field)).transpose()?,
        },
        head1x1: match at.get("head1x1") {
            Some(field) if active(&field)? => {
                Some((field.need("out_channels")?.size(1, MAX_CHANNELS)?, groups(&field)?))
            }
            _ => None,
        },
        films,
        layers: layers(at)?,
        widths: widths(at, channels)?,
    };
    check(&array, at)?;
    Ok(array)
}

fn active(field: &Field<'_>) -> Result<bool> {
    field.need("active")?.flag()
}

fn groups(field: &Field<'_>) -> Result<usize> {
    field.get("groups").map_or(Ok(1), |field| field.size(1, MAX_CHANNELS))
}

/// `false`, or an object that is active unless it says otherwise.
fn read_film(at: &Field<'_>, key: &str) -> Result<Option<Film>> {
    let Some(field) = at.get(key) else { return Ok(None) };
    if field.json().as_bool() == Some(false) {
        return Ok(None);
    }
    if !field.json().is_object() {
        return Err(field.wrong("must be false or an object"));
    }
    let flag = |key: &str| field.get(key).map_or(Ok(true), |field| field.flag());
    Ok(if flag("active")? {
        Some(Film {
            shift: flag("shift")?,
            groups: groups(&field)?,
        })
    } else {
        None
    })
}

/// The value for layer `index`: one for all layers, or a list of one for each.
fn each<'a>(field: &Field<'a>, index: usize, count: usize) -> Result<Field<'a>> {
    if !field.json().is_array() {
        return Ok(field.clone());
    }
    if field.len() != count {
        return Err(field.wrong(&format!("has {} entries for {count} dilations", field.len())));
    }
    field.at(index)
}

fn layers(at: &Field<'_>) -> Result<Vec<Layer>> {
    let dilations = at.need("dilations")?;
    let count = dilations.len();
    if count == 0 || count > MAX_LAYERS {
        return Err(dilations.wrong(&format!("must be a list of 1 to {MAX_LAYERS} numbers")));
    }
    let kernel = match (at.get("kernel_size"), at.get("kernel_sizes")) {
        (Some(_), Some(field)) => return Err(field.wrong("stands beside `kernel_size`, but only one of both may")),
        (Some(field), None) | (None, Some(field)) => field,
        (None, None) => at.need("kernel_size")?,
    };
    let activation = at.need("activation")?;
    let mut layers = Vec::with_capacity(count);
    for (index, dilation) in dilations.items()?.into_iter().enumerate() {
        layers.push(Layer {
            taps: each(&kernel, index, count)?.size(1, MAX_TAPS)?,
            dilation: dilation.size(1, MAX_REACH)?,
            activation: activation::read(&each(&activation, index, count)?)?,
            gating: {
                let mode = match (at.get("gating_mode"), at.get("gated")) {
                    (Some(field), _) => {
                        let field = each(&field, index, count)?;
                        match field.text()? {
                            mode @ ("none" | "gated" | "blended") => mode,
                            other => {
                                return Err(field.wrong(&format!(
                                    "is {:?}, but must be \"none\", \"gated\" or \"blended\"",
                                    crate::error::shorten(other)
                                )));
                            }
                        }
                    }
                    (None, Some(field)) if field.flag()? => "gated",
                    _ => "none",
                };
                let second = || match at.get("secondary_activation") {
                    // Older files know no other.
                    None => Ok(Activation::Plain(crate::op::Unary::Sigmoid)),
                    Some(field) => activation::read(&each(&field, index, count)?),
                };
                match mode {
                    "gated" => Gating::Gated(second()?),
                    "blended" => Gating::Blended(second()?),
                    _ => Gating::None,
                }
            },
        });
    }
    Ok(layers)
}

/// The widths that `slimmable` allows.
fn widths(at: &Field<'_>, channels: usize) -> Result<Vec<usize>> {
    let Some(field) = at.get("slimmable").filter(|field| field.json().is_object()) else {
        return Ok(Vec::new());
    };
    match field.get("method") {
        None => return Ok(Vec::new()),
        Some(method) if method.text()? == "slice_channels_uniform" => {}
        Some(method) => {
            return Err(method.wrong(&format!(
                "is {:?}, but \"slice_channels_uniform\" is the only way to slim that is known",
                crate::error::shorten(method.text()?)
            )));
        }
    }
    let allowed = field.get("kwargs").and_then(|kwargs| kwargs.get("allowed_channels"));
    let Some(allowed) = allowed else {
        return Ok((1..=channels).collect());
    };
    if allowed.len() > MAX_CHANNELS {
        return Err(allowed.wrong("is too long"));
    }
    let widths: Vec<usize> = (allowed.items()?.iter())
        .map(|field| field.size(1, MAX_CHANNELS))
        .collect::<Result<_>>()?;
    let ascending = widths.windows(2).all(|pair| pair[0] < pair[1]);
    if !widths.is_empty() && (!ascending || widths.last() != Some(&channels)) {
        return Err(allowed.wrong(&format!("must ascend and end with all {channels} channels")));
    }
    Ok(widths)
}

fn check(array: &Array, at: &Field<'_>) -> Result<()> {
    if array.layer1x1.is_none() {
        if array.bottleneck != array.channels {
            return Err(at.wrong(&format!(
                "has no `layer1x1`, so its `bottleneck` of {} must be its {} `channels`",
                array.bottleneck, array.channels
            )));
        }
        if array.films[6].is_some() {
            return Err(at.wrong("has a `layer1x1_post_film`, but no `layer1x1` before it"));
        }
    }
    if array.head1x1.is_none() && array.films[7].is_some() {
        return Err(at.wrong("has a `head1x1_post_film`, but no `head1x1` before it"));
    }
    for layer in &array.layers {
        for shape in array.shapes(layer) {
            shape.check(at, "layers")?;
        }
        layer.activation.check(array.bottleneck, at)?;
        if let Gating::Gated(second) | Gating::Blended(second) = &layer.gating {
            second.check(array.bottleneck, at)?;
        }
    }
    array.head_shape().check(at, "head")
}
