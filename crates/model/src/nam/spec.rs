//! A model of a file, which may stand inside another: its version, its rate, and which of several sizes it is.

use super::conv::MAX_CHANNELS;
use super::convnet::{self, ConvNet};
use super::linear::{self, Linear};
use super::lstm::{self, Lstm};
use super::slim;
use super::wavenet::{self, WaveNet};
use crate::assemble::Assembly;
use crate::error::{Result, fail, shorten};
use crate::graph::ValueId;
use crate::json::Field;
use crate::metadata::Sizes;

/// Versions that are read, both included.
const OLDEST: [u32; 3] = [0, 5, 0];
const NEWEST: [u32; 3] = [0, 7, 0];
/// How deep models stand in each other.
const MAX_DEPTH: usize = 8;
/// Most sizes of a container.
const MAX_SIZES: usize = 64;
/// Rates in Hz that a model may have.
const RATES: std::ops::RangeInclusive<usize> = 1_000..=1_536_000;

/// One model.
#[derive(Debug)]
pub(super) struct Spec<'a> {
    pub net: Net,
    /// `LSTM`, `WaveNet`, …
    pub architecture: &'a str,
    pub rate: Option<usize>,
    pub sizes: Option<Sizes>,
    /// The chosen model of a container.
    pub inner: Option<Field<'a>>,
    /// Why something of it is left out.
    pub ignored: Vec<String>,
}

/// What it computes.
#[derive(Debug)]
pub(super) enum Net {
    Linear(Linear),
    Conv(ConvNet),
    Lstm(Lstm),
    Wave(Box<WaveNet>),
}

impl Net {
    /// Channels that it gives.
    pub(super) fn channels(&self) -> usize {
        match self {
            Self::Linear(_) => 1,
            Self::Conv(net) => net.channels(),
            Self::Lstm(net) => net.channels(),
            Self::Wave(net) => net.channels(),
        }
    }

    /// Adds it behind `x [1, 1, T]`; gives its output `[1, C, T]` and `C`.
    pub(super) fn emit(&self, assembly: &mut Assembly<'_>, prefix: &str, x: ValueId) -> Result<(ValueId, usize)> {
        match self {
            Self::Linear(net) => net.emit(assembly, prefix, x),
            Self::Conv(net) => net.emit(assembly, prefix, x),
            Self::Lstm(net) => net.emit(assembly, prefix, x),
            Self::Wave(net) => net.emit(assembly, prefix, x),
        }
    }
}

/// Reads the outermost model at `size`.
pub(super) fn read<'a>(root: &Field<'a>, size: Option<f32>) -> Result<Spec<'a>> {
    model(root, size.unwrap_or(1.0).clamp(0.0, 1.0), 0)
}

/// Reads a model that stands in another, at full size; `rate` is that of the other.
pub(super) fn inner<'a>(field: &Field<'a>, rate: Option<usize>, depth: usize) -> Result<Spec<'a>> {
    if depth >= MAX_DEPTH {
        fail!(
            Limit,
            "its models stand in each other more than {MAX_DEPTH} deep, at `{}`; it is no model that a trainer wrote",
            shorten(field.path())
        );
    }
    let spec = model(field, 1.0, depth)?;
    if let (Some(outer), Some(own)) = (rate, spec.rate)
        && outer != own
    {
        return Err(field.wrong(&format!("is a model for {own} Hz in one for {outer} Hz")));
    }
    Ok(spec)
}

fn model<'a>(field: &Field<'a>, size: f32, depth: usize) -> Result<Spec<'a>> {
    if !field.json().is_object() {
        return Err(field.wrong("must be a model: an object with `version`, `architecture`, `config` and `weights`"));
    }
    version(&field.need("version")?)?;
    let rate = rate(field)?;
    let architecture = field.need("architecture")?;
    let config = field.need("config")?;
    if !config.json().is_object() {
        return Err(config.wrong("must be an object"));
    }
    let name = architecture.text()?;
    let mut spec = Spec {
        net: match name {
            "SlimmableContainer" => return container(&config, rate, size, depth),
            "Linear" => Net::Linear(linear::read(field, &config)?),
            "ConvNet" => Net::Conv(convnet::read(field, &config)?),
            "LSTM" => Net::Lstm(lstm::read(field, &config)?),
            "WaveNet" => Net::Wave(Box::new(wavenet::read(field, &config, rate, depth)?)),
            other => fail!(
                Version,
                "its architecture is {:?}, which is not known; Linear, ConvNet, LSTM, WaveNet and SlimmableContainer are read, export one of these",
                shorten(other)
            ),
        },
        architecture: name,
        rate,
        sizes: None,
        inner: None,
        ignored: Vec::new(),
    };
    if let Net::Wave(net) = &mut spec.net {
        match slim::choose(net, size) {
            Ok(sizes) => spec.sizes = sizes,
            Err(reason) => spec.ignored.push(reason),
        }
    }
    Ok(spec)
}

/// A container: its sizes are models of their own.
fn container<'a>(config: &Field<'a>, rate: Option<usize>, size: f32, depth: usize) -> Result<Spec<'a>> {
    let list = config.need("submodels")?;
    if list.len() == 0 || list.len() > MAX_SIZES {
        return Err(list.wrong(&format!("must be a list of 1 to {MAX_SIZES} models")));
    }
    let mut bounds = Vec::with_capacity(list.len());
    for item in list.items()? {
        let bound = item.need("max_value")?;
        let value = bound.number()?;
        if bounds.last().is_some_and(|last| value <= *last) {
            return Err(bound.wrong("is not above the one before it; sizes stand in ascending order"));
        }
        bounds.push(value);
    }
    if bounds.pop().is_none_or(|last| last < 1.0) {
        return Err(list.wrong("ends with a model whose `max_value` is below 1, so that there is none of full size"));
    }
    let sizes = Sizes {
        // Sizes are no finer than that.
        #[allow(clippy::cast_possible_truncation)]
        breakpoints: bounds.iter().map(|bound| *bound as f32).collect(),
        chosen: 0,
    };
    let chosen = sizes.choice(size);
    let field = list.at(chosen)?.need("model")?;
    let spec = inner(&field, rate, depth + 1)?;
    Ok(Spec {
        architecture: "SlimmableContainer",
        rate: rate.or(spec.rate),
        sizes: (sizes.count() > 1).then_some(Sizes { chosen, ..sizes }),
        inner: Some(field),
        ..spec
    })
}

/// Three numbers in the range that is read.
fn version(field: &Field<'_>) -> Result<()> {
    let text = field.text()?;
    let parts: Vec<Option<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
    let [Some(major), Some(minor), Some(patch)] = parts.as_slice() else {
        return Err(field.wrong(&format!(
            "is {:?}, but must be three numbers as in 0.7.0",
            shorten(text)
        )));
    };
    let found = [*major, *minor, *patch];
    let show = |version: [u32; 3]| version.map(|part| part.to_string()).join(".");
    if found > NEWEST {
        fail!(
            Version,
            "it is a .nam file of version {}, but {} is the newest that is read; update Tonegraft, or export the model for {} or older",
            shorten(text),
            show(NEWEST),
            show(NEWEST)
        );
    }
    if found < OLDEST {
        fail!(
            Version,
            "it is a .nam file of version {}, but {} is the oldest that is read; export the model again with a newer trainer",
            shorten(text),
            show(OLDEST)
        );
    }
    Ok(())
}

/// The declared rate. Trainers write whole numbers, some as `48000.0`; a negative one is how NAM says that it knows none.
fn rate(model: &Field<'_>) -> Result<Option<usize>> {
    match model.get("sample_rate") {
        Some(field) if field.number()? > 0.0 => field.size(*RATES.start(), *RATES.end()).map(Some),
        _ => Ok(None),
    }
}

/// The audio is the only input of models that are played.
pub(super) fn mono(config: &Field<'_>) -> Result<()> {
    match config.get("in_channels") {
        Some(field) if field.size(1, MAX_CHANNELS)? != 1 => fail!(
            Shape,
            "it takes {} channels, of which the file does not say what they are; only models of one audio channel are played",
            field.number()?
        ),
        _ => Ok(()),
    }
}
