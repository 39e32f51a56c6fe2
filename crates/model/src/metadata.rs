//! What a model file says about itself.

mod feedback;
mod gear;
mod stream;

use crate::error::{ReadError, ReadErrorKind, Result, fail};
use crate::front_end::Stft;
use crate::graph::{Graph, ValueId};
use crate::limits::Limits;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tonegraft_core::{KnobRange, KnobScale};

pub use feedback::{Feedback, MAX_FEEDBACK_DELAY};
pub use gear::{Gear, Sizes, Start};
pub(crate) use gear::{LEVELS_DBU, LOUDNESS_DB};
pub use stream::{FrameStart, Framing, MAX_FRAME, PhaseInput, PhaseRate};

/// Keys of ours in a file; in a sidecar the prefix may be left out.
pub(crate) const PREFIX: &str = "tonegraft.";
/// The version of the convention that is read.
pub(crate) const VERSION: &str = "1";
/// Most knobs of one model.
const MAX_KNOBS: usize = 64;
/// Longest text of one key in bytes.
const MAX_TEXT: usize = 64 << 10;

/// A control of a conditioned model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Knob {
    /// Shown to the user.
    pub name: String,
    /// The graph input that takes its value.
    pub input: String,
    /// Which element of that input (last axis).
    pub index: usize,
    /// Lowest value.
    pub min: f32,
    /// Highest value.
    pub max: f32,
    /// Value of a fresh model.
    pub default: f32,
    /// Unit shown behind the value; may be empty.
    pub unit: String,
    /// How values are spread over its way.
    #[serde(skip_serializing_if = "is_linear", serialize_with = "scale_name")]
    pub scale: KnobScale,
    /// Set if the value can follow the tempo of the music.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<KnobSync>,
}

impl Knob {
    /// From positions to values, and back.
    pub const fn range(&self) -> KnobRange {
        KnobRange {
            min: self.min,
            max: self.max,
            scale: self.scale,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "called by serde")]
const fn is_linear(scale: &KnobScale) -> bool {
    matches!(scale, KnobScale::Linear)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "called by serde")]
fn scale_name<S: Serializer>(scale: &KnobScale, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(scale.name())
}

/// What of the tempo a knob can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnobSync {
    /// Its value is a rate in Hz: once per note.
    Rate,
    /// Its value is a time in milliseconds: as long as a note.
    Time,
}

/// Declared facts. Everything is optional; what is missing is inferred from shapes, and shown as inferred.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Metadata {
    /// Name for people.
    pub name: Option<String>,
    /// `effect`, `codec`, …
    pub kind: Option<String>,
    /// `overdrive`, `fuzz`, `amp`, …
    pub category: Option<String>,
    /// The rate the model was trained at, in Hz.
    pub sample_rate: Option<u32>,
    /// Name of the audio input.
    pub audio_input: Option<String>,
    /// Name of the audio output.
    pub audio_output: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Under which licence.
    pub licence: Option<String>,
    /// A sentence or two.
    pub description: Option<String>,
    /// Error-to-signal ratio on held-out audio.
    pub training_esr: Option<f32>,
    /// Delay that the model learned from its device, in frames at its rate: shown, never reported as latency.
    pub declared_delay: Option<u32>,
    /// Seconds for which it is heard after its input has fallen silent, at most, wherever the knobs are.
    pub tail: Option<f32>,
    /// Controls.
    pub knobs: Vec<Knob>,
    /// Set if the model takes blocks of audio: `block_size`, `frame`, or by way of `stft`.
    pub framing: Option<Framing>,
    /// Inputs that take in the next run what an output gave, with that output. See [`crate::states::pairs`].
    pub states: Vec<(String, String)>,
    /// The spectral front end that was built around the model; the graph holds it, see [`crate::front_end`].
    pub stft: Option<Stft>,
    /// The input that takes the phase of an oscillator.
    pub phase_input: Option<PhaseInput>,
    /// Inputs that are what outputs were some frames ago.
    pub feedback: Vec<Feedback>,
    /// Start of the random sources.
    pub seed: Option<u64>,
    /// Outputs that are shown as meters.
    pub meters: Vec<String>,
    /// The gear it was taken from, and its levels.
    pub gear: Gear,
    /// The state from which it is to be played, if it says so. See [`Graph::start`].
    pub start: Option<Start>,
    /// The sizes in which the file holds it, if there are several.
    pub sizes: Option<Sizes>,
    /// What other players' files say that cannot be and was left out, a sentence each.
    pub ignored: Vec<String>,
    /// All declared keys as they stand in the file or the sidecar.
    pub declared: BTreeMap<String, String>,
}

/// Adds the keys of a sidecar, which win over those that are there. Values may be text, numbers, truth values, or for `knobs`
/// the array itself.
pub(crate) fn add_sidecar(declared: &mut BTreeMap<String, String>, sidecar: &str, limits: &Limits) -> Result<()> {
    if sidecar.len() > limits.max_sidecar_bytes {
        fail!(
            Limit,
            "its sidecar has {} bytes, more than the {} allowed",
            sidecar.len(),
            limits.max_sidecar_bytes
        );
    }
    let object: serde_json::Map<String, Json> = match serde_json::from_str(sidecar) {
        Ok(object) => object,
        Err(error) => fail!(Metadata, "its sidecar (.tonegraft.json) is not a JSON object: {error}"),
    };
    add_object(declared, object);
    Ok(())
}

/// Adds keys, whose prefix may be left out.
pub(crate) fn add_object(declared: &mut BTreeMap<String, String>, object: serde_json::Map<String, Json>) {
    for (key, value) in object {
        let key = if key.starts_with(PREFIX) || key.contains('.') {
            key
        } else {
            format!("{PREFIX}{key}")
        };
        let text = match value {
            Json::String(text) => text,
            Json::Null => {
                declared.remove(&key);
                continue;
            }
            other => other.to_string(),
        };
        declared.insert(key, text);
    }
}

/// A knob as written; what is left out has the usual value.
#[derive(Deserialize)]
struct WrittenKnob {
    name: String,
    input: String,
    #[serde(default)]
    index: usize,
    #[serde(default)]
    min: f32,
    #[serde(default = "one")]
    max: f32,
    default: Option<f32>,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    scale: WrittenScale,
    sync: Option<KnobSync>,
}

/// [`KnobScale`] as written.
#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenScale {
    #[default]
    Linear,
    Log,
}

const fn one() -> f32 {
    1.0
}

pub(crate) fn wrong(key: &str, what: &str) -> ReadError {
    ReadError::new(
        ReadErrorKind::Metadata,
        format!("its metadata `{PREFIX}{key}` {what}; correct it in the file or in its sidecar (.tonegraft.json)"),
    )
}

/// A JSON object with the fields of `T`; serde alone would take a list of their values as well.
pub(crate) fn fields<T: serde::de::DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    let object: serde_json::Map<String, Json> = serde_json::from_str(text)?;
    serde_json::from_value(Json::Object(object))
}

/// Reads the keys known here; all keys stay in [`Metadata::declared`].
pub(crate) fn parse(declared: BTreeMap<String, String>) -> Result<Metadata> {
    let text = |key: &str| -> Result<Option<String>> {
        match declared.get(&format!("{PREFIX}{key}")).map(|text| text.trim()) {
            None | Some("") => Ok(None),
            Some(text) if text.len() > MAX_TEXT => Err(wrong(key, "is too long")),
            Some(text) => Ok(Some(text.to_owned())),
        }
    };
    if let Some(version) = text("version")?
        && version != VERSION
    {
        return Err(wrong("version", &format!("is {version:?}, but {VERSION:?} is read")));
    }
    let number = |key: &str, low: f64, high: f64| -> Result<Option<f64>> {
        let Some(text) = text(key)? else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(value) if (low..=high).contains(&value) => Ok(Some(value)),
            _ => Err(wrong(
                key,
                &format!("is {text:?}, but must be a number from {low} to {high}"),
            )),
        }
    };
    let whole = |key: &str, low: u32, high: u32| -> Result<Option<u32>> {
        match number(key, low.into(), high.into())? {
            Some(value) if value.fract() != 0.0 => Err(wrong(key, "must be a whole number")),
            value => Ok(value.map(|value| value as u32)),
        }
    };
    let stft = text("stft")?.map(|text| crate::front_end::parse(&text)).transpose()?;
    let mut framing = stft.as_ref().map(|stft| ("stft", stft.framing));
    for (key, found) in [
        ("block_size", text("block_size")?.map(|text| stream::block_size(&text))),
        ("frame", text("frame")?.map(|text| stream::frame(&text))),
    ] {
        match (framing, found.transpose()?) {
            (Some((other, a)), Some(b)) if a != b => {
                return Err(wrong(key, &format!("contradicts `{PREFIX}{other}`")));
            }
            (None, Some(found)) => framing = Some((key, found)),
            _ => {}
        }
    }
    Ok(Metadata {
        name: text("name")?,
        kind: text("kind")?,
        category: text("category")?,
        sample_rate: whole("sample_rate", 1_000, 1_536_000)?,
        audio_input: text("audio_input")?,
        audio_output: text("audio_output")?,
        author: text("author")?,
        licence: text("licence")?,
        description: text("description")?,
        training_esr: number("training_esr", 0.0, 1e6)?.map(|value| value as f32),
        declared_delay: whole("declared_delay", 0, 10_000_000)?,
        tail: number("tail", 0.0, 3_600.0)?.map(|value| value as f32),
        knobs: match text("knobs")? {
            Some(text) => knobs(&text)?,
            None => Vec::new(),
        },
        framing: framing.map(|(_, framing)| framing),
        states: text("states")?.map_or(Ok(Vec::new()), |text| stream::states(&text))?,
        stft,
        phase_input: text("phase_input")?
            .map(|text| stream::phase_input(&text))
            .transpose()?,
        feedback: text("feedback")?.map_or(Ok(Vec::new()), |text| feedback::feedback(&text))?,
        seed: text("seed")?.map(|text| stream::seed(&text)).transpose()?,
        meters: text("meters")?.map_or(Ok(Vec::new()), |text| stream::meters(&text))?,
        gear: gear::parse(&text, &number)?,
        start: text("start_state")?.map(|text| gear::start(&text)).transpose()?,
        sizes: None,
        ignored: Vec::new(),
        declared,
    })
}

fn knobs(text: &str) -> Result<Vec<Knob>> {
    let written: Vec<WrittenKnob> =
        serde_json::from_str(text).map_err(|error| wrong("knobs", &format!("is not a list of knobs ({error})")))?;
    if written.len() > MAX_KNOBS {
        return Err(wrong(
            "knobs",
            &format!("lists {} knobs, more than {MAX_KNOBS}", written.len()),
        ));
    }
    let mut knobs: Vec<Knob> = Vec::with_capacity(written.len());
    for knob in written {
        let WrittenKnob {
            name,
            input,
            index,
            min,
            max,
            default,
            unit,
            scale,
            sync,
        } = knob;
        let error = |what: String| Err(wrong("knobs", &format!("has a knob {name:?} {what}")));
        if name.trim().is_empty() {
            return error("without a name".to_owned());
        }
        if !(min.is_finite() && max.is_finite() && min < max) {
            return error(format!("with the range {min} to {max}"));
        }
        let scale = match scale {
            WrittenScale::Linear => KnobScale::Linear,
            WrittenScale::Log if min > 0.0 => KnobScale::Log,
            WrittenScale::Log => {
                return error(format!(
                    "with a logarithmic scale from {min}: let its range begin above 0, or leave `scale` out"
                ));
            }
        };
        let range = KnobRange { min, max, scale };
        let default = default.unwrap_or(if (min..=max).contains(&0.0) && min < 0.0 {
            0.0
        } else {
            range.value(0.5)
        });
        if !(min..=max).contains(&default) {
            return error(format!("whose default {default} is outside its range {min} to {max}"));
        }
        if knobs.iter().any(|other| other.input == input && other.index == index) {
            return error(format!("that sets element {index} of `{input}` like another"));
        }
        let needed = match sync {
            Some(KnobSync::Rate) => "Hz",
            Some(KnobSync::Time) => "ms",
            None => &unit,
        };
        if sync.is_some() && (unit != needed || min <= 0.0) {
            return error(format!("that follows the tempo, but is not in {needed} from above 0"));
        }
        knobs.push(Knob {
            name,
            input,
            index,
            min,
            max,
            default,
            unit,
            scale,
            sync,
        });
    }
    Ok(knobs)
}

/// The one of `ids` that has this name.
pub(crate) fn find(graph: &Graph, ids: &[ValueId], name: &str) -> Option<ValueId> {
    ids.iter().copied().find(|id| graph.value(*id).name == name)
}

/// A shape for a sentence.
fn shape(graph: &Graph, id: ValueId) -> String {
    let sizes: Vec<String> = graph.value(id).shape.iter().map(ToString::to_string).collect();
    format!("[{}]", sizes.join(", "))
}

/// Names for a sentence.
pub(crate) fn names(graph: &Graph, ids: &[ValueId]) -> String {
    ids.iter()
        .map(|id| format!("`{}`", crate::error::shorten(&graph.value(*id).name)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Checks what the metadata says of the graph's inputs and outputs.
pub(crate) fn check_against(metadata: &Metadata, graph: &Graph) -> Result<()> {
    for (key, name, ids) in [
        ("audio_input", &metadata.audio_input, &graph.inputs),
        ("audio_output", &metadata.audio_output, &graph.outputs),
    ] {
        if let Some(name) = name
            && find(graph, ids, name).is_none()
        {
            return Err(wrong(
                key,
                &format!("is {name:?}, but the model has {}", names(graph, ids)),
            ));
        }
    }
    for knob in &metadata.knobs {
        let error = |what: String| Err(wrong("knobs", &format!("has a knob {:?} {what}", knob.name)));
        let Some(id) = find(graph, &graph.inputs, &knob.input) else {
            return error(format!(
                "for the input `{}`, but the model has {}",
                knob.input,
                names(graph, &graph.inputs)
            ));
        };
        if metadata.audio_input.as_ref() == Some(&knob.input) {
            return error("that sets the audio input".to_owned());
        }
        let last = graph.value(id).shape.last().map_or(Some(1), crate::graph::Dim::known);
        if last.is_some_and(|size| knob.index >= size) {
            return error(format!(
                "for element {} of the input `{}`, which has {}",
                knob.index,
                knob.input,
                last.unwrap_or(0)
            ));
        }
    }
    stream::check(metadata, graph)?;
    feedback::check(metadata, graph)
}
