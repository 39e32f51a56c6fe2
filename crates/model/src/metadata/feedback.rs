//! Outputs that are fed back to inputs.

use super::wrong;
use crate::error::Result;
use crate::graph::{Graph, ValueId};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Most inputs that are fed back.
const MAX_PAIRS: usize = 64;

/// Longest way back, in frames at the model's rate.
pub const MAX_FEEDBACK_DELAY: usize = 65_536;

/// An input that is what an output was some frames ago: a recursion. Zeros stand before the beginning of the signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Feedback {
    /// The graph input, of the shape of the output.
    pub input: String,
    /// The graph output.
    pub output: String,
    /// Frames from the output to the input, 1 to [`MAX_FEEDBACK_DELAY`].
    pub delay: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    output: String,
    delay: u64,
}

/// `tonegraft.feedback`: an object from inputs to outputs and delays.
pub(super) fn feedback(text: &str) -> Result<Vec<Feedback>> {
    let form = |what: &str| {
        wrong(
            "feedback",
            &format!("is not of the form {{\"input\": {{\"output\": \"name\", \"delay\": 1}}}} ({what})"),
        )
    };
    let written: serde_json::Map<String, Json> =
        serde_json::from_str(text).map_err(|error| form(&error.to_string()))?;
    if written.len() > MAX_PAIRS {
        return Err(wrong(
            "feedback",
            &format!("lists {} inputs, more than {MAX_PAIRS}", written.len()),
        ));
    }
    (written.into_iter())
        .map(|(input, value)| {
            let Json::Object(value) = value else {
                return Err(form(&format!("`{input}` stands for {value}")));
            };
            let Written { output, delay } =
                serde_json::from_value(Json::Object(value)).map_err(|error| form(&error.to_string()))?;
            if !(1..=MAX_FEEDBACK_DELAY as u64).contains(&delay) {
                return Err(wrong(
                    "feedback",
                    &format!("has the delay {delay} for `{input}`, but it must be 1 to {MAX_FEEDBACK_DELAY} frames"),
                ));
            }
            Ok(Feedback {
                input,
                output,
                delay: delay as usize,
            })
        })
        .collect()
}

/// Checks the pairs against the graph.
pub(super) fn check(metadata: &super::Metadata, graph: &Graph) -> Result<()> {
    let Some(first) = metadata.feedback.first() else {
        return Ok(());
    };
    let wrong = |what: &str| Err(wrong("feedback", what));
    if metadata.framing.is_some() {
        return wrong(&format!(
            "feeds `{}` back, but the model takes blocks, frames or spectra, which carry `states` instead",
            first.input
        ));
    }
    for Feedback { input, output, .. } in &metadata.feedback {
        let Some(from) = super::find(graph, &graph.inputs, input) else {
            let names = super::names(graph, &graph.inputs);
            return wrong(&format!("names the input `{input}`, but the model has {names}"));
        };
        let Some(to) = super::find(graph, &graph.outputs, output) else {
            let names = super::names(graph, &graph.outputs);
            return wrong(&format!("names the output `{output}`, but the model has {names}"));
        };
        let taken = metadata.audio_input.as_ref() == Some(input)
            || metadata.knobs.iter().any(|knob| knob.input == *input)
            || metadata
                .states
                .iter()
                .any(|(state, next)| state == input || next == output)
            || metadata.phase_input.as_ref().is_some_and(|phase| phase.input == *input);
        if taken {
            return wrong(&format!(
                "names `{input}` and `{output}`, of which one is the audio, a knob, a state or the phase"
            ));
        }
        if !alike(graph, from, to) {
            return wrong(&format!(
                "feeds `{output}` of shape {} back to `{input}` of shape {}, but they must be alike",
                super::shape(graph, to),
                super::shape(graph, from)
            ));
        }
    }
    Ok(())
}

/// True if type, number of axes and all sizes that are known agree.
fn alike(graph: &Graph, a: ValueId, b: ValueId) -> bool {
    let (a, b) = (graph.value(a), graph.value(b));
    let sizes = || a.shape.iter().zip(&b.shape).map(|(a, b)| (a.known(), b.known()));
    a.dtype == b.dtype && a.shape.len() == b.shape.len() && sizes().all(|(a, b)| a == b || a.is_none() || b.is_none())
}

impl super::Metadata {
    /// True if the input takes what an output was.
    pub fn is_fed_back(&self, input: &str) -> bool {
        self.feedback.iter().any(|pair| pair.input == input)
    }

    /// True if the input is a knob's, takes the phase of an oscillator, or is fed back: neither audio nor a state that is to be found.
    pub fn is_given(&self, input: &str) -> bool {
        self.knobs.iter().any(|knob| knob.input == input)
            || self.phase_input.as_ref().is_some_and(|phase| phase.input == input)
            || self.is_fed_back(input)
    }
}
