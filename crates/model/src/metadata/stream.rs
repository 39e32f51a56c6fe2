//! How a file says that it is to be streamed: blocks, states, the phase of an oscillator, meters.

use super::{MAX_TEXT, wrong};
use crate::error::Result;
use crate::graph::Graph;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Largest block or frame, in frames of audio.
pub const MAX_FRAME: usize = 65_536;

/// Most pairs of states.
const MAX_STATES: usize = 4_096;
/// Most meters.
const MAX_METERS: usize = 64;

/// A model that takes a block of audio at a time.
///
/// Every `hop` frames it is run once over the last `size` frames; what it gives is played as it is where the two are equal,
/// and overlap-added where the frame is longer. `size` need not be a multiple of `hop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Framing {
    /// Frames of audio that one run sees and gives, 1 to [`MAX_FRAME`].
    pub size: usize,
    /// Frames of audio between two runs, 1 to `size`.
    pub hop: usize,
    /// Where the first run stands.
    pub start: FrameStart,
}

/// Where the first frame of a stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameStart {
    /// The silence before the signal counts: the first frames reach into it.
    #[default]
    Silence,
    /// At the beginning of the signal: the first frame is the first whole one.
    Whole,
}

/// An input that takes the phase of a low-frequency oscillator, in turns, 0 up to 1, one value for each frame of audio.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseInput {
    /// The graph input.
    pub input: String,
    /// What sets the rate.
    pub rate: PhaseRate,
    /// How far the second channel is ahead of the first, in turns, 0 to 1.
    pub stereo_offset: f32,
}

/// What sets the rate of an oscillator.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseRate {
    /// The knob of this name, whose value is in Hz.
    Knob(String),
    /// A fixed rate in Hz, above 0 up to 1000.
    Hz(f32),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFrame {
    size: u64,
    hop: u64,
    #[serde(default)]
    start: FrameStart,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPhase {
    input: String,
    rate_knob: Option<String>,
    rate_hz: Option<f32>,
    #[serde(default)]
    stereo_offset: f32,
}

impl Framing {
    /// Of numbers from a file; `key` is where they stand.
    pub(crate) fn checked(key: &str, size: u64, hop: u64, start: FrameStart) -> Result<Self> {
        if !(1..=MAX_FRAME as u64).contains(&size) {
            return Err(wrong(
                key,
                &format!("has the size {size}, but a frame has 1 to {MAX_FRAME} samples"),
            ));
        }
        if !(1..=size).contains(&hop) {
            return Err(wrong(
                key,
                &format!("has the hop {hop}, but it must be 1 to the frame's size, {size}"),
            ));
        }
        Ok(Self {
            size: size as usize,
            hop: hop as usize,
            start,
        })
    }
}

/// `tonegraft.block_size`: size and hop at once.
pub(super) fn block_size(text: &str) -> Result<Framing> {
    match text.parse::<u64>() {
        Ok(size) => Framing::checked("block_size", size, size, FrameStart::default()),
        Err(_) => Err(wrong(
            "block_size",
            &format!("is {text:?}, but must be a whole number from 1 to {MAX_FRAME}"),
        )),
    }
}

/// `tonegraft.frame`.
pub(super) fn frame(text: &str) -> Result<Framing> {
    let written: WrittenFrame = super::fields(text).map_err(|error| {
        wrong(
            "frame",
            &format!("is not of the form {{\"size\": 512, \"hop\": 256}} ({error})"),
        )
    })?;
    Framing::checked("frame", written.size, written.hop, written.start)
}

/// `tonegraft.states`: an object from inputs to outputs.
pub(super) fn states(text: &str) -> Result<Vec<(String, String)>> {
    let form = |what: &str| {
        wrong(
            "states",
            &format!("is not of the form {{\"input\": \"output\"}} ({what})"),
        )
    };
    let written: serde_json::Map<String, Json> =
        serde_json::from_str(text).map_err(|error| form(&error.to_string()))?;
    if written.len() > MAX_STATES {
        return Err(wrong(
            "states",
            &format!("lists {} pairs, more than {MAX_STATES}", written.len()),
        ));
    }
    let mut states: Vec<(String, String)> = Vec::with_capacity(written.len());
    let mut outputs = std::collections::HashSet::new();
    for (input, output) in written {
        let Json::String(output) = output else {
            return Err(form(&format!("`{input}` stands for {output}")));
        };
        if !outputs.insert(output.clone()) {
            return Err(wrong("states", &format!("gives the output `{output}` to two inputs")));
        }
        states.push((input, output));
    }
    Ok(states)
}

/// `tonegraft.phase_input`.
pub(super) fn phase_input(text: &str) -> Result<PhaseInput> {
    let error = |what: &str| Err(wrong("phase_input", what));
    let written: WrittenPhase = match super::fields(text) {
        Ok(written) => written,
        Err(problem) => {
            return error(&format!(
                "is not of the form {{\"input\": …, \"rate_knob\": …}} ({problem})"
            ));
        }
    };
    let rate = match (written.rate_knob, written.rate_hz) {
        (Some(knob), None) => PhaseRate::Knob(knob),
        (None, Some(hz)) if hz > 0.0 && hz <= 1000.0 => PhaseRate::Hz(hz),
        (None, Some(hz)) => {
            return error(&format!(
                "has the rate {hz} Hz, but it must be above 0 and at most 1000"
            ));
        }
        _ => return error("needs either `rate_knob` or `rate_hz`"),
    };
    if !(0.0..=1.0).contains(&written.stereo_offset) {
        return error(&format!(
            "has the stereo offset {}, but it must be 0 to 1",
            written.stereo_offset
        ));
    }
    Ok(PhaseInput {
        input: written.input,
        rate,
        stereo_offset: written.stereo_offset,
    })
}

/// `tonegraft.meters`: a list of names.
pub(super) fn meters(text: &str) -> Result<Vec<String>> {
    let names: Vec<String> =
        serde_json::from_str(text).map_err(|error| wrong("meters", &format!("is not a list of names ({error})")))?;
    if names.len() > MAX_METERS {
        return Err(wrong(
            "meters",
            &format!("lists {} outputs, more than {MAX_METERS}", names.len()),
        ));
    }
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            return Err(wrong("meters", &format!("lists `{name}` twice")));
        }
    }
    Ok(names)
}

/// `tonegraft.seed`: the whole range of 64 bits, which a float would not keep.
pub(super) fn seed(text: &str) -> Result<u64> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(MAX_TEXT.min(40)).collect();
        wrong(
            "seed",
            &format!("is {shown:?}, but must be a whole number from 0 to {}", u64::MAX),
        )
    })
}

/// Checks what the metadata says of states, phase and meters against the graph.
pub(super) fn check(metadata: &super::Metadata, graph: &Graph) -> Result<()> {
    let (find, names) = (super::find, super::names);
    for (input, output) in &metadata.states {
        let Some(from) = find(graph, &graph.inputs, input) else {
            let what = format!(
                "names the input `{input}`, but the model has {}",
                names(graph, &graph.inputs)
            );
            return Err(wrong("states", &what));
        };
        let Some(to) = find(graph, &graph.outputs, output) else {
            let what = format!(
                "names the output `{output}`, but the model has {}",
                names(graph, &graph.outputs)
            );
            return Err(wrong("states", &what));
        };
        if metadata.audio_input.as_ref() == Some(input) || metadata.audio_output.as_ref() == Some(output) {
            return Err(wrong("states", &format!("names the audio: `{input}` and `{output}`")));
        }
        if metadata.knobs.iter().any(|knob| knob.input == *input) {
            return Err(wrong(
                "states",
                &format!("names the input `{input}`, which is a knob's"),
            ));
        }
        if !crate::states::compatible(graph, from, to) {
            let what = format!(
                "pairs `{input}` of shape {} with `{output}` of shape {}, but they must be alike",
                super::shape(graph, from),
                super::shape(graph, to)
            );
            return Err(wrong("states", &what));
        }
    }
    if let Some(phase) = &metadata.phase_input {
        if find(graph, &graph.inputs, &phase.input).is_none() {
            let what = format!(
                "names `{}`, but the model has {}",
                phase.input,
                names(graph, &graph.inputs)
            );
            return Err(wrong("phase_input", &what));
        }
        if metadata.audio_input.as_ref() == Some(&phase.input)
            || metadata.states.iter().any(|(input, _)| *input == phase.input)
        {
            return Err(wrong(
                "phase_input",
                &format!("names `{}`, which is the audio or a state", phase.input),
            ));
        }
        if let PhaseRate::Knob(knob) = &phase.rate
            && !metadata.knobs.iter().any(|other| other.name == *knob)
        {
            let all: Vec<String> = metadata.knobs.iter().map(|knob| format!("{:?}", knob.name)).collect();
            let what = format!(
                "takes its rate from the knob {knob:?}, but the knobs are [{}]",
                all.join(", ")
            );
            return Err(wrong("phase_input", &what));
        }
    }
    for name in &metadata.meters {
        if find(graph, &graph.outputs, name).is_none() {
            let what = format!("names `{name}`, but the model has {}", names(graph, &graph.outputs));
            return Err(wrong("meters", &what));
        }
        if metadata.audio_output.as_ref() == Some(name) {
            return Err(wrong("meters", &format!("names `{name}`, which is the audio")));
        }
    }
    Ok(())
}
